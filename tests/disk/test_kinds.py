"""What is no raw disk. The proposed commands are run, on files whose names need quotes."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from support.maps import NOISE
from support.tools import need

from lkboard.disk.kinds import HEAD_SIZE, other_kind

if TYPE_CHECKING:
    from pathlib import Path

NAME = "it's a disk; $(touch oh).img"


def _made(folder: Path, *command: str) -> bytes:
    """Run a program on the raw disk ``disk`` of a folder; return the beginning of what it prints, or writes to `NAME`.

    What it prints gets that name, too.
    """
    need(command[0])
    (folder / "disk").write_bytes(NOISE)
    with (folder / "printed").open("wb") as output:
        subprocess.run(command, cwd=folder, stdout=output, check=True)
    if (folder / "printed").stat().st_size and not (folder / NAME).exists():
        (folder / "printed").rename(folder / NAME)
    with (folder / NAME).open("rb") as file:
        return file.read(HEAD_SIZE)


@pytest.mark.parametrize("program", ["gzip", "zstd", "xz", "lz4", "lzma"])
def test_the_command_unpacks_what_is_compressed(tmp_path: Path, program: str) -> None:
    kind = other_kind(_made(tmp_path, program, "-c", "disk"), NAME)
    assert kind is not None
    assert kind.name == f"compressed with {program}"
    _run(tmp_path, kind.hint, "unpack it: ")


@pytest.mark.parametrize(
    ("made", "name"), [("qcow2", "a qcow2 disk"), ("vmdk", "a VMware disk"), ("vpc", "a VHD disk")]
)
def test_the_command_converts_disks_of_virtual_machines(tmp_path: Path, made: str, name: str) -> None:
    options = ["-o", "force_size=on"] if made == "vpc" else []
    kind = other_kind(_made(tmp_path, "qemu-img", "convert", "-O", made, *options, "disk", NAME), NAME)
    assert kind is not None
    assert kind.name == name
    _run(tmp_path, kind.hint, "convert it: ")


def _run(folder: Path, hint: str, introduction: str) -> None:
    """Run the command of a hint; it must bring the raw disk back."""
    assert hint.startswith(introduction)
    subprocess.run(hint.removeprefix(introduction), shell=True, cwd=folder, capture_output=True, check=True)
    assert (folder / f"{NAME}.raw").read_bytes() == NOISE
    assert not (folder / "oh").exists()


def test_archives(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(NOISE)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "disk")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "disk", "disk")
    zipped = other_kind((tmp_path / "a.zip").read_bytes()[:HEAD_SIZE], "a b.zip")
    assert zipped == ("a zip archive", "unpack it: unzip 'a b.zip'")
    tarred = other_kind((tmp_path / "a.tar").read_bytes()[:HEAD_SIZE], "a.tar")
    assert tarred == ("a tar archive", "make a disk image: lkboard build --board ID CONFIG")


@pytest.mark.parametrize("head", [b"", NOISE[:HEAD_SIZE], bytes(510) + b"\x55\xaa", b"ustar"])
def test_what_may_be_a_raw_disk_is_none_of_them(head: bytes) -> None:
    assert other_kind(head, "x") is None
