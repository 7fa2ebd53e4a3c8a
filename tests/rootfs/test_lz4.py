from __future__ import annotations

import subprocess

import pytest
from support.images import noise
from support.tools import need

from lkboard.rootfs.lz4 import MAGIC, unpack

PLAIN = {
    "text": b"all work and no play makes jack a dull boy\n" * 3000,
    "noise": noise(100_000),
    "zeros": bytes(300_000),
    "overlapping repeats": b"a" + b"ab" * 1000 + b"abc" * 1000,
    "one byte": b"x",
    "more than a block": noise(70_000) * 130,
}


@pytest.mark.parametrize("plain", PLAIN.values(), ids=PLAIN.keys())
@pytest.mark.parametrize("level", ["-1", "-9"])
def test_what_lz4_packs_is_unpacked(plain: bytes, level: str) -> None:
    need("lz4")
    packed = subprocess.run(["lz4", "-l", level, "-c"], input=plain, capture_output=True, check=True).stdout
    assert packed.startswith(MAGIC)
    assert unpack(packed, 1 << 30) == plain


def test_a_size_that_the_kernels_build_appends_is_ignored() -> None:
    need("lz4")
    packed = subprocess.run(["lz4", "-l", "-c"], input=b"kernel", capture_output=True, check=True).stdout
    assert unpack(packed + len(b"kernel").to_bytes(4, "little"), 100) == b"kernel"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (b"\x14a\x05\x00", "refers to what is not there"),
        (b"\x14a\x00\x00", "refers to what is not there"),
        (b"\xf0", "is cut"),
        (b"\x14a\x01", "is cut"),
        (b"\x1fa\x01\x00\xff", "is cut"),
        (b"\x14a\x01\x00", "is cut"),
        (b"\x1fa\x01\x00" + b"\xff" * 40_000 + b"\x00", "more than 8 MiB"),
    ],
)
def test_damage_is_an_error(block: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unpack(MAGIC + len(block).to_bytes(4, "little") + block, 100)


@pytest.mark.parametrize("size", [0, 1, 2, 4, 5, 50])
def test_a_cut_frame_is_an_error(size: int) -> None:
    need("lz4")
    packed = subprocess.run(["lz4", "-l", "-c"], input=noise(100), capture_output=True, check=True).stdout
    with pytest.raises(ValueError, match="is cut"):
        unpack(packed[: len(MAGIC) + size], 1000)


def test_no_block_is_unpacked_beyond_the_limit() -> None:
    packed = MAGIC + (len(b"\x10a").to_bytes(4, "little") + b"\x10a") * 50
    assert unpack(packed, 3) == b"aaaa"
