from __future__ import annotations

import gzip
import hashlib
import itertools
import subprocess
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.images import noise
from support.tools import need

from lkboard.errors import Cancelled, LayerInvalid
from lkboard.oci.layers.inflate import CHUNK_SIZE, inflated

if TYPE_CHECKING:
    from pathlib import Path

TEXT = b"all work and no play " * 200_000
MIXED = noise(3 << 20) + TEXT


def ignore(_size: int) -> None:
    pass


def inflate(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    return b"".join(inflated(path, "lab", ignore))


def packed(data: bytes, level: int) -> bytes:
    return gzip.compress(data, level, mtime=0)


STREAMS = {
    "plain": MIXED,
    "gzip stored": packed(MIXED, 0),
    "gzip 1": packed(MIXED, 1),
    "gzip 9": packed(MIXED, 9),
    "gzip in many members": b"".join(packed(MIXED[at : at + 100_000], 1) for at in range(0, len(MIXED), 100_000)),
    "gzip with an empty member": packed(b"", 1) + packed(MIXED, 1) + packed(b"", 1),
    "gzip with zeros behind it": packed(MIXED, 1) + bytes(10_000),
    "zstd": zstandard.ZstdCompressor(level=3).compress(MIXED),
    "zstd in two frames": zstandard.compress(MIXED[:1000]) + zstandard.compress(MIXED[1000:]),
    "zstd behind a skippable frame": b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstandard.compress(MIXED),
    "zstd before a skippable frame": zstandard.compress(MIXED) + b"\x5f\x2a\x4d\x18\x04\0\0\0skip",
    "zstd without its size": zstandard.ZstdCompressor(write_content_size=False).compress(MIXED),
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_the_packing_is_known_by_its_first_bytes(stream: bytes, tmp_path: Path) -> None:
    assert hashlib.sha256(inflate(tmp_path / "x", stream)).digest() == hashlib.sha256(MIXED).digest()


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f", b"BZh91AY"])
def test_anything_else_is_plain(data: bytes, tmp_path: Path) -> None:
    assert inflate(tmp_path / "x", data) == data


@pytest.mark.parametrize("program", ["gzip", "zstd"])
def test_what_programs_pack_is_read(program: str, tmp_path: Path) -> None:
    need(program)
    stream = subprocess.run([program, "-c"], input=MIXED, capture_output=True, check=True).stdout
    assert inflate(tmp_path / "x", stream) == MIXED


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 40_000)), max_size=5), st.integers(0, 9))
def test_any_sequence_of_members_is_read(tmp_path: Path, parts: list[tuple[bytes, int]], level: int) -> None:
    plain = [data * times for data, times in parts]
    stream = b"".join(packed(part, level) for part in plain)
    assert inflate(tmp_path / "x", stream) == b"".join(plain)


@pytest.mark.parametrize("size", [CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE])
def test_pieces_are_never_larger_than_a_chunk(size: int, tmp_path: Path) -> None:
    path = tmp_path / "x"
    for stream in (packed(bytes(size), 9), zstandard.compress(bytes(size)), b"a" * size):
        path.write_bytes(stream)
        pieces = [len(piece) for piece in inflated(path, "lab", ignore)]
        assert sum(pieces) == size
        assert max(pieces) <= CHUNK_SIZE


DAMAGED = {
    "gzip cut": packed(TEXT, 1)[:-20],
    "gzip cut after a member": packed(TEXT, 1) + packed(TEXT, 1)[:5],
    "gzip with a wrong sum": packed(TEXT, 1)[:-8] + bytes(8),
    "gzip with a flipped byte": packed(TEXT, 9)[:500] + b"\xff\xff\xff" + packed(TEXT, 9)[503:],
    "gzip with garbage behind it": packed(TEXT, 1) + b"garbage",
    "zstd with garbage behind it": zstandard.compress(TEXT) + b"garbage",
    "zstd with a broken block": zstandard.compress(noise(500_000))[:9] + b"\xff" * 100,
}


@pytest.mark.parametrize("stream", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_an_error_that_names_the_layer(stream: bytes, tmp_path: Path) -> None:
    with pytest.raises(LayerInvalid, match=r"the layer is (damaged|cut)") as caught:
        inflate(tmp_path / "x", stream)
    assert caught.value.where == "lab"


FRAMES = [
    zstandard.compress(b"ab" * 100),
    zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(bytes(300_000) + noise(50)),
    b"\x50\x2a\x4d\x18\x04\0\0\0skip",
    zstandard.compress(b"c"),
]


def test_every_cut_of_zstd_is_an_error_but_those_between_frames(tmp_path: Path) -> None:
    stream = b"".join(FRAMES)
    ends = {*itertools.accumulate(map(len, FRAMES))}
    whole = set()
    for size in range(4, len(stream) + 1):
        with suppress(LayerInvalid):
            inflate(tmp_path / "x", stream[:size])
            whole.add(size)
    assert whole == ends


@pytest.mark.parametrize("stream", [zlib.compress(TEXT)[2:], packed(MIXED, 1), zstandard.compress(MIXED)])
def test_every_stored_byte_is_told(stream: bytes, tmp_path: Path) -> None:
    path, told = tmp_path / "x", []
    path.write_bytes(stream)
    for _piece in inflated(path, "lab", told.append):
        pass
    assert sum(told) == len(stream)


@pytest.mark.parametrize("stream", [MIXED, packed(MIXED, 1), zstandard.compress(MIXED)])
def test_whoever_is_told_can_stop_it(stream: bytes, tmp_path: Path) -> None:
    def stop(_size: int) -> None:
        raise Cancelled

    (tmp_path / "x").write_bytes(stream)
    with pytest.raises(Cancelled):
        list(inflated(tmp_path / "x", "lab", stop))
