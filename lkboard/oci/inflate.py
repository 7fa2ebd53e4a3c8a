"""Inflate gzip and zstd piece by piece, in bounded memory, whatever the data claims about itself."""

from __future__ import annotations

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
    except zstandard.ZstdError as error:
        raise LayerInvalid(f"the layer is damaged: {error}", where=where) from error
