"""What a container may do, and whether another version of it may do more.

The rights are read from what the system runs (config.json: runtime-spec, config.md and config-linux.md; runtime.json:
build.md section 4.3), not from the config, so that any two systems can be compared, whoever built them.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkboard.model.difference import PrivilegeChange
from lkboard.oci.layers.file_tree import clean
from lkboard.rootfs.device_rules import ACCESS, EVERY, DeviceRules, numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.model.difference import Direction
    from lkboard.rootfs.device_rules import Numbers

Record = dict[str, Any]
RealPath = Callable[[str], str | None]
"""Gives a path without symbolic links on the way; None if that is not in the root."""


@dataclass(frozen=True, slots=True)
class Right:
    """How far a right goes: more with a higher ``level``, 0 as far as without it, below 0 for a restriction.

    ``is_ordinary`` marks what every container of LinuxKit has that does not ask for less.
    """

    level: int
    text: str
    is_ordinary: bool = False


Rights = dict[tuple[str, str], Right]
"""Rights by their kind and what they are about."""

_NONE = Right(0, "")
READ_FROM = frozenset(
    [
        ("hooks",),
        ("linux", "devices"),
        ("linux", "maskedPaths"),
        ("linux", "namespaces"),
        ("linux", "readonlyPaths"),
        ("linux", "resources"),
        ("linux", "seccomp"),
        ("mounts",),
        ("process", "apparmorProfile"),
        ("process", "capabilities"),
        ("process", "noNewPrivileges"),
        ("process", "selinuxLabel"),
        ("process", "user", "additionalGids"),
        ("process", "user", "uid"),
        ("root", "path"),
        ("root", "readonly"),
    ]
)
"""What of config.json rights are read from."""

_NAMESPACES = {
    "network": False,
    "pid": False,
    "mount": False,
    "ipc": True,
    "uts": True,
    "user": True,
    "cgroup": True,
    "time": True,
}
"""The kinds of namespaces, and whether it is ordinary to be in the host's."""

_CAPABILITY_SETS = {
    "bounding": Right(1, "bounding only"),
    "inheritable": Right(1, "inheritable only"),
    "permitted": Right(2, "permitted"),
    "effective": Right(3, "granted"),
}
_HARMLESS_MOUNTS = frozenset(["tmpfs", "devpts", "mqueue"])
_BIND_OPTIONS = frozenset(["bind", "rbind"])
_READ_ONLY, _WRITABLE = frozenset(["ro", "rro"]), frozenset(["rw", "rrw"])
_OVERLAID = ("lowerdir=", "lowerdir+=", "datadir+=", "upperdir=")
_ORDINARY_MOUNTS = {("proc", "/proc"): 2, ("sysfs", "/sys"): 2, ("cgroup", "/sys/fs/cgroup"): 1}
"""Mounts that every container has, and their level there."""
_CONTAINERS = ("containers/onboot/", "containers/onshutdown/", "containers/services/")
_ROOT = "rootfs"
_ACCESS = dict(zip(ACCESS, ("read", "write", "make"), strict=True))
_PIPE = "p"
_LENIENT_FILTERS = frozenset(["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"])
_UNCONFINED = "unconfined"
_DIGEST_LENGTH = 12


def container_rights(config: Record, runtime: Record, bundle: str, real_path: RealPath = clean) -> Rights:
    """Return the rights of a container by its config.json and runtime.json; ``bundle`` is the path of its folder.

    ``real_path`` follows the symbolic links of the root. What the documents do not have in the right shape counts as
    not there.
    """
    found = (_user, _capabilities, _namespaces, _mounts, _devices, _restrictions, _confinement, _hooks)
    rights = {(kind, subject): right for read in found for kind, subject, right in read(config)}
    around = (*_root_folder(config, bundle), *_host_changes(runtime, bundle, real_path))
    return rights | {(kind, subject): right for kind, subject, right in around}


def compare_rights(part: str, before: Rights | None, after: Rights) -> Iterator[PrivilegeChange]:
    """Yield what is not the same in two versions of a container, or all that is not ordinary in a new one."""
    for kind, subject in sorted({*(before or {}), *after}):
        old, new = (before or {}).get((kind, subject), _NONE), after.get((kind, subject), _NONE)
        if before is None and (new.is_ordinary or new.level <= 0):
            continue
        if old.level != new.level or old.text != new.text:
            yield PrivilegeChange(part, kind, subject, old.text, new.text, _direction(old.level, new.level))


def _direction(before: int, after: int) -> Direction:
    return "more" if after > before else "less" if after < before else "other"


Found = tuple[str, str, Right]


def _user(config: Record) -> Iterator[Found]:
    user = _record(config, "process", "user")
    number = user.get("uid", 0)
    yield "user", "", Right(int(number == 0), "root" if number == 0 else f"{number}", is_ordinary=True)
    for group in _items(user, "additionalGids"):
        yield "group", f"{group}", Right(1, "member")


def _capabilities(config: Record) -> Iterator[Found]:
    sets = _record(config, "process", "capabilities")
    for kind, right in _CAPABILITY_SETS.items():  # the highest last, which counts
        for name in _texts(sets, kind):
            yield "capability", name, right
    for name in _texts(sets, "ambient"):
        yield "ambient capability", name, Right(1, "granted")


def _namespaces(config: Record) -> Iterator[Found]:
    own = {_text(item, "type"): _text(item, "path") for item in _records(_record(config, "linux"), "namespaces")}
    for kind, is_ordinary in _NAMESPACES.items():
        if kind not in own:
            yield "namespace", kind, Right(2, "the host's", is_ordinary)
        elif own[kind]:
            yield "namespace", kind, Right(1, f"that of {own[kind]}")
        else:
            yield "namespace", kind, Right(0, "its own")


def _mounts(config: Record) -> Iterator[Found]:
    is_read_only = _record(config, "root").get("readonly") is True
    yield "root", "", Right(int(not is_read_only), "read-only" if is_read_only else "writable", is_ordinary=True)
    yield from (_mount(mount) for mount in _records(config, "mounts") if _matters(mount))


def _matters(mount: Record) -> bool:
    is_harmless = _text(mount, "type") in _HARMLESS_MOUNTS or not _text(mount, "destination")
    return not is_harmless or _is_bind(mount)


def _is_bind(mount: Record) -> bool:
    return _text(mount, "type") == "bind" or not _BIND_OPTIONS.isdisjoint(_texts(mount, "options"))


def _mount(mount: Record) -> Found:
    what, where = _text(mount, "type"), _text(mount, "destination")
    level, text = (1, "read-only") if _is_read_only(mount) else (2, "read and write")
    if _is_bind(mount):
        return "bind", f"{_text(mount, 'source')} on {where}", Right(level, text)
    sources = [source for source in _sources(mount) if source not in {what, "none", ""}]
    subject = f"{what} of {', '.join(sources)} on {where}" if sources else f"{what} on {where}".lstrip()
    return (
        "mount",
        subject,
        Right(level, text, is_ordinary=level <= _ORDINARY_MOUNTS.get((what, where), 0) and not sources),
    )


def _is_read_only(mount: Record) -> bool:
    """Return whether the last of the options that say it say so: that is the one which counts."""
    said = [option for option in _texts(mount, "options") if option in _READ_ONLY | _WRITABLE]
    return bool(said) and said[-1] in _READ_ONLY


def _sources(mount: Record) -> list[str]:
    """Return what is mounted, also the folders of an overlay."""
    options = [option.partition("=") for option in _texts(mount, "options") if option.startswith(_OVERLAID)]
    return [_text(mount, "source"), *(folder for _name, _, value in options for folder in value.split(":"))]


def _root_folder(config: Record, bundle: str) -> Iterator[Found]:
    path = _text(_record(config, "root"), "path") or _ROOT
    if posixpath.normpath(f"/{bundle}/{path}" if not path.startswith("/") else path) != f"/{bundle}/{_ROOT}":
        yield "root folder", "", Right(1, path)


def _devices(config: Record) -> Iterator[Found]:
    linux = _record(config, "linux")
    rules = DeviceRules(_records(_record(linux, "resources"), "devices"))
    nodes = set()
    for device in _records(linux, "devices"):
        numbers = numbers_of(device)
        nodes.add(numbers)
        access = rules.access_to(numbers) if numbers[0] != _PIPE else frozenset(ACCESS)
        text = "granted" if len(access) == len(ACCESS) else _words(access) or "no access"
        yield "device", f"{_text(device, 'path')} ({_shown(numbers)})", Right(1 + len(access), text)
    for numbers, own, wider in rules.by_rule():
        subject = "all" if numbers == EVERY else f"all that are {_shown(numbers)}"
        if numbers in nodes or own == wider:
            continue
        if own - wider:
            yield "device", subject, Right(len(own), _words(own))
        else:
            yield "device", subject, Right(-len(wider - own), f"not {_words(wider - own)}")


def _shown(numbers: Numbers) -> str:
    kind, major, minor = numbers
    return f"{kind} {major}:{minor}"


def _words(access: Iterable[str]) -> str:
    return ", ".join(word for letter, word in _ACCESS.items() if letter in access)


def _restrictions(config: Record) -> Iterator[Found]:
    is_kept = _record(config, "process").get("noNewPrivileges") is True
    yield "setuid programs", "", Right(int(not is_kept), "without effect" if is_kept else "effective", is_ordinary=True)
    linux = _record(config, "linux")
    for path in _texts(linux, "maskedPaths"):
        yield "path", path, Right(-2, "masked")
    for path in _texts(linux, "readonlyPaths"):
        yield "path", path, Right(-1, "read-only")


def _confinement(config: Record) -> Iterator[Found]:
    """Yield what the kernel's security modules and its filter of system calls forbid."""
    process = _record(config, "process")
    if profile := _text(process, "apparmorProfile"):
        yield "AppArmor profile", "", Right(-int(profile != _UNCONFINED), profile)
    if label := _text(process, "selinuxLabel"):
        yield "SELinux label", "", Right(-1, label)
    seccomp = _record(config, "linux", "seccomp")
    if action := _text(seccomp, "defaultAction"):
        rules = _items(seccomp, "syscalls")
        level = -int(bool(rules)) if action in _LENIENT_FILTERS else -2
        digest = hashlib.sha256(json.dumps(seccomp, sort_keys=True).encode()).hexdigest()[:_DIGEST_LENGTH]
        yield "system calls", "", Right(level, f"filter {digest}: {len(rules)} rules, else {action}")


def _hooks(config: Record) -> Iterator[Found]:
    """Yield the programs that the runtime runs around the container, most of them on the host."""
    hooks = _record(config, "hooks")
    for stage in hooks:
        for hook in _records(hooks, stage):
            command = (*_texts(hook, "env"), _text(hook, "path"), *_texts(hook, "args")[1:])
            yield "hook", " ".join((stage, *command)), Right(1, "run")


def _host_changes(runtime: Record, bundle: str, real_path: RealPath) -> Iterator[Found]:
    """Yield what the init does on the host for a container, but for the mounts of its own root."""
    for name in _texts(runtime, "cgroups"):
        yield "runtime.cgroups", name, Right(1, "made")
    for mount in _records(runtime, "mounts"):
        if not _is_of_own_root(mount, bundle, real_path):
            _kind, subject, right = _mount(mount)
            yield "runtime.mounts", subject, right
    for path in _texts(runtime, "mkdir"):
        yield "runtime.mkdir", path, Right(1, "made")
    for interface in _records(runtime, "interfaces"):
        yield "runtime.interfaces", _text(interface, "name") or _text(interface, "add"), _interface(interface)
    for kind, path in sorted(_record(runtime, "bindNS").items()):
        if path:
            yield "runtime.bindNS", kind, Right(1, f"kept at {path}")


def _is_of_own_root(mount: Record, bundle: str, real_path: RealPath) -> bool:
    """Return whether a mount only puts a container's root together, of what images brought along.

    It does not when a symbolic link leads out of the folders of containers.
    """
    target = real_path(_text(mount, "destination")) or ""
    folders = (real_path(source) or "" for source in _sources(mount) if source.startswith("/"))
    return target.startswith(f"{bundle}/") and all(folder.startswith(_CONTAINERS) for folder in folders)


def _interface(interface: Record) -> Right:
    """Return how far an interface leads: one of the host farther than a new one."""
    if not (kind := _text(interface, "add")):
        return Right(2, "moved in")
    peer = _text(interface, "peer")
    return Right(1, f"a new {kind} with {peer}" if peer else f"a new {kind}")


def _record(document: object, *names: str) -> Record:
    """Return an object inside objects, an empty one if it is not there."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _items(document: Record, name: str) -> list[object]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _records(document: Record, name: str) -> list[Record]:
    return [item for item in _items(document, name) if isinstance(item, dict)]


def _text(document: Record, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _texts(document: Record, name: str) -> list[str]:
    return [item for item in _items(document, name) if isinstance(item, str)]
