"""The metadata disk, read by xorriso."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.tools import need

from lkboard.emulate.metadata import metadata_iso

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 2049, 100_000])
@pytest.mark.parametrize(("extensions", "name"), [("any", "config"), ("norock", "CONFIG")])
def test_an_independent_reader_finds_the_file(tmp_path: Path, size: int, extensions: str, name: str) -> None:
    need("xorriso")
    data = bytes(number % 251 for number in range(size))
    (tmp_path / "data.iso").write_bytes(metadata_iso(data))
    # -abort_on WARNING: the reader must have nothing to complain about
    command = ["xorriso", "-abort_on", "WARNING", "-osirrox", "on", "-read_fs", extensions, "-indev"]
    extract = ["-extract", f"/{name}", str(tmp_path / "out")]
    subprocess.run([*command, str(tmp_path / "data.iso"), *extract], check=True, capture_output=True)
    assert (tmp_path / "out").read_bytes() == data


def test_the_volume_is_called_config(tmp_path: Path) -> None:
    need("xorriso")
    (tmp_path / "data.iso").write_bytes(metadata_iso(b"x"))
    answer = subprocess.run(
        ["xorriso", "-indev", str(tmp_path / "data.iso"), "-pvd_info"], check=True, capture_output=True, text=True
    )
    assert "Volume Id    : config" in answer.stdout


def test_it_is_a_whole_number_of_sectors_without_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    first = metadata_iso(b"x" * 3000)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert metadata_iso(b"x" * 3000) == first
    assert len(first) % 2048 == 0
