from __future__ import annotations

import pytest
from support.entries import SECOND, device, file, folder, hard_link, symlink

from lkboard.disk.tree import Node, nodes_of
from lkboard.errors import BuildError
from lkboard.model.rootfs import EPOCH, Entry, Kind


def nodes(*entries: Entry) -> dict[str, Node]:
    return nodes_of(entries, EPOCH)


def test_files_are_in_the_order_of_entries_behind_the_root() -> None:
    assert list(nodes(folder("b"), file("b/z"), symlink("a", "b"))) == ["", "b", "b/z", "a"]


def test_a_folder_knows_its_names() -> None:
    found = nodes(folder("b"), file("b/z"), device("b/a", Kind.CHAR, 1, 3))
    assert found["b"].names == {"z": found["b/z"], "a": found["b/a"]}
    assert [found[path].is_folder for path in ("", "b", "b/z", "b/a")] == [True, True, False, False]


def test_hard_links_are_one_node() -> None:
    found = nodes(file("a", b"text"), hard_link("b", "a"), hard_link("c", "b"))
    assert found["a"] is found["b"] is found["c"]
    assert (found["a"].links, found["a"].size) == (3, 4)


def test_folders_count_those_in_them() -> None:
    found = nodes(folder("a"), folder("a/b"), file("a/c"))
    assert [found[path].links for path in ("", "a", "a/b", "a/c")] == [3, 3, 2, 1]


def test_serial_numbers_are_different() -> None:
    found = nodes(file("a"), hard_link("b", "a"), file("c/d"))
    assert len({node.serial for node in found.values()}) == 4


def test_what_nothing_describes_is_made_up() -> None:
    found = nodes(file("a/b/c"))
    assert [(found[path].entry.mode, found[path].entry.mtime_ns) for path in ("", "a", "a/b")] == [
        (0o755, EPOCH * SECOND)
    ] * 3


def test_the_root_is_described_wherever_it_comes() -> None:
    found = nodes(file("a"), folder(".", mode=0o700))
    assert found[""].entry.mode == 0o700
    assert list(found[""].names) == ["a"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((file("a/b"), file("a/b")), r"'a/b' is there twice \(rename or remove one of them\)"),
        ((file("a"), file("a/b")), r"'a/b' cannot be in 'a', which is not a folder \(rename one of them\)"),
        ((file("a"), folder("b"), hard_link("b", "a")), "'b' is there twice"),
    ],
)
def test_what_cannot_be_a_tree(entries: tuple[Entry, ...], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        nodes(*entries)
