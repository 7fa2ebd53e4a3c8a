"""Files that come with lkboard, in the checkout and in a wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard import resources
from lkboard.board.catalogue import boards
from lkboard.board.load import load_board
from lkboard.resources import boards_root, resource

if TYPE_CHECKING:
    import pytest

CHECKOUT = Path(__file__).parents[1]


def test_in_the_checkout_they_are_beside_the_package() -> None:
    assert boards_root() == CHECKOUT / "boards"
    assert resource("examples/demo.yml") == CHECKOUT / "resources" / "examples" / "demo.yml"


def test_in_a_wheel_they_are_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_boards").mkdir()
    (tmp_path / "_resources").mkdir()
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    assert boards_root() == tmp_path / "_boards"
    assert resource("a/b") == tmp_path / "_resources" / "a" / "b"


def test_boards_can_be_read_out_of_a_zip_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "wheel.zip", "w") as wheel:
        for path in sorted((CHECKOUT / "boards").rglob("*")):
            wheel.write(path, Path("lkboard", "_boards", path.relative_to(CHECKOUT / "boards")))
    inside = zipfile.Path(tmp_path / "wheel.zip", "lkboard/")
    monkeypatch.setattr(resources, "files", lambda _: inside)
    from_zip = boards(extra=())
    assert from_zip == tuple(load_board(CHECKOUT / "boards" / board.id) for board in from_zip)
    assert [board.id for board in from_zip] == ["arm64-efi", "rpi3", "x86-bios", "x86-efi"]
