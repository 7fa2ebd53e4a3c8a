"""Files of boards from every kind of source."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest
from support.authority import Authority
from support.images import file as image_file
from support.images import image, index, layer, symlink, write_layout
from support.mirror import Mirror
from support.pulls import settings_of
from support.small_disk import small_disk
from support.web import Answer, running_web_server

from lkboard.disk.content import read
from lkboard.errors import BoardError, BuildError, Cancelled, DigestMismatch, StoreUnusable
from lkboard.events import Job
from lkboard.model.board import BoardFile, DebianSource, FileSource, ImageSource, KernelSource, LocalSource, UrlSource
from lkboard.model.extents import Content
from lkboard.oci.store.store import Store
from lkboard.sources import SourceContext, fetch
from lkboard.sources.apt.packages import DebianPackages

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.oci.servers.settings import RegistrySettings


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


NO_PATIENCE = settings_of(retry_delays=())


def context(
    store: Store,
    job: Job | None = None,
    mirror: Mirror | None = None,
    registry: RegistrySettings = NO_PATIENCE,
    **kernel: bytes,
) -> SourceContext:
    """Return a context; ``kernel`` are the kernel's files."""
    job = job or Job()
    host = mirror.host if mirror else store.root / "no-apt"
    files = {path: Content.of(data) for path, data in kernel.items()}
    return SourceContext(store, job, DebianPackages(store, job, host=host), files, registry)


def fetched(source: FileSource, given: SourceContext, **more: str | bool) -> bytes | None:
    """Return the bytes of a board's file."""
    content = fetch(BoardFile("to", source, **more), architecture="arm64", context=given)  # type: ignore[arg-type]
    return None if content is None else read(content)


# local


def test_a_local_file_is_read(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"local")
    assert fetched(LocalSource(str(path)), context(store), sha256=sha256(b"local")) == b"local"


def test_a_local_folder_is_no_file(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="does not exist"):
        fetched(LocalSource(str(tmp_path)), context(store))


def test_a_local_file_that_changes_after_it_was_verified_is_not_used(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"good")
    os.utime(path, ns=(0, 0))
    file = BoardFile("to", LocalSource(str(path)), sha256=sha256(b"good"))
    content = fetch(file, architecture="arm64", context=context(store))
    assert content is not None
    path.write_bytes(b"evil")
    with pytest.raises(BuildError, match="changed while it was read"):
        read(content)


# kernel


def test_a_file_of_the_kernel_is_found_by_its_path(store: Store) -> None:
    given = context(store, **{"boot/dtb/x.dtb": b"tree"})
    assert fetched(KernelSource("boot/dtb/x.dtb"), given) == b"tree"


# what all have in common


def test_a_missing_file_is_named_with_its_source_and_its_place(store: Store) -> None:
    with pytest.raises(BoardError) as caught:
        fetched(KernelSource("boot/dtb/y.dtb"), context(store))
    assert str(caught.value).startswith("to: 'boot/dtb/y.dtb' of the config's kernel image does not exist")
    assert "board.yml" in str(caught.value.hint)


def test_a_missing_optional_file_is_none(store: Store) -> None:
    assert fetched(KernelSource("boot/dtb/y.dtb"), context(store), is_optional=True) is None


def test_other_bytes_than_the_board_says_are_refused(store: Store) -> None:
    given = context(store, kernel=b"other")
    with pytest.raises(DigestMismatch, match=f"has other bytes: sha256:{sha256(b'other')}, not sha256:{sha256(b'x')}"):
        fetched(KernelSource("kernel"), given, sha256=sha256(b"x"))


def test_a_mismatch_counts_for_optional_files_as_well(store: Store) -> None:
    with pytest.raises(DigestMismatch):
        fetched(KernelSource("kernel"), context(store, kernel=b"other"), sha256=sha256(b"x"), is_optional=True)


# URL


def test_a_url_is_fetched_once(store: Store) -> None:
    with running_web_server(blob=Answer(b"firmware")) as web:
        source = UrlSource(f"{web.url}/blob")
        assert fetched(source, context(store), sha256=sha256(b"firmware")) == b"firmware"
    assert fetched(source, context(store), sha256=sha256(b"firmware")) == b"firmware"
    assert web.asked == ["/blob"]


def test_a_damaged_copy_in_the_store_is_fetched_again(store: Store) -> None:
    with running_web_server(blob=Answer(b"firmware")) as web:
        source = UrlSource(f"{web.url}/blob")
        fetched(source, context(store), sha256=sha256(b"firmware"))
        blob = store.blob_path(f"sha256:{sha256(b'firmware')}")
        blob.chmod(0o644)
        blob.write_bytes(b"FIRMWARE")
        assert fetched(source, context(store), sha256=sha256(b"firmware")) == b"firmware"
    assert web.asked == ["/blob", "/blob"]


def test_other_bytes_from_a_server_are_refused_each_time(store: Store) -> None:
    with running_web_server(blob=Answer(b"replaced")) as web:
        for _ in range(2):
            with pytest.raises(DigestMismatch, match="has other bytes"):
                fetched(UrlSource(f"{web.url}/blob"), context(store), sha256=sha256(b"firmware"))


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_refuses_is_named(store: Store, status: int) -> None:
    with (
        running_web_server(blob=Answer(status=status)) as web,
        pytest.raises(BuildError, match=f"(says|answered) {status}") as caught,
    ):
        fetched(UrlSource(f"{web.url}/blob"), context(store), sha256=sha256(b""))
    assert caught.value.where == f"{web.url}/blob"


def test_a_connection_that_is_cut_is_a_clear_error_and_leaves_nothing(store: Store) -> None:
    with (
        running_web_server(blob=Answer(b"x" * 1000, cut=500)) as web,
        pytest.raises(BuildError, match="cannot be fetched"),
    ):
        fetched(UrlSource(f"{web.url}/blob"), context(store), sha256=sha256(b"x" * 1000))
    assert list(store.derived_dir("ingest").iterdir()) == []


def test_a_server_that_is_not_there_is_a_clear_error_without_the_login(store: Store) -> None:
    with running_web_server() as web:
        address = web.url.replace("http://", "http://user:secret@") + "/blob"
    with pytest.raises(BuildError, match=r"cannot be fetched: asking .* failed: Connection refused") as caught:
        fetched(UrlSource(address), context(store), sha256=sha256(b""))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["https://user:p@SECRET/word@h.invalid/x", "https://h.invalid/x?X-Amz-Signature=SECRET"]
)
def test_nothing_secret_of_a_url_is_shown_or_kept(store: Store, job: RecordingJob, address: str) -> None:
    with pytest.raises(BuildError) as caught:
        fetched(UrlSource(address), context(store, job), sha256=sha256(b"firmware"))
    store.add(b"firmware")
    fetched(UrlSource(address), context(store, job), sha256=sha256(b"firmware"))
    kept = [path.read_bytes() for path in store.root.rglob("*") if path.is_file()]
    assert "SECRET" not in f"{caught.value!r} {caught.value} {job.events} {kept}"


def test_the_login_of_a_url_is_shown_to_its_server_and_netrc_is_not_read(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login alice password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with running_web_server(one=Answer(b"1"), two=Answer(b"2")) as web:
        fetched(UrlSource(f"{web.url}/one"), context(store), sha256=sha256(b"1"))
        assert web.logins == []
        fetched(UrlSource(f"{web.url.replace('//', '//me:it@')}/two"), context(store), sha256=sha256(b"2"))
    assert web.logins == ["Basic bWU6aXQ="]


def test_a_url_with_tls_does_not_lead_out_of_it(store: Store, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusting = settings_of(retry_delays=(), ca_files=(str(authority.ca_file),))
    with (
        running_web_server(blob=Answer(b"firmware")) as plain,
        running_web_server(
            authority.server_certificate(),
            good=Answer(b"firmware"),
            bad=Answer(status=302, location=f"{plain.url}/blob"),
        ) as web,
    ):
        with pytest.raises(BuildError, match=f"{web.url}/bad leads to plain http at {plain.url}/blob"):
            fetched(UrlSource(f"{web.url}/bad"), context(store, registry=trusting), sha256=sha256(b"firmware"))
        assert plain.asked == []
        with pytest.raises(BuildError, match=r"its certificate is not trusted.*--cert-file"):
            fetched(UrlSource(f"{web.url}/good"), context(store), sha256=sha256(b"firmware"))
        given = context(store, registry=trusting)
        assert fetched(UrlSource(f"{web.url}/good"), given, sha256=sha256(b"firmware")) == b"firmware"


def test_a_server_in_trouble_is_asked_again(store: Store, job: RecordingJob) -> None:
    with running_web_server(broken=Answer(status=503), cut=Answer(b"x" * 1000, cut=500)) as web:
        for path in ("broken", "cut"):
            with pytest.raises(BuildError, match="cannot be fetched"):
                fetched(UrlSource(f"{web.url}/{path}"), context(store, job, registry=settings_of()), sha256=sha256(b""))
    assert web.asked == ["/broken"] * 5 + ["/cut"] * 5


def test_a_length_that_is_no_number_is_passed_over(store: Store) -> None:
    with running_web_server(blob=Answer(b"firmware", length="abc")) as web:
        assert fetched(UrlSource(f"{web.url}/blob"), context(store), sha256=sha256(b"firmware")) == b"firmware"


def test_a_file_that_no_boot_partition_could_hold_is_refused(store: Store) -> None:
    with (
        running_web_server(blob=Answer(b"x", length=str(1 << 32))) as web,
        pytest.raises(BuildError, match="has 4 GiB or more"),
    ):
        fetched(UrlSource(f"{web.url}/blob"), context(store), sha256=sha256(b"x"))


def test_wrong_bytes_are_not_kept(store: Store) -> None:
    with running_web_server(blob=Answer(b"replaced")) as web, pytest.raises(DigestMismatch):
        fetched(UrlSource(f"{web.url}/blob"), context(store), sha256=sha256(b"firmware"))
    assert not store.has(f"sha256:{sha256(b'replaced')}")
    assert store.names() == {}


@pytest.mark.device
def test_a_full_disk_is_a_clear_error(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "small", 8) as folder,
        running_web_server(blob=Answer(bytes(9 << 20))) as web,
        pytest.raises(StoreUnusable, match="the disk is full"),
    ):
        fetched(UrlSource(f"{web.url}/blob"), context(Store(folder)), sha256=sha256(bytes(9 << 20)))


def test_progress_of_a_url_is_reported(store: Store, job: RecordingJob) -> None:
    with running_web_server(blob=Answer(b"firmware")) as web:
        fetched(UrlSource(f"{web.url}/blob"), context(store, job), sha256=sha256(b"firmware"))
    assert job.last_progress is not None
    assert (job.last_progress.done, job.last_progress.total) == (8, 8)


class Patience(threading.Event):
    """An event that remembers whether it was waited for in vain."""

    ran_out = False

    def wait(self, timeout: float | None = None) -> bool:
        self.ran_out = not super().wait(timeout)
        return not self.ran_out


@pytest.mark.parametrize("size", [0, 1, 1 << 20])
def test_a_stop_ends_a_download_from_a_server_that_stalls(store: Store, size: int) -> None:
    job, released = Job(), Patience()
    answer = Answer(bytes(2 << 20), cut=size, stall=released, on_stall=job.cancel)
    with running_web_server(blob=answer) as web:
        patient = context(store, job, registry=settings_of(retry_delays=(), read_timeout=600))
        with pytest.raises(Cancelled):
            fetched(UrlSource(f"{web.url}/blob"), patient, sha256=sha256(b"firmware"))
        released.set()
    assert not released.ran_out  # the server has not given up before
    assert list(store.derived_dir("ingest").iterdir()) == []


# OCI image

NAME = "docker.io/lab/firmware:v1"


@pytest.fixture
def image_store(tmp_path: Path) -> Store:
    """A store with an image for two architectures."""
    by_arch = {
        arch: image(
            layer(image_file("usr/share/fw/blob-1", arch.encode()), symlink("fw", "usr/share/fw/blob-1")),
            architecture=arch,
        )
        for arch in ("amd64", "arm64")
    }
    return Store(write_layout(tmp_path / "images", {NAME: index(by_arch)}))


@pytest.mark.parametrize("path", ["usr/share/fw/blob-1", "/usr/share/fw/blob-1", "fw"])
def test_a_file_of_an_image_comes_from_the_boards_architecture(image_store: Store, path: str) -> None:
    assert fetched(ImageSource("lab/firmware:v1", path), context(image_store)) == b"arm64"


def test_a_path_that_an_image_lacks_is_named(image_store: Store) -> None:
    with pytest.raises(BoardError, match="'boot/x' of the image 'lab/firmware:v1' does not exist"):
        fetched(ImageSource("lab/firmware:v1", "boot/x"), context(image_store))


# Debian


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """A mirror with a boot loader for two architectures."""
    made = Mirror(tmp_path / "mirror")
    for architecture in ("amd64", "arm64"):
        made.add("loader", "1", {"usr/lib/loader.bin": architecture.encode()}, architecture=architecture)
    made.publish()
    return made


LOADER = DebianSource("loader", "usr/lib/loader.bin")


def test_a_file_of_a_package_comes_from_the_boards_architecture(store: Store, mirror: Mirror) -> None:
    assert fetched(LOADER, context(store, mirror=mirror)) == b"arm64"


def test_a_source_can_name_another_architecture(store: Store, mirror: Mirror) -> None:
    source = DebianSource("loader", "usr/lib/loader.bin", "amd64")
    assert fetched(source, context(store, mirror=mirror)) == b"amd64"


def test_the_licence_of_a_package_is_a_file_like_others(store: Store, mirror: Mirror) -> None:
    source = DebianSource("loader", "usr/share/doc/loader/copyright")
    assert fetched(source, context(store, mirror=mirror)) == b"Licence of loader\n"


def test_a_package_is_fetched_once(store: Store, mirror: Mirror) -> None:
    fetched(LOADER, context(store, mirror=mirror))
    shutil.rmtree(mirror.root)
    assert fetched(LOADER, context(store, mirror=mirror)) == b"arm64"


def test_without_a_sha256_the_version_in_the_store_is_kept(store: Store, mirror: Mirror) -> None:
    fetched(LOADER, context(store, mirror=mirror))
    mirror.add("loader", "2", {"usr/lib/loader.bin": b"new"}, architecture="arm64")
    mirror.publish()
    assert fetched(LOADER, context(store, mirror=mirror)) == b"arm64"


def test_a_sha256_that_only_the_newest_version_has_fetches_it(store: Store, mirror: Mirror) -> None:
    fetched(LOADER, context(store, mirror=mirror))
    mirror.add("loader", "2", {"usr/lib/loader.bin": b"new"}, architecture="arm64")
    mirror.publish()
    assert fetched(LOADER, context(store, mirror=mirror), sha256=sha256(b"new")) == b"new"
    assert fetched(LOADER, context(store, mirror=mirror), sha256=sha256(b"arm64")) == b"arm64"


def test_a_pinned_file_that_the_store_has_needs_no_mirror(store: Store, mirror: Mirror) -> None:
    fetched(LOADER, context(store, mirror=mirror))
    shutil.rmtree(mirror.root)
    assert fetched(LOADER, context(store, mirror=mirror), sha256=sha256(b"arm64")) == b"arm64"


def test_a_sha256_that_no_version_has_is_refused(store: Store, mirror: Mirror) -> None:
    with pytest.raises(DigestMismatch, match=r"'usr/lib/loader.bin' of Debian's 'loader' has other bytes"):
        fetched(LOADER, context(store, mirror=mirror), sha256=sha256(b"never"))


def test_a_path_that_a_package_lacks_is_named(store: Store, mirror: Mirror) -> None:
    with pytest.raises(BoardError, match="'usr/nothing' of Debian's 'loader' does not exist"):
        fetched(DebianSource("loader", "usr/nothing"), context(store, mirror=mirror))
