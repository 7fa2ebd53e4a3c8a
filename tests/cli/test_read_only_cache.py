"""A store that may only be read: on a stick, in an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.processes import lkboard
from support.read_only import read_only
from support.tools import need

if TYPE_CHECKING:
    import subprocess

    from support.lab import Lab

pytestmark = pytest.mark.registry


def build(lab: Lab, format_: str = "tar", *options: str) -> subprocess.CompletedProcess[str]:
    return lkboard("build", lab.config(), "--format", format_, "--arch", "amd64", "--dir", lab.out, *options)


@pytest.mark.parametrize(("format_", "made"), [("tar", "x.tar"), ("kernel+initrd", "x-initrd.img")])
@pytest.mark.parametrize("options", [(), ("--offline",)])
def test_a_build_takes_what_is_there(lab: Lab, format_: str, made: str, options: tuple[str, ...]) -> None:
    assert build(lab, format_).returncode == 0
    first = (lab.out / made).read_bytes()
    (lab.out / made).unlink()
    with read_only(lab.cache):
        done = build(lab, format_, *options)
    assert done.returncode == 0, done.stderr
    assert (lab.out / made).read_bytes() == first


def test_a_build_that_has_to_unpack_is_told_where_to(lab: Lab) -> None:
    names = [f"{lab.registry.host}/lab/{name}:v1" for name in ("kernel", "init", "web")]
    assert lkboard("cache", "pull", *names).returncode == 0
    with read_only(lab.cache):
        done = build(lab)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lkboard:")]
    assert str(lab.cache) in line
    assert "choose a folder with --cache DIR" in line
    assert lab.made() == []


def test_a_build_that_has_to_pack_is_told_where_to(lab: Lab) -> None:
    need("mksquashfs")
    assert build(lab, "kernel+squashfs").returncode == 0
    with read_only(lab.cache):
        done = build(lab, "kernel+squashfs", "--name", "again")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("(choose a folder with --cache DIR)")
    copied = lab.folder / "other"
    assert lkboard("cache", "import", lab.cache, "--cache", copied).returncode == 0
    assert build(lab, "kernel+squashfs", "--name", "again", "--cache", str(copied), "--offline").returncode == 0
    first, again = ((lab.out / f"{name}-squashfs.img").read_bytes() for name in ("x", "again"))
    assert first == again


@pytest.mark.parametrize("verb", [("ls",), ("verify",), ("gc", "--dry-run")])
def test_it_can_be_looked_at(lab: Lab, verb: tuple[str, ...]) -> None:
    assert build(lab).returncode == 0
    with read_only(lab.cache):
        done = lkboard("cache", *verb)
    assert done.returncode == 0, done.stderr


def test_it_cannot_be_cleaned_up(lab: Lab) -> None:
    assert build(lab).returncode == 0
    with read_only(lab.cache):
        done = lkboard("cache", "gc")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lkboard:")]
    assert "the store cannot be used: " in line


def test_another_folder_can_be_filled_from_it(lab: Lab) -> None:
    assert build(lab).returncode == 0
    with read_only(lab.cache):
        done = lkboard("cache", "import", lab.cache, "--cache", lab.folder / "other")
    assert done.returncode == 0, done.stderr
    assert build(lab, "tar", "--offline", "--cache", str(lab.folder / "other")).returncode == 0
