"""What a container may do.

The rights are read from what the system runs (config.json: runtime-spec, config.md and config-linux.md; runtime.json:
build.md section 4.3), not from the config, so that any two systems can be compared, whoever built them.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import TYPE_CHECKING

from lkboard.oci.layers.file_tree import clean
from lkboard.rootfs.device_rules import ACCESS, EVERY, DeviceRules, numbers_of
from lkboard.rootfs.host_rights import host_rights
from lkboard.rootfs.json_fields import Record, items_of, record_of, records_of, text_of, texts_of
from lkboard.rootfs.mount_rights import mount_rights
from lkboard.rootfs.rights import Found, Right, Rights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.rootfs.device_rules import Numbers
    from lkboard.rootfs.host_rights import RealPath

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
    found = (_user, _capabilities, _namespaces, mount_rights, _devices, _restrictions, _confinement, _hooks)
    rights = {(kind, subject): right for read in found for kind, subject, right in read(config)}
    around = (*_root_folder(config, bundle), *host_rights(runtime, bundle, real_path))
    return rights | {(kind, subject): right for kind, subject, right in around}


def _user(config: Record) -> Iterator[Found]:
    user = record_of(config, "process", "user")
    number = user.get("uid", 0)
    yield "user", "", Right(int(number == 0), "root" if number == 0 else f"{number}", is_ordinary=True)
    for group in items_of(user, "additionalGids"):
        yield "group", f"{group}", Right(1, "member")


def _capabilities(config: Record) -> Iterator[Found]:
    sets = record_of(config, "process", "capabilities")
    for kind, right in _CAPABILITY_SETS.items():  # the highest last, which counts
        for name in texts_of(sets, kind):
            yield "capability", name, right
    for name in texts_of(sets, "ambient"):
        yield "ambient capability", name, Right(1, "granted")


def _namespaces(config: Record) -> Iterator[Found]:
    own = {
        text_of(item, "type"): text_of(item, "path") for item in records_of(record_of(config, "linux"), "namespaces")
    }
    for kind, is_ordinary in _NAMESPACES.items():
        if kind not in own:
            yield "namespace", kind, Right(2, "the host's", is_ordinary)
        elif own[kind]:
            yield "namespace", kind, Right(1, f"that of {own[kind]}")
        else:
            yield "namespace", kind, Right(0, "its own")


def _root_folder(config: Record, bundle: str) -> Iterator[Found]:
    path = text_of(record_of(config, "root"), "path") or _ROOT
    if posixpath.normpath(f"/{bundle}/{path}" if not path.startswith("/") else path) != f"/{bundle}/{_ROOT}":
        yield "root folder", "", Right(1, path)


def _devices(config: Record) -> Iterator[Found]:
    linux = record_of(config, "linux")
    rules = DeviceRules(records_of(record_of(linux, "resources"), "devices"))
    nodes = set()
    for device in records_of(linux, "devices"):
        numbers = numbers_of(device)
        nodes.add(numbers)
        access = rules.access_to(numbers) if numbers[0] != _PIPE else frozenset(ACCESS)
        text = "granted" if len(access) == len(ACCESS) else _words(access) or "no access"
        yield "device", f"{text_of(device, 'path')} ({_shown(numbers)})", Right(1 + len(access), text)
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
    is_kept = record_of(config, "process").get("noNewPrivileges") is True
    yield "setuid programs", "", Right(int(not is_kept), "without effect" if is_kept else "effective", is_ordinary=True)
    linux = record_of(config, "linux")
    for path in texts_of(linux, "maskedPaths"):
        yield "path", path, Right(-2, "masked")
    for path in texts_of(linux, "readonlyPaths"):
        yield "path", path, Right(-1, "read-only")


def _confinement(config: Record) -> Iterator[Found]:
    """Yield what the kernel's security modules and its filter of system calls forbid."""
    process = record_of(config, "process")
    if profile := text_of(process, "apparmorProfile"):
        yield "AppArmor profile", "", Right(-int(profile != _UNCONFINED), profile)
    if label := text_of(process, "selinuxLabel"):
        yield "SELinux label", "", Right(-1, label)
    seccomp = record_of(config, "linux", "seccomp")
    if action := text_of(seccomp, "defaultAction"):
        rules = items_of(seccomp, "syscalls")
        level = -int(bool(rules)) if action in _LENIENT_FILTERS else -2
        digest = hashlib.sha256(json.dumps(seccomp, sort_keys=True).encode()).hexdigest()[:_DIGEST_LENGTH]
        yield "system calls", "", Right(level, f"filter {digest}: {len(rules)} rules, else {action}")


def _hooks(config: Record) -> Iterator[Found]:
    """Yield the programs that the runtime runs around the container, most of them on the host."""
    hooks = record_of(config, "hooks")
    for stage in hooks:
        for hook in records_of(hooks, stage):
            command = (*texts_of(hook, "env"), text_of(hook, "path"), *texts_of(hook, "args")[1:])
            yield "hook", " ".join((stage, *command)), Right(1, "run")
