"""Trees of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk.content import read
from lkboard.kit.tree import Tree
from lkboard.model.extents import Content
from lkboard.model.rootfs import EPOCH, Entry, Kind

if TYPE_CHECKING:
    from pathlib import Path


def by_path(tree: Tree) -> dict[str, Entry]:
    return {entry.path: entry for entry in tree.entries()}


def test_parents_appear_before_what_they_contain() -> None:
    tree = Tree()
    tree.file("b/c/d", b"")
    tree.file("b-c", b"")
    tree.symlink("a/link", "/b")
    assert [entry.path for entry in tree.entries()] == ["a", "a/link", "b", "b-c", "b/c", "b/c/d"]


def test_everything_belongs_to_root_at_the_epoch() -> None:
    tree = Tree()
    tree.file("a/b", "text")
    assert {(entry.uid, entry.gid, entry.mtime_ns) for entry in tree.entries()} == {(0, 0, EPOCH * 10**9)}


def test_the_order_of_calls_does_not_matter() -> None:
    one, other = Tree(), Tree()
    one.file("x/a", b"1")
    one.directory("x", 0o700)
    other.directory("x", 0o700)
    other.file("x/a", b"1")
    assert one.entries() == other.entries()


def test_a_later_file_replaces_an_earlier_one() -> None:
    tree = Tree()
    tree.symlink("bin/sh", "/bin/busybox")
    tree.file("bin/sh", b"#!", 0o755)
    assert by_path(tree)["bin/sh"].kind is Kind.FILE


def test_contents_may_be_text_bytes_or_spans() -> None:
    tree = Tree()
    for name, content in (("a", "é"), ("b", "é".encode()), ("c", Content.of("é".encode()))):
        tree.file(name, content)
    assert {read(entry.content) for entry in tree.entries()} == {"é".encode()}


def test_resources_with_a_shebang_are_programs_whatever_their_mode(tmp_path: Path) -> None:
    (tmp_path / "sbin").mkdir(mode=0o700)
    (tmp_path / "sbin/run").write_text("#!/bin/sh\n")
    (tmp_path / "data.awk").write_text("{ print }\n")
    (tmp_path / "data.awk").chmod(0o777)
    tree = Tree()
    tree.resources(tmp_path)
    assert {path: entry.mode for path, entry in by_path(tree).items()} == {
        "data.awk": 0o644,
        "sbin": 0o755,
        "sbin/run": 0o755,
    }


def test_password_hashes_in_resources_are_private(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/shadow").write_text("root:*:::::::\n")
    tree = Tree()
    tree.resources(tmp_path)
    assert by_path(tree)["etc/shadow"].mode == 0o600
