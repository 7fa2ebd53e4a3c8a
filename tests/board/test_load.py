"""``board.yml`` to `Board`: everything that is read, and everything that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.boards import BOARD, write_board

from lkboard.board.load import load_board
from lkboard.errors import BoardError
from lkboard.model.board import (
    Board,
    BoardFile,
    DebianSource,
    Emulation,
    ImageSource,
    KernelSource,
    LayoutRule,
    LocalSource,
    PartitionRule,
    TextFile,
    UrlSource,
)

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = "0" * 64


def changed(before: str, after: str) -> str:
    assert BOARD.count(before) == 1
    return BOARD.replace(before, after)


def test_every_field_is_read(tmp_path: Path) -> None:
    folder = write_board(tmp_path / "toy")
    board = load_board(folder)
    assert board == Board(
        id="toy",
        title="Toy board",
        vendor="Nobody",
        aliases=("plaything",),
        support="untested",
        architecture="arm64",
        boot_chain="rpi",
        format="sdcard",
        kernel_path="kernel8.img",
        kernel_form="image",
        initrd_path="initrd.img",
        device_tree="toy.dtb",
        console=("tty0", "ttyS1,115200"),
        arguments=("panic=10",),
        modules=("vfat", "bcm2835-rng"),
        layout=LayoutRule(
            "mbr",
            (PartitionRule("boot", "0c", "fat32", 1 << 20, 0, slack_percent=3, slack_bytes=2 << 20, is_active=True),),
        ),
        files=(
            BoardFile(
                "start.elf", DebianSource("raspi-firmware", "usr/lib/start.elf"), licence="MIT", is_redistributable=True
            ),
            BoardFile("toy.dtb", KernelSource("boot/dtb/toy.dtb"), is_optional=True),
            BoardFile("logo.bmp", LocalSource(str(folder / "logo.bmp"))),
        ),
        text=(TextFile("cmdline.txt", "{cmdline}\n"),),
        emulation=Emulation(
            machine="raspi3b",
            boot="kernel",
            disk="sd",
            network="usb-net",
            serial=1,
            u_boot=DebianSource("u-boot-rpi", "usr/lib/u-boot.bin", "arm64"),
            not_covered=("everything real",),
        ),
    )
    assert str(board.place) == f"{folder}/board.yml:1:1"


def test_the_short_name_of_an_efi_system_partition(tmp_path: Path) -> None:
    text = changed("table: mbr", "table: gpt").replace('"0C"', "esp")
    board = load_board(write_board(tmp_path, text))
    assert board.layout.partitions[0].type == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ('image: {reference: "example.org/fw:1", path: a/b}', ImageSource("example.org/fw:1", "a/b")),
        (f"url: https://example.org/a, sha256: {SHA256}", UrlSource("https://example.org/a")),
    ],
)
def test_other_sources(tmp_path: Path, written: str, source: object) -> None:
    board = load_board(write_board(tmp_path, changed("local: logo.bmp", written)))
    assert board.files[2].source == source


@pytest.mark.parametrize("start", ["1 KiB", "16 KiB"])
def test_a_partition_that_lies_in_its_table_is_refused(tmp_path: Path, start: str) -> None:
    text = changed("table: mbr", "table: gpt").replace('"0C"', "esp").replace("start: 1 MiB", f"start: {start}")
    with pytest.raises(BoardError, match=r"board.yml:18:57: layout.partitions.0.start: .* behind the partition table"):
        load_board(write_board(tmp_path, text))


PART = "parts:\n  - {name: uki-stub, local: logo.bmp, licence: MIT}\n"


def test_parts_are_files_with_a_name(tmp_path: Path) -> None:
    folder = write_board(tmp_path, BOARD + PART)
    assert load_board(folder).parts == (BoardFile("uki-stub", LocalSource(str(folder / "logo.bmp")), licence="MIT"),)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("name: uki-stub", "to: uki-stub", "unknown field 'to'"),
        ("name: uki-stub", "name: EFI/stub", "'EFI/stub' is not a name"),
        ("parts:\n", "parts:\n  - {name: uki-stub, local: logo.bmp}\n", "'uki-stub' is written twice"),
    ],
)
def test_a_wrong_part_is_found(tmp_path: Path, before: str, after: str, message: str) -> None:
    folder = write_board(tmp_path, BOARD + PART.replace(before, after))
    with pytest.raises(BoardError, match=message):
        load_board(folder)


def test_a_board_without_emulation_has_none(tmp_path: Path) -> None:
    assert load_board(write_board(tmp_path, BOARD.partition("emulate:")[0])).emulation is None


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("id: toy", "id: Toy", ":1:5: id: 'Toy' is not a name: write lower-case letters, digits, '-', '_'"),
        ("title: Toy board\n", "", ":1:1: field 'title' is missing"),
        ("support: untested", "support: best", ":5:10: support: 'best' is not known here (known: hardware, emulated"),
        ("arch: arm64", "arch: aarch64", ":6:7: arch: 'aarch64' is not known here (known: amd64, arm64, riscv64)"),
        ("boot_chain: rpi", "bootchain: rpi", ":7:1: unknown field 'bootchain' (did you mean 'boot_chain'?)"),
        ("form: image", "form: gzip", ":9:35: kernel.form: 'gzip' is not known here (known: as-is, image)"),
        ("{path: initrd.img}", "{path: /initrd.img}", ":10:16: initrd.path: '/initrd.img' is not a relative path"),
        ("{path: initrd.img}", "{path: a/../b}", ":10:16: initrd.path: 'a/../b' is not a relative path"),
        ("{path: initrd.img}", "{path: KERNEL8.img}", ":10:16: initrd.path: 'KERNEL8.img' is written twice"),
        ("[tty0,", '["tty 0",', ":12:11: console.0: 'tty 0' is not a console"),
        ("[vfat,", "[vfat.ko,", ":14:11: modules.0: 'vfat.ko' is not the name of a kernel module"),
        ('"0C"', "esp", ":18:26: layout.partitions.0.type: 'esp' is not a partition type of an MBR"),
        ("table: mbr", "table: gpt", ":18:26: layout.partitions.0.type: '0C' is not a partition type of a GPT"),
        ("local: logo.bmp", 'local: "a\\0b"', ":22:27: files.2.local: the text has a NUL"),
        ("title: Toy board", 'title: "\\ud800"', ":2:11: found invalid Unicode character escape code"),
        ("name: boot", "name: bööt", ":18:14: layout.partitions.0.name: 'bööt' is not a volume label"),
        ("name: boot", "name: a/b", ":18:14: layout.partitions.0.name: 'a/b' is not a volume label"),
        ("name: boot", "name: " + 37 * "b", ":18:14: layout.partitions.0.name: 'b"),
        ("start: 1 MiB", "start: 1000", ":18:58: layout.partitions.0.start: a partition starts at a multiple"),
        ("fat32", "ext4", ":18:44: layout.partitions.0.filesystem: 'ext4' is not known here (known: fat32)"),
        ("local: logo.bmp", "local: none.bmp", ":22:27: files.2.local: there is no file 'none.bmp' in the"),
        ("local: logo.bmp", "local: ../x", ":22:27: files.2.local: '../x' is outside of the board's folder"),
        ("local: logo.bmp", "url: https://e.org/x", ":22:5: files.2: a file from a URL needs its sha256"),
        ("local: logo.bmp", "url: ftp://e.org, sha256: " + SHA256, ":22:25: files.2.url: 'ftp://e.org' is not a URL"),
        ("local: logo.bmp", "local: logo.bmp, sha256: 12", ":22:45: files.2.sha256: '12' is not a sha256"),
        (", local: logo.bmp", "", ":22:5: files.2: exactly one of debian, image, url, local, kernel is expected here"),
        ("to: logo.bmp", "to: START.elf", ":22:10: files.2.to: 'START.elf' is written twice"),
        ("to: cmdline.txt", "to: logo.bmp", ":24:10: text.0.to: 'logo.bmp' is written twice"),
        ("template: cmdline.txt", "template: no.txt", ":24:33: text.0.template: there is no file 'no.txt' in the"),
        ("template: cmdline.txt", "template: ../x", ":24:33: text.0.template: '../x' is not the name of a file"),
        ("boot_chain: rpi", "boot_chain: bios", ":27:9: emulate.boot: only a Raspberry Pi's way to load a kernel"),
        ("machine: raspi3b", "machine: a b", ":26:12: emulate.machine: 'a b' is not a QEMU machine"),
        ("id: toy", "id: toy\nsuffix: /../../x", ":2:9: suffix: '/../../x' is not the end of a file name: write it as"),
        ("disk: sd", "firmware: bios", ":28:13: emulate.firmware: 'bios' is not known here (known: ovmf, aavmf)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, before: str, after: str, message: str) -> None:
    folder = write_board(tmp_path, changed(before, after))
    with pytest.raises(BoardError) as caught:
        load_board(folder)
    assert str(caught.value).startswith(f"{folder}/board.yml{message}")


def test_a_layout_needs_a_partition(tmp_path: Path) -> None:
    text = "".join(line for line in BOARD.splitlines(keepends=True) if "name: boot" not in line)
    folder = write_board(tmp_path, text.replace("partitions:", "partitions: []"))
    with pytest.raises(BoardError, match=r"layout\.partitions: at least one partition is expected here"):
        load_board(folder)


@pytest.mark.parametrize("name", ["cmdline.txt", "logo.bmp"])
def test_links_do_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("s3cr3t")
    folder = write_board(tmp_path / "toy")
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "secret")
    with pytest.raises(BoardError, match=f"'{name}' is outside of the board's folder"):
        load_board(folder)


@pytest.mark.parametrize("name", ["cmdline.txt", "logo.bmp"])
def test_links_in_a_circle_are_no_files(tmp_path: Path, name: str) -> None:
    folder = write_board(tmp_path)
    (folder / name).unlink()
    (folder / name).symlink_to(name)
    with pytest.raises(BoardError, match=f"there is no file '{name}' in the board's folder"):
        load_board(folder)


def test_a_template_that_is_not_text_is_refused(tmp_path: Path) -> None:
    folder = write_board(tmp_path)
    (folder / "cmdline.txt").write_bytes(b"\xff")
    with pytest.raises(BoardError, match=r"'cmdline\.txt' cannot be read as UTF-8 text"):
        load_board(folder)


@pytest.mark.parametrize("suffix", [".img", ".wic.img", "-card.bin", ""])
def test_suffixes(tmp_path: Path, suffix: str) -> None:
    assert load_board(write_board(tmp_path, f'{BOARD}suffix: "{suffix}"\n')).suffix == suffix


def test_a_template_with_an_unknown_slot_is_refused(tmp_path: Path) -> None:
    folder = write_board(tmp_path)
    (folder / "cmdline.txt").write_text("first\nroot={cmdlin}\n")
    with pytest.raises(BoardError) as caught:
        load_board(folder)
    assert str(caught.value) == f"{folder}/cmdline.txt:2:6: nothing fills '{{cmdlin}}' (did you mean 'cmdline'?)"


def test_a_folder_without_a_board_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"No such file or directory \(a board is a folder that holds a board.yml\)"):
        load_board(tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "board.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BoardError, match="the file is not UTF-8 text"):
        load_board(tmp_path)
