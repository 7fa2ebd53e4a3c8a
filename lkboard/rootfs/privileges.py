"""What a container may do, and whether another version of it may do more.

The rights are read from what the system runs (config.json: runtime-spec, config.md and config-linux.md; runtime.json:
build.md section 4.3), not from the config, so that any two systems can be compared, whoever built them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkboard.model.difference import PrivilegeChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.difference import Direction

Record = dict[str, Any]


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
_NAMESPACES = {"network": False, "pid": False, "ipc": True, "uts": True, "user": True}
"""The kinds of namespaces, and whether it is ordinary to be in the host's."""

_HARMLESS_MOUNTS = frozenset(["tmpfs", "devpts", "mqueue", "overlay", ""])
_BIND_OPTIONS = frozenset(["bind", "rbind"])
_ORDINARY_MOUNTS = frozenset([("proc", "/proc"), ("sysfs", "/sys"), ("cgroup", "/sys/fs/cgroup")])
_EVERY_DEVICE = "a *:*"
_ACCESS = {"r": "read", "w": "write", "m": "make"}


def container_rights(config: Record, runtime: Record, bundle: str) -> Rights:
    """Return the rights of a container by its config.json and runtime.json; ``bundle`` is the path of its folder.

    What the documents do not have in the right shape counts as not there.
    """
    found = (_user, _capabilities, _namespaces, _mounts, _devices, _restrictions)
    rights = {(kind, subject): right for read in found for kind, subject, right in read(config)}
    return rights | {(kind, subject): right for kind, subject, right in _host_changes(runtime, bundle)}


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
    for name in {name for kind in ("bounding", "effective", "permitted") for name in _texts(sets, kind)}:
        yield "capability", name, Right(1, "granted")
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
    return _text(mount, "type") not in _HARMLESS_MOUNTS or _is_bind(mount)


def _is_bind(mount: Record) -> bool:
    return _text(mount, "type") == "bind" or not _BIND_OPTIONS.isdisjoint(_texts(mount, "options"))


def _mount(mount: Record) -> Found:
    what, where = _text(mount, "type"), _text(mount, "destination")
    is_ordinary = (what, where) in _ORDINARY_MOUNTS
    is_read_only = "ro" in _texts(mount, "options")
    right = Right(1, "read-only", is_ordinary) if is_read_only else Right(2, "read and write", is_ordinary)
    if _is_bind(mount):
        return "bind", f"{_text(mount, 'source')} on {where}", right
    return "mount", f"{what} on {where}", right


def _devices(config: Record) -> Iterator[Found]:
    linux = _record(config, "linux")
    nodes = set()
    for device in _records(linux, "devices"):
        numbers = f"{device.get('type')} {device.get('major')}:{device.get('minor')}"
        nodes.add(numbers)
        yield "device", f"{_text(device, 'path')} ({numbers})", Right(1, "granted")
    for rule in _records(_record(linux, "resources"), "devices"):
        major, minor = (rule.get(name, "*") for name in ("major", "minor"))
        numbers = f"{rule.get('type') or 'a'} {major}:{minor}"
        access = _text(rule, "access") or "rwm"
        if rule.get("allow") is True and numbers not in nodes:
            words = [word for letter, word in _ACCESS.items() if letter in access]
            subject = "all" if numbers == _EVERY_DEVICE else f"all that are {numbers}"
            yield "device", subject, Right(len(words), ", ".join(words))


def _restrictions(config: Record) -> Iterator[Found]:
    is_kept = _record(config, "process").get("noNewPrivileges") is True
    yield "setuid programs", "", Right(int(not is_kept), "without effect" if is_kept else "effective", is_ordinary=True)
    linux = _record(config, "linux")
    for path in _texts(linux, "maskedPaths"):
        yield "path", path, Right(-2, "masked")
    for path in _texts(linux, "readonlyPaths"):
        yield "path", path, Right(-1, "read-only")


def _host_changes(runtime: Record, bundle: str) -> Iterator[Found]:
    """Yield what the init does on the host for a container, but for the mounts of its own root."""
    for name in _texts(runtime, "cgroups"):
        yield "runtime.cgroups", name, Right(1, "made")
    for mount in _records(runtime, "mounts"):
        if not _text(mount, "destination").startswith(f"/{bundle}/"):
            _kind, subject, right = _mount(mount)
            yield "runtime.mounts", subject, right
    for path in _texts(runtime, "mkdir"):
        yield "runtime.mkdir", path, Right(1, "made")
    for interface in _records(runtime, "interfaces"):
        yield "runtime.interfaces", _text(interface, "name") or _text(interface, "add"), Right(1, "moved in")
    for kind, path in sorted(_record(runtime, "bindNS").items()):
        if path:
            yield "runtime.bindNS", kind, Right(1, f"kept at {path}")


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
