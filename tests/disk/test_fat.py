from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fat import extracted, fsck, mtools
from support.plans import boot_files, map_bytes, save

from lkboard.disk import fat, fat_names
from lkboard.disk.fat_reader import FatReader
from lkboard.errors import BuildError, TooSmall
from lkboard.model.disk import BootFile
from lkboard.model.extents import Content, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.extents import ExtentMap

MIB = 1 << 20
EFI = {
    "EFI/BOOT/BOOTX64.EFI": bytes(range(256)) * 500,
    "loader/loader.conf": b"timeout 0\n",
    "loader/entries/lkboard.conf": b"linux /kernel\n",
    "kernel": b"K" * 100_001,
    "initrd.img": b"I" * 1_000_000,
    "empty file": b"",
}
BIG = {f"overlays/device-tree-overlay-{index:04}.dtbo": b"%d" % index for index in range(700)}
DEEP = {"/".join(f"level{depth}" for depth in range(60)) + "/leaf": b"deep"}
ODD = {
    "Ünïcödé/日本語.txt": b"1",
    " leading blank": b"3",
    "UPPER.TXT": b"4",
    "lower.txt": b"5",
    "Mixed.Case.Name": b"6",
    ".dot": b"7",
    "a" * 255: b"8",
    "thirteenchars": b"9",
    "x+y=[z];,.q": b"10",
}
BEYOND_MTOOLS = {"🚀/𐍈.bin": b"characters outside of plane 0"}
EXACT_CLUSTERS = {"none": b"", "one": b"1" * 512, "two": b"2" * 1024, "more": b"3" * 1025}
TREES = [EFI, BIG, DEEP, ODD, EXACT_CLUSTERS, {}, BEYOND_MTOOLS]
TREE_IDS = ["efi", "big folder", "deep", "odd names", "exact clusters", "empty", "beyond mtools"]

NAMES = st.text(
    st.one_of(st.sampled_from("abAB1.~ -"), st.characters(exclude_categories=["C", "Zl", "Zp"])),
    min_size=1,
    max_size=14,
).filter(lambda name: not set(name) & set('"*/:<>?\\|\uffff') and name[-1] not in " .")


@dataclass(frozen=True)
class Volume:
    """The fields of a boot sector, read back by hand."""

    image: bytes

    def number(self, offset: int, size: int) -> int:
        return int.from_bytes(self.image[offset : offset + size], "little")

    @property
    def data_offset(self) -> int:
        return (self.number(14, 2) + 2 * self.number(36, 4)) * 512

    @property
    def cluster_size(self) -> int:
        return self.number(13, 1) * 512

    @property
    def clusters(self) -> int:
        return (len(self.image) - self.data_offset) // self.cluster_size

    @property
    def table(self) -> tuple[int, ...]:
        start = self.number(14, 2) * 512
        return struct.unpack_from(f"<{self.clusters + 2}I", self.image, start)


@st.composite
def file_trees(draw: st.DrawFn) -> dict[str, bytes]:
    folders = [""]
    tree = {}
    for name in draw(st.lists(NAMES, max_size=15, unique_by=fat_names.fold)):
        parent = draw(st.sampled_from(folders))
        if draw(st.booleans()):
            folders.append(f"{parent}{name}/")
        tree[f"{parent}{name}" + ("/file" if f"{parent}{name}/" in folders else "")] = draw(st.binary(max_size=1500))
    return tree


def read_back(path: Path, offset: int = 0) -> dict[str, bytes]:
    with FatReader(path, offset) as reader:
        return {name: reader.read(name) for name in reader.files()}


@pytest.fixture(scope="module")
def efi_map() -> ExtentMap:
    return fat.plan(boot_files(EFI), label="EFI System", volume_id=0x1234ABCD, hidden_sectors=2048)


@pytest.fixture(scope="module")
def efi(efi_map: ExtentMap) -> Volume:
    return Volume(map_bytes(efi_map))


@pytest.mark.parametrize("tree", TREES, ids=TREE_IDS)
def test_dosfstools_finds_nothing_to_mend(tmp_path: Path, tree: dict[str, bytes]) -> None:
    fsck(save(fat.plan(boot_files(tree), label="BOOT"), tmp_path / "fat.img"))


@pytest.mark.parametrize("tree", TREES[:5], ids=TREE_IDS[:5])
def test_mtools_copies_out_what_was_put_in(tmp_path: Path, tree: dict[str, bytes]) -> None:
    image = save(fat.plan(boot_files(tree), label="BOOT"), tmp_path / "fat.img")
    (tmp_path / "out").mkdir()
    assert extracted(image, tmp_path / "out") == tree


@pytest.mark.parametrize("tree", TREES, ids=TREE_IDS)
def test_pyfatfs_reads_what_was_put_in(tmp_path: Path, tree: dict[str, bytes]) -> None:
    assert read_back(save(fat.plan(boot_files(tree), label="BOOT"), tmp_path / "fat.img")) == tree


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(tree=file_trees(), slack=st.integers(0, 40 * MIB), label=st.sampled_from(["", "BOOT"]))
def test_any_tree_comes_back(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, bytes], slack: int, label: str
) -> None:
    folder = tmp_path_factory.mktemp("fat")
    image = save(fat.plan(boot_files(tree), slack_bytes=slack, label=label), folder / "fat.img")
    fsck(image)
    assert read_back(image) == tree
    image.unlink()


@pytest.mark.parametrize("mib", [33, 40, 100, 600, 3000, 9000])
def test_every_size_is_valid(tmp_path: Path, mib: int) -> None:
    image = save(fat.plan(boot_files(EFI), size_bytes=mib * MIB), tmp_path / "fat.img")
    assert image.stat().st_size == mib * MIB
    fsck(image)
    assert "loader.conf" in mtools("mdir", "-b", "-i", str(image), "::/loader")


def test_two_plans_are_the_same_bytes(efi: Volume) -> None:
    again = fat.plan(boot_files(EFI), label="EFI System", volume_id=0x1234ABCD, hidden_sectors=2048)
    assert map_bytes(again) == efi.image


def test_the_size_fits_the_content_in_whole_mib(efi_map: ExtentMap) -> None:
    # the smallest valid FAT32 is 33 MiB: more than this content needs
    assert efi_map.size == 33 * MIB


@pytest.mark.parametrize(("percent", "more"), [(0, 0), (2, 0), (0, 36 * MIB), (10, 5 * MIB)])
def test_slack_is_free_space_on_top_of_the_content(percent: int, more: int) -> None:
    size = 80 * MIB
    file = BootFile("big", Content((Zeros(size),)))
    volume = fat.plan([file], slack_percent=percent, slack_bytes=more)
    wanted = size + size * percent // 100 + more
    assert wanted < volume.size < wanted + wanted // 100 + 3 * MIB


@settings(max_examples=25)
@given(size=st.integers(0, 300 * MIB))
def test_a_fitted_size_is_enough_when_it_is_given(size: int) -> None:
    extents = fat.plan([BootFile("big", Content((Zeros(size),)))])
    assert fat.plan([BootFile("big", Content((Zeros(size),)))], size_bytes=extents.size).size == extents.size


def test_a_given_size_that_is_too_small_says_what_is_needed() -> None:
    files = [BootFile("initrd.img", Content((Zeros(70 * MIB),)))]
    with pytest.raises(TooSmall) as caught:
        fat.plan(files, size_bytes=64 * MIB)
    assert str(caught.value) == (
        "the boot file system needs 71 MiB for these files, it is given 64 MiB (give it at least 71 MiB)"
    )
    assert (caught.value.needed, caught.value.given) == (71 * MIB, 64 * MIB)
    assert fat.plan(files, size_bytes=caught.value.needed).size == caught.value.needed


@pytest.mark.parametrize("size", [1, 512, MIB, 32 * MIB])
def test_a_size_below_the_smallest_fat32_is_too_small(size: int) -> None:
    with pytest.raises(TooSmall, match="needs 33 MiB"):
        fat.plan([], size_bytes=size)


def test_files_are_contiguous_and_in_their_order(efi: Volume) -> None:
    starts = [efi.image.index(data[:600], efi.data_offset) for data in EFI.values() if len(data) > 600]
    for data, start in zip((data for data in EFI.values() if len(data) > 600), starts, strict=True):
        assert efi.image[start : start + len(data)] == data
    jumps = [number for cluster, number in enumerate(efi.table[2:], 2) if number not in {0, cluster + 1, 0x0FFFFFFF}]
    assert jumps == []


def test_both_tables_are_the_same(efi: Volume) -> None:
    first, size = efi.number(14, 2) * 512, efi.number(36, 4) * 512
    assert efi.image[first : first + size] == efi.image[first + size : first + 2 * size]


def test_the_free_space_information_is_right(efi: Volume) -> None:
    free = sum(entry == 0 for entry in efi.table[2:])
    first_free = efi.table.index(0, 2)
    assert efi.image[512:516] == b"RRaA"
    assert struct.unpack_from("<4sII", efi.image, 512 + 484) == (b"rrAa", free, first_free)
    assert efi.image[1022:1024] == b"\x55\xaa"


def test_a_full_volume_has_no_next_free_cluster(tmp_path: Path) -> None:
    roomy = Volume(map_bytes(fat.plan([])))
    room = (roomy.clusters - 1) * roomy.cluster_size
    image = save(fat.plan([BootFile("all", Content((Zeros(room),)))], size_bytes=33 * MIB), tmp_path / "full.img")
    assert struct.unpack_from("<II", image.read_bytes(), 512 + 488) == (0, 0xFFFFFFFF)
    fsck(image)


def test_boot_sector_and_its_backup(efi: Volume) -> None:
    assert efi.image[:1024] == efi.image[6 * 512 : 8 * 512]
    assert efi.image[510:512] == b"\x55\xaa"
    assert efi.number(28, 4) == 2048  # hidden sectors
    assert efi.number(32, 4) == 33 * 2048  # all sectors
    assert efi.number(67, 4) == 0x1234ABCD
    assert efi.image[71:90] == b"EFI SYSTEM FAT32   "


def test_label_serial_and_times_are_shown_by_mtools(tmp_path: Path, efi_map: ExtentMap) -> None:
    listing = mtools("mdir", "-i", str(save(efi_map, tmp_path / "fat.img")), "::")
    assert "is EFI SYSTEM" in listing
    assert "1234-ABCD" in listing
    assert "2017-04-18  16:30" in listing


def test_the_time_can_be_set(tmp_path: Path) -> None:
    image = save(fat.plan(boot_files({"A": b""}), epoch=1700000001), tmp_path / "fat.img")
    assert "2023-11-14  22:13" in mtools("mdir", "-i", str(image), "::")


def test_a_time_before_1980_becomes_1980(tmp_path: Path) -> None:
    image = save(fat.plan(boot_files({"A": b""}), epoch=0), tmp_path / "fat.img")
    assert "1980-01-01" in mtools("mdir", "-i", str(image), "::")


def test_without_a_label_there_is_none(tmp_path: Path) -> None:
    image = save(fat.plan(boot_files({"A": b""})), tmp_path / "fat.img")
    assert "has no label" in mtools("mdir", "-i", str(image), "::")


def test_folders_that_differ_in_case_are_one(tmp_path: Path) -> None:
    files = boot_files({"EFI/BOOT/A": b"1", "efi/boot/B": b"2", "EFI/Linux/C": b"3"})
    assert set(read_back(save(fat.plan(files), tmp_path / "fat.img"))) == {"EFI/BOOT/A", "EFI/BOOT/B", "EFI/Linux/C"}


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("kernel", "KERNEL", "kernel"),
        ("a", "a", "a"),
        ("EFI/x", "efi/X", "EFI/x"),
        ("a", "a/b", "a"),
        ("a/b", "a", "a"),
        ("Ä", "ä", "Ä"),
    ],
)
def test_names_that_collide_are_refused(first: str, second: str, named: str) -> None:
    with pytest.raises(BuildError, match=f"^'{second}' and '{named}' are the same name on a FAT file system"):
        fat.plan(boot_files({first: b"1"}) + boot_files({second: b"2"}))


def test_a_file_of_4_gib_is_refused() -> None:
    with pytest.raises(BuildError, match=r"'initrd\.img' is too large: a file on a FAT file system has at most 4 GiB"):
        fat.plan([BootFile("initrd.img", Content((Zeros(1 << 32),)))])


def test_a_file_of_almost_4_gib_is_accepted() -> None:
    assert fat.plan([BootFile("initrd.img", Content((Zeros((1 << 32) - 1),)))]).size > 1 << 32


def test_a_volume_of_2_tib_is_refused() -> None:
    with pytest.raises(BuildError, match="less than 2 TiB"):
        fat.plan([], size_bytes=2 << 40)


def test_a_folder_with_too_many_files_is_refused() -> None:
    files = [BootFile(f"full/{index:05}.long name", Content()) for index in range(33_000)]
    with pytest.raises(BuildError, match="'full' has too many files"):
        fat.plan(files)


@pytest.mark.parametrize("path", ["/etc/x", "a//b", "a/../b", "a/", ""])
def test_paths_must_be_plain(path: str) -> None:
    with pytest.raises(BuildError, match="is not a path on a boot file system"):
        fat.plan([BootFile(path, Content())])


def test_contents_are_placed_and_not_read(tmp_path: Path) -> None:
    span = FileSpan(str(tmp_path / "not there"), 4096, 5 * MIB)
    extents = fat.plan([BootFile("kernel", Content((span,)))])
    assert span in [extent.source for extent in extents.extents]


def test_what_readers_look_at_is_written_and_no_hole(efi_map: ExtentMap, efi: Volume) -> None:
    written = [extent for extent in efi_map.extents if isinstance(extent.source, Inline)]
    assert written[0].offset == 0
    used = 2 + sum(entry != 0 for entry in efi.table[2:])
    position = 0
    for before, after in itertools.pairwise(written):
        if after.offset < efi.data_offset:
            assert before.end == after.offset
            position = after.end
    assert position == efi.data_offset
    assert efi_map.extents[-1].end <= efi.data_offset + (used - 2) * efi.cluster_size


def test_files_end_at_a_sector(efi_map: ExtentMap) -> None:
    gaps = [
        after.offset - before.end for before, after in itertools.pairwise(efi_map.extents) if after.offset > before.end
    ]
    assert all(gap % 512 == 0 for gap in gaps)
    assert efi_map.extents[-1].end % 512 == 0
