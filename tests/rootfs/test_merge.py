from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import ORIGIN, file, folder, symlink, tree_of
from support.jobs import RecordingJob
from support.stored import by_path

from lkboard.disk.content import read
from lkboard.errors import ImageConflict
from lkboard.events import Note
from lkboard.model.rootfs import EPOCH, Entry, Kind, Origin
from lkboard.oci.layers.file_tree import FileTree, Loop
from lkboard.rootfs.merge import SHARED, Root, lineage

if TYPE_CHECKING:
    from collections.abc import Iterable

Shown = dict[str, str]


def merged(*images: Iterable[Entry], below: str = "") -> Shown:
    """Return what there is after merging images one after the other, each as a segment."""
    root = Root()
    for number, entries in enumerate(images):
        root.begin_segment(f"image {number}")
        root.graft(below, tree_of(*entries))
    return {path: shown(entry) for path, entry in by_path(root.rootfs()).items()}


def shown(entry: Entry) -> str:
    match entry.kind:
        case Kind.DIRECTORY:
            return "/"
        case Kind.FILE:
            return read(entry.content).decode()
        case Kind.HARDLINK:
            return f"= {entry.link}"
        case _:
            return f"-> {entry.link}"


LIB = (folder("lib"), folder("lib/modules"), file("lib/modules/a.ko", b"module"))
MERGED_USR = (folder("usr"), folder("usr/lib"), file("usr/lib/libc.so", b"libc"), symlink("lib", "usr/lib"))
ONLY_USR = {"usr": "/", "usr/lib": "/", "usr/lib/libc.so": "libc", "lib": "-> usr/lib"}


def hard(path: str, target: str) -> Entry:
    return Entry(path, Kind.HARDLINK, 0, link=target)


CASES: dict[str, tuple[list[Iterable[Entry]], Shown]] = {
    "files of both": ([[file("a", b"1")], [file("b", b"2")]], {"a": "1", "b": "2"}),
    "the last wins": ([[file("a", b"1")], [file("a", b"2")]], {"a": "2"}),
    "directories are joined": (
        [[folder("d"), file("d/a", b"1")], [folder("d"), file("d/b", b"2")]],
        {"d": "/", "d/a": "1", "d/b": "2"},
    ),
    "a file over a directory": ([[folder("d"), file("d/a")], [file("d", b"2")]], {"d": "2"}),
    "a directory over a file": ([[file("d")], [folder("d"), file("d/a", b"2")]], {"d": "/", "d/a": "2"}),
    "a link over a file": ([[file("a")], [symlink("a", "b")]], {"a": "-> b"}),
    "a file over a link": ([[symlink("a", "b")], [file("a", b"2")]], {"a": "2"}),
    "a link over an empty directory": ([[folder("d")], [symlink("d", "e")]], {"d": "-> e"}),
    "a directory over a dangling link": ([[symlink("proc", "/p")], [folder("proc")]], {"proc": "/"}),
    "a directory over a link to a file": (
        [[symlink("d", "f"), file("f", b"1")], [folder("d")]],
        {"d": "/", "f": "1"},
    ),
    "a folder, then a link to another": ([LIB, MERGED_USR], ONLY_USR),
    "a folder, then a link to another that comes first": ([LIB, MERGED_USR[::-1]], ONLY_USR),
    "a link to a folder, then a folder": (
        [MERGED_USR, LIB],
        ONLY_USR | {"usr/lib/modules": "/", "usr/lib/modules/a.ko": "module"},
    ),
    "a folder that is only implied leaves the one there as it is": (
        [[folder("d", mode=0o700), file("d/a")], [file("d/b", b"2")]],
        {"d": "/", "d/a": "", "d/b": "2"},
    ),
    "an absolute link": (
        [[folder("run"), file("run/a", b"1"), folder("var")], [symlink("var/run", "/run")], [folder("var/run")]],
        {"run": "/", "run/a": "1", "var": "/", "var/run": "-> /run"},
    ),
    "a link to a file hides the directory": (
        [[folder("d"), file("d/a")], [file("f", b"1"), symlink("d", "f")]],
        {"d": "-> f", "f": "1"},
    ),
    "a link to itself hides the directory": ([[folder("d"), file("d/a")], [symlink("d", "d")]], {"d": "-> d"}),
    "a link into the directory it replaces": ([[folder("d"), file("d/a")], [symlink("d", "d/e")]], {"d": "-> d/e"}),
    "a name through a link of an earlier image": (
        [[folder("usr"), folder("usr/bin"), symlink("bin", "usr/bin")], [folder("bin"), file("bin/sh", b"2")]],
        {"usr": "/", "usr/bin": "/", "usr/bin/sh": "2", "bin": "-> usr/bin"},
    ),
    "a hard link whose file is replaced": (
        [[file("a", b"1"), hard("b", "a"), hard("c", "a")], [file("a", b"2")]],
        {"b": "1", "c": "= b", "a": "2"},
    ),
    "a hard link that is replaced": ([[file("a", b"1"), hard("b", "a")], [file("b", b"2")]], {"a": "1", "b": "2"}),
}


@pytest.mark.parametrize(("images", "expected"), CASES.values(), ids=CASES.keys())
def test_images_are_merged(images: list[Iterable[Entry]], expected: Shown) -> None:
    assert merged(*images) == expected


# absolute links begin at the root of the whole system
RELATIVE = [
    name for name, (_images, expected) in CASES.items() if not any("-> /" in text for text in expected.values())
]


@pytest.mark.parametrize("name", RELATIVE)
def test_images_are_merged_the_same_below_a_directory(name: str) -> None:
    images, expected = CASES[name]
    below = {f"x/{path}": text.replace("= ", "= x/") for path, text in expected.items()}
    assert merged(*images, below="x") == {"x": "/", **below}


def test_the_last_directory_gives_mode_owner_and_time() -> None:
    root = Root()
    for uid in (1, 2):
        root.begin_segment(str(uid))
        root.put("d", folder("d", mode=0o700 + uid, uid=uid, mtime_ns=uid))
    entry = by_path(root.rootfs())["d"]
    assert (entry.mode, entry.uid, entry.mtime_ns) == (0o702, 2, 2)


def test_a_folder_that_is_only_implied_describes_nothing() -> None:
    root = Root()
    root.begin_segment("one")
    root.put("d", folder("d", mode=0o700, uid=5))
    root.graft("", tree_of(file("d/a"), file("e/a")))
    assert {path: (entry.mode, entry.uid, entry.is_implied) for path, entry in by_path(root.rootfs()).items()} == {
        "d": (0o700, 5, False),
        "d/a": (0o644, 0, False),
        "e": (0o755, 0, True),
        "e/a": (0o644, 0, False),
    }
    assert [entry.path for entry in root.rootfs().described] == ["d", "d/a", "e/a"]


def test_a_folder_that_was_implied_can_be_described_later() -> None:
    root = Root()
    root.begin_segment("one")
    root.put("d/a", file("d/a"))
    root.put("d", folder("d", mode=0o700))
    entry = by_path(root.rootfs())["d"]
    assert (entry.mode, entry.is_implied) == (0o700, False)


def test_a_kept_link_leaves_its_target_as_it_is() -> None:
    root = Root()
    root.begin_segment("one")
    root.put("usr", folder("usr", mode=0o711))
    root.put("u", symlink("u", "usr"))
    root.put("u", folder("u", mode=0o700))
    entries = by_path(root.rootfs())
    assert (entries["usr"].mode, entries["u"].kind) == (0o711, Kind.SYMLINK)


# what becomes hidden


def told(*images: Iterable[Entry]) -> list[str]:
    job = RecordingJob()
    root = Root(job=job)
    for number, entries in enumerate(images):
        root.begin_segment(str(number))
        root.graft("", tree_of(*entries))
    assert {event.level for event in job.events if isinstance(event, Note)} <= {"warning"}
    return job.notes


KERNEL = Origin("docker.io/lab/kernel:v1", "kernel")
INIT = Origin("docker.io/lab/init:v1", "init[0]")


def test_modules_that_a_link_hides_are_told() -> None:
    modules = [replace(entry, origin=KERNEL) for entry in (*LIB, symlink("lib/modules/b.ko", "a.ko"))]
    (text,) = told(modules, [replace(entry, origin=INIT) for entry in MERGED_USR])
    assert text == (
        "the link '/lib' of init[0] (docker.io/lab/init:v1) hides what kernel (docker.io/lab/kernel:v1) put there: "
        "2 files, kernel modules among them "
        "(have the files in '/usr/lib' instead, or an image in which '/lib' is a folder)"
    )


def test_files_of_several_images_that_a_file_hides_are_told() -> None:
    one = [file("srv/a", origin=KERNEL), file("srv/sub/b", origin=KERNEL)]
    two = [file("srv/sub/c", origin=INIT)]
    (text,) = told(one, two, [file("srv/sub", origin=Origin("linuxkit.files", "files[0]"))])
    assert text == (
        "the file '/srv/sub' of files[0] (linuxkit.files) hides what kernel (docker.io/lab/kernel:v1), "
        "init[0] (docker.io/lab/init:v1) put there: 2 files "
        "(give it another name, or leave out the folder '/srv/sub')"
    )


def test_what_no_image_brought_is_the_build_s() -> None:
    (text,) = told([file("srv/a", origin=INIT)], [file("srv", origin=Origin("", ""))])
    assert text.startswith(
        "the file '/srv' of the build hides what init[0] (docker.io/lab/init:v1) put there: 1 file ("
    )


@pytest.mark.parametrize(
    ("link", "target"), [("../x", "/x"), ("/y/z", "/y/z"), ("w", "/srv/w"), ("../../../x", "/x"), ("", "/srv")]
)
def test_the_target_of_a_link_is_told_in_full(link: str, target: str) -> None:
    (text,) = told([file("srv/a/x")], [symlink("srv/a", link)])
    assert f"have the files in '{target}' instead" in text
    assert "put there: 1 file (" in text


@pytest.mark.parametrize(
    "images",
    [
        [[folder("a"), folder("a/b")], [symlink("a", "b")]],
        [[file("a")], [symlink("a", "b")]],
        [MERGED_USR, LIB],
        [LIB, LIB],
    ],
    ids=["empty folders", "a file", "folders behind a link", "folders"],
)
def test_where_nothing_is_lost_nothing_is_told(images: list[Iterable[Entry]]) -> None:
    assert told(*images) == []


# segments


def names(root: Root) -> dict[str, list[str]]:
    return {segment.name: [entry.path for entry in segment.entries] for segment in root.rootfs().segments}


def test_each_entry_is_in_the_segment_that_wrote_it_last() -> None:
    root = Root()
    root.begin_segment("one")
    root.put("a", file("a"))
    root.put("b", file("b"))
    root.begin_segment("two")
    root.put("a", file("a", b"2"))
    assert names(root) == {"one": ["b"], "two": ["a"]}


def test_directories_that_several_segments_use_come_first() -> None:
    root = Root()
    root.begin_segment("one")
    root.put("d/one/x", file("d/one/x"))
    root.begin_segment("two")
    root.put("d/two/y", file("d/two/y"))
    assert names(root) == {SHARED: ["d"], "one": ["d/one", "d/one/x"], "two": ["d/two", "d/two/y"]}


def test_a_segment_does_not_change_when_another_uses_its_directories() -> None:
    alone, both = Root(), Root()
    for root in (alone, both):
        root.begin_segment("web")
        root.put("containers/web/x", file("containers/web/x"))
        root.put("containers/log/x", file("containers/log/x"))
    both.begin_segment("more")
    both.put("containers/more/x", file("containers/more/x"))
    assert names(both)["web"] == [path for path in names(alone)["web"] if path != "containers"]


def test_a_file_is_stored_in_each_segment_that_links_to_it() -> None:
    root = Root()
    shared = file("a", b"data")
    for name in ("one", "two"):
        root.begin_segment(name)
        root.put(name, shared)
    assert [entry.kind for entry in root.rootfs().entries] == [Kind.FILE, Kind.FILE]


def test_segments_without_entries_are_left_out() -> None:
    root = Root()
    root.begin_segment("nothing")
    assert root.rootfs().segments == ()


def test_a_root_that_is_described_is_an_entry() -> None:
    root = Root()
    root.begin_segment("kernel")
    tree = tree_of(file("a"))
    tree.add("", folder("", mode=0o711), 1)
    root.graft("", tree)
    assert [(entry.path, entry.mode) for entry in root.rootfs().entries] == [(".", 0o711), ("a", 0o644)]


def test_a_root_that_is_described_describes_where_it_goes() -> None:
    root = Root()
    root.begin_segment("service")
    root.put_directories("c/lower", ORIGIN)
    tree = tree_of(file("a"))
    tree.add("", folder("", mode=0o711), 1)
    root.graft("c/lower", tree)
    assert by_path(root.rootfs())["c/lower"].mode == 0o711


def test_what_is_made_up_has_the_epoch_and_belongs_to_root() -> None:
    root = Root(epoch=7)
    root.begin_segment("one")
    root.put_directories("a/b", ORIGIN)
    root.put_file("a/b/c", b"text", ORIGIN)
    root.put("implied/f", file("implied/f", origin=ORIGIN))
    made = [entry for path, entry in by_path(root.rootfs()).items() if path != "implied/f"]
    assert {(entry.uid, entry.gid, entry.mtime_ns, entry.origin) for entry in made} == {(0, 0, 7_000_000_000, ORIGIN)}
    assert {entry.path: entry.mode for entry in made} == {"a": 0o755, "a/b": 0o755, "a/b/c": 0o644, "implied": 0o755}


def test_the_epoch_is_linuxkits() -> None:
    assert EPOCH == 1492533000


@pytest.mark.parametrize(("path", "above"), [("a", ["a"]), ("a/b/c", ["a", "a/b", "a/b/c"])])
def test_lineage(path: str, above: list[str]) -> None:
    assert list(lineage(path)) == above


def test_a_loop_of_links_is_a_conflict() -> None:
    root = Root()
    root.begin_segment("one")
    root.put("a", symlink("a", "b"))
    root.put("b", symlink("b", "a"))
    with pytest.raises(ImageConflict, match="'a/x' leads through a loop of symbolic links"):
        root.put("a/x", file("a/x"))
    with pytest.raises(ImageConflict, match="loop"):
        root.graft("a", tree_of(file("x")))


parts = st.sampled_from(["a", "b", "c"])
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)
entries = st.one_of(
    st.builds(file, paths, st.binary(max_size=2)),
    st.builds(folder, paths),
    st.builds(symlink, paths, st.sampled_from(["a", "b/c", "/c", "../b", ".", "nowhere/x"])),
)


@given(st.lists(st.lists(entries, max_size=6), max_size=4))
def test_paths_are_unique_and_parents_first_whatever_is_merged(images: list[list[Entry]]) -> None:
    root = Root()
    for number, image in enumerate(images):
        tree = FileTree(ORIGIN)
        for entry in image:
            try:
                tree.add(entry.path, entry, 1)
            except Loop:
                continue
        root.begin_segment(str(number))
        try:
            root.graft("", tree)
        except ImageConflict:
            continue
    found = by_path(root.rootfs())
    parents = {path.rpartition("/")[0] for path in found} - {""}
    assert all(found[path].kind is Kind.DIRECTORY for path in parents)
