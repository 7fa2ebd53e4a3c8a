"""Package files made by dpkg-deb, and broken ones."""

from __future__ import annotations

import hashlib
import os
import resource
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.mirror import Link, build_package
from support.tools import need

from lkboard.disk.content import read
from lkboard.errors import BuildError, Cancelled, StoreUnusable
from lkboard.events import Job
from lkboard.model.extents import FileSpan
from lkboard.model.rootfs import Kind
from lkboard.oci.store.files import last_used
from lkboard.oci.store.locks import exclusive
from lkboard.sources.apt.deb import unpack

if TYPE_CHECKING:
    from lkboard.oci.store.store import Store

FILES = {"usr/bin/tool": b"#!/bin/sh\n", "usr/lib/libx.so.1.2": b"library", "usr/lib/libx.so.1": Link("libx.so.1.2")}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package file named as the store names its blobs: one word."""
    need("dpkg-deb")
    path = tmp_path / "0123abcd"
    build_package(path, "tool", "1.0", FILES)
    return path


def tars(store: Store) -> list[Path]:
    return list(store.derived_dir("packages").iterdir())


@pytest.mark.parametrize("compression", ["xz", "gzip", "zstd", "none"])
def test_every_compression_is_read(store: Store, tmp_path: Path, compression: str) -> None:
    need("dpkg-deb")
    path = tmp_path / "0123abcd"
    build_package(path, "tool", "1.0", FILES, compression=compression)
    archive = unpack(path, "tool 1.0", store, Job())
    assert read(archive["usr/bin/tool"].content) == b"#!/bin/sh\n"


def test_paths_are_relative_and_include_directories(store: Store, package: Path) -> None:
    archive = unpack(package, "tool 1.0", store, Job())
    assert sorted(archive) == ["usr", "usr/bin", "usr/bin/tool", "usr/lib", "usr/lib/libx.so.1", "usr/lib/libx.so.1.2"]
    assert archive["usr/bin"].kind is Kind.DIRECTORY


def test_a_link_leads_to_its_file(store: Store, package: Path) -> None:
    entry = unpack(package, "tool 1.0", store, Job()).find("usr/lib/libx.so.1")
    assert entry is not None
    assert read(entry.content) == b"library"


def test_contents_are_named_by_the_digest_of_the_unpacked_tar(store: Store, package: Path) -> None:
    (span,) = unpack(package, "tool 1.0", store, Job())["usr/bin/tool"].content.parts
    assert isinstance(span, FileSpan)
    assert span.digest == f"sha256:{hashlib.sha256(Path(span.path).read_bytes()).hexdigest()}"


def test_a_second_time_the_unpacked_tar_is_used_as_it_is(store: Store, package: Path) -> None:
    unpack(package, "tool 1.0", store, Job())
    package.write_bytes(b"no package any more")
    assert "usr/bin/tool" in unpack(package, "tool 1.0", store, Job())


def test_an_unpacked_tar_that_is_used_is_not_old(store: Store, package: Path) -> None:
    """Garbage collection goes by it."""
    unpack(package, "tool 1.0", store, Job())
    (tar,) = tars(store)
    os.utime(tar, (1, 1))
    unpack(package, "tool 1.0", store, Job())
    assert last_used(tar) > 1


def broken(data: bytes, how: str) -> bytes:
    """Return the bytes of a package, damaged."""
    if how == "cut in the data":
        return data[: len(data) * 3 // 4]
    if how == "cut before the data":
        return data[: data.index(b"data.tar")]
    if how == "no archive":
        return b"<html>captive portal</html>"
    if how == "member without header":
        return data.replace(b"`\n", b"??", 2)
    if how == "unknown compression":
        return data.replace(b"data.tar.xz ", b"data.tar.lzo")
    at = data.index(b"data.tar") + 200
    return data[:at] + b"\xff\x00\xff\x00" + data[at + 4 :]


@pytest.mark.parametrize(
    "how",
    [
        "cut in the data",
        "cut before the data",
        "no archive",
        "member without header",
        "unknown compression",
        "flipped bytes",
    ],
)
def test_a_damaged_package_is_named_and_leaves_nothing(store: Store, package: Path, how: str) -> None:
    package.write_bytes(broken(package.read_bytes(), how))
    with pytest.raises(BuildError, match="damaged") as caught:
        unpack(package, "tool 1.0", store, Job())
    assert caught.value.where == "tool 1.0"
    assert tars(store) == []


def test_flipped_bytes_in_gzip_are_found(store: Store, tmp_path: Path) -> None:
    need("dpkg-deb")
    path = tmp_path / "0123abcd"
    build_package(path, "tool", "1.0", FILES, compression="gzip")
    data = path.read_bytes()
    at = data.index(b"data.tar") + 60
    for damage in (data[: at + 20] + b"\xff" * 30 + data[at + 50 :], data[:at] + b"XX" + data[at + 2 :]):
        path.write_bytes(damage)
        with pytest.raises(BuildError, match="damaged"):
            unpack(path, "tool 1.0", store, Job())


def test_a_full_disk_is_not_blamed_on_the_package(store: Store, package: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(StoreUnusable, match=r"the disk is full \(.*--cache DIR"):
            unpack(package, "tool 1.0", store, Job())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert tars(store) == []


def test_a_stop_leaves_nothing(store: Store, package: Path) -> None:
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        unpack(package, "tool 1.0", store, job)
    assert tars(store) == []


def test_a_tar_that_others_changed_is_made_anew(store: Store, package: Path) -> None:
    unpack(package, "tool 1.0", store, Job())
    (tar,) = tars(store)
    tar.write_bytes(b"no tar")
    assert read(unpack(package, "tool 1.0", store, Job())["usr/bin/tool"].content) == b"#!/bin/sh\n"


def test_a_tar_is_not_found_while_garbage_is_removed(store: Store, package: Path) -> None:
    """Otherwise one that was found may be gone before it is read."""
    unpack(package, "tool 1.0", store, Job())
    (tar,) = tars(store)
    store.derived_dir("locks")
    done = threading.Event()

    def find() -> None:
        unpack(package, "tool 1.0", store, Job())
        done.set()

    finder = threading.Thread(target=find)
    with exclusive(store.sweep_lock, Job()):
        finder.start()
        assert not done.wait(0.2)
        tar.unlink()
    finder.join()
    assert tars(store) == [tar]
