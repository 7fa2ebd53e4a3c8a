from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import ORIGIN, device, file, folder, symlink, tree_of

from lkboard.disk.content import read
from lkboard.errors import ImageConflict
from lkboard.model.rootfs import EPOCH, Entry, Kind
from lkboard.oci.layers import file_tree
from lkboard.oci.layers.file_tree import FileTree, Loop, clean, entries_of, walk


def listing(tree: FileTree) -> list[str]:
    """Return ``path``, ``path/``, ``path -> link`` and ``path = first`` of everything, in order."""
    marks = {Kind.DIRECTORY: "/", Kind.FILE: "", Kind.CHAR: "!"}
    return [
        f"{entry.path} -> {entry.link}"
        if entry.kind is Kind.SYMLINK
        else f"{entry.path} = {entry.link}"
        if entry.kind is Kind.HARDLINK
        else entry.path + marks[entry.kind]
        for entry in entries_of(walk(tree.root.children or {}))
    ]


def test_too_many_implied_directories_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_tree, "_MADE_LIMIT", 6)
    assert len(listing(tree_of(file("a/b/c/f"), file("a/b/c/g"), file("x/y/z/f")))) == 9
    with pytest.raises(ImageConflict, match=r"^lab: its paths need more than 6 directories"):
        tree_of(file("a/b/c/f"), file("x/y/z/w/f"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a", "a"),
        ("./a/b", "a/b"),
        ("/a", "a"),
        ("//a//b", "a/b"),
        ("a/", "a"),
        ("a/./b", "a/b"),
        ("a/b/../c", "a/c"),
        ("a/..", ""),
        (".", ""),
        ("./", ""),
        ("/", ""),
        ("/../a", "a"),
        ("..a", "..a"),
        ("...", "..."),
    ],
)
def test_names_become_relative_to_the_root(name: str, path: str) -> None:
    assert clean(name) == path


@pytest.mark.parametrize("name", ["..", "../a", "./../a", "a/../../b", "a/b/../../../c", "a\0b"])
def test_names_that_leave_the_root_have_no_path(name: str) -> None:
    assert clean(name) is None


def test_entries_come_out_in_their_order_with_parents_first() -> None:
    tree = tree_of(file("b/x"), folder("a"), file("a/1"), file("b/y"), folder("b"))
    assert listing(tree) == ["b/", "b/x", "b/y", "a/", "a/1"]


def test_missing_parents_are_made_at_the_epoch() -> None:
    tree = FileTree(ORIGIN, epoch=5)
    tree.add("a/b/c", file("a/b/c", origin=ORIGIN), 1)
    made = [entry for entry in entries_of(walk(tree.root.children or {})) if entry.kind is Kind.DIRECTORY]
    expected = {"mtime_ns": 5_000_000_000, "origin": ORIGIN, "is_implied": True}
    assert made == [folder("a", **expected), folder("a/b", **expected)]


def test_a_later_entry_replaces_an_earlier_one() -> None:
    tree = tree_of(file("a", b"old"), file("a", b"new"))
    (entry,) = entries_of(walk(tree.root.children or {}))
    assert read(entry.content) == b"new"


def test_a_directory_keeps_what_it_holds_and_takes_the_new_mode() -> None:
    tree = tree_of(folder("a"), file("a/x"), folder("a", mode=0o700))
    assert listing(tree) == ["a/", "a/x"]
    node = tree.find("a")
    assert node is not None
    assert node.entry.mode == 0o700


@pytest.mark.parametrize("replacement", [file("a"), symlink("a", "b"), device("a", Kind.CHAR, 1, 3)])
def test_what_is_no_directory_hides_the_directory_before_it(replacement: Entry) -> None:
    tree = tree_of(folder("a"), file("a/x"), replacement)
    assert len(listing(tree)) == 1


@pytest.mark.parametrize("existing", [file("a"), symlink("a", "b")])
def test_a_directory_replaces_what_is_none(existing: Entry) -> None:
    assert listing(tree_of(existing, folder("a"), file("a/x"))) == ["a/", "a/x"]


def test_a_name_below_a_file_makes_a_directory_of_it() -> None:
    assert listing(tree_of(file("a"), file("a/b"))) == ["a/", "a/b"]


# links on the way


@pytest.mark.parametrize(
    ("links", "path", "arrives"),
    [
        ({"lib": "usr/lib"}, "lib/x", "usr/lib/x"),
        ({"lib": "/usr/lib"}, "lib/x", "usr/lib/x"),
        ({"lib": "./usr/../usr//lib/"}, "lib/x", "usr/lib/x"),
        ({"a": "/etc"}, "a/x", "etc/x"),
        ({"a": "b", "b": "c", "c": "usr"}, "a/x", "usr/x"),
        ({"usr/l": "../etc"}, "usr/l/x", "etc/x"),
        ({"a": "../../../../etc"}, "a/x", "etc/x"),
        ({"a": "/../../etc"}, "a/x", "etc/x"),
        ({"usr/l": "/"}, "usr/l/x", "x"),
        ({"a": "."}, "a/x", "x"),
        ({"a": "new/place"}, "a/x", "new/place/x"),
        ({"a": ""}, "a/x", "x"),
    ],
)
def test_links_are_followed_inside_the_root(links: dict[str, str], path: str, arrives: str) -> None:
    base = [folder("usr"), folder("usr/lib"), folder("etc")]
    tree = tree_of(*base, *(symlink(name, target) for name, target in links.items()))
    tree.add(path, file(path), 1)
    assert arrives in listing(tree)
    found = tree.find(path)
    assert found is not None
    assert found is tree.find(arrives)


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "x/../a"}, {"a": "./a/b"}])
def test_a_loop_of_links_is_an_error(links: dict[str, str]) -> None:
    tree = tree_of(folder("x"), *(symlink(name, target) for name, target in links.items()))
    with pytest.raises(Loop):
        tree.add("a/f", file("a/f"), 1)
    with pytest.raises(Loop):
        tree.find("a/f")


def test_the_last_part_of_a_name_is_not_followed() -> None:
    tree = tree_of(file("target"), symlink("link", "target"))
    link, target = tree.find("link"), tree.follow("link")
    assert link is not None
    assert target is not None
    assert (link.entry.kind, target.entry.path) == (Kind.SYMLINK, "target")
    tree.add("link", file("link"), 2)
    assert listing(tree) == ["target", "link"]


@pytest.mark.parametrize("path", ["none", "none/x", "file/x", "dangling/x", "d/none"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    tree = tree_of(file("file"), symlink("dangling", "/no/such"), folder("d"))
    assert tree.find(path) is None
    assert tree.follow(path) is None


# hard links


def test_a_hard_link_repeats_the_first_name() -> None:
    tree = tree_of(file("a", b"data"), folder("d"))
    assert tree.link("d/b", "a", 1)
    assert tree.link("c", "d/b", 1)
    assert listing(tree) == ["a", "d/", "d/b = a", "c = a"]


def test_a_hard_link_outlives_the_name_it_was_made_for() -> None:
    tree = tree_of(file("a", b"old", mode=0o4755, uid=7))
    tree.link("b", "a", 1)
    tree.link("c", "a", 1)
    tree.add("a", file("a", b"new"), 2)
    found = {entry.path: entry for entry in entries_of(walk(tree.root.children or {}))}
    assert read(found["a"].content) == b"new"
    assert (found["b"].kind, read(found["b"].content), found["b"].mode, found["b"].uid) == (
        Kind.FILE,
        b"old",
        0o4755,
        7,
    )
    assert (found["c"].kind, found["c"].link) == (Kind.HARDLINK, "b")


def test_a_second_name_of_a_link_or_device_is_a_copy() -> None:
    tree = tree_of(symlink("s", "t"), device("n", Kind.CHAR, 1, 3))
    assert tree.link("s2", "s", 1)
    assert tree.link("n2", "n", 1)
    assert listing(tree) == ["s -> t", "n!", "s2 -> t", "n2!"]


@pytest.mark.parametrize("target", ["none", "d"])
def test_there_is_no_hard_link_to_nothing_or_a_directory(target: str) -> None:
    tree = tree_of(folder("d"))
    assert not tree.link("b", target, 1)
    assert listing(tree) == ["d/"]


# whiteouts

LOWER = (folder("d"), file("d/old"), folder("d/sub"), file("d/sub/old"), file("f"))


def test_a_whiteout_hides_a_name_and_all_below_it() -> None:
    tree = tree_of(*LOWER)
    tree.white_out("d", 2)
    assert listing(tree) == ["f"]


@pytest.mark.parametrize("is_early", [True, False])
def test_a_whiteout_leaves_what_its_own_layer_brings(is_early: bool) -> None:
    tree = tree_of(*LOWER)
    if is_early:
        tree.white_out("d", 2)
    tree.add("d/sub/new", file("d/sub/new"), 2)
    if not is_early:
        tree.white_out("d", 2)
    assert sorted(listing(tree)) == ["d/", "d/sub/", "d/sub/new", "f"]


def test_a_directory_that_is_back_after_a_whiteout_is_a_fresh_one() -> None:
    tree = tree_of(folder("d", mode=0o700, uid=5), file("d/old"))
    tree.add("d/new", file("d/new"), 2)
    tree.white_out("d", 2)
    node = tree.find("d")
    assert node is not None
    assert (node.entry.mode, node.entry.uid, node.entry.mtime_ns) == (0o755, 0, EPOCH * 1_000_000_000)


@pytest.mark.parametrize("is_early", [True, False])
def test_an_opaque_directory_hides_only_what_lies_below_from_lower_layers(is_early: bool) -> None:
    tree = tree_of(*LOWER)
    if is_early:
        tree.white_out_children("d", 2)
    tree.add("d", folder("d", mode=0o711), 2)
    tree.add("d/new", file("d/new"), 2)
    if not is_early:
        tree.white_out_children("d", 2)
    assert listing(tree) == ["d/", "d/new", "f"]
    node = tree.find("d")
    assert node is not None
    assert node.entry.mode == 0o711


@pytest.mark.parametrize("path", ["none", "none/x", "f/x", "d/none"])
def test_a_whiteout_of_nothing_does_nothing(path: str) -> None:
    tree = tree_of(*LOWER)
    tree.white_out(path, 2)
    tree.white_out_children(path, 2)
    assert len(listing(tree)) == len(LOWER)


def test_a_whiteout_goes_through_links() -> None:
    tree = tree_of(folder("usr"), file("usr/x"), file("usr/y"), symlink("u", "usr"))
    tree.white_out("u/x", 2)
    assert listing(tree) == ["usr/", "usr/y", "u -> usr"]


def test_removing_takes_everything_below() -> None:
    tree = tree_of(*LOWER)
    tree.remove("d")
    tree.remove("none/x")
    assert listing(tree) == ["f"]


def test_the_root_itself_can_be_described() -> None:
    tree = tree_of(file("a"))
    assert not tree.has_root_entry
    tree.add("", folder("", mode=0o711), 1)
    tree.add("", file(""), 1)
    assert (tree.has_root_entry, tree.root.entry.mode) == (True, 0o711)
    assert listing(tree) == ["a"]


def test_depth_is_only_limited_by_paths() -> None:
    deep = "/".join("d" * 2000)
    tree = tree_of(file(deep))
    assert len(listing(tree)) == 2000
    tree.white_out("d", 2)
    assert listing(tree) == []


names = st.sampled_from(["a", "b", "c"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
entries = st.one_of(
    st.builds(file, paths, st.binary(max_size=3)),
    st.builds(folder, paths),
    st.builds(symlink, paths, st.sampled_from(["a", "/b", "../c", "c/a", ".", "/"])),
)


@given(st.lists(entries, max_size=12))
def test_paths_are_unique_and_below_directories_whatever_comes(written: list[Entry]) -> None:
    tree = FileTree(ORIGIN)
    for entry in written:
        try:
            tree.add(entry.path, entry, 1)
        except Loop:
            continue
    seen: dict[str, Entry] = {}
    for entry in entries_of(walk(tree.root.children or {})):
        parent = entry.path.rpartition("/")[0]
        assert entry.path not in seen
        assert not parent or seen[parent].kind is Kind.DIRECTORY
        seen[entry.path] = entry
