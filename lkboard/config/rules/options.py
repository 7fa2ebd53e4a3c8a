"""Rules for the settings of one container, wherever they come from: a config entry or an image's label."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lkboard.config.rules.finding import Finding, warning
from lkboard.config.values import (
    InvalidValue,
    check_capability,
    complete_mount,
    is_wildcard,
    parse_bind,
    parse_mode,
    parse_rlimit,
    parse_tmpfs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lkboard.model.config import Options

_Value = TypeVar("_Value")
_MAX_ID = 2**32 - 1
_KEYWORDS = {
    "net": ("root", "host", "new", "none"),
    "pid": ("root", "host", "new"),
    "ipc": ("root", "host", "new"),
    "uts": ("root", "host", "new"),
    "userns": ("root", "host", "new"),
}
_LISTS = {
    "binds": "binds",
    "binds.add": "binds_add",
    "command": "command",
    "env": "env",
    "maskedPaths": "masked_paths",
    "readonlyPaths": "readonly_paths",
    "tmpfs": "tmpfs",
}
_TEXTS = {
    **{name: name for name in ("cwd", "hostname", "ipc", "net", "pid", "userns", "uts")},
    "cgroupsPath": "cgroups_path",
    "rootfsPropagation": "rootfs_propagation",
}
"""Fields that the kernel gets as texts, in YAML and in `Options`."""


def unknown_capability(options: Options) -> Iterator[Finding]:
    """Find capabilities that do not exist."""
    lists = {"capabilities": options.capabilities, "ambient": options.ambient}
    if options.capabilities is None:
        lists["capabilities.add"] = options.capabilities_add
    for field, names in lists.items():
        if names and not is_wildcard(names):
            yield from _try_each(field, check_capability, names)


def ignored_addition(options: Options) -> Iterator[Finding]:
    """Find additions beside the list that replaces them."""
    if options.capabilities is not None and options.capabilities_add is not None:
        yield warning("capabilities.add", "has no effect beside capabilities", "put all of them into one list")
    if options.binds is not None and options.binds_add is not None:
        yield warning("binds.add", "has no effect beside binds", "put all of them into one list")


def bad_bind(options: Options) -> Iterator[Finding]:
    """Find binds with too few or too many parts."""
    for field, texts in (("binds", options.binds), ("binds.add", options.binds_add)):
        yield from _try_each(field, parse_bind, texts)


def bad_tmpfs(options: Options) -> Iterator[Finding]:
    """Find tmpfs mounts with too many parts."""
    yield from _try_each("tmpfs", parse_tmpfs, options.tmpfs)


def incomplete_mount(options: Options) -> Iterator[Finding]:
    """Find mounts whose type or destination is missing and cannot be guessed."""
    yield from _try_each("mounts", complete_mount, options.mounts)


def bad_rlimit(options: Options) -> Iterator[Finding]:
    """Find limits that do not exist or are no numbers."""
    yield from _try_each("rlimits", parse_rlimit, options.rlimits)


def device_mode(options: Options) -> Iterator[Finding]:
    """Find devices whose mode is missing or not octal."""
    for index, device in enumerate(options.devices or ()):
        if device.path != "all":
            yield from _try(f"devices.{index}.mode", parse_mode, device.mode)


def zero_character(options: Options) -> Iterator[Finding]:
    """Find texts with the character 0, which ends them for the kernel."""
    texts: dict[str, Sequence[str]] = {field: getattr(options, name) or () for field, name in _LISTS.items()}
    texts |= {field: [getattr(options, name) or ""] for field, name in _TEXTS.items()}
    for index, mount in enumerate(options.mounts or ()):
        texts[f"mounts.{index}"] = [mount.source, mount.destination, mount.type, *mount.options]
    for field, values in texts.items():
        for index, value in enumerate(values):
            if "\0" in value:
                path = f"{field}.{index}" if field in _LISTS else field
                yield Finding(path, "a text cannot contain the character 0", "remove it")


def namespace_path(options: Options) -> Iterator[Finding]:
    """Find namespaces that are neither a keyword nor an absolute path, although they are taken as a path."""
    for field, keywords in _KEYWORDS.items():
        value = getattr(options, field)
        if value and value not in keywords and not value.startswith("/"):
            yield warning(field, f"'{value}' is taken as a path", f"write one of {', '.join(keywords)}, or /PATH")


def id_range(options: Options) -> Iterator[Finding]:
    """Find ids that do not fit into 32 bits and are cut off."""
    ids = {"uid": options.uid, "gid": options.gid}
    ids |= {f"additionalGids.{index}": gid for index, gid in enumerate(options.additional_gids or ())}
    for field, number in ids.items():
        if isinstance(number, int) and not 0 <= number <= _MAX_ID:
            yield warning(field, f"{number} becomes {number & _MAX_ID}", f"write a number from 0 to {_MAX_ID}")


OPTION_RULES = (
    unknown_capability,
    ignored_addition,
    bad_bind,
    bad_tmpfs,
    incomplete_mount,
    bad_rlimit,
    device_mode,
    namespace_path,
    zero_character,
    id_range,
)


def _try(field: str, read: Callable[[_Value], object], value: _Value) -> Iterator[Finding]:
    try:
        read(value)
    except InvalidValue as error:
        yield Finding(field, error.message, error.hint)


def _try_each(field: str, read: Callable[[_Value], object], values: Sequence[_Value] | None) -> Iterator[Finding]:
    for index, value in enumerate(values or ()):
        yield from _try(f"{field}.{index}", read, value)
