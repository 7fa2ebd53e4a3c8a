from __future__ import annotations

from typing import TYPE_CHECKING

from support.images import Image, directory, file, image, layer, symlink
from support.jobs import RecordingJob
from support.stored import assembled, by_path

from lkboard.disk.content import read
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "lib/apk/db/installed"


def apk(name: str) -> Image:
    return image(layer(file(DATABASE, f"P:{name}\n".encode(), 0o600, uid=7), file(f"usr/{name}")))


def root(folder: Path, *images: Image) -> dict[str, Entry]:
    names = [f"lab/init{number}:v1" for number in range(len(images))]
    return by_path(assembled(folder, f"init: [{', '.join(names)}]", dict(zip(names, images, strict=True))))


def test_package_databases_of_several_images_are_joined(tmp_path: Path) -> None:
    found = root(tmp_path, apk("musl"), image(layer(file("bin/runc"))), apk("ssl"))
    database = found[DATABASE]
    assert read(database.content) == b"P:musl\n\n\nP:ssl\n\n\n"
    assert (database.mode, database.uid, database.mtime_ns) == (0o644, 0, 0)
    assert (database.origin.source, database.origin.location) == ("LINUXKIT.apkinit", "init")
    assert {"usr/musl", "usr/ssl", "bin/runc"} <= found.keys()


def test_a_single_database_is_left_alone(tmp_path: Path) -> None:
    database = root(tmp_path, apk("musl"))[DATABASE]
    assert (read(database.content), database.mode, database.uid) == (b"P:musl\n", 0o600, 7)


def test_later_images_win_over_earlier_ones(tmp_path: Path) -> None:
    found = root(tmp_path, image(layer(file("a", b"1"), file("b", b"1"))), image(layer(file("a", b"2"))))
    assert read(found["a"].content) == b"2"
    assert [found[path].origin.location for path in ("a", "b")] == ["init[1]", "init[0]"]


def test_the_same_image_twice_is_as_good_as_once(tmp_path: Path) -> None:
    one = image(layer(directory("d"), file("d/f", b"x"), symlink("s", "d")))
    once, twice = root(tmp_path / "1", one), root(tmp_path / "2", one, one)
    assert once.keys() == twice.keys()


def test_an_image_without_a_merged_usr_goes_into_one_that_has_it(tmp_path: Path) -> None:
    modern = image(layer(file("usr/lib/libc.so", b"libc"), symlink("lib", "usr/lib")))
    found = root(tmp_path, modern, image(layer(file("lib/ld-musl.so", b"musl"))))
    assert {"usr/lib/libc.so", "usr/lib/ld-musl.so", "lib"} <= found.keys()
    assert (found["lib"].kind, found["lib"].link) == (Kind.SYMLINK, "usr/lib")


def test_an_image_with_a_merged_usr_hides_what_was_there_and_this_is_told(tmp_path: Path) -> None:
    images = {
        "lab/plain:v1": image(layer(file("lib/ld-musl.so", b"musl"))),
        "lab/modern:v1": image(layer(file("usr/lib/libc.so", b"libc"), symlink("lib", "usr/lib"))),
    }
    job = RecordingJob()
    found = by_path(assembled(tmp_path, "init: [lab/plain:v1, lab/modern:v1]", images, job=job))
    assert "usr/lib/ld-musl.so" not in found
    (note,) = job.notes
    assert note.startswith(
        "the link '/lib' of init[1] (docker.io/lab/modern:v1) hides what init[0] (docker.io/lab/plain:v1) put there: "
    )


def test_the_resolver_is_a_link(tmp_path: Path) -> None:
    assert root(tmp_path, apk("a"))["etc/resolv.conf"].link == "/run/resolvconf/resolv.conf"


def test_all_init_images_are_one_segment(tmp_path: Path) -> None:
    one = image(layer(file("a")))
    rootfs = assembled(tmp_path, "init: [lab/a:v1, lab/b:v1]", {"lab/a:v1": one, "lab/b:v1": one})
    assert [segment.name for segment in rootfs.segments] == ["init docker.io/lab/a:v1 docker.io/lab/b:v1"]
