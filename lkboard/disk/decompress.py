"""Compressed images: known by their first bytes, unpacked into sparse files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Self

from lkboard.disk.sparse import write_sparse
from lkboard.errors import BuildError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHUNK_SIZE = 1 << 20
_ZSTD_READ = 4096
"""Zeros pack so well that this many bytes can become 128 MiB, which have to fit into memory."""


def compression(start: bytes) -> str:
    """Return ``gzip``, ``zstd`` or ``xz`` by the first six bytes of a file, or an empty text."""
    return next((name for magic, name in _MAGICS.items() if start.startswith(magic)), "")


def other_unpacker(start: bytes) -> str:
    """Return the command that unpacks a file with these first nine bytes, which `decompress` cannot; or nothing."""
    return next((command for magic, command in _OTHER_MAGICS.items() if start.startswith(magic)), "")


def decompress(
    source: Path,
    destination: Path,
    on_bytes: Callable[[int], None],
    *,
    offset: int = 0,
    limit: int | None = None,
) -> None:
    """Unpack ``source`` from ``offset`` on into the new file ``destination``; long runs of zeros become holes.

    ``on_bytes`` is told up to which byte the source was used. Raises `BuildError` when the source is damaged, cannot
    be read or holds more than ``limit`` bytes, `OutputError` when the destination cannot be written.
    """
    try:
        stream = source.open("rb")
    except OSError as error:
        raise BuildError(f"cannot read '{source}': {error.strerror}") from error
    with stream, _Output(destination) as output:
        stream.seek(offset)
        kind = compression(stream.read(6))
        stream.seek(offset)
        for chunk in _checked(_DECODERS[kind](stream), kind, source):
            if limit is not None and output.size + len(chunk) > limit:
                raise BuildError(
                    f"'{source}' unpacks to more than {limit >> 20} MiB",
                    hint="it is damaged or made to harm; unpack it yourself if you trust it",
                )
            output.write(chunk)
            on_bytes(stream.tell())


def _checked(chunks: Iterator[bytes], kind: str, source: Path) -> Iterator[bytes]:
    import lzma

    import zstandard
    from isal.isal_zlib import IsalError

    try:
        yield from chunks
    except (lzma.LZMAError, zstandard.ZstdError, IsalError, EOFError, OSError) as error:  # type: ignore[misc]  # stubs
        raise BuildError(
            f"'{source}' is damaged: its {kind} data cannot be unpacked ({error})", hint="get the file again"
        ) from error


def _gzip(stream: BinaryIO) -> Iterator[bytes]:
    from isal import igzip

    with igzip.open(stream, "rb") as unpacked:  # type: ignore[no-untyped-call]
        while chunk := unpacked.read(_CHUNK_SIZE):
            yield chunk


def _xz(stream: BinaryIO) -> Iterator[bytes]:
    import lzma

    with lzma.open(stream) as unpacked:
        while chunk := unpacked.read(_CHUNK_SIZE):
            yield chunk


def _zstd(stream: BinaryIO) -> Iterator[bytes]:
    # not the library's stream reader: it takes a cut in the middle of a frame for the end
    import zstandard

    decoder = zstandard.ZstdDecompressor().decompressobj()
    data, unpacked = b"", bytearray()
    while data or (data := stream.read(_ZSTD_READ)):
        if decoder.eof:
            decoder = zstandard.ZstdDecompressor().decompressobj()
        unpacked += decoder.decompress(data)
        data = decoder.unused_data
        if len(unpacked) >= _CHUNK_SIZE:
            yield bytes(unpacked)
            unpacked.clear()
    yield bytes(unpacked)
    if not decoder.eof:
        raise EOFError("it ends too early")


_MAGICS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\0": "xz"}
_OTHER_MAGICS = {
    b"\x02\x21\x4c\x18": "lz4",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh": "bzip2",
    b"\x89LZO\0\r\n\x1a\n": "lzop",
    b"\x5d\0\0": "lzma",
}
"""Further compressions of an initrd that the kernel knows (lib/decompress.c), by the program that unpacks each."""
_DECODERS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {"gzip": _gzip, "zstd": _zstd, "xz": _xz}


class _Output:
    """A sparse file that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = 0

    def __enter__(self) -> Self:
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._error(error) from error
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes) -> None:
        try:
            write_sparse(self._descriptor, memoryview(data), self.size)
            self.size += len(data)
            os.ftruncate(self._descriptor, self.size)
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot unpack into '{self._path}': {error.strerror}", hint="free some space, or use --cache"
        )
