from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from support.fat import mtools
from support.plans import boot_files, save
from support.tools import need

from lkboard.disk import fat
from lkboard.disk.fat_reader import FatReader
from lkboard.errors import DiskInvalid, OutputError

MIB = 1 << 20
ROOT = Path(__file__).parents[2]
TREE = {"kernel": b"K" * 3_000_000, "EFI/BOOT/Long Name.efi": b"E" * 700, "empty": b""}


def made_by_mtools(tmp_path: Path, bits: int, offset: int = 0) -> Path:
    """Return an image that dosfstools and mtools made."""
    need("mkfs.fat", "mcopy")
    path = tmp_path / "fat.img"
    size = {12: 4, 16: 32, 32: 64}[bits] * MIB
    path.write_bytes(b"")
    with path.open("r+b") as file:
        file.truncate(offset + size)
    sectors = ["-s", "1"] if bits == 32 else []
    subprocess.run(
        ["mkfs.fat", "-F", str(bits), *sectors, "--offset", str(offset // 512), str(path), str(size // 1024)],
        check=True,
        capture_output=True,
    )
    drive = f"{path}@@{offset}"
    mtools("mmd", "-i", drive, "::/EFI", "::/EFI/BOOT")
    for name, data in TREE.items():
        (tmp_path / "file").write_bytes(data)
        mtools("mcopy", "-i", drive, str(tmp_path / "file"), f"::/{name}")
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save(fat.plan(boot_files(TREE)), tmp_path / "fat.img")


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def table_offset(path: Path, cluster: int) -> int:
    return int.from_bytes(path.read_bytes()[14:16], "little") * 512 + 4 * cluster


def link(path: Path, cluster: int, following: int) -> None:
    """Change one entry in both tables."""
    size = int.from_bytes(path.read_bytes()[36:40], "little") * 512
    for table in (0, size):
        overwrite(path, table_offset(path, cluster) + table, struct.pack("<I", following))


@pytest.mark.parametrize("bits", [12, 16, 32])
def test_it_reads_what_other_programs_wrote(tmp_path: Path, bits: int) -> None:
    with FatReader(made_by_mtools(tmp_path, bits)) as reader:
        assert {name: reader.read(name) for name in reader.files()} == TREE


def test_it_reads_at_an_offset(tmp_path: Path) -> None:
    with FatReader(made_by_mtools(tmp_path, 16, offset=MIB), MIB) as reader:
        assert {name: reader.read(name) for name in reader.files()} == TREE


def test_it_reads_files_in_pieces_that_are_spread_over_the_disk(tmp_path: Path) -> None:
    path = made_by_mtools(tmp_path, 16)
    mtools("mdel", "-i", str(path), "::/kernel")
    data = bytes(range(256)) * 20_000
    for name, part in (("a", b"1" * 50_000), ("gap", b"2" * 90_000), ("b", b"3" * 50_000)):
        (tmp_path / "file").write_bytes(part)
        mtools("mcopy", "-i", str(path), str(tmp_path / "file"), f"::/{name}")
    mtools("mdel", "-i", str(path), "::/gap")
    (tmp_path / "file").write_bytes(data)
    mtools("mcopy", "-i", str(path), str(tmp_path / "file"), "::/scattered")
    with FatReader(path) as reader:
        assert reader.read("scattered") == data


def test_files_are_found_in_any_case(image: Path) -> None:
    with FatReader(image) as reader:
        assert reader.read("/efi/boot/LONG NAME.EFI") == TREE["EFI/BOOT/Long Name.efi"]


def test_sizes_and_pieces(image: Path) -> None:
    with FatReader(image) as reader:
        assert reader.size("kernel") == 3_000_000
        assert [len(piece) for piece in reader.chunks("kernel")] == [MIB, MIB, 3_000_000 - 2 * MIB]
        assert list(reader.chunks("empty")) == []


def test_a_file_can_be_copied_out(image: Path, tmp_path: Path) -> None:
    with FatReader(image) as reader:
        reader.copy("kernel", tmp_path / "kernel")
    assert (tmp_path / "kernel").read_bytes() == TREE["kernel"]


def test_a_copy_that_cannot_be_written_is_explained(image: Path, tmp_path: Path) -> None:
    with FatReader(image) as reader, pytest.raises(OutputError, match="no/kernel: cannot be written: No such file"):
        reader.copy("kernel", tmp_path / "no" / "kernel")


def test_a_missing_file_is_named(image: Path) -> None:
    with FatReader(image) as reader, pytest.raises(DiskInvalid) as caught:
        reader.read("initrd.img")
    assert str(caught.value) == f"{image}: has no file 'initrd.img'"


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskInvalid, match=r"gone\.img: cannot be read: No such file"):
        FatReader(tmp_path / "gone.img")


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"text\n" * 1000], ids=["empty", "zeros", "text"])
def test_what_is_no_fat_file_system_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DiskInvalid, match="file: has no FAT file system there, or a damaged one: "):
        FatReader(path)


def test_tables_that_differ_are_refused(image: Path) -> None:
    overwrite(image, table_offset(image, 9000), b"\1")
    with pytest.raises(DiskInvalid, match="One or more FATs differ"):
        FatReader(image)


def test_a_folder_whose_chain_has_no_end_is_refused(image: Path) -> None:
    link(image, 2, 2)
    with pytest.raises(DiskInvalid, match="a chain of clusters without an end"):
        FatReader(image)


def test_a_folder_that_contains_itself_is_refused(image: Path) -> None:
    data = image.read_bytes()
    root = (int.from_bytes(data[14:16], "little") + 2 * int.from_bytes(data[36:40], "little")) * 512
    entry = data.index(b"EFI        \x10", root)
    overwrite(image, entry + 26, (3).to_bytes(2, "little"))
    folder = root + 512
    overwrite(image, folder + 64, b"AGAIN      \x10" + bytes(14) + (3).to_bytes(2, "little") + bytes(4))
    with pytest.raises(DiskInvalid, match="a folder that contains itself"):
        FatReader(image)


def test_a_file_whose_chain_is_too_short_is_refused(image: Path) -> None:
    with FatReader(image) as reader:
        first = reader._find("kernel").get_cluster()
    link(image, first + 10, 0x0FFFFFFF)
    with FatReader(image) as reader, pytest.raises(DiskInvalid, match="the file 'kernel' ends too early"):
        reader.read("kernel")


def test_a_file_whose_chain_is_broken_is_refused(image: Path) -> None:
    with FatReader(image) as reader:
        first = reader._find("kernel").get_cluster()
    link(image, first + 10, 0)
    with FatReader(image) as reader, pytest.raises(DiskInvalid, match="FREE_CLUSTER mark found"):
        reader.read("kernel")


def test_an_image_that_was_cut_off_is_refused(image: Path) -> None:
    with image.open("r+b") as file:
        file.truncate(MIB)
    with FatReader(image) as reader, pytest.raises(DiskInvalid, match="it is cut off"):
        reader.read("kernel")


def test_a_card_that_was_not_unmounted_can_be_read(image: Path) -> None:
    link(image, 1, 0x07FFFFFF)
    with FatReader(image) as reader:
        assert reader.read("kernel") == TREE["kernel"]


def test_it_needs_nothing_of_pyfatfs_but_its_low_level(image: Path) -> None:
    # the upper level wants pkg_resources, which current setuptools no longer has
    script = f"""
import sys
sys.modules |= {{"fs": None, "pkg_resources": None}}
from pathlib import Path
from lkboard.disk.fat_reader import FatReader
with FatReader(Path({str(image)!r})) as reader:
    print(*reader.files())
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.split() == b"kernel empty EFI/BOOT/Long Name.efi".split()
    assert done.stderr == b""


def test_reading_changes_nothing(image: Path) -> None:
    before = image.read_bytes()
    with FatReader(image) as reader:
        reader.read("kernel")
    assert image.read_bytes() == before
