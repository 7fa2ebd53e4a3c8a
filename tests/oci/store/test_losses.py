"""What layers take away from each other is noted, where somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.entries import file as entry
from support.entries import folder
from support.entries import symlink as link
from support.images import Member, directory, file, hardlink, layer, opaque, symlink, whiteout
from support.jobs import RecordingJob
from support.stored import stored

from lkboard.model.rootfs import EPOCH, Loss, Origin
from lkboard.oci.layers.file_tree import FileTree
from lkboard.oci.layers.flatten import flatten_tree

if TYPE_CHECKING:
    from pathlib import Path

LOWER = [directory("d"), file("d/f", b"1"), directory("d/s"), file("d/s/g", b"2"), file("f", b"3")]
MERGED = [directory("usr/lib"), file("usr/lib/x", b"1"), symlink("lib", "usr/lib")]
CASES: dict[str, tuple[list[list[Member]], list[str]]] = {
    "nothing": ([LOWER], []),
    "a file that is replaced": ([LOWER, [file("d/f", b"4")]], ["d/f replaced by 1"]),
    "a directory that is described again": ([LOWER, [directory("d", 0o700)]], []),
    "a directory in whose place a file is": (
        [LOWER, [file("d", b"4")]],
        ["d replaced by 1", "d/f replaced by 1", "d/s replaced by 1", "d/s/g replaced by 1"],
    ),
    "a file in whose place a directory is": ([LOWER, [directory("f")]], ["f replaced by 1"]),
    "a file in whose place a directory has to be": ([LOWER, [file("d/f/x")]], ["d/f replaced by 1"]),
    "a file that a hard link replaces": ([LOWER, [hardlink("f", "d/f")]], ["f replaced by 0"]),
    "a whiteout": ([LOWER, [whiteout("d/f")]], ["d/f whiteout by 1"]),
    "a whiteout of nothing": ([LOWER, [whiteout("d/x"), opaque("x")]], []),
    "a whiteout of a directory": (
        [LOWER, [whiteout("d")]],
        ["d whiteout by 1", "d/f whiteout by 1", "d/s whiteout by 1", "d/s/g whiteout by 1"],
    ),
    "a whiteout of a directory that comes back": (
        [LOWER, [file("d/s/new"), whiteout("d")]],
        ["d/f whiteout by 1", "d/s/g whiteout by 1"],
    ),
    "an opaque directory": (
        [LOWER, [opaque("d")]],
        ["d/f whiteout by 1", "d/s whiteout by 1", "d/s/g whiteout by 1"],
    ),
    "an opaque root": ([[file("a")], [Member(".wh..wh..opq")]], ["a whiteout by 1"]),
    "a link on the way": ([MERGED, [file("lib/x", b"2")]], ["usr/lib/x replaced by 1"]),
    "a whiteout behind a link": ([MERGED, [whiteout("lib/x")]], ["usr/lib/x whiteout by 1"]),
    "an opaque directory behind a link": ([MERGED, [opaque("lib")]], ["usr/lib/x whiteout by 1"]),
    "twice": ([LOWER, [whiteout("f")], [file("f")], [file("f")]], ["f whiteout by 1", "f replaced by 3"]),
}


def shown(loss: Loss, layers: dict[str, int]) -> str:
    return f"{loss.path} {loss.fate} by {layers[loss.by.layer]}"


@pytest.mark.parametrize("name", CASES)
def test_losses_name_the_path_and_the_layer(name: str, tmp_path: Path) -> None:
    contents, expected = CASES[name]
    # a name of its own in each layer, or two that hold the same would be one
    layers = [layer(*members, file(f"z{number}")) for number, members in enumerate(contents)]
    store, image = stored(tmp_path, *layers)
    losses: list[Loss] = []
    flatten_tree(image, store, RecordingJob(), losses=losses)
    numbers = {one.digest: number for number, one in enumerate(layers)}
    assert [shown(loss, numbers) for loss in losses if loss.path[0] != "z"] == expected


def test_a_loss_has_the_entry_as_its_layer_had_it(tmp_path: Path) -> None:
    lower, upper = layer(file("f", b"old", 0o600, uid=5)), layer(file("f", b"new"))
    store, image = stored(tmp_path, lower, upper)
    losses: list[Loss] = []
    flatten_tree(image, store, RecordingJob(), location="init[0]", losses=losses)
    (loss,) = losses
    assert (loss.entry.mode, loss.entry.uid, loss.entry.content.size) == (0o600, 5, 3)
    assert loss.entry.origin == Origin(str(image.reference), "init[0]", lower.digest)
    assert loss.by == Origin(str(image.reference), "init[0]", upper.digest)


def test_nothing_is_noted_unasked(tmp_path: Path) -> None:
    store, image = stored(tmp_path, layer(*LOWER), layer(whiteout("d"), file("f")))
    assert flatten_tree(image, store, RecordingJob()).losses is None


def test_what_is_removed_is_left_out_with_all_below() -> None:
    by, losses = Origin("lab", "init[0]"), list[Loss]()
    tree = FileTree(by, EPOCH, losses)
    for one in (folder("d"), entry("d/f"), entry("g")):
        tree.add(one.path, one, 1)
    tree.remove("d", by)
    tree.remove("none", by)
    assert [(loss.path, loss.fate, loss.by) for loss in losses] == [("d", "left out", by), ("d/f", "left out", by)]


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("", ""),
        ("usr/lib", "usr/lib"),
        ("lib", "usr/lib"),
        ("lib/x", "usr/lib/x"),
        ("lib/../up/x", "usr/lib/x"),
        ("up/up/x", None),
        ("none", None),
        ("lib/x/y", None),
    ],
)
def test_real_paths_have_no_links(path: str, real: str | None) -> None:
    tree = FileTree(Origin("lab", ""))
    for one in (entry("usr/lib/x"), link("lib", "usr/lib"), link("usr/up", "/lib/"), link("bad", "/none")):
        tree.add(one.path, one, 1)
    assert tree.real_path(path) == real
