"""Pulling from a real registry: what comes, what stays away, and what needs no network at all."""

from __future__ import annotations

import base64
import json
import subprocess
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from support.faults import FaultProxy
from support.images import Image, dumps, image, index, layer, multi_arch, noise, raw_layer, tar, write_layout
from support.images import digest as digest_of
from support.images import file as a_file
from support.pulls import is_complete, pull, resolve, resolve_whole
from support.tools import need

from lkboard.errors import ManifestInvalid, NotFound, PlatformMissing, RegistryError, StoreCorrupt, StoreUnusable
from lkboard.events import Job, Step
from lkboard.model.image import Descriptor, Platform
from lkboard.model.reference import parse_reference
from lkboard.oci.registry import pull as pull_module
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

NOWHERE = "127.0.0.1:1"
"""A registry that refuses every connection."""


@pytest.fixture(scope="module")
def multi(registry: Registry) -> str:
    return registry.push(multi_arch("pull", size=2_000_000), "pull/multi:v1")


def blobs(store: Store) -> set[str]:
    return {f"sha256:{path.name}" for path in (store.root / "blobs" / "sha256").iterdir()}


def test_only_the_wanted_platform_is_pulled(store: Store, job: RecordingJob, multi: str) -> None:
    found = pull(store, multi, job, arch="arm64")
    made = multi_arch("pull", size=2_000_000)
    assert found.index
    assert found.index.digest == made.digest
    assert blobs(store) == {made.digest, found.manifest.digest, *[part.digest for part in found.layers]} | {
        name for name in blobs(store) if b"diff_ids" in store.blob_path(name).read_bytes()[:1000]
    }
    assert len(blobs(store)) == 5


def test_what_was_resolved_is_described(store: Store, job: RecordingJob, multi: str) -> None:
    found = resolve(store, multi, job, arch="arm64")
    assert str(found.reference) == multi
    assert found.platform == Platform("linux", "arm64")
    assert found.manifest.platform == Platform("linux", "arm64")
    assert found.config.platform.architecture == "arm64"
    assert found.config.entrypoint == ("/bin/tool",)
    assert [part.size > 1_000_000 for part in found.layers] == [False, True]
    assert len(found.config.diff_ids) == 2


def test_resolving_fetches_no_layer(store: Store, job: RecordingJob, multi: str) -> None:
    found = resolve(store, multi, job)
    assert not any(store.has(part.digest) for part in found.layers)


def test_what_is_there_needs_no_network(store: Store, job: RecordingJob, registry: Registry) -> None:
    with FaultProxy(registry.host) as proxy:
        name = f"{proxy.host}/{registry.push(multi_arch('offline'), 'pull/offline:v1').partition('/')[2]}"
        first = pull(store, name, job)
    assert pull(store, name, job) == first


def test_a_name_in_the_store_is_never_asked_for(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": multi_arch()})
    assert is_complete(store, pull(store, f"{NOWHERE}/lab/x:v1", job))


@pytest.mark.parametrize("stored", ["", ":latest"])
@pytest.mark.parametrize("asked", ["", ":latest"])
def test_no_tag_and_latest_are_the_same_in_the_store(store: Store, job: RecordingJob, stored: str, asked: str) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x{stored}": multi_arch()})
    assert str(pull(store, f"{NOWHERE}/lab/x{asked}", job).reference) == f"{NOWHERE}/lab/x{asked}"


def test_another_tag_is_another_image(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": multi_arch()})
    with pytest.raises(RegistryError):
        resolve(store, f"{NOWHERE}/lab/x:v2", job, retry_delays=())


def test_the_name_in_the_store_is_the_canonical_one(store: Store, job: RecordingJob, registry: Registry) -> None:
    registry.push(multi_arch("plain"), "pull/plain:latest")
    pull(store, f"{registry.host}/pull/plain", job)
    assert set(store.names()) == {f"{registry.host}/pull/plain"}


def test_a_digest_is_fetched_and_not_the_tag(store: Store, job: RecordingJob, registry: Registry) -> None:
    old, new = multi_arch("digest-old"), multi_arch("digest-new")
    registry.push(old, "pull/digest:v1")
    registry.push(new, "pull/digest:v1")
    found = pull(store, f"{registry.host}/pull/digest:v1@{old.digest}", job)
    assert found.index
    assert found.index.digest == old.digest
    assert set(store.names()) == {f"{registry.host}/pull/digest:v1@{old.digest}"}


def test_a_digest_in_the_store_needs_no_name_there(store: Store, job: RecordingJob) -> None:
    made = multi_arch()
    write_layout(store.root, {"docker.io/lab/other:v1": made})
    found = pull(store, f"{NOWHERE}/lab/x@{made.digest}", job, always_pull=True)
    assert found.index
    assert found.index.media_type == made.media_type


def test_what_is_asked_for_by_a_digest_gets_a_name_when_it_has_none(store: Store, job: RecordingJob) -> None:
    """It had one, which was removed or leads to a newer image now: garbage collection would take it."""
    made = multi_arch()
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": made})
    store.forget(f"{NOWHERE}/lab/x:v1", job)
    name = f"{NOWHERE}/lab/x:v1@{made.digest}"
    pull(store, name, job)
    assert {key: (root.digest, root.media_type) for key, root in store.names().items()} == {
        name: (made.digest, made.media_type)
    }


def test_a_whole_image_gets_a_name_by_its_digest_too(store: Store, job: RecordingJob) -> None:
    made = multi_arch()
    write_layout(store.root, {f"{NOWHERE}/lab/y:v1": made})
    resolve_whole(store, f"{NOWHERE}/lab/x@{made.digest}", job)
    assert set(store.names()) == {f"{NOWHERE}/lab/y:v1", f"{NOWHERE}/lab/x@{made.digest}"}


@pytest.mark.parametrize("name", ["x", "x:v1", "x:v2"])
def test_one_name_of_a_digest_is_enough(store: Store, job: RecordingJob, name: str) -> None:
    made = multi_arch()
    write_layout(store.root, {f"{NOWHERE}/lab/{name}": made})
    pull(store, f"{NOWHERE}/lab/x:v1@{made.digest}", job)
    assert set(store.names()) == {f"{NOWHERE}/lab/{name}"}


def test_a_vendored_folder_gets_no_name(store: Store, job: RecordingJob) -> None:
    made = multi_arch()
    write_layout(store.root, {"docker.io/lab/other:v1": made})
    before = (store.root / "index.json").read_bytes()
    pull(store, f"{NOWHERE}/lab/x@{made.digest}", job, offline=True, is_vendored=True)
    assert (store.root / "index.json").read_bytes() == before


def test_pull_asks_again_and_finds_the_new_image(store: Store, job: RecordingJob, registry: Registry) -> None:
    name = registry.push(multi_arch("again-1"), "pull/again:v1")
    pull(store, name, job)
    registry.push(multi_arch("again-2"), "pull/again:v1")
    assert pull(store, name, job).index != (newer := pull(store, name, job, always_pull=True).index)
    assert pull(store, name, job).index == newer


def test_pull_of_what_has_not_changed_transfers_nothing(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry
) -> None:
    registry.push(multi_arch("same"), "pull/same:v1")
    pull(store, f"{proxy.host}/pull/same:v1", job)
    proxy.clear()
    pull(store, f"{proxy.host}/pull/same:v1", job, always_pull=True)
    (seen,) = proxy.seen()
    assert seen.headers["If-None-Match"] == f'"{multi_arch("same").digest}"'


def test_pull_fails_without_the_registry_though_the_image_is_there(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": multi_arch()})
    with pytest.raises(RegistryError, match="Connection refused"):
        pull(store, f"{NOWHERE}/lab/x:v1", job, always_pull=True, retry_delays=())


def test_the_other_platform_of_a_sparse_image_is_fetched_later(store: Store, job: RecordingJob, multi: str) -> None:
    pull(store, multi, job, arch="amd64")
    assert is_complete(store, pull(store, multi, job, arch="arm64"))


def test_skopeo_reads_the_platform_that_was_pulled(store: Store, job: RecordingJob, multi: str, tmp_path: Path) -> None:
    """The index of a sparse image names more than there is; skopeo takes what it is asked for."""
    need("skopeo")
    found = pull(store, multi, job, arch="arm64")
    command = ["skopeo", "--insecure-policy", "--override-arch", "arm64", "copy", f"oci:{store.root}:{multi}"]
    subprocess.run([*command, f"dir:{tmp_path / 'copy'}"], check=True, capture_output=True)
    copied = {path.name for path in (tmp_path / "copy").iterdir()}
    assert {part.digest.removeprefix("sha256:") for part in found.layers} < copied


def test_a_platform_that_is_not_there_is_an_error_with_those_that_are(
    store: Store, job: RecordingJob, multi: str
) -> None:
    with pytest.raises(PlatformMissing) as caught:
        resolve(store, multi, job, arch="riscv64")
    assert caught.value.available == ("linux/amd64", "linux/arm64")
    assert multi in str(caught.value)
    assert "linux/riscv64" in caught.value.message
    assert "linux/amd64, linux/arm64" in (caught.value.hint or "")
    assert store.names() == {}


@pytest.mark.parametrize("docker", [False, True])
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_docker_and_oci_images_are_the_same(
    store: Store, job: RecordingJob, registry: Registry, docker: bool, compression: Any
) -> None:
    parts = [layer(a_file(name), compression=compression, docker=docker) for name in ("a", "b")]
    made = index([image(*parts, docker=docker), image(architecture="arm64", docker=docker)], docker=docker)
    found = pull(store, registry.push(made, f"pull/types-{docker}-{compression}:v1".lower()), job)
    assert [part.digest for part in found.layers] == [part.digest for part in parts]


def test_an_image_with_zstd_layers(store: Store, job: RecordingJob, registry: Registry) -> None:
    made = image(layer(a_file("a"), compression="zstd"))
    found = pull(store, registry.push(made, "pull/zstd:v1"), job)
    assert found.layers[0].media_type.endswith("tar+zstd")
    assert store.blob_path(found.layers[0].digest).read_bytes()[:4] == b"\x28\xb5\x2f\xfd"


def test_an_image_without_an_index(store: Store, job: RecordingJob, registry: Registry) -> None:
    made = image(layer(a_file("a")))
    found = pull(store, registry.push(made, "pull/single:v1"), job)
    assert (found.manifest.digest, found.index) == (made.digest, None)


def test_an_image_without_layers(store: Store, job: RecordingJob, registry: Registry) -> None:
    assert pull(store, registry.push(image(), "pull/empty:v1"), job).layers == ()


def test_a_single_image_for_another_architecture_is_refused(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    name = registry.push(image(architecture="amd64"), "pull/wrong:v1")
    with pytest.raises(PlatformMissing) as caught:
        resolve(store, name, job, arch="arm64")
    assert caught.value.available == ("linux/amd64",)
    assert "--allow-wrong-arch" in (caught.value.hint or "")


def test_a_single_image_for_another_architecture_may_be_allowed(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    name = registry.push(image(architecture="amd64"), "pull/wrong:v2")
    assert resolve(store, name, job, arch="arm64", allow_wrong_arch=True)
    assert f"{name} is for linux/amd64, not for linux/arm64" in job.notes


def nested(inner: Image, depth: int) -> Image:
    for _ in range(depth):
        inner = index([Image(inner.media_type, inner.data, inner.blobs, inner.manifests)])
    return inner


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_index_in_an_index_is_followed(store: Store, job: RecordingJob, depth: int) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": nested(multi_arch(), depth)})
    found = resolve(store, f"{NOWHERE}/lab/x:v1", job, arch="arm64")
    assert found.config.platform.architecture == "arm64"


def test_indexes_are_not_followed_for_ever(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": nested(multi_arch(), 4)})
    with pytest.raises(PlatformMissing):
        resolve(store, f"{NOWHERE}/lab/x:v1", job)


def test_a_missing_platform_lists_those_of_inner_indexes_too(store: Store, job: RecordingJob) -> None:
    outer = index([image(architecture="s390x"), nested(multi_arch(), 0)])
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": outer})
    with pytest.raises(PlatformMissing) as caught:
        resolve(store, f"{NOWHERE}/lab/x:v1", job, arch="riscv64")
    assert caught.value.available == ("linux/s390x", "linux/amd64", "linux/arm64")


@pytest.mark.parametrize("offline", [True, False])
def test_a_missing_platform_advises_to_ask_again_where_one_may(
    store: Store, job: RecordingJob, multi: str, offline: bool
) -> None:
    pull(store, multi, job)
    with pytest.raises(PlatformMissing) as caught:
        Puller(store, RegistrySettings(offline=offline), job).resolve(
            parse_reference(multi), Platform("linux", "s390x")
        )
    again = "" if offline else "; or ask the registry again with --pull"
    assert caught.value.hint == f"choose one of: linux/amd64, linux/arm64{again}"


def test_the_first_of_two_images_for_a_platform_is_taken(store: Store, job: RecordingJob) -> None:
    first, second = image(layer(a_file("first"))), image(layer(a_file("second")))
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": index([first, second])})
    assert resolve(store, f"{NOWHERE}/lab/x:v1", job).manifest.digest == first.digest


def test_an_image_in_an_index_may_leave_its_platform_to_its_configuration(store: Store, job: RecordingJob) -> None:
    members = [image(architecture=arch) for arch in ("amd64", "arm64")]
    bare = [Image(member.media_type, member.data, member.blobs, member.manifests) for member in members]
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": index(bare)})
    assert resolve(store, f"{NOWHERE}/lab/x:v1", job, arch="arm64").manifest.digest == members[1].digest
    with pytest.raises(PlatformMissing) as caught:
        resolve(store, f"{NOWHERE}/lab/x:v1", job, arch="riscv64")
    assert caught.value.available == ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize("platform", [{"os": "unknown", "architecture": "unknown"}, None])
def test_attestations_are_recorded_and_not_fetched(
    store: Store, job: RecordingJob, platform: dict[str, str] | None
) -> None:
    member = image(layer(a_file("a")))
    notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": member.digest}
    attestation = {"mediaType": member.media_type, "digest": digest_of(b"nowhere"), "size": 7, "annotations": notes}
    made = index([member], extra=[attestation | ({"platform": platform} if platform else {})])
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": made})
    found = pull(store, f"{NOWHERE}/lab/x:v1", job)
    assert [entry.digest for entry in found.attestations] == [digest_of(b"nowhere")]
    with pytest.raises(PlatformMissing):
        resolve(store, f"{NOWHERE}/lab/x:v1", job, arch="arm64")


def with_layer(descriptor: dict[str, Any]) -> Image:
    """Return an image whose layer's descriptor was changed."""
    part = layer(a_file("a", b"hello"))
    made = image(part)
    fields = json.loads(made.data)
    fields["layers"][0] |= descriptor | ({"data": base64.b64encode(part.data).decode()} if not descriptor else {})
    data = dumps(fields)
    rest = {name: blob for name, blob in made.blobs.items() if name not in {made.digest, part.digest}}
    return Image(made.media_type, data, {**rest, digest_of(data): data}, platform=made.platform)


def test_a_layer_in_its_descriptor_needs_no_request(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": with_layer({})})
    found = pull(store, f"{NOWHERE}/lab/x:v1", job)
    assert is_complete(store, found)


@pytest.mark.parametrize("data", [b"", b"{}"])
def test_well_known_blobs_need_no_request(store: Store, job: RecordingJob, data: bytes) -> None:
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": with_layer({"digest": digest_of(data), "size": len(data)})})
    found = pull(store, f"{NOWHERE}/lab/x:v1", job)
    assert store.blob_path(found.layers[0].digest).read_bytes() == data


def test_manifest_and_configuration_must_agree_on_the_layers(store: Store, job: RecordingJob) -> None:
    made = image(layer(a_file("a")))
    fields = json.loads(made.data)
    data = dumps(fields | {"layers": fields["layers"] * 2})
    write_layout(
        store.root, {f"{NOWHERE}/lab/x:v1": Image(made.media_type, data, {**made.blobs, digest_of(data): data})}
    )
    with pytest.raises(ManifestInvalid, match="lists 2 layers, its configuration 1"):
        resolve(store, f"{NOWHERE}/lab/x:v1", job)


def test_an_index_where_an_image_should_be_is_refused(store: Store, job: RecordingJob) -> None:
    inner = multi_arch()
    liar = Image(image().media_type, inner.data, inner.blobs, platform={"os": "linux", "architecture": "amd64"})
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": index([liar])})
    with pytest.raises(ManifestInvalid, match=r"calls itself .*index"):
        resolve(store, f"{NOWHERE}/lab/x:v1", job)


def test_what_is_not_an_image_is_refused_by_name(store: Store, job: RecordingJob) -> None:
    data = dumps({"mediaType": "application/vnd.example.thing+json"})
    thing = Image("application/vnd.example.thing+json", data, {digest_of(data): data})
    write_layout(store.root, {f"{NOWHERE}/lab/thing:v1": thing})
    with pytest.raises(ManifestInvalid) as caught:
        resolve(store, f"{NOWHERE}/lab/thing:v1", job)
    assert "lab/thing:v1" in str(caught.value)
    assert "vnd.example.thing" in str(caught.value)


def test_a_large_configuration_is_refused_before_it_is_fetched(store: Store, job: RecordingJob) -> None:
    made = image()
    fields = json.loads(made.data)
    data = dumps(fields | {"config": fields["config"] | {"size": 5 << 20}})
    write_layout(store.root, {f"{NOWHERE}/lab/x:v1": Image(made.media_type, data, {digest_of(data): data})})
    with pytest.raises(ManifestInvalid, match="larger than 4 MiB"):
        resolve(store, f"{NOWHERE}/lab/x:v1", job)


def test_an_image_that_does_not_exist_is_named(store: Store, job: RecordingJob, registry: Registry) -> None:
    name = f"{registry.host}/pull/no-such-image:v1"
    with pytest.raises(NotFound) as caught:
        resolve(store, name, job)
    assert caught.value.where == name
    assert f"{registry.url}/v2/pull/no-such-image/manifests/v1" in caught.value.message
    assert "MANIFEST_UNKNOWN" in caught.value.message


def test_several_images_are_one_step_whose_progress_ends_at_its_total(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    shared = layer(a_file("shared"))
    names = [
        registry.push(image(shared, raw_layer(tar(a_file(name, bytes(5000))), compression="none")), f"pull/{name}:v1")
        for name in ("one", "two", "three")
    ]
    puller = Puller(store, RegistrySettings(), job)
    images = [puller.resolve(parse_reference(name), Platform("linux", "amd64")) for name in names]
    puller.fetch(images)
    total = sum(part.size for part in {part for found in images for part in found.layers})
    assert job.last_progress
    assert (job.last_progress.done, job.last_progress.total) == (total, total)
    assert [event.state for event in job.events if isinstance(event, Step)] == ["started", "done"]
    assert all(is_complete(store, found) for found in images)


def test_the_biggest_layer_comes_first(store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry) -> None:
    parts = [raw_layer(tar(a_file("x", bytes(size))), compression="none") for size in (10_000, 300_000, 80_000)]
    registry.push(image(*parts), "pull/order:v1")
    pull(store, f"{proxy.host}/pull/order:v1", job, parallel=1)
    asked = [seen.path.rpartition("/")[2] for seen in proxy.seen("/blobs/")]
    assert asked[1:] == [parts[number].digest for number in (1, 2, 0)]


def test_fetching_nothing_is_quick_and_silent(store: Store, job: RecordingJob) -> None:
    Puller(store, RegistrySettings(), job).fetch([])
    assert [event.state for event in job.events if isinstance(event, Step)] == ["started", "done"]


def test_too_little_space_is_told_before_anything_is_fetched(
    store: Store, job: RecordingJob, proxy: FaultProxy, multi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    puller = Puller(store, RegistrySettings(), job)
    found = puller.resolve(
        parse_reference(multi.replace(multi.partition("/")[0], proxy.host)), Platform("linux", "amd64")
    )
    proxy.clear()
    usage = pull_module.shutil.disk_usage(store.root)
    monkeypatch.setattr(pull_module.shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(StoreUnusable, match="need 1 MiB, and 1 MiB are free"):
        puller.fetch([found])
    assert proxy.requests == []


@pytest.mark.parametrize(("percent", "is_enough"), [(104, False), (106, True)])
def test_a_twentieth_more_space_than_the_images_need_is_enough(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, percent: int, is_enough: bool
) -> None:
    part = raw_layer(noise(1_000_000, "margin"), compression="none")
    name = registry.push(image(part), "pull/margin:v1")
    puller = Puller(store, RegistrySettings(), Job())
    found = puller.resolve(parse_reference(name), Platform("linux", "amd64"))
    usage = pull_module.shutil.disk_usage(store.root)._replace(free=percent * 10_000)
    monkeypatch.setattr(pull_module.shutil, "disk_usage", lambda _: usage)
    with nullcontext() if is_enough else pytest.raises(StoreUnusable, match="are free"):
        puller.fetch([found])
    assert store.has(part.digest) == is_enough


@pytest.mark.parametrize("part", ["index", "manifest", "config", "layer"])
def test_a_damaged_blob_is_named_and_fetched_again(
    store: Store, job: RecordingJob, registry: Registry, part: str
) -> None:
    name = registry.push(multi_arch("damage"), "pull/damage:v1")
    digest = _damage(store, name, job, part)
    assert is_complete(store, pull(store, name, job))
    assert f"{name}: the blob {digest} in the store is damaged, it is fetched again" in job.notes
    assert digest_of(store.blob_path(digest).read_bytes()) == digest


def test_a_pinned_image_whose_manifest_was_cut_has_the_size_of_the_whole_one(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    name = registry.push(multi_arch("cut"), "pull/cut:v1")
    index = pull(store, name, job).index
    assert index
    path = store.blob_path(index.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-10])
    pinned = f"{name.removesuffix(':v1')}@{index.digest}"
    assert resolve(store, pinned, job).index == index


@pytest.mark.parametrize("part", ["index", "manifest", "config", "layer"])
def test_a_damaged_blob_is_never_used_when_it_cannot_be_fetched_again(
    store: Store, job: RecordingJob, part: str
) -> None:
    name = f"{NOWHERE}/lab/x:v1"
    write_layout(store.root, {name: multi_arch("damage")})
    digest = _damage(store, name, job, part)
    with pytest.raises(StoreCorrupt) as caught:
        pull(store, name, job, retry_delays=())
    assert name in str(caught.value)
    assert f"{digest} in the store was damaged, and cannot be fetched again" in str(caught.value)


def _damage(store: Store, name: str, job: RecordingJob, part: str) -> str:
    """Flip a bit in a blob of an image that is in the store, and return its digest."""
    found = pull(store, name, job)
    config = json.loads(store.blob_path(found.manifest.digest).read_bytes())["config"]["digest"]
    assert found.index
    digest = {
        "index": found.index.digest,
        "manifest": found.manifest.digest,
        "config": config,
        "layer": found.layers[-1].digest,
    }[part]
    path = store.blob_path(digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    return digest


def test_a_layer_that_is_lost_is_fetched_again(store: Store, job: RecordingJob, registry: Registry) -> None:
    name = registry.push(multi_arch("lost"), "pull/lost:v1")
    found = pull(store, name, job)
    store.blob_path(found.layers[0].digest).unlink()
    assert is_complete(store, pull(store, name, job))
    assert job.notes == []


def test_a_stored_name_without_its_blob_is_fetched_by_digest(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    made = multi_arch("by-digest")
    name = registry.push(made, "pull/by-digest:v1")
    store.set_name(name, Descriptor(made.media_type, made.digest, len(made.data)))
    registry.push(multi_arch("newer"), "pull/by-digest:v1")
    found = pull(store, name, job)
    assert found.index
    assert found.index.digest == made.digest
