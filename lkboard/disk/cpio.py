"""Archives in the "newc" format of cpio, as Linux unpacks them into its first root (build.md section 6.1).

Format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel. Several archives may follow one
another (libs.md section 3): each segment gets its own device number, so that hard links of different segments never
merge, and none has a trailer, so that ``cpio -t`` lists all of them. One `trailer` closes the whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.disk import content
from lkboard.disk.content import encode
from lkboard.disk.inodes import check_name, check_numbers, mode_of, put_by
from lkboard.errors import BuildError
from lkboard.model.extents import EMPTY, Content
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkboard.model.extents import ExtentMap
    from lkboard.model.rootfs import Entry

FIRST_INODE = 721
"""Where the reference starts to count (build.md section 6.1)."""

DEVICE = (3, 1)
"""The device that the reference puts on every entry."""

_TRAILER = "TRAILER!!!"
_ALIGNMENT = 4
_BLOCK_SIZE = 512
_PATH_MAX = 4096
_WORD_LIMIT = 1 << 32


def plan(entries: Sequence[Entry], *, first_inode: int = FIRST_INODE, device: tuple[int, int] = DEVICE) -> ExtentMap:
    """Return the archive of one segment, without a trailer; its size is a multiple of four bytes.

    Hard links are real ones: all names share an inode and the file's data is stored once. Raises `BuildError` when an
    entry does not fit the format, ValueError when a hard link has no target.
    """
    return content.concatenate(records(entries, first_inode=first_inode, device=device))


def records(
    entries: Sequence[Entry], *, first_inode: int = FIRST_INODE, device: tuple[int, int] = DEVICE
) -> Iterator[Content]:
    """Yield the archive of `plan` entry by entry: the only places where a compressed member may end.

    Raises as `plan` does.
    """
    inodes = _inodes(entries)
    links = Counter(inode.path for inode in inodes)
    numbers: dict[str, int] = {}
    for entry, inode in zip(entries, inodes, strict=True):
        number = numbers.setdefault(inode.path, first_inode + len(numbers))
        data = _data(inode) if entry.path == inode.path else EMPTY
        link_count = 2 if inode.kind is Kind.DIRECTORY else links[inode.path]
        yield _record(entry, inode, data, (number, link_count, device))


def trailer() -> bytes:
    """Return the entry that ends all archives, padded so that readers of 512-byte blocks are content."""
    record = _head(_TRAILER.encode(), (0, 0, 0, 0, 1, 0, 0, *DEVICE, 0, 0))
    return record + bytes(-len(record) % _BLOCK_SIZE)


def device_of(key: str) -> tuple[int, int]:
    """Return a device number for the segment with a content key (``sha256:<hex>``): its first 64 bits."""
    bits = key.removeprefix("sha256:")
    return int(bits[:8], 16), int(bits[8:16], 16)


def _inodes(entries: Sequence[Entry]) -> list[Entry]:
    """Return for each entry the one that holds its attributes and data: itself, or what a hard link leads to.

    The kernel does not link symbolic links, so a hard link to one becomes a second symbolic link.
    """
    by_path = {entry.path: entry for entry in entries}
    inodes = []
    for entry in entries:
        inode, seen = entry, {entry.path}
        while inode.kind is Kind.HARDLINK:
            if inode.link not in by_path or inode.link in seen:
                raise ValueError(f"hard link '{entry.path}' leads to '{inode.link}', which is not among the entries")
            inode = by_path[inode.link]
            seen.add(inode.path)
        inodes.append(replace(inode, path=entry.path) if inode.kind is Kind.SYMLINK else inode)
    return inodes


def _data(inode: Entry) -> Content:
    if inode.kind is Kind.SYMLINK:
        return Content.of(encode(inode.link))
    return inode.content if inode.kind is Kind.FILE else EMPTY


def _record(entry: Entry, inode: Entry, data: Content, identity: tuple[int, int, tuple[int, int]]) -> Content:
    number, links, device = identity
    name = encode(entry.path)
    _check(entry, inode, len(name), data.size)
    seconds = min(max(inode.mtime_ns // 1_000_000_000, 0), _WORD_LIMIT - 1)
    head = _head(
        name, (number, mode_of(inode), inode.uid, inode.gid, links, seconds, data.size, *device, *inode.device)
    )
    padding = Content.of(bytes(-data.size % _ALIGNMENT))
    return Content.of(head) + data + padding


def _head(name: bytes, fields: tuple[int, ...]) -> bytes:
    """Return header and name. ``fields`` are those of the format up to rdev; name size and check follow."""
    words = "".join(f"{field:08x}" for field in (*fields, len(name) + 1, 0))
    head = b"070701" + words.encode() + name + b"\0"
    return head + bytes(-len(head) % _ALIGNMENT)


def _check(entry: Entry, inode: Entry, name_size: int, data_size: int) -> None:
    """Refuse what the kernel would skip or cut without a word."""
    path = entry.path
    if path == _TRAILER:
        raise BuildError(
            f"'{path}' is what marks the end of an initrd, so no file in one can have that name",
            where=put_by(entry),
            hint="rename it in its image or in 'files'",
        )
    if name_size >= _PATH_MAX or (inode.kind is Kind.SYMLINK and data_size >= _PATH_MAX):
        message = f"'{path[:80]}…' has a path or link target of more than {_PATH_MAX - 1} bytes"
        raise BuildError(message, where=put_by(entry))
    if data_size >= _WORD_LIMIT:
        message = f"'{path}' has {data_size >> 20} MiB, a file in an initrd at most 4095 MiB"
        raise BuildError(message, where=put_by(entry))
    check_name(entry)
    check_numbers(path, inode)
