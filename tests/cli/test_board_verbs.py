"""``lkboard boards`` and ``lkboard board show``, as a user sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.boards import BOARD, write_board

from lkboard.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_boards_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_the_table_of_boards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards"]) == 0
    assert capsys.readouterr().out == (
        "ID         TITLE                  ARCHITECTURE  FORMAT    SUPPORT\n"
        "arm64-efi  Arm machine with UEFI  arm64         raw-efi   emulated\n"
        "rpi3       Raspberry Pi 3         arm64         sdcard    emulated\n"
        "x86-bios   PC with BIOS           amd64         raw-bios  emulated\n"
        "x86-efi    PC with UEFI           amd64         raw-efi   emulated\n"
    )


def test_boards_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == {
        "event": "result",
        "id": "rpi3",
        "title": "Raspberry Pi 3",
        "architecture": "arm64",
        "format": "sdcard",
        "support": "emulated",
    }


def test_one_board_with_all_there_is_to_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_board(tmp_path / "toy", BOARD.replace("  - {to: logo.bmp, local: logo.bmp}\n", ""))
    assert main(["board", "show", f"{folder}/"]) == 0
    assert (
        capsys.readouterr().out
        == f"""\
Toy board (toy)
  vendor        Nobody
  aliases       plaything
  support       untested
  architecture  arm64
  boot chain    rpi
  format        sdcard (.img)
  consoles      tty0 ttyS1,115200
  arguments     panic=10
  device tree   toy.dtb
  modules       vfat bcm2835-rng
  read from     {folder}/board.yml:1:1
  partitions    MBR
    1  boot, fat32, type 0c, from 1024 KiB, as large as its content
  files
    kernel8.img  kernel of the config
    initrd.img   made of the config
    start.elf    debian raspi-firmware                    MIT, may be redistributed
    toy.dtb      kernel boot/dtb/toy.dtb, if it is there  licence not known, not for redistribution
    cmdline.txt  generated
  emulation     QEMU raspi3b, 2 CPUs, 512 MiB
  not covered by the emulation
    - everything real
"""
    )


def test_a_board_without_emulation_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_board(tmp_path / "toy")
    text = (folder / "board.yml").read_text()
    (folder / "board.yml").write_text(text.partition("emulate:")[0])
    main(["board", "show", f"{folder}/"])
    assert capsys.readouterr().out.endswith("emulation     none: this board cannot be tested with 'lkboard test'\n")


def test_one_board_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "show", "pi3", "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert (fields["event"], fields["id"], fields["files"][0]["kind"]) == ("result", "rpi3", "debian")
    assert fields["emulation"]["u_boot"]["package"] == "u-boot-rpi"
    assert fields["place"].endswith("boards/rpi3/board.yml:3:1")


def test_an_unknown_board_is_one_line_with_a_proposal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "show", "rpi33"]) == 2
    assert capsys.readouterr().err == "lkboard: there is no board 'rpi33' (did you mean 'rpi3'?)\n"


def test_a_broken_board_is_not_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_board(tmp_path / "bad", "id: [")
    assert main(["board", "show", f"{folder}/"]) == 1
    assert "board.yml:1:6" in capsys.readouterr().err


def test_a_broken_board_is_a_warning_beside_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_board(tmp_path / "config" / "lkboard" / "boards" / "bad", "{}")
    assert main(["boards"]) == 0
    assert "warning: this board is left out" in capsys.readouterr().err


def test_the_parts_of_a_board(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "show", "x86-efi"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("  parts of other formats") + 1] == (
        "    uki-stub  debian systemd-boot-efi  LGPL-2.1-or-later, may be redistributed"
    )


def test_the_parts_of_a_board_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "show", "arm64-efi", "--json"]) == 0
    (part,) = json.loads(capsys.readouterr().out)["parts"]
    assert (part["to"], part["kind"], part["source"]["package"]) == ("uki-stub", "debian", "systemd-boot-efi")
