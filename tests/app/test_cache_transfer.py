"""Images into the store and out of it; archives are judged by skopeo and umoci."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.images import (
    directory,
    file,
    image,
    index,
    layer,
    multi_arch,
    noise,
    raw_layer,
    symlink,
    tar,
    write_layout,
)
from support.tools import need

from lkboard.app.cache_transfer import ExportOptions, PullOptions, export_image, import_images, pull_images
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import (
    ArchiveInvalid,
    Cancelled,
    LayerInvalid,
    NotFound,
    Offline,
    OutputError,
    PlatformMissing,
    UsageError,
)
from lkboard.events import Job, Progress
from lkboard.oci.image_spec.media_types import OCI_MANIFEST
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from support.images import Image
    from support.jobs import RecordingJob
    from support.registry import Registry

NAME = "docker.io/lab/x:v1"
FILES = (directory("etc"), file("etc/motd", b"hello\n"), symlink("etc/link", "motd"), file("größe", b"x"))
AMD64 = image(layer(*FILES), layer(file("top")), config={"Cmd": ["/x"]})
ARM64 = image(layer(file("b")), architecture="arm64")
BOTH = index([AMD64, ARM64])


def stored(tmp_path: Path, one: Image, name: str = NAME) -> str:
    """Return a store with an image."""
    return str(write_layout(tmp_path / "store", {name: one}))


def export(tmp_path: Path, job: RecordingJob, *, to: str = "x.tar", **options: Any) -> Path:
    path = tmp_path / to
    wanted = ExportOptions(NAME, str(path), cache=str(tmp_path / "store"), **options)
    artifact = export_image(wanted, job)
    assert artifact
    assert artifact.size_bytes == path.stat().st_size
    return path


def skopeo(*arguments: str) -> bytes:
    need("skopeo")
    done = subprocess.run(["skopeo", "--insecure-policy", *arguments], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def blobs(archive: Path) -> set[str]:
    with tarfile.open(archive) as tar:
        return {f"sha256:{Path(name).name}" for name in tar.getnames() if name.startswith("blobs/sha256/")}


class TestLayouts:
    def test_everything_is_in_it_under_its_name(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH)
        assert blobs(export(tmp_path, job)) == set(BOTH.blobs)
        raw = skopeo("inspect", "--raw", f"oci-archive:{tmp_path / 'x.tar'}:{NAME}")
        assert raw == BOTH.data

    def test_skopeo_copies_all_of_it(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH)
        archive = export(tmp_path, job)
        skopeo("copy", "--all", "--preserve-digests", f"oci-archive:{archive}:{NAME}", f"oci:{tmp_path / 'copy'}:x")
        copied = {f"sha256:{path.name}" for path in (tmp_path / "copy" / "blobs" / "sha256").iterdir()}
        assert copied == set(BOTH.blobs)

    def test_umoci_unpacks_it(self, tmp_path: Path, job: RecordingJob) -> None:
        need("umoci")
        stored(tmp_path, AMD64)
        with tarfile.open(export(tmp_path, job, as_name="lab/x:v1")) as tar:
            tar.extractall(tmp_path / "layout", filter="data")
        entry = json.loads((tmp_path / "layout" / "index.json").read_bytes())["manifests"][0]
        entry["annotations"]["org.opencontainers.image.ref.name"] = "v1"  # umoci takes no full names
        index_json = {"schemaVersion": 2, "manifests": [entry]}
        (tmp_path / "layout" / "index.json").write_text(json.dumps(index_json))
        command = ["umoci", "unpack", "--rootless", "--image", f"{tmp_path / 'layout'}:v1", str(tmp_path / "bundle")]
        subprocess.run(command, check=True, capture_output=True)
        assert (tmp_path / "bundle" / "rootfs" / "etc" / "motd").read_bytes() == b"hello\n"

    def test_one_platform_comes_with_the_whole_index(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH)
        archive = export(tmp_path, job, platforms=("arm64",))
        assert blobs(archive) == {BOTH.digest, *ARM64.blobs}
        about = json.loads(skopeo("--override-arch", "arm64", "inspect", f"oci-archive:{archive}:{NAME}"))
        assert about["Architecture"] == "arm64"

    def test_what_is_there_is_exported(self, tmp_path: Path, job: RecordingJob) -> None:
        """A build leaves the platforms in the store that it was for."""
        stored(tmp_path, BOTH.without(*AMD64.blobs))
        assert blobs(export(tmp_path, job)) == {BOTH.digest, *ARM64.blobs}

    def test_an_export_comes_back_with_its_name(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH)
        archive = export(tmp_path, job)
        assert import_images(str(archive), "", str(tmp_path / "other"), job) == (NAME,)
        assert Store(tmp_path / "other").find(NAME) == Store(tmp_path / "store").find(NAME)

    def test_another_name_may_be_given(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH)
        archive = export(tmp_path, job, as_name="lab/y:v2")
        assert import_images(str(archive), "", str(tmp_path / "other"), job) == ("docker.io/lab/y:v2",)


class TestDockerArchives:
    def test_skopeo_reads_it_with_configuration_and_layers(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, AMD64)
        archive = export(tmp_path, job, format="docker")
        about = json.loads(skopeo("inspect", "--config", f"docker-archive:{archive}:{NAME}"))
        assert about == json.loads(next(iter(AMD64.blobs.values())))
        skopeo("copy", f"docker-archive:{archive}:{NAME}", f"oci:{tmp_path / 'copy'}:x")

    def test_it_bears_the_name_that_docker_takes(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, AMD64)
        archive = export(tmp_path, job, format="docker", as_name="lab/y")
        assert json.loads(skopeo("list-tags", f"docker-archive:{archive}"))["Tags"] == ["docker.io/lab/y:latest"]

    def test_an_image_that_goes_by_its_digest_has_no_name(self, tmp_path: Path, job: RecordingJob) -> None:
        name = f"docker.io/lab/x@{AMD64.digest}"
        cache = stored(tmp_path, AMD64, name)
        export_image(ExportOptions(name, str(tmp_path / "x.tar"), format="docker", cache=cache), job)
        with tarfile.open(tmp_path / "x.tar") as tar:
            manifest = tar.extractfile("manifest.json")
            assert manifest
            assert json.load(manifest)[0]["RepoTags"] is None

    def test_it_comes_back(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, AMD64)
        archive = export(tmp_path, job, format="docker")
        other = Store(tmp_path / "other")
        assert import_images(str(archive), "", str(other.root), job) == (NAME,)
        found = other.find(NAME)
        assert found
        assert found.media_type == OCI_MANIFEST

    def test_the_only_platform_that_is_there_is_taken(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH.without(*AMD64.blobs))
        archive = export(tmp_path, job, format="docker")
        assert json.loads(skopeo("inspect", f"docker-archive:{archive}"))["Architecture"] == "arm64"

    def test_a_platform_is_chosen(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH)
        archive = export(tmp_path, job, format="docker", platforms=("linux/arm64",))
        assert json.loads(skopeo("inspect", f"docker-archive:{archive}"))["Architecture"] == "arm64"

    def test_it_holds_one_platform(self, tmp_path: Path, job: RecordingJob) -> None:
        stored(tmp_path, BOTH)
        with pytest.raises(UsageError, match="this format holds one platform"):
            export(tmp_path, job, format="docker", platforms=("arm64", "amd64"))


def test_the_files_of_an_image_are_exported(tmp_path: Path, job: RecordingJob) -> None:
    stored(tmp_path, AMD64)
    with tarfile.open(export(tmp_path, job, format="filesystem")) as tar:
        assert tar.getnames() == ["etc", "etc/motd", "etc/link", "größe", "top"]
        assert tar.getmember("etc/link").linkname == "motd"


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_an_archive_is_reproducible(tmp_path: Path, job: RecordingJob, kind: Any) -> None:
    """The same image in another folder, put there at another time, gives the same bytes: sorted, time 0, owner 0."""
    stored(tmp_path / "a", AMD64)
    stored(tmp_path / "b", AMD64)
    first = export(tmp_path / "a", job, format=kind)
    second = export(tmp_path / "b", job, format=kind, to="other name.tar")
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}


def test_an_archive_goes_to_a_stream(tmp_path: Path, job: RecordingJob) -> None:
    stored(tmp_path, AMD64)
    stream = io.BytesIO()
    options = ExportOptions(NAME, "-", cache=str(tmp_path / "store"))
    assert export_image(options, job, stdout=stream) is None
    assert stream.getvalue() == export(tmp_path, job).read_bytes()


def test_an_archive_comes_from_a_stream(tmp_path: Path, job: RecordingJob) -> None:
    stored(tmp_path, AMD64)
    data = export(tmp_path, job).read_bytes()
    pieces = iter([data[:100], data[100:]])
    assert import_images("-", "", str(tmp_path / "other"), job, stdin=pieces) == (NAME,)


@pytest.mark.parametrize(
    "data",
    [b"", b"onboot:\n" * 100, gzip.compress(b"onboot:\n" * 100), tar(file("manifest.json", b"[]")), tar(file("x"))],
)
def test_a_stream_that_is_no_archive_is_called_standard_input(tmp_path: Path, job: RecordingJob, data: bytes) -> None:
    with pytest.raises((ArchiveInvalid, LayerInvalid)) as caught:
        import_images("-", "", str(tmp_path), job, stdin=[data])
    assert caught.value.where == "standard input"
    assert str(tmp_path) not in str(caught.value)
    assert (caught.value.hint or "").startswith("give an OCI layout (folder or tar), or what 'docker save'")


def test_an_export_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    big = image(raw_layer(noise(5_000_000), compression="none"))
    stored(tmp_path, big)
    job = Job(lambda event: job.cancel() if isinstance(event, Progress) else None)
    with pytest.raises(Cancelled):
        export_image(ExportOptions(NAME, str(tmp_path / "x.tar"), cache=str(tmp_path / "store")), job)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("kind", ["oci", "docker", "filesystem"])
def test_what_is_not_whole_is_not_exported(tmp_path: Path, job: RecordingJob, kind: Any) -> None:
    stored(tmp_path, AMD64.without(list(AMD64.blobs)[1]))
    with pytest.raises((NotFound, Offline), match=f"lkboard cache pull {NAME}"):
        export(tmp_path, job, format=kind)
    assert not (tmp_path / "x.tar").exists()


def test_a_foreign_name_is_quoted_in_the_advice(tmp_path: Path, job: RecordingJob) -> None:
    cache = stored(tmp_path, AMD64.without(list(AMD64.blobs)[1]), "x; reboot")
    with pytest.raises(NotFound) as caught:
        export_image(ExportOptions("x; reboot", str(tmp_path / "x.tar"), cache=cache), job)
    assert caught.value.hint == "pull it: lkboard cache pull 'x; reboot'"


@pytest.mark.parametrize("kind", ["oci", "docker", "filesystem"])
@pytest.mark.parametrize("one", [BOTH, AMD64], ids=["index", "single"])
def test_a_platform_that_there_is_none_for_is_named(tmp_path: Path, job: RecordingJob, kind: Any, one: Image) -> None:
    stored(tmp_path, one)
    with pytest.raises(PlatformMissing, match="there is no image for linux/riscv64") as caught:
        export(tmp_path, job, format=kind, platforms=("riscv64",))
    offered = "linux/amd64, linux/arm64" if one is BOTH else "linux/amd64"
    assert caught.value.hint == f"choose one of: {offered}"


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path: Path, job: RecordingJob) -> None:
    stored(tmp_path, AMD64)
    with pytest.raises(OutputError, match="does not exist"):
        export_image(ExportOptions(NAME, str(tmp_path / "no" / "x.tar"), cache=str(tmp_path / "store")), job)
    assert job.events == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("lab/y:v1", "did you mean 'docker.io/lab/x:v1'?"), ("nothing", "lkboard cache ls"), ("A B", "lkboard cache ls")],
)
def test_a_name_that_is_not_there_is_told(tmp_path: Path, job: RecordingJob, name: str, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        export_image(ExportOptions(name, str(tmp_path / "x"), cache=stored(tmp_path, AMD64)), job)
    assert message in str(caught.value)


@pytest.mark.registry
class TestPull:
    def pull(self, tmp_path: Path, job: RecordingJob, *names: str, **options: Any) -> dict[str, dict[str, bool]]:
        wanted = PullOptions(names, cache=str(tmp_path / "store"), **options)
        found = pull_images(wanted, job)
        return {image.name: {one.platform: one.is_complete for one in image.platforms} for image in found}

    @pytest.mark.parametrize("platforms", [(), ("all",)])
    def test_all_platforms_come(
        self, tmp_path: Path, job: RecordingJob, registry: Registry, platforms: tuple[str, ...]
    ) -> None:
        one = multi_arch("pulled")
        name = registry.push(one, "transfer/all:v1")
        assert self.pull(tmp_path, job, name, platforms=platforms) == {name: {"linux/amd64": True, "linux/arm64": True}}
        assert {f"sha256:{path.name}" for path in (tmp_path / "store/blobs/sha256").iterdir()} == set(one.blobs)

    def test_only_some_platforms_come(self, tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
        name = registry.push(BOTH, "transfer/some:v1")
        found = self.pull(tmp_path, job, name, platforms=("arm64",))
        assert found == {name: {"linux/amd64": False, "linux/arm64": True}}

    def test_a_tag_is_asked_for_again(self, tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
        name = registry.push(AMD64, "transfer/moved:v1")
        self.pull(tmp_path, job, name)
        registry.push(ARM64, "transfer/moved:v1")
        assert self.pull(tmp_path, job, name) == {name: {"linux/arm64": True}}

    def test_no_tag_is_as_good_as_latest(self, tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
        name = registry.push(AMD64, "transfer/latest:latest")
        self.pull(tmp_path, job, name)
        assert self.pull(tmp_path, job, name.removesuffix(":latest")) == {name: {"linux/amd64": True}}

    def test_offline_it_says_whether_all_is_there(self, tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
        name = registry.push(BOTH, "transfer/offline:v1")
        self.pull(tmp_path, job, name, platforms=("arm64",))
        offline = RegistryOptions(offline=True)
        self.pull(tmp_path, job, name, platforms=("arm64",), registry=offline)
        with pytest.raises(Offline, match=f"{name}: its manifest {AMD64.digest} is not in the store"):
            self.pull(tmp_path, job, name, registry=offline)

    def test_a_platform_that_there_is_none_for_is_named(
        self, tmp_path: Path, job: RecordingJob, registry: Registry
    ) -> None:
        name = registry.push(BOTH, "transfer/none:v1")
        with pytest.raises(PlatformMissing, match="there is no image for linux/riscv64"):
            self.pull(tmp_path, job, name, platforms=("riscv64",))

    def test_a_wrong_name_is_told_before_anything_is_pulled(self, tmp_path: Path, job: RecordingJob) -> None:
        with pytest.raises(UsageError, match="'A' is not an image reference"):
            self.pull(tmp_path, job, "localhost:1/x", "A")
