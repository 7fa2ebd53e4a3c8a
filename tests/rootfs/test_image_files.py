from __future__ import annotations

import hashlib
from typing import Literal

import pytest
from support.entries import device, file, folder, symlink, tree_of
from support.stored import by_path

from lkboard.disk.content import read
from lkboard.errors import ImageConflict
from lkboard.model.rootfs import EPOCH, Entry, Kind, Origin
from lkboard.rootfs.image_files import adapt
from lkboard.rootfs.merge import Root

ORIGIN = Origin("docker.io/lab/image:v1", "services[0]")
EPOCH_NS = EPOCH * 1_000_000_000


def adapted(*entries: Entry, resolver: Literal["file", "link"] = "file", epoch: int = EPOCH) -> dict[str, Entry]:
    tree = tree_of(*entries, origin=ORIGIN)
    adapt(tree, ORIGIN, resolver, epoch)
    root = Root()
    root.begin_segment("image")
    root.graft("", tree)
    return by_path(root.rootfs())


def hard(path: str, target: str) -> Entry:
    return Entry(path, Kind.HARDLINK, 0, link=target)


def test_an_empty_image_gets_files_and_mount_points() -> None:
    found = adapted()
    assert [(entry.path, entry.kind, entry.mode, entry.link) for entry in found.values()] == [
        ("dev", Kind.DIRECTORY, 0o755, ""),
        ("dev/pts", Kind.DIRECTORY, 0o755, ""),
        ("dev/shm", Kind.DIRECTORY, 0o755, ""),
        ("etc", Kind.DIRECTORY, 0o755, ""),
        ("etc/hosts", Kind.FILE, 0o644, ""),
        ("etc/mtab", Kind.SYMLINK, 0o755, "/proc/mounts"),
        ("etc/resolv.conf", Kind.FILE, 0o644, ""),
        ("proc", Kind.DIRECTORY, 0o755, ""),
        ("sys", Kind.DIRECTORY, 0o755, ""),
    ]
    assert {(entry.uid, entry.gid, entry.mtime_ns, entry.origin) for entry in found.values()} == {
        (0, 0, EPOCH_NS, ORIGIN)
    }


@pytest.mark.parametrize("name", ["dev", "etc"])
def test_a_loop_of_links_is_named_with_its_image(name: str) -> None:
    message = rf"^services\[0\] docker.io/lab/image:v1: '{name}' leads through a loop of symbolic links"
    with pytest.raises(ImageConflict, match=message):
        adapted(symlink(name, name))


def test_the_texts_are_those_of_the_reference() -> None:
    found = adapted()
    hosts = read(found["etc/hosts"].content)
    assert (len(hosts), hashlib.sha256(hosts).hexdigest()[:10]) == (160, "43037ff87a")
    assert read(found["etc/resolv.conf"].content) == b"\n# no resolv.conf configured\n"


def test_outside_of_containers_the_resolver_is_a_link() -> None:
    resolver = adapted(file("etc/resolv.conf", b"nameserver 192.0.2.1\n"), resolver="link")["etc/resolv.conf"]
    assert (resolver.kind, resolver.mode, resolver.link) == (Kind.SYMLINK, 0o644, "/run/resolvconf/resolv.conf")


@pytest.mark.parametrize(
    "entry",
    [
        file(".dockerenv"),
        file("Dockerfile", b"FROM scratch\n"),
        device("dev/console", Kind.CHAR, 5, 1),
        file("etc/hostname", b"h\n"),
        symlink("etc/hostname", "/proc/sys/kernel/hostname"),
    ],
)
def test_what_belongs_to_another_place_is_dropped(entry: Entry) -> None:
    assert entry.path not in adapted(entry)


def test_only_the_exact_names_are_dropped() -> None:
    kept = ["sub/Dockerfile", "sub/etc/hosts", "dev/null", "etc/hostname.d", "dev/pts/ptmx", "dev/console2"]
    assert set(kept) <= adapted(*(file(path) for path in kept)).keys()


@pytest.mark.parametrize("kind", ["file", "link", "directory", "hard link"])
@pytest.mark.parametrize("name", ["hosts", "resolv.conf"])
def test_hosts_and_resolver_become_files_whatever_they_were(name: str, kind: str) -> None:
    existing = {
        "file": [file(f"etc/{name}", b"x", mode=0o600, uid=3)],
        "link": [symlink(f"etc/{name}", "../run/x")],
        "directory": [folder(f"etc/{name}"), file(f"etc/{name}/x")],
        "hard link": [file("etc/real", b"real"), hard(f"etc/{name}", "etc/real")],
    }[kind]
    found = adapted(*existing)
    entry = found[f"etc/{name}"]
    assert (entry.kind, entry.mode, entry.uid, entry.mtime_ns) == (Kind.FILE, 0o644, 0, EPOCH_NS)
    if kind == "hard link":
        assert (found["etc/real"].kind, read(found["etc/real"].content)) == (Kind.FILE, b"real")


def test_a_mount_table_is_kept_but_for_its_time() -> None:
    table = adapted(symlink("etc/mtab", "../proc/self/mounts", mode=0o777, mtime_ns=5))["etc/mtab"]
    assert (table.link, table.mode, table.mtime_ns) == ("../proc/self/mounts", 0o777, EPOCH_NS)


@pytest.mark.parametrize("path", ["dev", "etc", "proc", "sys", "dev/pts", "dev/shm"])
@pytest.mark.parametrize("existing", [folder("x", mode=0o1777, uid=5, mtime_ns=1), file("x"), symlink("x", "/nowhere")])
def test_mount_points_are_ordinary_directories_whatever_they_were(path: str, existing: Entry) -> None:
    entry = adapted(Entry(path, existing.kind, existing.mode, existing.uid, link=existing.link))[path]
    assert (entry.kind, entry.mode, entry.uid, entry.mtime_ns) == (Kind.DIRECTORY, 0o755, 0, EPOCH_NS)


def test_a_link_to_a_directory_stays_and_is_followed() -> None:
    found = adapted(folder("usr"), folder("usr/etc"), symlink("etc", "usr/etc"))
    assert found["etc"].link == "usr/etc"
    assert {"usr/etc/hosts", "usr/etc/resolv.conf", "usr/etc/mtab"} <= found.keys()


def test_another_epoch() -> None:
    assert {entry.mtime_ns for entry in adapted(symlink("etc/mtab", "x"), epoch=9).values()} == {9_000_000_000}
