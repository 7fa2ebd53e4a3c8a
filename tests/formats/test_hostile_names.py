"""Names that hold anything but NUL and slash come out of every archive and file system as they went in."""

from __future__ import annotations

import gzip
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.entries import file, folder, hard_link, symlink
from support.plans import save
from support.roots import build_input
from support.tools import need

from lkboard.formats import catalogue
from lkboard.model.rootfs import Rootfs, Segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = [
    os.fsdecode(name)
    for name in (
        *(b"two\nlines", b"caf\xe9", b"\xff\xfe", b"\x1b[31m", b"\x7f\x01", b"\xed\xa0\x80", "größe".encode()),
        *(b"back\\slash", b"-rf", b" blank ", b"$(x)", b"'", b'"', b"*", b"n" * 255),
    )
]


def root() -> Rootfs:
    entries = [folder("all")]
    for number, name in enumerate(NAMES):
        entries += [folder(f"all/{number}"), file(f"all/{number}/{name}", os.fsencode(name))]
        entries += [symlink(f"all/{number}/link", name), hard_link(f"all/{number}/hard", f"all/{number}/{name}")]
    return Rootfs((Segment("all", tuple(entries)),))


def untar(image: Path, tree: Path) -> None:
    subprocess.run(["tar", "-xf", image, "-C", tree], check=True)


def uncpio(image: Path, tree: Path) -> None:
    plain = gzip.decompress(image.read_bytes())
    subprocess.run(["cpio", "-idm", "--quiet"], input=plain, cwd=tree, check=True)


def unsquash(image: Path, tree: Path) -> None:
    subprocess.run(["unsquashfs", "-f", "-quiet", "-no-progress", "-d", tree, image], check=True, capture_output=True)


READERS: dict[str, tuple[str, str, Callable[[Path, Path], None]]] = {
    "tar": (".tar", "tar", untar),
    "docker": (".docker", "tar", untar),
    "kernel+initrd": ("-initrd.img", "cpio", uncpio),
    "kernel+squashfs": ("-squashfs.img", "unsquashfs", unsquash),
}


@pytest.mark.parametrize("name", READERS)
def test_any_name_survives(name: str, tmp_path: Path) -> None:
    suffix, program, unpack = READERS[name]
    need(program, *(["mksquashfs"] if program == "unsquashfs" else []))
    planned = {file.suffix: file.extents for file in catalogue()[name].plan(build_input(tmp_path / "cache", root()))}
    tree = tmp_path / "tree"
    tree.mkdir()
    unpack(save(planned[suffix], tmp_path / "image"), tree)
    for number, wanted in enumerate(NAMES):
        place = tree / "all" / str(number)
        assert {path.name for path in place.iterdir()} == {wanted, "link", "hard"}
        assert (place / "hard").read_bytes() == os.fsencode(wanted)
        assert str((place / "link").readlink()) == wanted
        assert (place / "hard").samefile(place / wanted)
