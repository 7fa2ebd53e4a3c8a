"""The independent look at what was written."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from support.cards import card_image
from support.loops import run, sparse_file
from support.maps import MIB, NOISE

from lkboard.app.image_check import Contents
from lkboard.errors import VerifyFailed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("table", ["dos", "gpt"])
def test_partitions_and_files_are_read(tmp_path: Path, table: str) -> None:
    contents = Contents.of(card_image(tmp_path / "card", table=table))
    assert contents.partitions == ((1, MIB, 36 * MIB),)
    assert {name.lower(): size for name, size in contents.files} == {"kernel": len(NOISE), "config.txt": 12}


def test_the_same_contents_pass(tmp_path: Path) -> None:
    path = card_image(tmp_path / "card")
    Contents.of(path).check(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = card_image(tmp_path / "card")
    contents = Contents.of(path)
    run("mdel", "-i", f"{path}@@1M", "::/kernel")
    with pytest.raises(VerifyFailed, match=r"the file '(?i:kernel)' cannot be read back from partition 1"):
        contents.check(path)


def test_a_file_of_another_size(tmp_path: Path) -> None:
    path = card_image(tmp_path / "card")
    contents = Contents.of(path)
    (tmp_path / "more").write_bytes(b"other\n")
    run("mcopy", "-o", "-i", f"{path}@@1M", str(tmp_path / "more"), "::/config.txt")
    with pytest.raises(VerifyFailed, match="the boot files cannot be read back"):
        contents.check(path)


def test_a_missing_table(tmp_path: Path) -> None:
    contents = Contents.of(card_image(tmp_path / "card"))
    with pytest.raises(VerifyFailed, match="the partitions cannot be read back"):
        contents.check(sparse_file(tmp_path / "blank", 40 * MIB))


@pytest.mark.parametrize("data", [b"", bytes(MIB), NOISE])
def test_what_nobody_understands_passes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "image").write_bytes(data)
    assert Contents.of(tmp_path / "image") == Contents()
    Contents().check(tmp_path / "image")


def test_a_table_that_was_mended_passes(tmp_path: Path) -> None:
    sound = card_image(tmp_path / "card", table="gpt")
    shutil.copy(sound, tmp_path / "cut")
    os.truncate(tmp_path / "cut", 38 * MIB)
    contents = Contents.of(tmp_path / "cut")
    assert contents == Contents()
    contents.check(sound)


def test_a_damaged_fat_has_no_files_to_compare(tmp_path: Path) -> None:
    path = card_image(tmp_path / "card")
    with path.open("r+b") as file:
        file.seek(MIB + 14)
        file.write(bytes(2))
    assert Contents.of(path) == Contents(((1, MIB, 36 * MIB),))
