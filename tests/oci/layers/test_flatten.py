from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.images import (
    Layer,
    Member,
    character,
    directory,
    file,
    hardlink,
    image,
    layer,
    opaque,
    raw_layer,
    symlink,
    tar,
    whiteout,
    write_layout,
)
from support.jobs import RecordingJob
from support.stored import NAME, stored
from support.tools import need

from lkboard.disk.content import read
from lkboard.errors import Cancelled, LayerInvalid
from lkboard.model.rootfs import Entry, Kind
from lkboard.oci.layers import unpack
from lkboard.oci.layers.flatten import flatten, flatten_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Content = dict[str, str]
"""What there is at each path: ``/`` a directory, ``-> x`` a link, ``= x`` a further name of x, else the text."""


def shown(entry: Entry) -> str:
    match entry.kind:
        case Kind.DIRECTORY:
            return "/"
        case Kind.SYMLINK:
            return f"-> {entry.link}"
        case Kind.HARDLINK:
            return f"= {entry.link}"
        case Kind.FILE:
            return read(entry.content).decode()
        case _:
            return f"{entry.kind.name} {entry.device}"


def flat(folder: Path, *layers: Sequence[Member] | Layer) -> list[Entry]:
    store, resolved = stored(folder, *(one if isinstance(one, Layer) else layer(*one) for one in layers))
    return list(flatten(resolved, store, RecordingJob()))


def content(folder: Path, *layers: Sequence[Member] | Layer) -> Content:
    entries = flat(folder, *layers)
    found = {entry.path: shown(entry) for entry in entries}
    assert len(found) == len(entries)
    return found


CASES: dict[str, tuple[list[list[Member]], Content]] = {
    "one layer": ([[directory("d"), file("d/f", b"x")]], {"d": "/", "d/f": "x"}),
    "a file replaced": ([[file("f", b"old")], [file("f", b"new")]], {"f": "new"}),
    "the last of duplicates": ([[file("f", b"1"), file("./f", b"2"), file("/f", b"3")]], {"f": "3"}),
    "duplicates of other kinds": ([[file("f", b"1"), symlink("f", "x"), directory("f")]], {"f": "/"}),
    "parents that nobody mentions": ([[file("a/b/c", b"x")]], {"a": "/", "a/b": "/", "a/b/c": "x"}),
    "a whiteout": (
        [[directory("d"), file("d/a", b"1"), file("d/ab", b"2")], [whiteout("d/a")]],
        {"d": "/", "d/ab": "2"},
    ),
    "a whiteout of a directory": ([[directory("d"), file("d/a")], [whiteout("d")]], {}),
    "a whiteout of nothing": ([[file("f", b"x")], [whiteout("none"), whiteout("no/such")]], {"f": "x"}),
    "put back in a later layer": ([[file("f", b"1")], [whiteout("f")], [file("f", b"2")]], {"f": "2"}),
    "put back in the same layer": (
        [[directory("d"), file("d/old", b"1")], [whiteout("d"), directory("d"), file("d/new", b"2")]],
        {"d": "/", "d/new": "2"},
    ),
    "put back before the whiteout": (
        [[directory("d"), file("d/old", b"1")], [directory("d"), file("d/new", b"2"), whiteout("d")]],
        {"d": "/", "d/new": "2"},
    ),
    "an opaque directory": (
        [
            [directory("a"), file("a/1", b"1"), directory("a/s"), file("a/s/2", b"2"), file("b", b"b")],
            [directory("a"), opaque("a"), file("a/3", b"3")],
        ],
        {"b": "b", "a": "/", "a/3": "3"},
    ),
    "an opaque marker behind the new files": (
        [[directory("a"), file("a/1", b"1")], [directory("a"), file("a/3", b"3"), opaque("a")]],
        {"a": "/", "a/3": "3"},
    ),
    "an opaque root": ([[file("a", b"1")], [Member(".wh..wh..opq"), file("c", b"2")]], {"c": "2"}),
    "an opaque directory that is new": ([[file("a", b"1")], [directory("z"), opaque("z")]], {"a": "1", "z": "/"}),
    "left-overs of aufs": ([[file("a", b"1"), Member(".wh..wh.plnk"), Member(".wh..wh.aufs")]], {"a": "1"}),
    "a directory replaced by a link": (
        [[directory("lib"), file("lib/a", b"1"), directory("usr/lib")], [symlink("lib", "usr/lib")]],
        {"lib": "-> usr/lib", "usr": "/", "usr/lib": "/"},
    ),
    "a link replaced by a directory": (
        [[directory("v1"), file("v1/x", b"1"), symlink("cur", "v1")], [directory("cur"), file("cur/y", b"2")]],
        {"v1": "/", "v1/x": "1", "cur": "/", "cur/y": "2"},
    ),
    "a name through a link of a lower layer": (
        [[directory("usr/lib"), symlink("lib", "usr/lib")], [file("lib/x", b"1")]],
        {"usr": "/", "usr/lib": "/", "usr/lib/x": "1", "lib": "-> usr/lib"},
    ),
    "a name through an absolute link": (
        [[symlink("a", "/etc")], [file("a/x", b"1")]],
        {"a": "-> /etc", "etc": "/", "etc/x": "1"},
    ),
    "a name through a link that climbs": (
        [[directory("d"), symlink("d/up", "../../../../etc")], [file("d/up/x", b"1")]],
        {"d": "/", "d/up": "-> ../../../../etc", "etc": "/", "etc/x": "1"},
    ),
    "links are ordinary content": (
        [[symlink("a", "/etc/passwd"), symlink("b", "../../x"), symlink("c", "c")]],
        {"a": "-> /etc/passwd", "b": "-> ../../x", "c": "-> c"},
    ),
    "hard links in a layer": (
        [[file("a", b"1"), hardlink("b", "./a"), hardlink("c", "/b")]],
        {"a": "1", "b": "= a", "c": "= a"},
    ),
    "a hard link before its file": ([[hardlink("a", "z"), file("z", b"1")]], {"z": "1", "a": "= z"}),
    "a hard link to a lower layer": ([[file("a", b"1")], [hardlink("b", "a")]], {"a": "1", "b": "= a"}),
    "a hard link whose file is replaced": (
        [[file("a", b"1"), hardlink("b", "a")], [file("a", b"2")]],
        {"a": "2", "b": "1"},
    ),
    "a hard link whose file is removed": ([[file("a", b"1"), hardlink("b", "a")], [whiteout("a")]], {"b": "1"}),
    "a hard link to what the layer replaces": (
        [[file("a", b"1")], [file("a", b"2"), hardlink("b", "a")]],
        {"a": "2", "b": "= a"},
    ),
    "a hard link to a link": ([[symlink("a", "x"), hardlink("b", "a")]], {"a": "-> x", "b": "-> x"}),
    "devices": ([[character("null", 1, 3)]], {"null": "CHAR (1, 3)"}),
    "an empty layer": ([[file("a", b"1")], [], [file("b", b"2")]], {"a": "1", "b": "2"}),
}


@pytest.mark.parametrize(("layers", "expected"), CASES.values(), ids=CASES.keys())
def test_layers_are_laid_over_one_another(layers: list[list[Member]], expected: Content, tmp_path: Path) -> None:
    assert content(tmp_path, *layers) == expected


def test_an_image_without_layers_is_empty(tmp_path: Path) -> None:
    assert flat(tmp_path) == []


def test_a_layer_of_no_bytes_is_empty(tmp_path: Path) -> None:
    assert flat(tmp_path, raw_layer(b""), raw_layer(b"", compression="none")) == []


def test_parents_come_first_and_directories_stay_together(tmp_path: Path) -> None:
    entries = flat(tmp_path, [file("b/1"), file("a/1"), file("b/2"), directory("a")])
    assert [entry.path for entry in entries] == ["b", "b/1", "b/2", "a", "a/1"]


def test_entries_know_their_image_and_layer(tmp_path: Path) -> None:
    parts = layer(file("a", b"x" * 600)), layer(file("b"))
    store, resolved = stored(tmp_path, *parts)
    tree = flatten_tree(resolved, store, RecordingJob(), location="init[3]")
    node = tree.find("a")
    assert node is not None
    origin = node.entry.origin
    assert (origin.source, origin.location, origin.layer) == (NAME, "init[3]", parts[0].digest)


def test_the_root_directory_can_be_described(tmp_path: Path) -> None:
    store, resolved = stored(tmp_path, layer(directory("./", 0o711), file("a")))
    tree = flatten_tree(resolved, store, RecordingJob())
    assert (tree.has_root_entry, tree.root.entry.mode) == (True, 0o711)


REFUSED = {
    "a path that climbs": ([file("../up")], r"the entry '\.\./up' leaves the root"),
    "a path that climbs later": ([file("a/../../up")], r"the entry 'a/\.\./\.\./up' leaves the root"),
    "a directory that climbs": ([directory("..")], "leaves the root"),
    "a hard link that climbs": ([hardlink("a", "../up")], r"the entry 'a', a hard link to '\.\./up', leaves the root"),
    "a hard link that climbs behind a link": ([symlink("l", "/"), hardlink("a", "l/../../up")], "leaves the root"),
    "a hard link to nothing": ([hardlink("a", "none")], "the entry 'a' is a hard link to 'none', which is not a file"),
    "a hard link to a directory": ([directory("d"), hardlink("a", "d")], "which is not a file"),
    "a hard link to itself": ([hardlink("a", "a")], "which is not a file"),
    "a whiteout of nothing": ([Member(".wh.")], "is a whiteout of nothing"),
    "a whiteout that climbs": ([Member("d/.wh...")], "is a whiteout of nothing"),
    "a loop of links": ([symlink("a", "b"), symlink("b", "a"), file("a/f")], "loop of symbolic links at 'a'"),
    "a loop of links behind a hard link": (
        [symlink("a", "b"), hardlink("h", "a/f"), symlink("b", "a")],
        "the entry 'h' leads through a loop",
    ),
    "a name with a newline": ([file("../a\nb")], r"'\.\./a\\nb' leaves the root"),
}


@pytest.mark.parametrize(("members", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_stay_inside_is_refused(members: list[Member], message: str, tmp_path: Path) -> None:
    bad = layer(*members)
    with pytest.raises(LayerInvalid, match=message) as caught:
        flat(tmp_path, [file("good")], bad)
    assert caught.value.where == f"{NAME}, layer {bad.digest}"
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_broken_tar_is_refused_by_image_and_layer(tmp_path: Path) -> None:
    bad = raw_layer(tar(file("a", b"x" * 2000))[:1500])
    with pytest.raises(LayerInvalid, match="cut in the middle") as caught:
        flat(tmp_path, bad)
    assert caught.value.where == f"{NAME}, layer {bad.digest}"


def test_sparse_files_beyond_measure_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "_SIZE_LIMIT", 1 << 20)
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "f"}
    huge = Member("f", data=b"0\n".ljust(512, b"\0"), pax=(*records.items(), ("GNU.sparse.realsize", str(1 << 40))))
    with pytest.raises(LayerInvalid, match=r"have 1048576 MiB, far more than itself \(do not use this image: "):
        flat(tmp_path, [huge])


def test_flattening_can_be_cancelled(tmp_path: Path) -> None:
    job = RecordingJob()
    store, resolved = stored(tmp_path, layer(file("a")))
    job.cancel()
    with pytest.raises(Cancelled):
        flatten(resolved, store, job)


# umoci as a judge


def unpacked(folder: Path) -> Content:
    """Return what umoci makes of the same image."""
    bundle = folder / "bundle"
    command = ["umoci", "unpack", "--image", f"{folder / 'layout'}:v1", str(bundle)]
    subprocess.run(command, check=True, capture_output=True)
    root = bundle / "rootfs"
    found: Content = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = "/"
        else:
            found[name] = path.read_text()
    return found


def judged(folder: Path, *parts: Layer) -> tuple[Content, Content]:
    """Return the content as lkboard and as umoci have it; hard links count as the file."""
    write_layout(folder / "layout", {"v1": image(*parts)})
    ours = content(folder / "ours", *parts)
    resolved = {path: ours[text[2:]] if text.startswith("= ") else text for path, text in ours.items()}
    return resolved, unpacked(folder)


# umoci refuses a hard link whose file comes later, and makes no device without privileges
UNJUDGED = {"a hard link before its file", "devices"}


@pytest.mark.parametrize("name", [name for name in CASES if name not in UNJUDGED])
def test_another_tool_unpacks_the_same(name: str, tmp_path: Path) -> None:
    need("umoci")
    layers, _expected = CASES[name]
    ours, theirs = judged(tmp_path, *(layer(*members) for members in layers))
    assert ours == theirs


# directories and files have different names here: tools refuse a name below what a lower layer says is a file
directories = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2).map("/".join)
files = st.builds("{}/{}".format, directories, st.sampled_from(["f", "g"]))
lower_members = st.one_of(st.builds(file, files, st.sampled_from([b"1", b"2"])), st.builds(directory, directories))
upper_members = st.one_of(
    lower_members, st.builds(whiteout, st.one_of(files, directories)), st.builds(opaque, directories)
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(lower_members, max_size=6), st.lists(upper_members, max_size=6))
def test_another_tool_unpacks_any_two_layers_the_same(
    tmp_path_factory: pytest.TempPathFactory, lower: list[Member], upper: list[Member]
) -> None:
    need("umoci")
    ours, theirs = judged(tmp_path_factory.mktemp("judged"), layer(*lower), layer(*upper))
    assert ours == theirs
