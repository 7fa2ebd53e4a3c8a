from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
import zstandard
from support.kernels import bzimage
from support.tools import need

from lkboard.disk.content import read
from lkboard.errors import ImageConflict
from lkboard.model.extents import Content, FileSpan, Inline
from lkboard.rootfs import kernel_payload
from lkboard.rootfs.kernel_payload import is_bzimage, unwrap_kernel

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = b"\0" * 56 + b"ARM\x64" + b"kernel code " * 5000

PACKED = {
    "gzip": gzip.compress(PLAIN),
    "xz": lzma.compress(PLAIN, check=lzma.CHECK_CRC32),
    "lzma": lzma.compress(PLAIN, lzma.FORMAT_ALONE),
    "zstd": zstandard.compress(PLAIN),
    "zstd without its size": zstandard.ZstdCompressor(write_content_size=False).compress(PLAIN),
    "bzip2": bz2.compress(PLAIN),
}


def zboot(payload: bytes, name: bytes = b"gzip") -> bytes:
    head = b"MZ\0\0zimg" + struct.pack("<II", 512, len(payload)) + bytes(8) + name
    return head.ljust(512, b"\0") + payload + b"behind"


def unwrap(data: bytes) -> bytes:
    return read(unwrap_kernel(Content.of(data)))


@pytest.mark.parametrize(
    ("kernel", "is_one"),
    [(bzimage(b""), True), (bzimage(b"")[:0x250], False), (PACKED["gzip"], False), (zboot(PACKED["gzip"]), False)],
    ids=["bzImage", "cut", "gzip", "zboot"],
)
def test_what_boot_loaders_of_pcs_start_is_known(kernel: bytes, is_one: bool) -> None:
    assert is_bzimage(Content.of(kernel)) is is_one


@pytest.mark.parametrize("payload", PACKED.values(), ids=PACKED.keys())
@pytest.mark.parametrize("wrap", [bytes, bzimage, zboot])
def test_the_kernel_inside_is_found(payload: bytes, wrap: type[bytes]) -> None:
    assert unwrap(wrap(payload)) == PLAIN


@pytest.mark.parametrize("wrap", [bytes, bzimage, zboot])
def test_a_kernel_packed_by_lz4_is_found(wrap: type[bytes]) -> None:
    need("lz4")
    payload = subprocess.run(["lz4", "-l", "-9", "-c"], input=PLAIN, capture_output=True, check=True).stdout
    assert unwrap(wrap(payload)) == PLAIN


@pytest.mark.parametrize("data", [PLAIN, b"", b"MZ", b"MZ\0\0PE", b"MZ\0\0zimg\0", bzimage(b"")[:0x1F0]])
def test_a_kernel_that_is_not_wrapped_stays_as_it_is(data: bytes) -> None:
    kernel = Content.of(data)
    assert unwrap_kernel(kernel) is kernel


def test_a_kernel_that_is_not_wrapped_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "kernel").open("wb") as file:
        file.truncate(1 << 40)  # more than any memory
    kernel = Content((FileSpan(str(tmp_path / "kernel"), 0, 1 << 40),))
    assert unwrap_kernel(kernel) is kernel


@pytest.mark.parametrize("wrap", [bytes, bzimage, zboot])
def test_a_wrapped_kernel_may_be_in_parts(wrap: type[bytes]) -> None:
    data = wrap(PACKED["gzip"])
    parts = (data[:1], data[1:0x240], data[0x240:])
    assert read(unwrap_kernel(Content(tuple(Inline(part) for part in parts)))) == PLAIN


@pytest.mark.parametrize("wrap", [bzimage, zboot])
def test_an_unknown_payload_is_refused(wrap: type[bytes]) -> None:
    with pytest.raises(ImageConflict, match="begins with 89 4c 5a 4f, which is no compression known here"):
        unwrap(wrap(b"\x89LZO payload"))


@pytest.mark.parametrize("name", PACKED)
def test_a_damaged_payload_is_refused(name: str) -> None:
    payload = PACKED[name]
    with pytest.raises(ImageConflict, match="payload is damaged"):
        unwrap(bzimage(payload[: len(payload) // 2].ljust(len(payload), b"\xff")))


@pytest.mark.parametrize("name", PACKED)
def test_a_cut_payload_is_refused(name: str) -> None:
    with pytest.raises(ImageConflict, match="payload is damaged"):
        unwrap(PACKED[name][:-20])


def test_a_cut_lz4_payload_is_refused() -> None:
    need("lz4")
    payload = subprocess.run(["lz4", "-l", "-9", "-c"], input=PLAIN, capture_output=True, check=True).stdout
    with pytest.raises(ImageConflict, match="lz4 payload is damaged: an LZ4 block is cut"):
        unwrap(payload[:-20])


@pytest.mark.parametrize("name", ["gzip", "xz", "zstd", "bzip2"])
def test_a_bomb_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_payload, "SIZE_LIMIT", len(PACKED[name]))
    with pytest.raises(ImageConflict, match="unpacks to more than"):
        unwrap(PACKED[name])


def test_a_wrapped_kernel_beyond_measure_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "kernel"
    path.write_bytes(gzip.compress(PLAIN).ljust(5000, b"\0"))
    with pytest.raises(ImageConflict, match="the kernel has more than 256 MiB, although it is compressed"):
        unwrap_kernel(Content((FileSpan(str(path), 0, 5000), FileSpan(str(tmp_path / "none"), 0, 1 << 30))))
