"""Inflate gzip and zstd piece by piece, in bounded memory, whatever the data claims about itself."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from lkboard.errors import LayerInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from typing import BinaryIO

CHUNK_SIZE = 1 << 20

GZIP, ZSTD = "gzip", "zstd"

_READ_SIZE = 64 << 10
"""Small, because what follows a gzip member is copied for each of the thousands that this can hold."""

_GZIP = b"\x1f\x8b"
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
"""A frame, or a skippable one in front of it (zstd, "Zstandard Frame Format")."""

_GZIP_WINDOW = 31
_ZSTD_WINDOW_LIMIT = 128 << 20
_ZSTD_HEAD, _SKIPPABLE_HEAD, _BLOCK_HEAD = 18, 8, 3
"""Bytes of the longest header of a frame, of that of a skippable one, and of that of a block in a frame."""


def packing(head: bytes) -> str:
    """Return how data is packed that begins with these bytes (at least 4): `GZIP`, `ZSTD`, or "" for not at all."""
    if head.startswith(_GZIP):
        return GZIP
    return ZSTD if _ZSTD.match(head) else ""


def is_packed(path: Path) -> bool:
    """Return whether a file is gzip or zstd."""
    with path.open("rb") as file:
        return bool(packing(file.read(4)))


def inflated(path: Path, where: str, on_bytes: Callable[[int], None]) -> Generator[bytes, None, None]:
    """Yield the plain bytes of a file that is gzip (any number of members), zstd (any number of frames) or plain.

    ``on_bytes`` is told each number of stored bytes that was read. Raises `LayerInvalid` naming ``where`` when the data
    is damaged or cut.
    """
    with path.open("rb") as file:
        packed = packing(file.read(4))
        file.seek(0)
        readers = {GZIP: _gunzip, ZSTD: _unzstd}
        yield from readers[packed](file, where, on_bytes) if packed else _read(file, on_bytes)


def _read(file: BinaryIO, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    while chunk := file.read(_READ_SIZE):
        on_bytes(len(chunk))
        yield chunk


def _gunzip(file: BinaryIO, where: str, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    """Inflate member after member: a decompressor stops after the first one (libs.md section 3)."""
    from isal import isal_zlib

    member = isal_zlib.decompressobj(_GZIP_WINDOW)
    try:
        for chunk in _read(file, on_bytes):
            rest, piece = chunk, b""
            while rest or len(piece) == CHUNK_SIZE:  # a full piece may leave more of it inside the decompressor
                if member.eof:
                    if not rest.strip(b"\0"):
                        break
                    member = isal_zlib.decompressobj(_GZIP_WINDOW)
                piece = member.decompress(rest, CHUNK_SIZE)
                rest = member.unused_data if member.eof else member.unconsumed_tail
                yield piece
    except isal_zlib.error as error:  # type: ignore[misc]  # the stub declares it as an instance
        raise LayerInvalid(f"the layer is damaged: {error}", where=where) from error
    if not member.eof:
        raise LayerInvalid("the layer is cut: its gzip data has no end", where=where)


def _unzstd(file: BinaryIO, where: str, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_LIMIT)
    reader = decompressor.stream_reader(file, read_size=CHUNK_SIZE, read_across_frames=True)
    told = 0
    try:
        while chunk := reader.read(CHUNK_SIZE):
            on_bytes(file.tell() - told)
            told = file.tell()
            yield chunk
        is_whole = _has_whole_frames(file, on_bytes)  # the decompressor does not tell
    except zstandard.ZstdError as error:
        raise LayerInvalid(f"the layer is damaged: {error}", where=where) from error
    if not is_whole:
        raise LayerInvalid("the layer is cut: its zstd data has no end", where=where)


def _has_whole_frames(file: BinaryIO, on_bytes: Callable[[int], None]) -> bool:
    """Return whether the last frame of a file has its end (zstd, "Zstandard Frame Format")."""
    import zstandard

    end = file.seek(0, os.SEEK_END)
    at = file.seek(0)
    while at < end:
        head = file.read(_ZSTD_HEAD)
        if len(head) < _SKIPPABLE_HEAD:
            return False
        if not head.startswith(zstandard.MAGIC_NUMBER.to_bytes(4, "little")):
            at = file.seek(at + _SKIPPABLE_HEAD + int.from_bytes(head[4:8], "little"))
            continue
        at = file.seek(at + zstandard.frame_header_size(head))
        is_last = False
        while not is_last:
            on_bytes(0)  # a block may have no more than one byte
            block = int.from_bytes(block_head := file.read(_BLOCK_HEAD), "little")
            if len(block_head) < _BLOCK_HEAD:
                return False
            is_last, is_repeated = bool(block & 1), block >> 1 & 3 == 1
            at = file.seek(at + _BLOCK_HEAD + (1 if is_repeated else block >> 3))
        at = file.seek(at + (4 if zstandard.get_frame_parameters(head).has_checksum else 0))
    return at == end
