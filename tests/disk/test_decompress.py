"""Compressed images, made by the usual programs."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from support.loops import run
from support.maps import MIB, NOISE
from support.small_disk import small_disk
from support.tools import need

from lkboard.disk.decompress import compression, decompress, other_unpacker
from lkboard.errors import BuildError, Cancelled, OutputError

IMAGE = NOISE + bytes(20 * MIB) + NOISE[:MIB] + bytes(4 * MIB + 3)
COMMANDS = [("gzip", "gzip -1"), ("zstd", "zstd -q"), ("xz", "xz -0")]


def _ignore(_done: int) -> None:
    pass


Pack = Callable[[str], Path]


def _compressed(folder: Path, command: str, data: bytes) -> Path:
    need(command.split(maxsplit=1)[0])
    (folder / "image").write_bytes(data)
    run("sh", "-c", f"{command} < {folder}/image > {folder}/packed")
    return folder / "packed"


@pytest.fixture(scope="module")
def packed_images() -> dict[str, bytes]:
    """Hold `IMAGE` as each command packs it, for that takes long."""
    return {}


@pytest.fixture
def pack(tmp_path: Path, packed_images: dict[str, bytes]) -> Pack:
    """Return what makes a fresh file of `IMAGE`, packed by a command."""

    def packed(command: str) -> Path:
        if command not in packed_images:
            packed_images[command] = _compressed(tmp_path, command, IMAGE).read_bytes()
        (tmp_path / "packed").write_bytes(packed_images[command])
        return tmp_path / "packed"

    return packed


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_an_image_comes_out_whole_and_sparse(tmp_path: Path, pack: Pack, name: str, command: str) -> None:
    packed = pack(command)
    assert compression(packed.read_bytes()[:6]) == name
    decompress(packed, tmp_path / "out", _ignore)
    assert (tmp_path / "out").read_bytes() == IMAGE
    assert (tmp_path / "out").stat().st_blocks * 512 < 4 * MIB


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_several_members_one_after_the_other(tmp_path: Path, name: str, command: str) -> None:
    packed = _compressed(tmp_path, command, NOISE)
    packed.write_bytes(packed.read_bytes() * 2)
    decompress(packed, tmp_path / "out", _ignore)
    assert (tmp_path / "out").read_bytes() == NOISE * 2


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_it_may_begin_anywhere(tmp_path: Path, name: str, command: str) -> None:
    packed = _compressed(tmp_path, command, NOISE)
    packed.write_bytes(b"before" + packed.read_bytes() * 2)
    decompress(packed, tmp_path / "out", _ignore, offset=6)
    assert (tmp_path / "out").read_bytes() == NOISE * 2


@pytest.mark.parametrize(("name", "command"), COMMANDS)
@pytest.mark.parametrize("cut", [1, 100, 500_000])
def test_a_cut_file_is_damaged(tmp_path: Path, pack: Pack, name: str, command: str, cut: int) -> None:
    packed = pack(command)
    packed.write_bytes(packed.read_bytes()[:-cut])
    with pytest.raises(BuildError, match=f"packed' is damaged: its {name} data cannot be unpacked"):
        decompress(packed, tmp_path / "out", _ignore)


@pytest.mark.parametrize(("name", "command"), [("gzip", "gzip -1"), ("zstd", "zstd -q --check"), ("xz", "xz -0")])
def test_a_flipped_bit_is_found(tmp_path: Path, pack: Pack, name: str, command: str) -> None:
    packed = pack(command)
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 1
    packed.write_bytes(data)
    with pytest.raises(BuildError, match="is damaged"):
        decompress(packed, tmp_path / "out", _ignore)


def test_progress_counts_the_bytes_of_the_source(tmp_path: Path, pack: Pack) -> None:
    packed = pack("zstd -q")
    seen: list[int] = []
    decompress(packed, tmp_path / "out", seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == packed.stat().st_size


def test_a_cancel_comes_through(tmp_path: Path, pack: Pack) -> None:
    def stop(_done: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        decompress(pack("gzip -1"), tmp_path / "out", stop)


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot read"):
        decompress(tmp_path / "gone", tmp_path / "out", _ignore)


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_more_than_is_allowed_is_not_unpacked(tmp_path: Path, pack: Pack, name: str, command: str) -> None:
    packed = pack(command)
    decompress(packed, tmp_path / "out", _ignore, limit=len(IMAGE))
    with pytest.raises(BuildError, match=f"unpacks to more than {len(IMAGE) >> 20} MiB"):
        decompress(packed, tmp_path / "other", _ignore, limit=len(IMAGE) - 1)
    assert (tmp_path / "other").stat().st_size < len(IMAGE)


@pytest.mark.device
def test_disk_full(tmp_path: Path, pack: Pack) -> None:
    packed = pack("gzip -1")
    with small_disk(tmp_path / "small", 1) as small, pytest.raises(OutputError, match="No space left on device"):
        decompress(packed, small / "out", _ignore)


@pytest.mark.parametrize(
    ("start", "program"),
    [
        (bz2.compress(NOISE), "bzip2"),
        (lzma.compress(NOISE, lzma.FORMAT_ALONE), "lzma"),
        (bytes.fromhex("02214c18"), "lz4"),  # as "lz4 -l", which the kernel wants
        (bytes.fromhex("04224d18"), "lz4"),
        (bytes.fromhex("894c5a4f000d0a1a0a"), "lzop"),
        (b"070701", ""),
        (b"", ""),
    ],
)
def test_other_compressions_are_known_by_their_programs(start: bytes, program: str) -> None:
    assert (compression(start[:9]), other_unpacker(start[:9])) == ("", program)


@pytest.mark.parametrize("start", [b"", b"\x1f", b"PK\x03\x04", b"BZh91A", bytes(6)])
def test_other_starts_are_no_compression(start: bytes) -> None:
    assert compression(start) == ""
