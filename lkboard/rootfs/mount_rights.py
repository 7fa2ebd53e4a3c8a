"""The rights that mounts give (runtime-spec, config.md, "Mounts")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.rootfs.json_fields import Record, record_of, records_of, text_of, texts_of
from lkboard.rootfs.rights import Found, Right

if TYPE_CHECKING:
    from collections.abc import Iterator

_HARMLESS_MOUNTS = frozenset(["tmpfs", "devpts", "mqueue"])
_BIND_OPTIONS = frozenset(["bind", "rbind"])
_READ_ONLY, _WRITABLE = frozenset(["ro", "rro"]), frozenset(["rw", "rrw"])
_OVERLAID = ("lowerdir=", "lowerdir+=", "datadir+=", "upperdir=")
_ORDINARY_MOUNTS = {("proc", "/proc"): 2, ("sysfs", "/sys"): 2, ("cgroup", "/sys/fs/cgroup"): 1}
"""Mounts that every container has, and their level there."""


def mount_rights(config: Record) -> Iterator[Found]:
    """Yield how a container's root and what is mounted in it can be written, but for what is only its own."""
    is_read_only = record_of(config, "root").get("readonly") is True
    yield "root", "", Right(int(not is_read_only), "read-only" if is_read_only else "writable", is_ordinary=True)
    yield from (mount_right(mount) for mount in records_of(config, "mounts") if _matters(mount))


def _matters(mount: Record) -> bool:
    is_harmless = text_of(mount, "type") in _HARMLESS_MOUNTS or not text_of(mount, "destination")
    return not is_harmless or _is_bind(mount)


def _is_bind(mount: Record) -> bool:
    return text_of(mount, "type") == "bind" or not _BIND_OPTIONS.isdisjoint(texts_of(mount, "options"))


def mount_right(mount: Record) -> Found:
    """Return the right that a mount gives."""
    what, where = text_of(mount, "type"), text_of(mount, "destination")
    level, text = (1, "read-only") if _is_read_only(mount) else (2, "read and write")
    if _is_bind(mount):
        return "bind", f"{text_of(mount, 'source')} on {where}", Right(level, text)
    sources = [source for source in sources_of(mount) if source not in {what, "none", ""}]
    subject = f"{what} of {', '.join(sources)} on {where}" if sources else f"{what} on {where}".lstrip()
    return (
        "mount",
        subject,
        Right(level, text, is_ordinary=level <= _ORDINARY_MOUNTS.get((what, where), 0) and not sources),
    )


def _is_read_only(mount: Record) -> bool:
    """Return whether the last of the options that say it say so: that is the one which counts."""
    said = [option for option in texts_of(mount, "options") if option in _READ_ONLY | _WRITABLE]
    return bool(said) and said[-1] in _READ_ONLY


def sources_of(mount: Record) -> list[str]:
    """Return what is mounted, also the folders of an overlay."""
    options = [option.partition("=") for option in texts_of(mount, "options") if option.startswith(_OVERLAID)]
    return [text_of(mount, "source"), *(folder for _name, _, value in options for folder in value.split(":"))]
