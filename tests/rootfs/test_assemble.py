from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from support.images import directory, file, hardlink, image, layer, noise, symlink, tar
from support.jobs import RecordingJob
from support.plans import map_bytes
from support.stored import assembled, by_path

from lkboard.disk import tar as tar_writer
from lkboard.errors import Cancelled, LayerInvalid
from lkboard.events import Step
from lkboard.model.rootfs import EPOCH, Entry, Kind, Rootfs

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = image(
    layer(
        file("kernel", b"kernel"),
        file("kernel.tar", tar(directory("lib/"), directory("lib/modules/"), file("lib/modules/mod.ko", b"mod"))),
    )
)
INIT = image(
    layer(
        directory("bin"),
        file("bin/busybox", noise(700), 0o755),
        symlink("bin/sh", "busybox"),
        hardlink("bin/ls", "bin/busybox"),
        file("init", b"init", 0o755),
        directory("etc", 0o700),
        file("etc/hosts", b"192.0.2.1 x\n", uid=3),
        file("etc/resolv.conf", b"nameserver 192.0.2.2\n"),
        directory("dev"),
        directory("lib"),
        file("lib/apk/db/installed", b"P:musl\n"),
    )
)
BARE = image(layer(directory("bin"), file("bin/busybox", noise(300), 0o755)), config={"Cmd": ["/bin/busybox"]})
IMAGES = {"t/kernel:1": KERNEL, "t/init:1": INIT, "t/bare:1": BARE}

# the worked example of build.md section 5.13
EXAMPLE = """
kernel: {image: t/kernel:1, cmdline: "console=ttyS0"}
init: [t/init:1]
volumes: [{name: v}]
onboot: [{name: one, image: t/bare:1}]
services: [{name: s, image: t/bare:1, binds: ["v:/v"]}]
files: [{path: etc/x/f, contents: hi, mode: "0644", uid: s}]
"""
EXPECTED = """\
d 0755 0 E boot kernel
f 0644 0 E boot/cmdline kernel
f 0644 0 E boot/kernel kernel
d 0755 0 i lib init[0]
d 0755 0 i lib/modules kernel
f 0644 0 i lib/modules/mod.ko kernel
d 0755 0 i bin init[0]
f 0755 0 i bin/busybox init[0]
l 0777 0 i bin/sh init[0]
h 0755 0 i bin/ls init[0]
f 0755 0 i init init[0]
d 0755 0 E etc init[0]
f 0644 0 E etc/hosts init[0]
l 0755 0 E etc/mtab init[0]
l 0644 0 E etc/resolv.conf init[0]
d 0755 0 E dev init[0]
d 0755 0 E dev/pts init[0]
d 0755 0 E dev/shm init[0]
d 0755 0 E proc init[0]
d 0755 0 E sys init[0]
d 0755 0 E lib/apk init[0]
d 0755 0 E lib/apk/db init[0]
f 0644 0 i lib/apk/db/installed init[0]
d 0755 0 E containers services[0]
d 0755 0 E containers/volumes volume[0]
d 0755 0 E containers/volumes/v volume[0]
d 0755 0 E containers/volumes/v/lower volume[0]
d 0755 0 E containers/volumes/v/tmp volume[0]
d 0755 0 E containers/volumes/v/merged volume[0]
d 0755 0 E containers/onboot onboot[0]
d 0755 0 E containers/onboot/000-one onboot[0]
d 0755 0 E containers/onboot/000-one/lower onboot[0]
d 0755 0 i containers/onboot/000-one/lower/bin onboot[0]
f 0755 0 i containers/onboot/000-one/lower/bin/busybox onboot[0]
d 0755 0 E containers/onboot/000-one/lower/dev onboot[0]
d 0755 0 E containers/onboot/000-one/lower/dev/pts onboot[0]
d 0755 0 E containers/onboot/000-one/lower/dev/shm onboot[0]
d 0755 0 E containers/onboot/000-one/lower/etc onboot[0]
f 0644 0 E containers/onboot/000-one/lower/etc/hosts onboot[0]
l 0755 0 E containers/onboot/000-one/lower/etc/mtab onboot[0]
f 0644 0 E containers/onboot/000-one/lower/etc/resolv.conf onboot[0]
d 0755 0 E containers/onboot/000-one/lower/proc onboot[0]
d 0755 0 E containers/onboot/000-one/lower/sys onboot[0]
f 0644 0 E containers/onboot/000-one/config.json onboot[0]
d 0755 0 E containers/onboot/000-one/tmp onboot[0]
d 0755 0 E containers/onboot/000-one/rootfs onboot[0]
f 0644 0 E containers/onboot/000-one/runtime.json onboot[0]
d 0755 0 E containers/services services[0]
d 0755 0 E containers/services/s services[0]
f 0644 0 E containers/services/s/config.json services[0]
d 0755 0 E containers/services/s/tmp services[0]
d 0755 0 E containers/services/s/rootfs services[0]
f 0644 0 E containers/services/s/runtime.json services[0]
d 0755 101 E etc/x files[0]
f 0644 101 E etc/x/f files[0]
"""
LETTERS = {Kind.DIRECTORY: "d", Kind.FILE: "f", Kind.SYMLINK: "l", Kind.HARDLINK: "h"}


def line(entry: Entry) -> str:
    time = "E" if entry.mtime_ns == EPOCH * 10**9 else "i"
    return f"{LETTERS[entry.kind]} {entry.mode:04o} {entry.uid} {time} {entry.path} {entry.origin.location}"


def archive(rootfs: Rootfs) -> str:
    return hashlib.sha256(map_bytes(tar_writer.plan(rootfs.entries))).hexdigest()


def test_the_worked_example(tmp_path: Path) -> None:
    entries = by_path(assembled(tmp_path, EXAMPLE, IMAGES)).values()
    assert sorted(line(entry) for entry in entries) == sorted(EXPECTED.splitlines())


def test_segments_follow_the_order_of_sections(tmp_path: Path) -> None:
    backwards = "\n".join(reversed(EXAMPLE.strip().splitlines()))
    rootfs = assembled(tmp_path, backwards, IMAGES)
    assert [segment.name for segment in rootfs.segments] == [
        "shared directories",
        "kernel docker.io/t/kernel:1",
        "init docker.io/t/init:1",
        "volume[0] v",
        "onboot[0] docker.io/t/bare:1",
        "services[0] docker.io/t/bare:1",
        "files",
    ]


def test_nothing_is_an_empty_root(tmp_path: Path) -> None:
    assert assembled(tmp_path, "{}", {}).entries == ()


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    first = archive(assembled(tmp_path / "1", EXAMPLE, IMAGES))
    assert archive(assembled(tmp_path / "2", EXAMPLE, IMAGES)) == first
    assert archive(assembled(tmp_path / "2", EXAMPLE, IMAGES)) == first


def test_the_epoch_can_be_another(tmp_path: Path) -> None:
    entries = by_path(assembled(tmp_path, EXAMPLE, IMAGES, epoch=5)).values()
    default = by_path(assembled(tmp_path, EXAMPLE, IMAGES)).values()
    made = {entry.path for entry in default if entry.mtime_ns == EPOCH * 10**9}
    assert {entry.path for entry in entries if entry.mtime_ns == 5 * 10**9} == made


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    bad = layer(file("../../etc/shadow"))
    with pytest.raises(LayerInvalid) as caught:
        assembled(tmp_path, "services: [{name: s, image: t/bad:1}]", {"t/bad:1": image(layer(file("x")), bad)})
    assert str(caught.value) == (
        f"docker.io/t/bad:1, layer {bad.digest}: the entry '../../etc/shadow' leaves the root "
        "(do not use this image: it tries to write outside of its own files)"
    )


def test_layers_are_unpacked_in_a_step_of_their_own(tmp_path: Path) -> None:
    job = RecordingJob()
    assembled(tmp_path, EXAMPLE, IMAGES, job=job)
    assert ("Unpack layers", "done") in [(event.name, event.state) for event in job.events if isinstance(event, Step)]


def test_assembling_can_be_cancelled(tmp_path: Path) -> None:
    class Impatient(RecordingJob):
        """A job that is cancelled once the layers are unpacked."""

        def emit(self, event: object) -> None:
            super().emit(event)  # type: ignore[arg-type]
            if isinstance(event, Step) and event.name == "Unpack layers" and event.state == "done":
                self.cancel()

    with pytest.raises(Cancelled):
        assembled(tmp_path, EXAMPLE, IMAGES, job=Impatient())
