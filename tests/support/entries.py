"""Short ways to write entries, and a Hypothesis strategy for whole trees of them."""

from __future__ import annotations

import posixpath
from typing import Any

from hypothesis import strategies as st

from lkboard.model.extents import Content
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.layers.file_tree import FileTree

SECOND = 1_000_000_000
ORIGIN = Origin("lab", "init[0]")


def tree_of(*entries: Entry, origin: Origin = ORIGIN, rank: int = 1) -> FileTree:
    """Return a tree with these entries; hard links are to those before them."""
    tree = FileTree(origin)
    for entry in entries:
        if entry.kind is Kind.HARDLINK:
            assert tree.link(entry.path, entry.link, rank)
        else:
            tree.add(entry.path, entry, rank)
    return tree


def names(*, is_ascii: bool = False) -> st.SearchStrategy[str]:
    characters = st.characters(
        max_codepoint=0x7E if is_ascii else None, exclude_categories=["Cs", "Cc"], exclude_characters="/"
    )
    return st.text(characters, min_size=1, max_size=12).filter(lambda name: name not in {".", ".."})


def file(path: str, data: bytes = b"", **fields: Any) -> Entry:
    return Entry(path, Kind.FILE, fields.pop("mode", 0o644), content=Content.of(data), **fields)


def folder(path: str, **fields: Any) -> Entry:
    return Entry(path, Kind.DIRECTORY, fields.pop("mode", 0o755), **fields)


def symlink(path: str, target: str, **fields: Any) -> Entry:
    return Entry(path, Kind.SYMLINK, fields.pop("mode", 0o777), link=target, **fields)


def hard_link(path: str, target: str, **fields: Any) -> Entry:
    return Entry(path, Kind.HARDLINK, fields.pop("mode", 0o644), link=target, **fields)


def device(path: str, kind: Kind, major: int, minor: int, **fields: Any) -> Entry:
    return Entry(path, kind, fields.pop("mode", 0o600), device=(major, minor), **fields)


@st.composite
def trees(draw: st.DrawFn, max_time: int = 1 << 33, *, is_ascii: bool = False) -> tuple[Entry, ...]:
    """Folders, files, symbolic links, hard links and devices with any names, parents before children."""
    folders, files, entries = [""], [], []
    for name in draw(st.lists(names(is_ascii=is_ascii), max_size=10, unique_by=str.casefold)):
        path = posixpath.join(draw(st.sampled_from(folders)), name)
        common: dict[str, Any] = {
            "mode": draw(st.integers(0, 0o7777)),
            "uid": draw(st.integers(0, (1 << 32) - 2)),
            "gid": draw(st.integers(0, (1 << 32) - 2)),
            "mtime_ns": draw(st.integers(0, max_time)) * SECOND,
        }
        match draw(st.sampled_from("fdslc")):
            case "d":
                folders.append(path)
                entries.append(folder(path, **common))
            case "s":
                entries.append(symlink(path, draw(names(is_ascii=is_ascii)), **common))
            case "l" if files:
                target = draw(st.sampled_from(files))
                same = {"uid": target.uid, "gid": target.gid, "mode": target.mode, "mtime_ns": target.mtime_ns}
                entries.append(hard_link(path, target.path, **same))
            case "c":
                numbers = draw(st.integers(0, 4095)), draw(st.integers(0, 0xFFFFF))
                entries.append(device(path, Kind.CHAR, *numbers, **common))
            case _:
                files.append(file(path, draw(st.binary(max_size=2000)), **common))
                entries.append(files[-1])
    return tuple(entries)
