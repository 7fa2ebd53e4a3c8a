"""What is put beside a file, judged by sha256sum."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from lkboard.disk.sidecars import Sums, sidecar_path, sidecar_paths, sum_line
from lkboard.model.extents import Extent, ExtentMap, Inline

if TYPE_CHECKING:
    from pathlib import Path

EXTENTS = ExtentMap((Extent(0, Inline(b"image")),), 8192)


def check(folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sha256sum", "--strict", "-c", "sums"], cwd=folder, capture_output=True, check=False)


@pytest.mark.parametrize(
    "name", ["disk.img", "with space", "größe", "\udcff", "back\\slash", "new\nline", "\\n", "a\rb", "*x"]
)
def test_sha256sum_accepts_a_file_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"content")
    (tmp_path / "sums").write_bytes(sum_line(hashlib.sha256(b"content").hexdigest(), name))
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_sha256sum_sees_a_file_that_changed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"changed")
    (tmp_path / "sums").write_bytes(sum_line(hashlib.sha256(b"content").hexdigest(), "x"))
    assert check(tmp_path).returncode == 1


def test_sidecars_are_beside_the_file(tmp_path: Path) -> None:
    assert sidecar_path(tmp_path / "x.img", "bmap") == tmp_path / "x.img.bmap"
    assert sidecar_paths(tmp_path / "x.img") == (tmp_path / "x.img.sha256", tmp_path / "x.img.bmap")


def test_the_sum_is_of_the_file_and_the_map_is_of_the_image() -> None:
    sums = Sums(("sha256", "bmap"), EXTENTS)
    sums.take_image(b"image".ljust(8192, b"\0"))
    sums.take_file(b"packed")
    assert sums.text("sha256", "x.gz") == sum_line(hashlib.sha256(b"packed").hexdigest(), "x.gz")
    (found,) = ET.fromstring(sums.text("bmap", "x.gz")).findall("BlockMap/Range")
    assert (found.text, found.get("chksum")) == (" 0 ", hashlib.sha256(b"image".ljust(4096, b"\0")).hexdigest())


def test_a_sum_that_nobody_wants_is_not_made() -> None:
    sums = Sums(("bmap",), EXTENTS)
    sums.take_file(b"file")
    assert sums.sha256 == ""
