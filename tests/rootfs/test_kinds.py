"""What people call the kinds of entries."""

from __future__ import annotations

from lkboard.model.rootfs import Kind
from lkboard.rootfs.kinds import NAMES


def test_every_kind_has_a_name() -> None:
    assert set(NAMES) == set(Kind)


def test_only_further_names_of_a_file_share_its_name() -> None:
    assert [kind for kind, name in NAMES.items() if name == "file"] == [Kind.FILE, Kind.HARDLINK]
    assert len(set(NAMES.values())) == len(Kind) - 1
