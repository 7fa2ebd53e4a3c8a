"""Texts that have a grammar of their own: capabilities, binds, tmpfs, rlimits, mounts, modes (build.md section 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkboard.model.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.model.config import Mount

_CAPABILITY_NAMES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES = tuple(f"CAP_{name}" for name in _CAPABILITY_NAMES.split())
"""Every capability, in the kernel's order, which is the order that ``all`` stands for."""
_WILDCARDS = ("all", "none")

UNLIMITED = 2**64 - 1
_LIMIT_NAMES = "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME"
_LIMITS = frozenset(_LIMIT_NAMES.split())
_DESTINATIONS = {
    "proc": "/proc",
    "devpts": "/dev/pts",
    "sysfs": "/sys",
    "cgroup": "/sys/fs/cgroup",
    "mqueue": "/dev/mqueue",
}
_OCTAL = re.compile(r"[0-7]+")
_MAX_MODE = 0o7777


class InvalidValue(ValueError):
    """A text does not follow its grammar. ``hint`` says what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Bind:
    """``source:destination[:option,…]``. ``options`` is None when the third part is missing."""

    source: str
    destination: str
    options: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """``destination[:option,…]``."""

    destination: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rlimit:
    """``name,soft,hard``; ``type`` has its ``RLIMIT_`` prefix, `UNLIMITED` is infinity."""

    type: str
    soft: int
    hard: int


def is_wildcard(names: Sequence[str]) -> bool:
    """Return whether a list of capabilities is ``all`` or ``none``, in any case, and nothing else."""
    return len(names) == 1 and names[0].lower() in _WILDCARDS


def expand_capabilities(names: Sequence[str]) -> tuple[str, ...]:
    """Return the capabilities that a list names. Raises `InvalidValue`."""
    if is_wildcard(names):
        return CAPABILITIES if names[0].lower() == "all" else ()
    for name in names:
        check_capability(name)
    return tuple(names)


def check_capability(name: str) -> None:
    """Raise `InvalidValue` unless a name is one of `CAPABILITIES`."""
    if name in CAPABILITIES:
        return
    if name.lower() in _WILDCARDS:
        raise InvalidValue(f"the capability '{name}' must be alone", f"write [{name}], or name each capability")
    upper = re.sub(r"\W+", "_", name.upper())
    likely = nearest(upper if upper.startswith("CAP_") else f"CAP_{upper}", CAPABILITIES)
    hint = f"did you mean {likely}?" if likely else "see capabilities(7) for their names"
    raise InvalidValue(f"unknown capability '{name}'", hint)


def parse_bind(text: str) -> Bind:
    """Read a bind. Empty options are dropped. Raises `InvalidValue`."""
    parts = text.split(":")
    if len(parts) < 2:
        raise InvalidValue(f"the bind '{text}' has no destination", f"write {text}:DESTINATION")
    if len(parts) > 3:
        raise InvalidValue(f"the bind '{text}' has too many ':'", "write SOURCE:DESTINATION[:OPTION,OPTION]")
    options = _options(parts[2]) if len(parts) == 3 else None
    return Bind(parts[0], parts[1], options)


def parse_tmpfs(text: str) -> Tmpfs:
    """Read a tmpfs. Empty options are dropped. Raises `InvalidValue`."""
    destination, _, options = text.partition(":")
    if ":" in options:
        raise InvalidValue(f"the tmpfs '{text}' has too many ':'", "write DESTINATION[:OPTION,OPTION]")
    return Tmpfs(destination, _options(options))


def parse_rlimit(text: str) -> Rlimit:
    """Read a resource limit. Raises `InvalidValue`."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise InvalidValue(f"'{text}' is not a limit", 'write NAME,SOFT,HARD, such as "nofile,1024,4096"')
    name = parts[0].upper().removeprefix("RLIMIT_")
    if name not in _LIMITS:
        known = ", ".join(sorted(limit.lower() for limit in _LIMITS))
        raise InvalidValue(f"unknown limit '{parts[0]}' in '{text}'", f"one of {known}")
    return Rlimit(f"RLIMIT_{name}", _limit(parts[1]), _limit(parts[2]))


def parse_mode(text: str) -> int:
    """Read the octal mode of a file or device. Raises `InvalidValue`."""
    if not _OCTAL.fullmatch(text):
        given = f"the mode '{text}' is not octal" if text else "the mode is missing"
        raise InvalidValue(given, 'write octal digits, such as mode: "0644"')
    mode = int(text, 8)
    if mode > _MAX_MODE:
        raise InvalidValue(f"the mode '{text}' is larger than 7777", 'write permissions only, such as mode: "0644"')
    return mode


def complete_mount(mount: Mount) -> Mount:
    """Return a mount with type, source and destination filled in as LinuxKit does. Raises `InvalidValue`."""
    kind = mount.type or _guess_type(mount)
    destination = mount.destination or _DESTINATIONS.get(kind, "")
    if not destination:
        raise InvalidValue(f"the mount of type {kind} has no destination", "add destination: /PATH")
    return replace(mount, type=kind, source=mount.source or kind, destination=destination)


def _guess_type(mount: Mount) -> str:
    if mount.source in _DESTINATIONS:
        return mount.source
    if mount.destination == "/dev":
        return "tmpfs"
    raise InvalidValue(f"the mount on '{mount.destination}' has no type", "add type: bind, tmpfs, …")


def _limit(text: str) -> int:
    if text.lower() == "unlimited":
        return UNLIMITED
    digits = text.lstrip("0") or text[:1]
    if not re.fullmatch(r"[0-9]{1,20}", digits) or int(digits) > UNLIMITED:
        raise InvalidValue(f"the limit '{text}' is not a 64-bit number", "write a whole number, or unlimited")
    return int(digits)


def _options(text: str) -> tuple[str, ...]:
    return tuple(option for option in text.split(",") if option)
