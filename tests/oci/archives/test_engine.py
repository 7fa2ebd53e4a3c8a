"""Images of a container engine, which a real server behind a Unix socket plays."""

from __future__ import annotations

import shutil
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from support.archives import pack
from support.damage import spoil
from support.engines import Engine, running_engine
from support.images import file, image, layer, multi_arch, write_layout

from lkboard.errors import OciError, StoreUnusable, UsageError
from lkboard.model.image import Platform
from lkboard.model.reference import parse_reference
from lkboard.oci.archives.engine import NO_ENGINE, find_engine, is_remote
from lkboard.oci.layers.flatten import flatten
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.model.image import ResolvedImage
    from lkboard.oci.store.store import Store

NAME = "docker.io/lab/tool:dev"
REFERENCE = parse_reference("lab/tool:dev")
AMD64 = Platform("linux", "amd64")
SINGLE = image(layer(file("tool", b"local")), layer(file("more", b"x")), architecture="amd64")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with running_engine(tmp_path) as running:
        yield running


def resolve(store: Store, job: RecordingJob, address: str, reference: str = "lab/tool:dev") -> ResolvedImage:
    """Return an image that only the engine or the store can have."""
    puller = Puller(store, RegistrySettings(offline=True, engine=address), job)
    found = puller.resolve(parse_reference(reference), AMD64)
    puller.fetch([found])
    return found


def paths(found: ResolvedImage, store: Store, job: RecordingJob) -> set[str]:
    unpack_layers([found], store, job)
    return {entry.path for entry in flatten(found, store, job)}


def test_an_image_of_the_engine_is_used(engine: Engine, store: Store, job: RecordingJob) -> None:
    engine.add(NAME, SINGLE)
    found = resolve(store, job, engine.address)
    assert found.reference == REFERENCE
    assert paths(found, store, job) == {"tool", "more"}
    assert engine.requests == [f"/images/{NAME}/json", f"/images/{NAME}/get"]


def test_an_image_of_the_engine_comes_before_that_of_the_store(engine: Engine, store: Store, job: RecordingJob) -> None:
    engine.add(NAME, SINGLE)
    resolve(store, job, engine.address)
    engine.add(NAME, image(layer(file("newer", b"x")), architecture="amd64"))
    assert paths(resolve(store, job, engine.address), store, job) == {"newer"}


def test_it_gets_no_name_in_the_store(engine: Engine, store: Store, job: RecordingJob) -> None:
    """A build without --docker takes what it always took."""
    engine.add(NAME, SINGLE)
    resolve(store, job, engine.address)
    assert store.names() == {}


def test_one_platform_of_many_is_what_the_engine_has(engine: Engine, store: Store, job: RecordingJob) -> None:
    engine.add(NAME, multi_arch(), architecture="amd64")
    assert resolve(store, job, engine.address).config.platform.architecture == "amd64"


@pytest.mark.parametrize(
    "reference", ["lab/other:dev", f"lab/tool@sha256:{'0' * 64}"], ids=["another name", "a digest"]
)
def test_what_the_engine_does_not_have_is_looked_for_elsewhere(
    engine: Engine, store: Store, job: RecordingJob, reference: str
) -> None:
    engine.add(NAME, SINGLE)
    with pytest.raises(OciError):
        resolve(store, job, engine.address, reference)
    assert not [path for path in engine.requests if path.endswith("/get")]
    assert job.notes == []


def test_an_image_for_another_architecture_is_looked_for_elsewhere(
    engine: Engine, store: Store, job: RecordingJob
) -> None:
    engine.add(NAME, image(layer(file("tool", b"x")), architecture="arm64"), architecture="arm64")
    with pytest.raises(OciError):
        resolve(store, job, engine.address)
    assert engine.requests == [f"/images/{NAME}/json"]


@pytest.mark.parametrize("part", [0, 0.3, 0.9], ids=["nothing", "the beginning", "most"])
def test_what_is_cut_is_told_and_no_reason_to_fail(
    engine: Engine, store: Store, job: RecordingJob, part: float
) -> None:
    engine.add(NAME, SINGLE)
    engine.archives[NAME] = engine.archives[NAME][: int(part * len(engine.archives[NAME]))]
    with pytest.raises(OciError):
        resolve(store, job, engine.address)
    (note,) = job.notes
    assert note.startswith(f"the container engine at {engine.address} gives no {NAME}: ")


def test_an_error_of_the_engine_is_told(engine: Engine, store: Store, job: RecordingJob) -> None:
    engine.add(NAME, SINGLE)
    engine.status = HTTPStatus.INTERNAL_SERVER_ERROR
    with pytest.raises(OciError):
        resolve(store, job, engine.address)
    assert job.notes == [
        f"the container engine at {engine.address} gives no {NAME}: it answers 500 Internal Server Error"
    ]


@pytest.mark.parametrize("about", [[], "text", 5])
def test_an_answer_that_says_nothing_is_no_reason_to_fail(
    engine: Engine, store: Store, job: RecordingJob, about: object
) -> None:
    engine.add(NAME, SINGLE)
    engine.about[NAME] = about
    assert resolve(store, job, engine.address).reference == REFERENCE


HINT = "start it, or leave out --docker; images come from the store and from registries"


def test_an_engine_that_is_gone_is_told_once(store: Store, job: RecordingJob, tmp_path: Path) -> None:
    address = f"unix://{tmp_path / 'gone.sock'}"
    for name in ("lab/tool:dev", "lab/other:dev"):
        with pytest.raises(OciError):
            resolve(store, job, address, name)
    assert job.notes == [f"the container engine at {address} cannot be reached: No such file or directory ({HINT})"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [(f"unix:///{200 * 'x'}", "it cannot be addressed"), ("tcp://127.0.0.1:{port}", "Connection refused")],
)
def test_an_engine_that_cannot_be_reached_is_told(store: Store, job: RecordingJob, address: str, reason: str) -> None:
    with socket.socket() as taken:  # bound, so that nobody else listens there, and not listening
        taken.bind(("127.0.0.1", 0))
        address = address.format(port=taken.getsockname()[1])
        with pytest.raises(OciError):
            resolve(store, job, address)
    assert job.notes == [f"the container engine at {address} cannot be reached: {reason} ({HINT})"]


def test_no_engine_at_all_is_told_once(store: Store, job: RecordingJob) -> None:
    puller = Puller(store, RegistrySettings(offline=True, engine=NO_ENGINE), job)
    for _ in range(2):
        with pytest.raises(OciError):
            puller.resolve(REFERENCE, AMD64)
    puller.fetch([])
    assert job.notes == ["there is no container engine here; images come from the store and from registries"]


class TestFindEngine:
    def test_the_environment_says_where_it_is(self) -> None:
        assert find_engine({"DOCKER_HOST": "unix:///x.sock"}) == "unix:///x.sock"
        assert find_engine({"DOCKER_HOST": "tcp://127.0.0.1:2375"}) == "tcp://127.0.0.1:2375"

    @pytest.mark.parametrize("name", ["docker.sock", "podman/podman.sock"])
    def test_a_socket_of_the_user_is_found(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / name))
            found = find_engine({"XDG_RUNTIME_DIR": str(tmp_path)})
        # a machine with Docker for all has that first
        assert found in {f"unix://{tmp_path / name}", "unix:///var/run/docker.sock"}

    @pytest.mark.parametrize(
        ("address", "expected"), [("tcp://127.0.0.1:2375", True), ("unix:///x.sock", False), (NO_ENGINE, False)]
    )
    def test_one_elsewhere_is_known(self, address: str, expected: bool) -> None:
        assert is_remote(address) is expected

    @pytest.mark.parametrize("address", ["tcp://[::1", "tcp://host:99999", "tcp://host:x", "tcp://host:0"])
    def test_an_address_that_is_none_is_refused(self, address: str) -> None:
        with pytest.raises(UsageError, match="DOCKER_HOST is"):
            find_engine({"DOCKER_HOST": address})

    def test_another_way_to_reach_one_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"DOCKER_HOST is 'ssh://host' \(set it to unix://PATH"):
            find_engine({"DOCKER_HOST": "ssh://host"})


def test_a_damaged_archive_is_told_and_no_reason_to_fail(engine: Engine, store: Store, job: RecordingJob) -> None:
    folder = engine.folder / "damaged"
    write_layout(folder, {"x": SINGLE})
    spoil(folder / "blobs" / "sha256" / SINGLE.digest[7:])
    engine.archives[NAME] = pack(folder, engine.folder / "damaged.tar").read_bytes()
    engine.about[NAME] = {"Architecture": "amd64"}
    with pytest.raises(OciError):
        resolve(store, job, engine.address)
    assert job.notes == [
        f"the container engine at {engine.address} gives no {NAME}: the blob {SINGLE.digest} is damaged"
    ]


def test_an_engine_that_sends_more_than_it_says_is_told_and_no_reason_to_fail(
    engine: Engine, store: Store, job: RecordingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lkboard.oci.archives.engine._OVERHEAD", 1 << 20)
    engine.archives[NAME] = bytes(8 << 20)
    engine.about[NAME] = {"Architecture": "amd64", "Size": 1 << 20}
    with pytest.raises(OciError):
        resolve(store, job, engine.address)
    (note,) = job.notes
    assert note.startswith(f"the container engine at {engine.address} gives no {NAME}: ")
    assert note.endswith("it says that the image has 1048576 bytes, and sends more than 3 MiB")
    assert list(store.derived_dir("ingest").iterdir()) == []


@pytest.mark.parametrize("size", [1, 1 << 40, 0, -1, None, "1", True])
def test_a_small_image_comes_whatever_size_is_declared(
    engine: Engine, store: Store, job: RecordingJob, size: object
) -> None:
    """That of an image with many small files is mostly what is around them."""
    engine.add(NAME, SINGLE)
    engine.about[NAME] = {"Architecture": "amd64", "Size": size}
    assert resolve(store, job, engine.address).reference == REFERENCE


def test_an_engine_may_not_fill_the_disk(
    engine: Engine, store: Store, job: RecordingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    engine.archives[NAME] = bytes(8 << 20)
    engine.about[NAME] = {"Architecture": "amd64"}
    with pytest.raises(StoreUnusable, match="MiB of the archive have come, its images need as much again"):
        resolve(store, job, engine.address)


def test_a_deep_answer_is_told_and_no_reason_to_fail(engine: Engine, store: Store, job: RecordingJob) -> None:
    engine.archives[NAME] = b""
    engine.about[NAME] = b"[" * 100_000
    with pytest.raises(OciError):
        resolve(store, job, engine.address)
    assert job.notes == [
        f"the container engine at {engine.address} gives no {NAME}: its answer is not that of a container engine"
    ]
