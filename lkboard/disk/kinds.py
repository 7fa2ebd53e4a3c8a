"""What is no raw disk, by its first bytes (file(1)), and the command that makes one of it."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from lkboard.disk.decompress import compression, other_unpacker

_VIRTUAL_DISKS = {b"QFI\xfb": "a qcow2 disk", b"KDMV": "a VMware disk", b"conectix": "a VHD disk"}
_ZIP = b"PK\x03\x04"
_TAR, _TAR_AT = b"ustar", 257
HEAD_SIZE = _TAR_AT + len(_TAR)
"""Bytes that `other_kind` looks at."""


class OtherKind(NamedTuple):
    """``name`` is what something is ("a qcow2 disk"), ``hint`` what to do to get a disk."""

    name: str
    hint: str


def other_kind(head: bytes, path: str) -> OtherKind | None:
    """Return what the file ``path`` is by its first `HEAD_SIZE` bytes; None for what may be a raw disk."""
    quoted, raw = shlex.quote(path), shlex.quote(f"{path}.raw")
    if program := compression(head) or other_unpacker(head):
        return OtherKind(f"compressed with {program}", f"unpack it: {program} -dc {quoted} > {raw}")
    for magic, name in _VIRTUAL_DISKS.items():
        if head.startswith(magic):
            return OtherKind(name, f"convert it: qemu-img convert -O raw {quoted} {raw}")
    if head.startswith(_ZIP):
        return OtherKind("a zip archive", f"unpack it: unzip {quoted}")
    if head.startswith(_TAR, _TAR_AT):
        return OtherKind("a tar archive", "make a disk image: lkboard build --board ID CONFIG")
    return None
