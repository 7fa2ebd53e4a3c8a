"""A whole map compressed: each block of it by itself, one behind the other, several at a time.

Blocks become frames of zstd (RFC 8878, section 3), members of gzip (RFC 1952, section 2.2) or streams of xz (The .xz
File Format, section 2), any number of which makes a file. So the bytes do not depend on how many are made at once.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lkboard.disk.blocks import data_extents, used_blocks
from lkboard.disk.compress import gzip_member
from lkboard.disk.window import MapReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from lkboard.model.artifact import Compression
    from lkboard.model.extents import ExtentMap

BLOCK = 4 << 20
"""Bytes that are compressed together: libdeflate does not make longer streams, larger ones hardly get smaller."""

ZSTD_LEVEL = 3
XZ_PRESET = 6
_XZ_STEP = 128 << 10
"""Bytes that xz works on for less than a tenth of a second."""

_MOST_THREADS = 4
_LOOK_SECONDS = 0.1


def _ignore(_plain: bytes) -> None:
    pass


def pieces(
    extents: ExtentMap,
    compression: Compression,
    *,
    on_bytes: Callable[[int], None],
    look: Callable[[bytes], None] = _ignore,
) -> Iterator[bytes]:
    """Yield the compressed file in pieces. Holes cost next to nothing.

    ``on_bytes`` gets how many bytes of the map are done, at least every 100 ms; what it raises (`Cancelled`) stops the
    work. ``look`` gets all bytes of the map before they are compressed. Raises `BuildError` when a source cannot be
    read.
    """
    stop = threading.Event()
    pack = functools.partial(_PACKERS[compression], stop)
    threads = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    with ThreadPoolExecutor(threads, "compress") as pool:
        zeros = functools.cache(lambda size: pool.submit(pack, bytes(size)))
        waiting: deque[tuple[Future[bytes], int]] = deque()
        blocks, done = _blocks(extents), 0
        try:
            while True:
                for block, has_data in itertools.islice(blocks, threads + 1 - len(waiting)):
                    look(block)
                    waiting.append((pool.submit(pack, block) if has_data else zeros(len(block)), len(block)))
                if not waiting:
                    break
                future, size = waiting.popleft()
                yield _finished(future, functools.partial(on_bytes, done))
                done += size
                on_bytes(done)
        finally:
            stop.set()


def _blocks(extents: ExtentMap) -> Iterator[tuple[bytes, bool]]:
    """Yield the blocks of a map and whether there is anything but holes in them. An empty map is one empty block."""
    blank = bytes(min(BLOCK, extents.size))
    used = {number for run in used_blocks(data_extents(extents), BLOCK) for number in run}
    with MapReader(extents) as reader:
        for number, start in enumerate(range(0, max(extents.size, 1), BLOCK)):
            size = min(BLOCK, extents.size - start)
            yield (reader.read(start, size), True) if number in used else (blank[:size], False)


def _finished(future: Future[bytes], check: Callable[[], None]) -> bytes:
    while True:
        try:
            return future.result(_LOOK_SECONDS)
        except TimeoutError:
            check()


def _gzip(_stop: threading.Event, data: bytes) -> bytes:
    return gzip_member(data)


def _zstd(_stop: threading.Event, data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(data)


def _xz(stop: threading.Event, data: bytes) -> bytes:
    import lzma

    # a dictionary that is larger than the block would only take memory
    lzma2 = {"id": lzma.FILTER_LZMA2, "preset": XZ_PRESET, "dict_size": BLOCK}
    compressor = lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC64, filters=[lzma2])
    packed = []
    for start in range(0, len(data), _XZ_STEP):
        if stop.is_set():
            return b""
        packed.append(compressor.compress(memoryview(data)[start : start + _XZ_STEP]))
    return b"".join((*packed, compressor.flush()))


_PACKERS: dict[Compression, Callable[[threading.Event, bytes], bytes]] = {"gz": _gzip, "zst": _zstd, "xz": _xz}
