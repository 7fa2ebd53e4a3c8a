"""Compressed maps, judged by the programs whose formats they are."""

from __future__ import annotations

import gzip
import lzma
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.maps import MIB, NOISE, Recipe, recipes
from support.plans import map_bytes
from support.processes import run_python
from support.tools import need

from lkboard.disk.decompress import decompress
from lkboard.disk.packed import BLOCK, pieces
from lkboard.errors import BuildError, Cancelled
from lkboard.model.artifact import COMPRESSIONS, Compression
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros, stamp_of

PROGRAMS = {"zst": "zstd", "xz": "xz", "gz": "gzip"}
EDGES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5]


@pytest.fixture(params=COMPRESSIONS)
def compression(request: pytest.FixtureRequest) -> Compression:
    kind: Compression = request.param
    return kind


def packed(extents: ExtentMap, compression: Compression) -> bytes:
    return b"".join(pieces(extents, compression, on_bytes=lambda _done: None))


def with_an_end(size: int) -> ExtentMap:
    """Return a map of zeros that ends with another byte."""
    return ExtentMap((Extent(size - 1, Inline(b"x")),) if size else (), size)


@settings(max_examples=12, deadline=None)
@given(recipes(), st.sampled_from(COMPRESSIONS))
def test_our_own_reader_unpacks_it_to_the_map(recipe: Recipe, compression: Compression) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "packed").write_bytes(packed(recipe.make(folder), compression))
        decompress(folder / "packed", folder / "image", lambda _done: None)
        assert (folder / "image").read_bytes() == recipe.bytes()


@pytest.mark.parametrize("size", EDGES)
def test_its_program_accepts_it(size: int, compression: Compression, tmp_path: Path) -> None:
    program = PROGRAMS[compression]
    need(program)
    path = tmp_path / f"file.{compression}"
    path.write_bytes(packed(with_an_end(size), compression))
    subprocess.run([program, "-t", "-q", path], check=True)
    done = subprocess.run([program, "-dc", path], capture_output=True, check=True)
    assert done.stdout == map_bytes(with_an_end(size))


def test_its_program_sees_damage(compression: Compression, tmp_path: Path) -> None:
    program = PROGRAMS[compression]
    need(program)
    data = bytearray(packed(ExtentMap((Extent(0, Inline(NOISE[:100_000])),), MIB), compression))
    data[len(data) // 2] ^= 1
    (tmp_path / f"file.{compression}").write_bytes(data)
    done = subprocess.run([program, "-t", "-q", tmp_path / f"file.{compression}"], capture_output=True, check=False)
    assert done.returncode != 0


def test_zstd_knows_the_size_without_unpacking(tmp_path: Path) -> None:
    need("zstd")
    (tmp_path / "file.zst").write_bytes(packed(with_an_end(9 * MIB), "zst"))
    done = subprocess.run(["zstd", "-lv", tmp_path / "file.zst"], capture_output=True, text=True, check=True)
    assert f"({9 * MIB} B)" in done.stdout


def test_holes_and_zeros_are_the_same(compression: Compression) -> None:
    hole, zeros = ExtentMap((), 6 * MIB), ExtentMap((Extent(0, Zeros(6 * MIB)),), 6 * MIB)
    assert packed(hole, compression) == packed(zeros, compression)


def test_a_huge_hole_is_small(compression: Compression) -> None:
    assert len(packed(ExtentMap((), 1 << 30), compression)) < 5 * MIB


def test_the_number_of_processors_does_not_matter(compression: Compression) -> None:
    extents = ExtentMap((Extent(3 * MIB, Inline(NOISE)),), 9 * MIB)
    several = packed(extents, compression)
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        assert packed(extents, compression) == several
    finally:
        os.sched_setaffinity(0, processors)


@pytest.mark.parametrize(
    ("compression", "expected"),
    [
        ("gz", "1f8b08000000000004ffedc1310100000803a05555fb7730c53e2099bd00000000004d0fa00ec1ca88130000"),
        ("zst", "28b52ffd6488126d00003000006162630001007fd3832207ad51b8"),
        (
            "xz",
            "fd377a585a000004e6d6b4460200210114000000ffe7ec09e0138700235d000061833e5172b07f54525275b12d6257a3e5d8f4ed3fa2d6adaa3b1881251a3c3f42000000a0ad4e8abbb004fc00013f8827000000710d0a8ab1c467fb020000000004595a",
        ),
    ],
    indirect=["compression"],
)
def test_the_bytes_are_the_same_everywhere(compression: Compression, expected: str) -> None:
    assert packed(ExtentMap((Extent(2, Inline(b"abc")),), 5000), compression).hex() == expected


def test_members_bear_no_time_and_no_name() -> None:
    assert packed(ExtentMap((), 100), "gz")[3:8] == bytes(5)


def test_blocks_are_unpacked_by_themselves() -> None:
    data = packed(with_an_end(BLOCK + 1), "xz")
    first = lzma.LZMADecompressor()
    assert first.decompress(data) == bytes(BLOCK)
    assert lzma.decompress(first.unused_data) == b"x"
    assert gzip.decompress(packed(with_an_end(BLOCK + 1), "gz")) == bytes(BLOCK) + b"x"


def test_all_bytes_are_looked_at_in_their_order(compression: Compression) -> None:
    seen = bytearray()
    extents = ExtentMap((Extent(5 * MIB, Inline(NOISE[:100_000])),), 13 * MIB + 7)
    list(pieces(extents, compression, on_bytes=lambda _done: None, look=seen.extend))
    assert seen == map_bytes(extents)


def test_progress_counts_the_bytes_of_the_map(compression: Compression) -> None:
    seen: list[int] = []
    list(pieces(with_an_end(9 * MIB), compression, on_bytes=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == 9 * MIB
    assert {*seen} <= {0, 4 * MIB, 8 * MIB, 9 * MIB}


def test_it_can_be_stopped_in_the_middle_of_a_block() -> None:
    """A block of noise takes xz seconds; nobody waits for its end, and no thread goes on with it."""

    def stop(_done: int) -> None:
        raise Cancelled

    extents = ExtentMap((Extent(0, Inline(NOISE * 2)),), BLOCK)
    started = time.process_time()
    with pytest.raises(Cancelled):
        list(pieces(extents, "xz", on_bytes=stop))
    stopped = time.process_time() - started
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("compress")]
    started = time.process_time()
    packed(extents, "xz")
    assert stopped < (time.process_time() - started) / 2


def test_who_wants_no_more_leaves_no_threads(compression: Compression) -> None:
    some = pieces(with_an_end(64 * MIB), compression, on_bytes=lambda _done: None)
    next(some)
    some.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("compress")]


def test_a_source_that_became_shorter_is_an_error(compression: Compression, tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"x")
    extents = ExtentMap((Extent(0, FileSpan(str(tmp_path / "short"), 0, 5000)),), 5000)
    with pytest.raises(BuildError, match="short' became shorter while it was read"):
        packed(extents, compression)


def test_a_source_that_was_edited_is_an_error(compression: Compression, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"as it was when it was hashed")
    span = FileSpan(str(source), 0, 9, stamp=stamp_of(source.stat()))
    source.write_bytes(b"edited")
    source.write_bytes(b"edited, and as long as it was")
    with pytest.raises(BuildError, match="source' changed while it was read"):
        packed(ExtentMap((Extent(0, span),), 9), compression)


def test_a_large_map_is_not_held_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb") as source:
        source.truncate(400 * MIB)
    program = """
import sys
from lkboard.disk.packed import pieces
from lkboard.model.extents import Extent, ExtentMap, FileSpan

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

size = 400 << 20
extents = ExtentMap((Extent(0, FileSpan(sys.argv[1], 0, size)),), size)
packed = sum(map(len, pieces(extents, "zst", on_bytes=lambda _done: None)))
print(packed, peak())
"""
    size, peak = map(int, run_python(program, tmp_path / "source").split())
    assert size < MIB
    assert peak < 150 << 10
