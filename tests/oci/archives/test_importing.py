"""Archives and folders of images into the store, judged by skopeo, and what archives must not do."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import tarfile
import time
import tracemalloc
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
import zstandard
from support.archives import ancient_members, docker_members, pack, write_tar
from support.attestations import attestation, attested, statement
from support.images import (
    REF_NAME,
    Member,
    character,
    directory,
    dumps,
    file,
    hardlink,
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
from support.pulls import is_complete, resolve
from support.small_disk import small_disk
from support.tools import need

from lkboard.errors import ArchiveInvalid, Cancelled, LayerInvalid, LkboardError, OciError, StoreCorrupt, StoreUnusable
from lkboard.events import Event, Job, Progress, Step
from lkboard.model.image import Descriptor
from lkboard.oci.archives.importing import STEP, import_archive, spooled
from lkboard.oci.layers.flatten import flatten
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.oci.store.garbage import HOUR, Retention, collect
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.images import Image
    from support.jobs import RecordingJob

NAME = "docker.io/lab/x:v1"
PLAIN = [layer(file("lower", b"1"), compression="none"), layer(file("upper", b"2"), compression="none")]
SINGLE = image(layer(file("a", b"a")))


def has_all(store: Store, made: Image) -> bool:
    return all(store.is_sound(Descriptor("", name, len(data))) for name, data in made.blobs.items())


def paths(store: Store, name: str, job: Job, *, arch: str = "arm64") -> set[str]:
    found = resolve(store, name, job, arch=arch)
    unpack_layers([found], store, job)
    return {entry.path for entry in flatten(found, store, job)}


class TestLayouts:
    def test_a_folder_keeps_names_and_digests(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        made = multi_arch()
        folder = write_layout(tmp_path / "layout", {NAME: made, "docker.io/lab/y": SINGLE})
        assert import_archive(store, folder, job) == (NAME, "docker.io/lab/y")
        assert has_all(store, made)
        assert has_all(store, SINGLE)
        assert {name: found.digest for name, found in store.names().items()} == {
            NAME: made.digest,
            "docker.io/lab/y": SINGLE.digest,
        }

    @pytest.mark.parametrize("compression", ["", "gz"])
    def test_a_tar_is_imported(self, store: Store, job: RecordingJob, tmp_path: Path, compression: str) -> None:
        made = multi_arch()
        archive = pack(
            write_layout(tmp_path / "layout", {NAME: made}), tmp_path / "layout.tar", compression=compression
        )
        assert import_archive(store, archive, job) == (NAME,)
        assert has_all(store, made)

    def test_a_tar_packed_with_zstd_is_imported(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        archive = pack(write_layout(tmp_path / "layout", {NAME: SINGLE}), tmp_path / "layout.tar")
        archive.write_bytes(zstandard.compress(archive.read_bytes()))
        assert import_archive(store, archive, job) == (NAME,)

    def test_attestations_come_along(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        made = attested({"amd64": SINGLE}, {"amd64": [attestation(statement({}))]})
        import_archive(store, write_layout(tmp_path / "layout", {NAME: made}), job)
        assert has_all(store, made)

    def test_nested_indexes_come_along(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        made = index([index([SINGLE]), multi_arch()])
        import_archive(store, write_layout(tmp_path / "layout", {NAME: made}), job)
        assert has_all(store, made)

    def test_an_index_may_lack_some_platforms(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        """What a build leaves in a store is such an image."""
        other = image(layer(file("b")), architecture="arm64")
        made = index([SINGLE, other])
        folder = write_layout(tmp_path / "layout", {NAME: made.without(*other.blobs)})
        assert import_archive(store, folder, job) == (NAME,)
        assert has_all(store, SINGLE)
        assert job.notes == []

    @pytest.mark.parametrize("spoil", [lambda _path: None, os.mkfifo, os.mkdir], ids=["missing", "pipe", "folder"])
    def test_a_platform_that_is_not_all_there_is_told(
        self, store: Store, job: RecordingJob, tmp_path: Path, spoil: Callable[[Path], None]
    ) -> None:
        files = layer(file("b"))
        other, lost = image(files, architecture="arm64"), files.digest
        folder = write_layout(tmp_path / "layout", {NAME: index([SINGLE, other]).without(lost)})
        spoil(folder / "blobs" / lost.replace(":", "/"))
        assert import_archive(store, folder, job) == (NAME,)
        assert job.notes == [f"{NAME}: the image for linux/arm64 is not all there: {lost} missing"]
        assert has_all(store, SINGLE)

    def test_what_the_store_has_already_completes_a_platform(
        self, store: Store, job: RecordingJob, tmp_path: Path
    ) -> None:
        files = layer(file("b"))
        made = index([SINGLE, image(files, architecture="arm64")])
        import_archive(store, write_layout(tmp_path / "whole", {NAME: made}), job)
        import_archive(store, write_layout(tmp_path / "part", {NAME: made.without(files.digest)}), job)
        assert job.notes == []

    def test_a_layout_without_any_whole_image_is_refused(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        folder = write_layout(tmp_path / "layout", {NAME: SINGLE.without(*list(SINGLE.blobs)[1:2])})
        with pytest.raises(ArchiveInvalid, match=f"{NAME}: the image is not all there: .* missing") as caught:
            import_archive(store, folder, job)
        assert caught.value.where == str(folder)
        assert store.names() == {}

    def test_a_damaged_blob_is_found(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        blob = list(SINGLE.blobs)[1]
        folder = write_layout(tmp_path / "layout", {NAME: SINGLE})
        path = folder / "blobs" / blob.replace(":", "/")
        path.write_bytes(bytes(len(path.read_bytes())))
        with pytest.raises(StoreCorrupt, match=f"the blob {blob} is damaged") as caught:
            import_archive(store, pack(folder, tmp_path / "x.tar"), job)
        assert caught.value.where == str(tmp_path / "x.tar")
        assert not store.has(blob)
        assert store.names() == {}

    def test_errors_name_the_packed_archive_that_was_given(
        self, store: Store, job: RecordingJob, tmp_path: Path
    ) -> None:
        folder = write_layout(tmp_path / "layout", {NAME: SINGLE.without(SINGLE.digest)})
        with pytest.raises(ArchiveInvalid) as caught:
            import_archive(store, pack(folder, tmp_path / "x.tar.gz", compression="gz"), job)
        assert caught.value.where == str(tmp_path / "x.tar.gz")
        assert list(store.derived_dir("ingest").iterdir()) == []

    @pytest.mark.parametrize(
        ("annotations", "option", "expected"),
        [
            ({"io.containerd.image.name": "docker.io/lab/z:v2", REF_NAME: "v2"}, "", "lab/z:v2"),
            ({REF_NAME: "redis:7"}, "", "library/redis:7"),
            ({REF_NAME: "latest"}, "lab/q:v3", "lab/q:v3"),
            ({REF_NAME: "docker.io/lab/z:v2"}, "lab/q", "lab/q"),
            ({}, "lab/q:v3", "lab/q:v3"),
        ],
    )  # fmt: skip
    def test_names(
        self, store: Store, job: RecordingJob, tmp_path: Path, annotations: dict[str, str], option: str, expected: str
    ) -> None:
        folder = write_layout(tmp_path / "layout", {NAME: SINGLE})
        entry = SINGLE.descriptor | {"annotations": annotations}
        (folder / "index.json").write_bytes(dumps({"schemaVersion": 2, "manifests": [entry]}))
        assert import_archive(store, folder, job, name=option) == (f"docker.io/{expected}",)
        assert store.find(f"docker.io/{expected}") == Descriptor(SINGLE.media_type, SINGLE.digest, len(SINGLE.data))

    def test_two_names_of_one_image_are_one_image(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        folder = write_layout(tmp_path / "layout", {NAME: SINGLE, "docker.io/lab/y:v2": SINGLE})
        assert import_archive(store, folder, job) == (NAME, "docker.io/lab/y:v2")
        assert import_archive(store, folder, job, name="lab/z") == ("docker.io/lab/z",)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "its index.json is no JSON at line 1, column 2"),
            ("[]", "its index.json does not list images as it should"),
            ('{"manifests": 5}', "its index.json does not list images as it should"),
            ('{"manifests": [5]}', "its index.json does not list images as it should"),
            (
                '{"manifests": [{"digest": "sha256:../../x", "size": 5}]}',
                "its index.json does not list images as it should: .* is not a digest",
            ),
            ('{"manifests": []}', "there is no image in it"),
            ("[" * 100_000, "its index.json does not list images as it should"),
        ],
    )
    def test_a_broken_index_is_refused(
        self, store: Store, job: RecordingJob, tmp_path: Path, text: str, message: str
    ) -> None:
        (tmp_path / "index.json").write_text(text)
        with pytest.raises(ArchiveInvalid, match=message) as caught:
            import_archive(store, tmp_path, job)
        assert caught.value.where == str(tmp_path)

    def test_a_cache_of_linuxkit_is_imported(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        """Names for every platform beside the index, a lock, and JSON for people (build.md section 7.1, cli.md 5)."""
        arm64 = image(layer(file("b")), architecture="arm64")
        both = index([SINGLE, arm64])
        images = {NAME: both, f"{NAME}-amd64": SINGLE, f"{NAME}-arm64": arm64}
        folder = write_layout(tmp_path / "cache", images)
        (folder / ".lock").touch()
        (folder / "index.json").write_text(json.dumps(json.loads((folder / "index.json").read_bytes()), indent=3))
        assert import_archive(store, folder, job) == (*images,)
        assert has_all(store, both)
        assert resolve(store, NAME, job, arch="arm64").manifest.digest == arm64.digest

    def test_a_layout_of_skopeo_is_imported(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        need("skopeo")
        made = multi_arch()
        write_layout(tmp_path / "layout", {NAME: made})
        target = f"oci-archive:{tmp_path / 'x.tar'}:{NAME}"
        skopeo("copy", "--all", f"oci:{tmp_path / 'layout'}:{NAME}", target)
        assert import_archive(store, tmp_path / "x.tar", job) == (NAME,)
        assert has_all(store, made)


class TestDockerArchives:
    def test_layers_keep_their_bytes(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        archive = write_tar(tmp_path / "x.tar", *docker_members(PLAIN, ["lab/x:v1", "lab/x:latest"]))
        assert import_archive(store, archive, job) == (NAME, "docker.io/lab/x:latest")
        found = resolve(store, NAME, job, arch="arm64")
        assert [one.digest for one in found.layers] == [one.diff_id for one in PLAIN]
        assert is_complete(store, found)
        assert paths(store, NAME, job) == {"lower", "upper"}

    def test_the_same_archive_gives_the_same_image(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        archive = write_tar(tmp_path / "x.tar", *docker_members(PLAIN, ["lab/x:v1"]))
        for other in (store, Store(tmp_path / "other")):
            import_archive(other, archive, job)
        assert Store(tmp_path / "other").names() == store.names()

    @pytest.mark.parametrize("compression", ["gzip", "zstd"])
    def test_layers_may_be_packed(self, store: Store, job: RecordingJob, tmp_path: Path, compression: str) -> None:
        packed = layer(file("packed"), compression=compression)  # type: ignore[arg-type]
        import_archive(store, write_tar(tmp_path / "x.tar", *docker_members([packed], ["lab/x:v1"])), job)
        assert resolve(store, NAME, job, arch="arm64").layers[0].media_type.endswith(f"+{compression}")
        assert paths(store, NAME, job) == {"packed"}

    def test_layers_may_be_links_among_themselves(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        members = docker_members([PLAIN[0], PLAIN[0]], ["lab/x:v1"])
        members[1] = symlink("1/layer.tar", "../0/layer.tar")
        assert import_archive(store, write_tar(tmp_path / "a.tar", *members), job) == (NAME,)
        members[1] = hardlink("1/layer.tar", "0/layer.tar")
        assert import_archive(store, write_tar(tmp_path / "b.tar", *members), job) == (NAME,)

    def test_an_image_without_a_name_gets_one(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        archive = write_tar(tmp_path / "x.tar", *docker_members(PLAIN, []))
        with pytest.raises(ArchiveInvalid, match="an image in it has no name") as caught:
            import_archive(store, archive, job)
        assert "--name NAME" in str(caught.value)
        assert import_archive(store, archive, job, name="lab/x:v1") == (NAME,)

    def test_several_images_come_at_once(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        archive = write_tar(tmp_path / "x.tar", *_two_images())
        assert import_archive(store, archive, job) == (NAME, "docker.io/lab/y:v1")
        assert paths(store, "docker.io/lab/y:v1", job) == {"upper"}

    def test_several_images_cannot_have_one_name(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        archive = write_tar(tmp_path / "x.tar", *_two_images())
        with pytest.raises(ArchiveInvalid, match="there are several images in it"):
            import_archive(store, archive, job, name="lab/z")

    def test_an_archive_that_is_both_is_taken_as_a_layout(
        self, store: Store, job: RecordingJob, tmp_path: Path
    ) -> None:
        """Docker 25 writes both lists into one archive."""
        folder = write_layout(tmp_path / "layout", {NAME: SINGLE})
        (folder / "manifest.json").write_bytes(b"[]")
        assert import_archive(store, pack(folder, tmp_path / "x.tar"), job) == (NAME,)
        assert has_all(store, SINGLE)

    def test_the_oldest_archives_are_read(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        members = ancient_members(PLAIN, {"lab/x": {"v1": "id1", "lower": "id0"}})
        archive = write_tar(tmp_path / "x.tar", *members)
        assert import_archive(store, archive, job) == (NAME, "docker.io/lab/x:lower")
        assert paths(store, NAME, job) == {"lower", "upper"}
        assert paths(store, "docker.io/lab/x:lower", job) == {"lower"}
        assert resolve(store, NAME, job, arch="arm64").config.cmd == ("/x",)

    def test_parents_in_a_circle_end(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        members = [file("id0/json", b'{"parent": "id0"}'), file("repositories", b'{"lab/x": {"v1": "id0"}}')]
        with pytest.raises(ArchiveInvalid, match="the parents of a layer have no end"):
            import_archive(store, write_tar(tmp_path / "x.tar", *members), job)

    def test_a_layer_that_is_another_one_is_refused(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        members = docker_members(PLAIN, ["lab/x:v1"])
        members[0] = file("0/layer.tar", tar(file("evil")))
        with pytest.raises(ArchiveInvalid, match=f"its bytes are not those of {PLAIN[0].diff_id}"):
            import_archive(store, write_tar(tmp_path / "x.tar", *members), job)
        assert store.names() == {}

    @pytest.mark.parametrize(
        ("members", "message"),
        [
            ([file("manifest.json", b"5")], "its manifest.json does not list images as it should"),
            ([file("manifest.json", b"[5]")], "its manifest.json does not list images as it should"),
            ([file("manifest.json", b"[{}]")], "its manifest.json does not list images as it should"),
            ([file("manifest.json", b"[]")], "there is no image in it"),
            ([file("manifest.json", b"\xff")], "its manifest.json does not list images as it should"),
            ([file("manifest.json", b"[\n{]")], "its manifest.json is no JSON at line 2, column 2"),
            ([file("manifest.json", b'[{"Config": "c", "Layers": ["l"]}]')], "the layer 'l' is missing"),
            ([file("manifest.json", b'[{"Config": "c", "Layers": []}]')], "'c' is missing"),
            ([file("manifest.json", b'[{"Config": "", "Layers": []}]')], "'' is missing"),
            ([file("repositories", b"{}")], "there is no image in it"),
            ([file("repositories", b'{"x": {"y": "z"}}')], "'z/json' is missing"),
            ([file("other", b"x")], "no list of images in it: neither index.json nor manifest.json nor repositories"),
            ([file("manifest.json", bytes(5_000_000))], "'manifest.json' is too large"),
        ],
        ids=range(13),
    )
    def test_a_broken_archive_is_refused(
        self, store: Store, job: RecordingJob, tmp_path: Path, members: list[Member], message: str
    ) -> None:
        archive = write_tar(tmp_path / "x.tar", *members)
        with pytest.raises(ArchiveInvalid, match=message) as caught:
            import_archive(store, archive, job)
        assert caught.value.where == str(archive)
        assert caught.value.hint

    def test_many_images_share_the_memory_of_one_configuration(
        self, store: Store, job: RecordingJob, tmp_path: Path
    ) -> None:
        config = dumps({"architecture": "arm64", "os": "linux", "rootfs": {"diff_ids": []}, "x": "x" * 2_000_000})
        entries = [{"Config": "c", "Layers": [], "RepoTags": [f"lab/x:v{number}"]} for number in range(30)]
        archive = write_tar(tmp_path / "x.tar", file("c", config), file("manifest.json", dumps(entries)))
        tracemalloc.start()
        try:
            names = import_archive(store, archive, job)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert len(names) == 30
        assert peak < 10 * len(config)

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ([{"Config": "c", "Layers": [], "RepoTags": ["x:v1"]}] * 1001, "there are more than 1000 images in it"),
            ([{"Config": "c", "Layers": ["c"] * 1001, "RepoTags": ["x:v1"]}], "an image has more than 1000 layers"),
        ],
        ids=["images", "layers"],
    )
    def test_more_than_anybody_saves_is_refused(
        self, store: Store, job: RecordingJob, tmp_path: Path, entries: list[object], message: str
    ) -> None:
        archive = write_tar(tmp_path / "x.tar", file("c", b"{}"), file("manifest.json", dumps(entries)))
        with pytest.raises(ArchiveInvalid, match=message):
            import_archive(store, archive, job)

    def test_an_archive_with_too_few_layers_is_refused(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        members = docker_members(PLAIN, ["lab/x:v1"])
        manifest = json.loads(members[-1].data)
        manifest[0]["Layers"].pop()
        members[-1] = file("manifest.json", dumps(manifest))
        with pytest.raises(OciError, match="an image has 1 layers, and its configuration 2 diff IDs"):
            import_archive(store, write_tar(tmp_path / "x.tar", *members), job)

    def test_an_archive_of_skopeo_is_imported(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        need("skopeo")
        made = multi_arch()
        write_layout(tmp_path / "layout", {NAME: made})
        target = f"docker-archive:{tmp_path / 'x.tar'}:lab/x:v1"
        skopeo("--override-arch", "arm64", "copy", f"oci:{tmp_path / 'layout'}:{NAME}", target)
        assert import_archive(store, tmp_path / "x.tar", job) == (NAME,)
        assert paths(store, NAME, job) == {"etc", "etc/name", "bin", "bin/tool"}
        assert resolve(store, NAME, job, arch="arm64").config.entrypoint == ("/bin/tool",)


class TestHostileArchives:
    @pytest.mark.parametrize(
        ("members", "message"),
        [
            ([file("/etc/passwd")], "has '/etc/passwd', which leads out of it"),
            ([file("a/../../b")], "which leads out of it"),
            ([file("..")], "which leads out of it"),
            ([symlink("a", "/etc/passwd")], "has the link 'a', which leads out of it"),
            ([symlink("a/b", "../../c")], "has the link 'a/b', which leads out of it"),
            ([symlink("a", "..")], "has the link 'a', which leads out of it"),
            ([hardlink("a", "../b")], "has the link 'a', which leads out of it"),
            ([symlink("a", "b"), symlink("b", "a")], "has links that lead in a circle"),
            ([character("dev/null", 1, 3)], "has 'dev/null', which is neither a file nor a folder"),
            ([Member("pipe", tarfile.FIFOTYPE)], "has 'pipe', which is neither a file nor a folder"),
            ([file("n" * 256)], "has a name of more than 255 bytes: 'nnnn"),
            ([file("a"), file("./a")], "has 'a' twice"),
            ([file("a"), symlink("a", "b")], "has 'a' twice"),
        ],
        ids=range(13),
    )
    def test_what_no_archive_of_images_has_is_refused(
        self, store: Store, job: RecordingJob, tmp_path: Path, members: list[Member], message: str
    ) -> None:
        good = docker_members(PLAIN, ["lab/x:v1"])
        archive = write_tar(tmp_path / "x.tar", *good, *members)
        with pytest.raises(ArchiveInvalid, match=message) as caught:
            import_archive(store, archive, job)
        assert caught.value.where == str(archive)
        assert "\n" not in str(caught.value)
        assert store.names() == {}

    def test_folders_may_occur_twice(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        good = docker_members(PLAIN, ["lab/x:v1"])
        archive = write_tar(tmp_path / "x.tar", directory("0"), directory("0"), *good)
        assert import_archive(store, archive, job) == (NAME,)

    @pytest.mark.parametrize("name", ["loop", "n" * 300, "zero\0"])
    def test_a_folder_with_names_that_lead_nowhere_is_refused(
        self, store: Store, job: RecordingJob, tmp_path: Path, name: str
    ) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "loop").symlink_to("loop")
        (folder / "manifest.json").write_bytes(dumps([{"Config": name, "Layers": [], "RepoTags": ["x:v1"]}]))
        with pytest.raises(ArchiveInvalid) as caught:
            import_archive(store, folder, job)
        assert caught.value.hint

    @pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "link"])
    def test_a_folder_cannot_name_what_is_outside(
        self, store: Store, job: RecordingJob, tmp_path: Path, name: str
    ) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        (tmp_path / "outside").write_bytes(b"{}")
        (folder / "link").symlink_to("../outside")
        (folder / "manifest.json").write_bytes(dumps([{"Config": name, "RepoTags": ["lab/x"], "Layers": []}]))
        with pytest.raises(ArchiveInvalid, match="which leads out of it"):
            import_archive(store, folder, job)

    @pytest.mark.parametrize(
        "data", [b"", b"no tar", bytes(100_000), gzip.compress(b"no tar"), gzip.compress(tar(file("x")))[:-9]]
    )
    def test_what_is_no_archive_is_refused(self, store: Store, job: RecordingJob, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(LkboardError) as caught:
            import_archive(store, tmp_path / "x", job)
        assert caught.value.where == str(tmp_path / "x")

    def test_a_bomb_is_stopped(
        self, store: Store, job: RecordingJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lkboard.oci.layers.unpack._SIZE_LIMIT", 1 << 20)
        (tmp_path / "x").write_bytes(gzip.compress(bytes(30_000_000)))
        with pytest.raises(LayerInvalid, match="the archive unpacks to more than 1 MiB"):
            import_archive(store, tmp_path / "x", job)

    def test_a_missing_archive_is_named(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        with pytest.raises(ArchiveInvalid, match="it cannot be read: No such file or directory"):
            import_archive(store, tmp_path / "none", job)

    def test_a_pipe_is_refused_with_what_to_do(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        """To read it would wait for ever, whatever the user does."""
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ArchiveInvalid, match="lkboard cache import -"):
            import_archive(store, tmp_path / "pipe", job)

    def test_looking_through_an_archive_can_be_stopped(self, store: Store, tmp_path: Path) -> None:
        archive = write_tar(tmp_path / "x.tar", *docker_members(PLAIN, ["lab/x:v1"]))
        job = Job(lambda event: job.cancel() if isinstance(event, Step) else None)
        with pytest.raises(Cancelled):
            import_archive(store, archive, job)
        assert store.names() == {}


class TestProgress:
    def test_all_bytes_are_counted(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        made = multi_arch(size=2_000_000)
        import_archive(store, write_layout(tmp_path / "layout", {NAME: made}), job)
        total = sum(len(data) for data in made.blobs.values())
        assert job.last_progress == Progress(STEP, total, total)

    def test_what_is_there_is_counted_too(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        folder = write_layout(tmp_path / "layout", {NAME: SINGLE})
        for _ in range(2):
            import_archive(store, folder, job)
        total = sum(len(data) for data in SINGLE.blobs.values())
        assert job.last_progress == Progress(STEP, total, total)

    @pytest.mark.parametrize("kind", ["layout", "docker"])
    def test_an_import_of_hours_loses_nothing_to_garbage_collection(
        self, store: Store, tmp_path: Path, kind: str
    ) -> None:
        """What has no name stays for an hour only; here all that there is becomes older between two blobs."""
        if kind == "layout":
            archive = write_layout(tmp_path / "layout", {NAME: image(*PLAIN)})
        else:
            archive = write_tar(tmp_path / "x.tar", *docker_members(PLAIN, ["lab/x:v1"]))
        taken: set[str] = set()
        abandoned = store.add(b"what an import left that was killed")
        older(store, 5)

        def collect_often(event: Event) -> None:
            if isinstance(event, Progress) and not store.names():
                older(store, 2)
                removed = collect(store, Retention(), time.time(), Job())
                taken.update(item.path.name for item in removed if item.kind == "blob")

        import_archive(store, archive, Job(collect_often, progress_interval=0.0))
        assert taken == {abandoned.removeprefix("sha256:")}
        assert is_complete(store, resolve(store, NAME, Job(), arch="amd64" if kind == "layout" else "arm64"))

    def test_images_are_named_one_by_one(self, store: Store, tmp_path: Path) -> None:
        """The first one is not garbage while the others come."""
        named: list[set[str]] = []

        def look(event: Event) -> None:
            if isinstance(event, Progress):
                named.append(set(store.names()))

        folder = write_layout(tmp_path / "layout", {NAME: SINGLE, "docker.io/lab/y:v1": image(*PLAIN)})
        import_archive(store, folder, Job(look, progress_interval=0.0))
        assert named[-1] == {NAME}

    def test_an_import_can_be_stopped(self, store: Store, tmp_path: Path) -> None:
        big = raw_layer(noise(5_000_000), compression="none")
        folder = write_layout(tmp_path / "layout", {NAME: image(big)})
        job = Job(lambda event: job.cancel() if isinstance(event, Progress) else None)
        with pytest.raises(Cancelled):
            import_archive(store, folder, job)
        assert not store.has(big.digest)
        assert list(store.derived_dir("ingest").iterdir()) == []

    def test_a_stream_ends_where_there_is_no_room_for_its_images(
        self, store: Store, job: RecordingJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage("/")._replace(free=10 << 20)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        come = []

        def endless() -> Iterator[bytes]:
            while True:
                come.append(1)
                yield bytes(1 << 20)

        message = "11 MiB of the archive have come, its images need as much again, and 10 MiB are free"
        with pytest.raises(StoreUnusable, match=message), spooled(store, endless(), job):
            pass
        assert len(come) == 11
        assert list(store.derived_dir("ingest").iterdir()) == []

    @pytest.mark.device
    def test_a_stream_does_not_fill_a_disk(self, tmp_path: Path, job: RecordingJob) -> None:
        with small_disk(tmp_path / "small", 16) as folder:
            store = Store(folder / "store")
            message = "its images need as much again"
            with pytest.raises(StoreUnusable, match=message) as caught, spooled(store, repeat(bytes(1 << 20)), job):
                pass
            assert "--cache DIR" in (caught.value.hint or "")
            assert shutil.disk_usage(folder).free > 15 << 20

    def test_a_stream_is_kept_only_for_a_moment(self, store: Store, job: RecordingJob, tmp_path: Path) -> None:
        data = tar(*docker_members(PLAIN, ["lab/x:v1"]))
        with spooled(store, iter([data[:1000], data[1000:]]), job) as path:
            assert import_archive(store, path, job) == (NAME,)
        assert not path.exists()


def older(store: Store, hours: int) -> None:
    """Let everything that is in a store look as if it had been used so many hours earlier."""
    for path in store.root.rglob("*"):
        status = path.stat()
        os.utime(path, (status.st_atime - hours * HOUR, status.st_mtime - hours * HOUR))


def _two_images() -> list[Member]:
    first, second = docker_members(PLAIN[:1], ["lab/x:v1"]), docker_members(PLAIN[1:], ["lab/y:v1"])
    manifests = json.loads(first[-1].data) + json.loads(second[-1].data)
    manifests[1]["Layers"] = ["1/layer.tar"]
    layers = [first[0], file("1/layer.tar", second[0].data)]
    return [*layers, first[1], second[1], file("manifest.json", dumps(manifests))]


def skopeo(*arguments: str) -> None:
    subprocess.run(["skopeo", "--insecure-policy", *arguments], check=True, capture_output=True)
