"""What a name on the command line stands for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from lkboard.emulate.medium import DiskImage, KernelFiles, find_medium, sha256_of
from lkboard.errors import Cancelled, EmulationError

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob

DISK = bytes(510) + b"\x55\xaa" + bytes(512)


def test_a_disk_image(tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(DISK)
    assert find_medium(str(tmp_path / "a.img")) == DiskImage(str(tmp_path / "a.img"), 1024)


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.img").write_bytes(DISK)
    (tmp_path / "k-kernel").touch()
    assert find_medium("a.img") == DiskImage(str(tmp_path / "a.img"), 1024)
    assert find_medium("k") == KernelFiles(str(tmp_path / "k-kernel"), "", "")


def test_the_outputs_of_kernel_and_initrd(tmp_path: Path) -> None:
    base = tmp_path / "demo"
    (tmp_path / "demo-kernel").touch()
    (tmp_path / "demo-initrd.img").touch()
    (tmp_path / "demo-cmdline").write_text("console=ttyS0 quiet\n")
    assert find_medium(str(base)) == KernelFiles(f"{base}-kernel", f"{base}-initrd.img", "console=ttyS0 quiet")


def test_a_command_line_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo-kernel").touch()
    (tmp_path / "demo-cmdline").write_bytes(b"console=\xff")
    with pytest.raises(EmulationError, match=r"demo-cmdline: the command line is no UTF-8 text \(build"):
        find_medium(str(tmp_path / "demo"))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            b"\x1f\x8b",
            "this is compressed with gzip, not a raw disk image (unpack it: gzip -dc '{path}' > '{path}.raw')",
        ),
        (
            b"KDMV",
            "this is a VMware disk, not a raw disk image (convert it: qemu-img convert -O raw '{path}' '{path}.raw')",
        ),
        (b"", "this is not a disk image: it has no partition table"),
        (bytes(1024), "this is not a disk image: it has no partition table"),
    ],
)
def test_what_is_no_disk_image_is_refused(tmp_path: Path, head: bytes, message: str) -> None:
    path = tmp_path / "an image"
    path.write_bytes(head)
    with pytest.raises(EmulationError) as caught:
        find_medium(str(path))
    assert str(caught.value) == f"{path}: {message.format(path=path)}"


def test_nothing_of_that_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match=r"no such image \(give a disk image, or the base name"):
        find_medium(str(tmp_path / "none"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="not a file"):
        find_medium(str(tmp_path))


def test_the_digest_of_an_image(tmp_path: Path, job: RecordingJob) -> None:
    (tmp_path / "a.img").write_bytes(DISK * 3000)
    digest = sha256_of(find_medium(str(tmp_path / "a.img")), job)
    assert digest == hashlib.sha256(DISK * 3000).hexdigest()


def test_the_digest_of_kernel_files_covers_all_of_them(tmp_path: Path, job: RecordingJob) -> None:
    (tmp_path / "d-kernel").write_bytes(b"k")
    (tmp_path / "d-initrd.img").write_bytes(b"i")
    (tmp_path / "d-cmdline").write_text("c\n")
    assert sha256_of(find_medium(str(tmp_path / "d")), job) == hashlib.sha256(b"kic").hexdigest()


def test_hashing_stops_when_asked_to(tmp_path: Path, job: RecordingJob) -> None:
    (tmp_path / "a.img").write_bytes(DISK)
    job.cancel()
    with pytest.raises(Cancelled):
        sha256_of(DiskImage(str(tmp_path / "a.img"), 1024), job)
