"""``--disk``."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from support.tools import need

from lkboard.emulate.disks import DiskWish, make_disks, parse_disk
from lkboard.emulate.machine import Drive
from lkboard.errors import UsageError

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("2", DiskWish(size_bytes=2 * GIB)),
        ("2G", DiskWish(size_bytes=2 * GIB)),
        ("512M", DiskWish(size_bytes=512 * MIB)),
        ("data.img,format=qcow2", DiskWish("data.img", format="qcow2")),
        ("size=512M,format=raw", DiskWish(size_bytes=512 * MIB, format="raw")),
        ("data.img", DiskWish("data.img")),
        ("file=data.img,size=1G", DiskWish("data.img", GIB)),
        ("data.img,size=1,format=raw", DiskWish("data.img", GIB, "raw")),
    ],
)
def test_what_can_be_written(text: str, wish: DiskWish) -> None:
    assert parse_disk(text) == wish


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--disk needs a size or a file (write --disk 1G or --disk FILE)"),
        ("format=raw", "--disk needs a size or a file (write --disk 1G or --disk FILE)"),
        ("a.img,size=1K", "--disk: '1K' is not a size (write a number and M (MiB) or G (GiB), such as 512M)"),
        ("a.img,format=vmdk", "--disk: the format 'vmdk' is not known (known: raw, qcow2)"),
        ("a.img,colour=red", "--disk: 'colour' is not known (known: file, size, format)"),
    ],
)
def test_what_cannot(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_disk(text)
    assert str(caught.value) == message


def virtual_size(drive: Drive) -> int:
    answer = subprocess.run(
        ["qemu-img", "info", "--output=json", "-f", drive.format, drive.path], check=True, capture_output=True
    )
    return int(json.loads(answer.stdout)["virtual-size"])


def test_nameless_disks_are_made_in_the_throw_away_folder(tmp_path: Path) -> None:
    need("qemu-img")
    drives = make_disks((DiskWish(size_bytes=MIB), DiskWish(size_bytes=2 * MIB, format="raw")), tmp_path)
    assert [(drive.format, virtual_size(drive)) for drive in drives] == [("qcow2", MIB), ("raw", 2 * MIB)]
    assert {Path(drive.path).parent for drive in drives} == {tmp_path}


def test_a_named_disk_is_made_once_and_then_used_as_it_is(tmp_path: Path) -> None:
    need("qemu-img")
    wish = DiskWish(str(tmp_path / "data.img"), MIB)
    first = make_disks((wish,), tmp_path / "none")
    before = Path(first[0].path).read_bytes()
    assert make_disks((wish,), tmp_path / "none") == first == (Drive(str(tmp_path / "data.img"), "qcow2"),)
    assert Path(first[0].path).read_bytes() == before


def test_an_existing_file_without_a_known_beginning_is_raw(tmp_path: Path) -> None:
    (tmp_path / "data.img").write_bytes(bytes(512))
    assert make_disks((DiskWish(str(tmp_path / "data.img")),), tmp_path)[0].format == "raw"


def test_a_format_that_is_named_wins_over_the_content(tmp_path: Path) -> None:
    (tmp_path / "data.img").write_bytes(b"QFI\xfb".ljust(512, b"\0"))
    drives = make_disks(tuple(parse_disk(f"{tmp_path}/data.img{more}") for more in (",format=raw", "")), tmp_path)
    assert [drive.format for drive in drives] == ["raw", "qcow2"]


@pytest.mark.parametrize("behind", [("-b", "secret", "-F", "raw"), ("-o", "data_file=other")], ids=["backing", "data"])
def test_a_qcow2_with_another_file_behind_it_is_used_only_when_it_is_named_so(
    tmp_path: Path, behind: tuple[str, ...]
) -> None:
    need("qemu-img")
    (tmp_path / "secret").write_bytes(bytes(MIB))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *behind, "my data", "1M"], cwd=tmp_path, check=True)
    name = str(tmp_path / "my data")
    with pytest.raises(UsageError, match="my data: this qcow2 image uses another file") as caught:
        make_disks((parse_disk(name),), tmp_path)
    assert caught.value.hint == f"if you made it so: --disk '{name}',format=qcow2; if it is a raw disk: format=raw"
    assert make_disks((parse_disk(f"{name},format=qcow2"),), tmp_path)[0].format == "qcow2"


@pytest.mark.device
def test_a_block_device_is_refused(tmp_path: Path) -> None:
    os.mknod(tmp_path / "card", stat.S_IFBLK | 0o600, os.makedev(7, 250))
    with pytest.raises(UsageError, match="--disk takes files, no devices"):
        make_disks((parse_disk(f"{tmp_path}/card,format=raw"),), tmp_path)


def test_a_missing_file_without_a_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'none\.img' does not exist \(give its size: --disk none\.img,size=1G\)"):
        make_disks((DiskWish("none.img"),), tmp_path)
    with pytest.raises(UsageError, match="--disk 'not there',size=1G"):
        make_disks((DiskWish("not there"),), tmp_path)
