"""erofs volumes without compression: a reader that shares nothing with the writer, and the programs of erofs-utils.

The reader is strict: it finds each file as the kernel does (fs/erofs/namei.c), and nothing may lie on anything else.
"""

from __future__ import annotations

import os
import struct
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 4096
_PREFIXES = {1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security."}
_FOLDER, _LINK, _DEVICES = 0o040000, 0o120000, {0o020000, 0o060000}
_TYPES = {1: 0o100000, 2: _FOLDER, 3: 0o020000, 4: 0o060000, 5: 0o010000, 7: _LINK}


@dataclass(frozen=True)
class Found:
    """An inode: ``mode`` with the type, ``data`` the content or a link's target, ``device`` as Linux packs it."""

    number: int
    mode: int
    links: int
    uid: int
    gid: int
    mtime_ns: int
    data: bytes
    device: int
    attributes: dict[str, bytes]


class Volume:
    """What is in an image."""

    def __init__(self, image: bytes) -> None:
        self._image = image
        self._taken = {(0, BLOCK)}
        self._inodes: dict[int, Found] = {}
        magic, _sum, _features, bits, slots, root = struct.unpack_from("<IIIBBH", image, 1024)
        inodes, self.epoch, _ns, blocks, *areas = struct.unpack_from("<QqIIII", image, 1040)
        needed, *rest = struct.unpack_from("<I11I", image, 1104)
        assert (magic, bits, slots, areas, needed, rest) == (0xE0F5E1E2, 12, 0, [0, 0], 0, [0] * 11)
        assert blocks * BLOCK == len(image)
        self.root = root
        self.identity = image[1072:1088]
        self.files = {"": self.inode(root), **dict(self._walk(root, root, ""))}
        assert inodes == len(self._inodes)
        for before, after in pairwise(sorted(self._taken)):
            assert before[1] <= after[0]

    def inode(self, number: int) -> Found:
        """Return the inode of a number."""
        if number not in self._inodes:
            self._inodes[number] = self._read(number)
        return self._inodes[number]

    def _read(self, number: int) -> Found:
        at = 32 * number
        layout, units, mode, _r, size, place, serial = struct.unpack_from("<HHHHQII", self._image, at)
        uid, gid, seconds, nanoseconds, links = struct.unpack_from("<IIqII", self._image, at + 24)
        assert serial == number
        attributes_size = 12 + 4 * (units - 1) if units else 0
        head = at + 64 + attributes_size
        inline = size % BLOCK if layout == 5 else 0
        assert layout in {1, 5}
        assert (head - 1) // BLOCK == at // BLOCK or attributes_size > BLOCK - 64
        assert not inline or head // BLOCK == (head + inline - 1) // BLOCK
        self._taken.add((at, head + inline))
        is_device = mode & 0o170000 in _DEVICES
        data = b"" if is_device else self._blocks(place, size - inline) + self._image[head : head + inline]
        return Found(
            number=number,
            mode=mode,
            links=links,
            uid=uid,
            gid=gid,
            mtime_ns=seconds * 1_000_000_000 + nanoseconds,
            data=data,
            device=place if is_device else 0,
            attributes=dict(_attributes(self._image[at + 64 : head])),
        )

    def _blocks(self, place: int, size: int) -> bytes:
        if not size:
            return b""
        start, end = place * BLOCK, place * BLOCK + size
        padding = -size % BLOCK
        assert end + padding <= len(self._image)
        assert self._image[end : end + padding] == bytes(padding)
        self._taken.add((start, end + padding))
        return self._image[start:end]

    def _walk(self, number: int, parent: int, path: str) -> Iterator[tuple[str, Found]]:
        rows = list(_names(self.inode(number).data))
        assert [name for name, _number, _type in rows] == sorted({name for name, _number, _type in rows})
        found = {name: (child, kind) for name, child, kind in rows}
        assert found.pop(b".") == (number, 2)
        assert found.pop(b"..") == (parent, 2)
        for name, (child, kind) in found.items():
            inode = self.inode(child)
            assert inode.mode & 0o170000 == _TYPES[kind]
            below = path + name.decode("utf-8", "surrogateescape")
            yield below, inode
            if kind == 2:
                yield from self._walk(child, number, f"{below}/")


def _names(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, number and type of what is in a folder."""
    for start in range(0, len(content), BLOCK):
        block = content[start : start + BLOCK]
        (first,) = struct.unpack_from("<H", block, 8)
        records = [struct.unpack_from("<QHB", block, place) for place in range(0, first, 12)]
        ends = [place for _number, place, _type in records[1:]] + [len(block)]
        for (number, place, kind), end in zip(records, ends, strict=True):
            name = block[place:end].rstrip(b"\0")
            assert 0 < len(name) <= 255
            yield name, number, kind


def _attributes(area: bytes) -> Iterator[tuple[str, bytes]]:
    assert area[:12] == bytes(len(area[:12]))
    at = 12
    while at < len(area):
        name_size, index, size = struct.unpack_from("<BBH", area, at)
        middle = at + 4 + name_size
        yield _PREFIXES[index] + area[at + 4 : middle].decode(), area[middle : middle + size]
        at = -(-(middle + size) // 4) * 4


def check(path: Path, *, reads_contents: bool = True) -> None:
    """Let fsck.erofs look for errors."""
    need("fsck.erofs")
    options = ["--extract"] if reads_contents else []
    done = subprocess.run(["fsck.erofs", *options, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def unpack(path: Path, folder: Path) -> Path:
    """Let fsck.erofs unpack a volume, with the owners when it runs as root."""
    need("fsck.erofs")
    subprocess.run(["fsck.erofs", f"--extract={folder}", path], capture_output=True, check=True)
    return folder


def dumped(path: Path, *options: str) -> str:
    """Return what dump.erofs says, in UTC."""
    need("dump.erofs")
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    done = subprocess.run(["dump.erofs", *options, path], check=True, capture_output=True, text=True, env=environment)
    return done.stdout
