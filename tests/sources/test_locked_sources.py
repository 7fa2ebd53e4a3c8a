"""Files of boards when a lock says which packages and images they come from."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.images import file, image, layer, write_layout
from support.mirror import Mirror

from lkboard.disk.content import read
from lkboard.errors import BoardError, LockMismatch
from lkboard.events import Job
from lkboard.model.board import BoardFile, DebianSource, FileSource, ImageSource
from lkboard.model.lock import Lock, LockedImage, LockedPackage
from lkboard.oci.store.store import Store
from lkboard.sources import SourceContext, debian, fetch
from lkboard.sources.apt.packages import DebianPackages

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.package import Package

REMAKE = "lkboard lock x.yml"
LOADER = DebianSource("loader", "usr/lib/loader.bin")


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """A mirror with the first version of a boot loader."""
    made = Mirror(tmp_path / "mirror")
    made.add("loader", "1", {"usr/lib/loader.bin": b"first"})
    made.publish()
    return made


def second_version(mirror: Mirror, *, instead: bool = False) -> None:
    """Publish the next version, beside the first one or in its place."""
    if instead:
        mirror.drop("loader")
    mirror.add("loader", "2", {"usr/lib/loader.bin": b"second"})
    mirror.publish()


def context(store: Store, mirror: Mirror | None = None, lock: Lock | None = None) -> SourceContext:
    packages = DebianPackages(store, Job(), host=mirror.host if mirror else store.root / "no-apt")
    return SourceContext(store, Job(), packages, lock=lock)


def newest(store: Store, mirror: Mirror) -> Package:
    (package,) = context(store, mirror).packages.newest(["loader"], "amd64")
    return package


def locked(*packages: Package) -> Lock:
    return Lock(packages=tuple(LockedPackage("loader", one) for one in packages), place="x.lock", remake=REMAKE)


def fetched(source: FileSource, given: SourceContext, **more: str) -> bytes | None:
    content = fetch(BoardFile("to", source, **more), architecture="amd64", context=given)
    return None if content is None else read(content)


# Debian


def test_the_locked_version_is_taken_although_there_is_a_newer_one(store: Store, mirror: Mirror) -> None:
    lock = locked(newest(store, mirror))
    second_version(mirror)
    assert fetched(LOADER, context(store, mirror, lock)) == b"first"


def test_the_locked_version_is_taken_although_the_store_has_another_one(store: Store, mirror: Mirror) -> None:
    fetched(LOADER, context(store, mirror))
    second_version(mirror)
    lock = locked(newest(store, mirror))
    assert fetched(LOADER, context(store, mirror)) == b"first"
    assert fetched(LOADER, context(store, mirror, lock)) == b"second"


def test_a_locked_version_that_the_store_has_needs_no_mirror(store: Store, mirror: Mirror) -> None:
    lock = locked(newest(store, mirror))
    fetched(LOADER, context(store, mirror, lock))
    shutil.rmtree(mirror.root)
    assert fetched(LOADER, context(store, mirror, lock)) == b"first"


def test_a_locked_version_that_left_the_mirror_is_refused_with_a_way_out(store: Store, mirror: Mirror) -> None:
    lock = locked(newest(store, mirror))
    second_version(mirror, instead=True)
    with pytest.raises(LockMismatch, match="'loader' 1, which the lock names, cannot be had") as caught:
        fetched(LOADER, context(store, mirror, lock))
    assert (caught.value.where, caught.value.hint) == ("x.lock", f"lock what there is now: {REMAKE} --update loader")


def test_a_mirror_with_other_bytes_for_the_locked_version_is_refused(store: Store, mirror: Mirror) -> None:
    lock = locked(replace(newest(store, mirror), sha256=64 * "0"))
    with pytest.raises(LockMismatch, match=f"'loader' 1 is sha256:[0-9a-f]*, not sha256:{64 * '0'}"):
        fetched(LOADER, context(store, mirror, lock))


def test_a_version_that_is_given_the_digest_of_another_one_is_refused(store: Store, mirror: Mirror) -> None:
    package = newest(store, mirror)
    fetched(LOADER, context(store, mirror))
    with pytest.raises(LockMismatch, match="'loader' 2 is given the digest of 'loader' 1"):
        fetched(LOADER, context(store, mirror, locked(replace(package, version="2"))))


@pytest.mark.parametrize("architecture", ["", "arm64"])
def test_a_package_that_is_not_locked_is_refused(store: Store, mirror: Mirror, architecture: str) -> None:
    fetched(LOADER, context(store, mirror))
    lock = locked(replace(newest(store, mirror), architecture=architecture)) if architecture else locked()
    with pytest.raises(LockMismatch, match="the lock has no Debian package 'loader' for amd64") as caught:
        fetched(LOADER, context(store, mirror, lock))
    assert (caught.value.where, caught.value.hint) == ("x.lock", f"lock it: {REMAKE}")


def test_a_file_that_the_locked_version_lacks_is_named(store: Store, mirror: Mirror) -> None:
    lock = locked(newest(store, mirror))
    with pytest.raises(BoardError, match="'usr/nothing' of Debian's 'loader' does not exist"):
        fetched(DebianSource("loader", "usr/nothing"), context(store, mirror, lock))


def test_of_several_locked_versions_the_one_with_the_right_file_is_taken(store: Store, mirror: Mirror) -> None:
    first = newest(store, mirror)
    fetched(LOADER, context(store, mirror))
    second_version(mirror)
    lock = locked(first, newest(store, mirror))
    sha256 = "16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"  # of "second"
    assert fetched(LOADER, context(store, mirror, lock), sha256=sha256) == b"second"
    assert fetched(LOADER, context(store, mirror, lock)) == b"first"


def test_what_is_chosen_is_what_is_fetched(store: Store, mirror: Mirror) -> None:
    package = debian.choose(LOADER, "", "amd64", context(store, mirror))
    assert package == newest(store, mirror)


def test_a_package_without_the_file_is_chosen_all_the_same(store: Store, mirror: Mirror) -> None:
    """The lock has to name it: an optional file is looked for in it again."""
    source = DebianSource("loader", "usr/nothing")
    assert debian.choose(source, "", "amd64", context(store, mirror)) == newest(store, mirror)


# images

NAME = "docker.io/lab/firmware:v1"
FIRMWARE = ImageSource("lab/firmware:v1", "fw")


@pytest.fixture
def moved(tmp_path: Path) -> tuple[Store, str]:
    """A store in which a tag means another image now, and the digest of the image that it was before."""
    old, new = (image(layer(file("fw", data))) for data in (b"old", b"new"))
    folder = write_layout(tmp_path / "images", {NAME: old})
    write_layout(folder, {NAME: new})
    return Store(folder), old.digest


def test_the_locked_image_is_taken_although_its_tag_moved(moved: tuple[Store, str]) -> None:
    store, digest = moved
    assert fetched(FIRMWARE, context(store)) == b"new"
    assert fetched(FIRMWARE, context(store, lock=Lock((LockedImage(NAME, digest),)))) == b"old"


def test_an_image_that_is_not_locked_is_refused(moved: tuple[Store, str]) -> None:
    lock = Lock((LockedImage("docker.io/lab/firmware:v2", moved[1]),), place="x.lock", remake=REMAKE)
    with pytest.raises(LockMismatch, match=f"the lock has no image '{NAME}'") as caught:
        fetched(FIRMWARE, context(moved[0], lock=lock))
    assert (caught.value.where, caught.value.hint) == ("x.lock", f"lock it: {REMAKE}")
