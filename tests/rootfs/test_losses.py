"""What sections of a config take away from each other is noted, where somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.images import directory, file, image, layer, symlink, tar, whiteout
from support.stored import assembled

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.rootfs import Rootfs

IMAGES = {
    "lab/kernel:v1": image(layer(file("kernel", b"k"), file("kernel.tar", tar(file("lib/modules/a.ko"))))),
    "lab/init:v1": image(layer(file("etc/motd", b"init"), file("etc/hosts"), file(".dockerenv"))),
    "lab/other:v1": image(layer(file("etc/motd", b"other"), file("a")), layer(whiteout("a"))),
    "lab/usr:v1": image(layer(directory("usr/lib"), symlink("lib", "usr/lib"))),
    "lab/late:v1": image(layer(directory("lib"), file("lib/x", b"late"))),
}
KERNEL = "kernel: {image: 'lab/kernel:v1', cmdline: x}\n"
LOWER = "containers/services/s/lower"
CASES = {
    "an init image": ("init: ['lab/init:v1']", [".dockerenv left out by init[0]", "etc/hosts replaced by init[0]"]),
    "two init images": (
        "init: ['lab/other:v1', 'lab/init:v1']",
        [
            "a whiteout by init[0]",
            ".dockerenv left out by init[1]",
            "etc/hosts replaced by init[1]",
            "etc/hosts replaced by init[1]",
            "etc/motd replaced by init[1]",
            "etc/mtab replaced by init[1]",
            "etc/resolv.conf replaced by init[1]",
        ],
    ),
    "a service": (
        "services: [{name: s, image: 'lab/init:v1'}]",
        [f"{LOWER}/.dockerenv left out by services[0]", f"{LOWER}/etc/hosts replaced by services[0]"],
    ),
    "a file": ("files: [{path: a, contents: a}, {path: /a, contents: b}]", ["a replaced by files[1]"]),
    "a file in the place of a folder": (
        "files: [{path: a/b, contents: a}, {path: a, contents: b}]",
        ["a replaced by files[1]", "a/b replaced by files[1]"],
    ),
    "a link in the place of a folder": (
        KERNEL + "init: ['lab/usr:v1']",
        ["lib/modules/a.ko replaced by init[0]"],
    ),
    "a file behind a link": (
        "init: ['lab/usr:v1']\nfiles: [{path: usr/lib/x, contents: a}, {path: lib/x, contents: b}]",
        ["usr/lib/x replaced by files[1]"],
    ),
}


def losses(root: Rootfs) -> list[str]:
    return sorted(f"{loss.path} {loss.fate} by {loss.by.location}" for loss in root.losses)


@pytest.mark.parametrize("name", CASES)
def test_losses_name_the_path_and_the_place_in_the_config(name: str, tmp_path: Path) -> None:
    text, expected = CASES[name]
    assert losses(assembled(tmp_path, text, IMAGES, with_losses=True)) == sorted(expected)


def test_a_folder_behind_a_link_has_its_real_path(tmp_path: Path) -> None:
    found = assembled(tmp_path, "init: ['lab/usr:v1', 'lab/late:v1', 'lab/late:v1']", IMAGES, with_losses=True)
    assert "usr/lib/x replaced by init[2]" in losses(found)


def test_nothing_is_noted_unasked(tmp_path: Path) -> None:
    assert assembled(tmp_path, CASES["two init images"][0], IMAGES).losses == ()


def test_the_root_is_the_same_when_losses_are_noted(tmp_path: Path) -> None:
    text = KERNEL + CASES["two init images"][0]
    plain, noted = (assembled(tmp_path, text, IMAGES, with_losses=wanted) for wanted in (False, True))
    assert plain.segments == noted.segments


def test_entries_of_our_own_say_what_they_are_for(tmp_path: Path) -> None:
    text = f"{KERNEL}services: [{{name: s, image: 'lab/init:v1'}}]\nfiles: [{{path: a/b, contents: x}}]"
    found = {entry.path: entry.origin.made for entry in assembled(tmp_path, text, IMAGES).entries}
    assert found["boot/cmdline"] == "the config's 'kernel.cmdline'"
    assert found["boot/kernel"] == "a copy of the image's 'kernel'"
    assert found["lib/modules/a.ko"] == "unpacked from the image's 'kernel.tar'"
    assert found["containers/services/s/config.json"].startswith("how runc starts the container")
    assert found[f"{LOWER}/etc/hosts"].startswith("only localhost")
    assert found["a"] == "a folder that '/a/b' needs"
    assert found["a/b"] == found[f"{LOWER}/etc/motd"] == ""


def test_kernel_files_know_their_layer(tmp_path: Path) -> None:
    (layer_,) = {
        entry.origin.layer
        for entry in assembled(tmp_path, KERNEL, IMAGES).entries
        if entry.path in {"boot/kernel", "lib/modules/a.ko"}
    }
    assert layer_.startswith("sha256:")
