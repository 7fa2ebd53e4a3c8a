"""Pushing to a real registry, and what skopeo says about what arrives there."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
from support.authority import Authority
from support.faults import Answer, Ask, Cut, Fault, FaultProxy, Header, Status
from support.images import Image, digest, image, index, layer, multi_arch, raw_layer, tar, write_layout
from support.images import file as a_file
from support.pulls import is_complete, log_in, pull, settings_of
from support.registry import Registry, TokenServer, get, running_registry

from lkboard.errors import AuthNeeded, Cancelled, ManifestInvalid, NotFound, OciError, RegistryError, StoreCorrupt
from lkboard.events import Job, Step
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob

pytestmark = pytest.mark.registry

NAME = "docker.io/lkboard/x:kit"
MADE = multi_arch("push", size=2_500_000)


@pytest.fixture
def full(store: Store) -> Store:
    """A store with an image for two platforms."""
    write_layout(store.root, {NAME: MADE})
    return store


def push_to(store: Store, destination: str, job: Job, **settings: object) -> None:
    push(store, {NAME: parse_reference(destination)}, settings_of(**settings), job)


def test_skopeo_finds_what_was_pushed(full: Store, job: RecordingJob, registry: Registry) -> None:
    push_to(full, f"{registry.host}/push/skopeo:v1", job)
    raw = registry.skopeo("inspect", "--raw", f"docker://{registry.host}/push/skopeo:v1")
    assert raw.encode() == MADE.data


def test_skopeo_copies_every_blob_of_it(full: Store, job: RecordingJob, registry: Registry, tmp_path: Path) -> None:
    push_to(full, f"{registry.host}/push/copy:v1", job)
    registry.skopeo("copy", "--all", f"docker://{registry.host}/push/copy:v1", f"oci:{tmp_path / 'copy'}:x")
    copied = {path.name for path in (tmp_path / "copy" / "blobs" / "sha256").iterdir()}
    assert copied == {name.removeprefix("sha256:") for name in MADE.blobs}


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_it_can_be_pulled_again(full: Store, job: RecordingJob, registry: Registry, tmp_path: Path, arch: str) -> None:
    push_to(full, f"{registry.host}/push/again:v1", job)
    other = Store(tmp_path / "other")
    assert is_complete(other, pull(other, f"{registry.host}/push/again:v1", job, arch=arch))


@pytest.mark.parametrize(
    "made",
    [
        image(layer(a_file("a"))),
        image(layer(a_file("a"), compression="zstd")),
        image(raw_layer(tar(a_file("a")), compression="none")),
        image(),
        image(raw_layer(b"", compression="none")),
        image(layer(a_file("a"), docker=True), docker=True),
        index([image(docker=True), image(architecture="arm64", docker=True)], docker=True),
        index([index([image()])]),
    ],
    ids=["gzip", "zstd", "plain", "no-layers", "empty-layer", "docker", "docker-list", "nested"],
)
def test_any_image_arrives_as_it_is(store: Store, job: RecordingJob, registry: Registry, made: Image) -> None:
    write_layout(store.root, {NAME: made})
    push_to(store, f"{registry.host}/push/any:v1", job)
    raw = registry.skopeo("inspect", "--raw", f"docker://{registry.host}/push/any@{made.digest}")
    assert raw.encode() == made.data


def test_a_destination_without_a_tag_is_latest(full: Store, job: RecordingJob, registry: Registry) -> None:
    push_to(full, f"{registry.host}/push/untagged", job)
    assert json.loads(get(registry, "/v2/push/untagged/tags/list")[1])["tags"] == ["latest"]


def test_what_is_there_already_is_not_sent(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    push_to(full, f"{proxy.host}/push/twice:v1", job)
    proxy.clear()
    push_to(full, f"{proxy.host}/push/twice:v1", job)
    assert proxy.seen(method="POST") == []
    assert [seen.path.rpartition("/")[2] for seen in proxy.seen(method="PUT")][-1] == "v1"


def test_the_name_comes_last(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    push_to(full, f"{proxy.host}/push/order:v1", job)
    puts = [seen.path for seen in proxy.seen(method="PUT")]
    assert ["uploads" in path for path in puts] == sorted(("uploads" in path for path in puts), reverse=True)
    assert puts[-1] == "/v2/push/order/manifests/v1"
    assert [path.partition("/manifests/")[2].partition(":")[0] for path in puts[-3:-1]] == ["sha256", "sha256"]


def test_progress_ends_at_its_total(full: Store, job: RecordingJob, registry: Registry) -> None:
    push_to(full, f"{registry.host}/push/progress:v1", job)
    assert job.last_progress
    assert job.last_progress.done == job.last_progress.total
    assert [event.state for event in job.events if isinstance(event, Step)] == ["started", "done"]


def test_several_images_are_one_step(full: Store, job: RecordingJob, registry: Registry) -> None:
    other = "docker.io/lkboard/y:kit"
    write_layout(full.root, {NAME: MADE, other: multi_arch("other", size=1_000_000)})
    targets = {name: parse_reference(f"{registry.host}/push/several-{name[-5]}:v1") for name in (NAME, other)}
    push(full, targets, settings_of(), job)
    for name, target in targets.items():
        assert json.loads(registry.skopeo("inspect", "--raw", f"docker://{target}")) == json.loads(
            full.read(full.names()[name])
        )
    assert [event.state for event in job.events if isinstance(event, Step)] == ["started", "done"]
    assert job.last_progress
    assert job.last_progress.done == job.last_progress.total


def test_nothing_is_pushed_when_one_is_missing(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    targets = {name: parse_reference(f"{proxy.host}/push/none:v1") for name in (NAME, "docker.io/lkboard/none:kit")}
    with pytest.raises(NotFound, match="the store has no such image"):
        push(full, targets, settings_of(), job)
    assert proxy.seen() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("HEAD", "/blobs/", 503), ("POST", "/uploads/", 502), ("PUT", "/uploads/", 500), ("PUT", "/manifests/", 503)],
)
def test_a_registry_in_trouble_is_asked_again(
    full: Store, job: RecordingJob, proxy: FaultProxy, method: str, path: str, status: int
) -> None:
    proxy.add(Status(status), method=method, path=path, times=2)
    push_to(full, f"{proxy.host}/push/trouble-{method.lower()}{status}:v1", job)
    assert job.last_progress
    assert job.last_progress.done == job.last_progress.total


def test_an_upload_that_broke_begins_anew(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Status(500), method="PUT", path="/uploads/", times=1)
    push_to(full, f"{proxy.host}/push/anew:v1", job, parallel=1)
    blobs = len(MADE.blobs) - len(MADE.manifests)
    assert len(proxy.seen(method="POST")) == blobs + 1


def test_an_upload_that_never_works_is_an_error(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Status(500), method="PUT", path="/uploads/")
    with pytest.raises(RegistryError, match="answered 500"):
        push_to(full, f"{proxy.host}/push/never:v1", job)
    assert proxy.seen("/manifests/", method="PUT") == []


@pytest.mark.parametrize(("status", "kind"), [(400, RegistryError), (403, AuthNeeded)])
def test_a_clear_no_is_final(
    full: Store, job: RecordingJob, proxy: FaultProxy, status: int, kind: type[Exception]
) -> None:
    proxy.add(Status(status), method="PUT", path="/uploads/")
    with pytest.raises(kind, match=str(status) if kind is RegistryError else "denies") as caught:
        push_to(full, f"{proxy.host}/push/no{status}:v1", job, parallel=1)
    assert f"{proxy.host}/push/no{status}:v1" in str(caught.value)
    assert len(proxy.seen(method="PUT")) == 1


@pytest.mark.parametrize("status", [400, 405, 413, 501])
def test_a_clear_no_to_an_upload_is_not_asked_for_again(
    full: Store, job: RecordingJob, proxy: FaultProxy, status: int
) -> None:
    proxy.add(Status(status), method="POST")
    with pytest.raises(RegistryError, match=f"answered {status}"):
        push_to(full, f"{proxy.host}/push/never{status}:v1", job, parallel=1)
    assert len(proxy.seen(method="POST")) == 1


def test_a_registry_that_never_begins_an_upload_is_asked_five_times(
    full: Store, job: RecordingJob, proxy: FaultProxy
) -> None:
    proxy.add(Status(503), method="POST")
    with pytest.raises(RegistryError, match="answered 503"):
        push_to(full, f"{proxy.host}/push/busy:v1", job, parallel=1)
    assert len(proxy.seen(method="POST")) == 5


def test_an_upload_that_the_registry_has_lost_is_begun_anew(
    full: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, tmp_path: Path
) -> None:
    proxy.add(Status(404), method="PUT", path="/uploads/", times=1)
    push_to(full, f"{proxy.host}/push/lost-once:v1", job, parallel=1)
    assert is_whole(proxy, registry, "push/lost-once:v1", tmp_path, job)


IN_PIECES: dict[str, object] = {"whole_upload": 1_000_000, "upload_piece": 1_000_000}
LAYER = next(data for data in MADE.blobs.values() if len(data) > 2_000_000)


def sent_ranges(proxy: FaultProxy) -> list[str]:
    return [seen.headers["Content-Range"] for seen in proxy.seen(method="PATCH")]


def is_whole(proxy: FaultProxy, registry: Registry, name: str, tmp_path: Path, job: Job) -> bool:
    """Return whether what was pushed through a proxy can be pulled from the registry."""
    other = Store(tmp_path / "other")
    return is_complete(other, pull(other, f"{registry.host}/{name}", job))


def test_a_large_blob_goes_in_pieces(
    full: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, tmp_path: Path
) -> None:
    push_to(full, f"{proxy.host}/push/pieces:v1", job, parallel=1, **IN_PIECES)
    ends = [0, 1_000_000, 2_000_000, len(LAYER)]
    expected = [f"{start}-{end - 1}" for start, end in itertools.pairwise(ends)]
    assert sent_ranges(proxy)[:3] == expected
    assert is_whole(proxy, registry, "push/pieces:v1", tmp_path, job)
    assert job.last_progress
    assert job.last_progress.done == job.last_progress.total


@pytest.mark.parametrize("value", ["", "x", "-1", "9" * 5000])
def test_a_length_of_pieces_that_is_nonsense_is_passed_over(
    full: Store, job: RecordingJob, proxy: FaultProxy, value: str
) -> None:
    proxy.add(Header("OCI-Chunk-Min-Length", value), method="POST")
    push_to(full, f"{proxy.host}/push/nonsense{len(value)}:v1", job, parallel=1, **IN_PIECES)
    assert sent_ranges(proxy)[0] == "0-999999"


def test_a_registry_may_ask_for_larger_pieces(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Header("OCI-Chunk-Min-Length", "2000000"), method="POST")
    push_to(full, f"{proxy.host}/push/larger:v1", job, parallel=1, **IN_PIECES)
    assert sent_ranges(proxy)[:2] == ["0-1999999", f"2000000-{len(LAYER) - 1}"]


@pytest.mark.parametrize(
    "fault",
    [
        Status(503),
        Status(404),
        Header("Range", "0-5"),
        Header("Range", None),
    ],
    ids=["503", "lost", "less", "silent"],
)
def test_a_piece_that_fails_begins_the_blob_anew(
    full: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, tmp_path: Path, fault: Fault
) -> None:
    proxy.add(Ask("X", "first piece"), method="PATCH", times=1)
    proxy.add(fault, method="PATCH", times=1)
    push_to(full, f"{proxy.host}/push/anew{id(fault)}:v1", job, parallel=1, **IN_PIECES)
    assert [text.partition("-")[0] for text in sent_ranges(proxy)[:5]] == ["0", "1000000", "0", "1000000", "2000000"]
    assert len(proxy.seen(method="DELETE")) == 1
    assert is_whole(proxy, registry, f"push/anew{id(fault)}:v1", tmp_path, job)
    assert job.last_progress
    assert job.last_progress.done == job.last_progress.total


def test_a_request_that_is_too_large_is_made_smaller(
    full: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, tmp_path: Path
) -> None:
    proxy.add(Status(413), method="PUT", path=digest(LAYER).replace(":", "."), times=1)
    push_to(full, f"{proxy.host}/push/smaller:v1", job, parallel=1)
    assert sent_ranges(proxy)
    assert is_whole(proxy, registry, "push/smaller:v1", tmp_path, job)


def test_requests_that_stay_too_large_are_an_error_that_names_the_cause(
    full: Store, job: RecordingJob, proxy: FaultProxy
) -> None:
    proxy.add(Status(413), method="PUT", path=digest(LAYER).replace(":", "."))
    proxy.add(Status(413), method="PATCH")
    with pytest.raises(RegistryError, match="answered 413") as caught:
        push_to(full, f"{proxy.host}/push/too-large:v1", job, parallel=1)
    assert "limits the size of requests" in (caught.value.hint or "")
    assert len(sent_ranges(proxy)) == 1


def test_blobs_of_another_repository_are_copied_by_the_registry(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, tmp_path: Path
) -> None:
    name = registry.push(MADE, "push/from:v1").replace(registry.host, proxy.host)
    write_layout(store.root, {name: MADE})
    push(store, {name: parse_reference(f"{proxy.host}/push/into:v1")}, RegistrySettings(), job)
    assert proxy.seen("/uploads/", method="PUT") == []
    assert len(proxy.seen("mount=.*from=push%2Ffrom", method="POST")) == len(MADE.blobs) - len(MADE.manifests)
    assert is_whole(proxy, registry, "push/into:v1", tmp_path, job)
    assert job.last_progress
    assert job.last_progress.done == job.last_progress.total


@pytest.mark.parametrize("status", [202, 404, 405])
def test_blobs_that_cannot_be_copied_are_sent(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, tmp_path: Path, status: int
) -> None:
    name = f"{proxy.host}/push/gone:v1"
    if status != 202:
        proxy.add(Status(status), path="mount=")
    write_layout(store.root, {name: MADE})
    push(store, {name: parse_reference(f"{proxy.host}/push/sent{status}:v1")}, RegistrySettings(), job)
    assert is_whole(proxy, registry, f"push/sent{status}:v1", tmp_path, job)


def test_an_image_of_another_registry_is_not_asked_for(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    push_to(full, f"{proxy.host}/push/foreign:v1", job)
    assert proxy.seen("mount=", method="POST") == []


def test_an_answer_that_is_cut_is_survived(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Cut(0, reset=True), method="HEAD", times=1)
    push_to(full, f"{proxy.host}/push/cut:v1", job)


def test_an_upload_that_leads_nowhere_is_an_error(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Header("Location", None), method="POST")
    with pytest.raises(RegistryError, match="does not say where to upload"):
        push_to(full, f"{proxy.host}/push/nowhere:v1", job)


def test_an_upload_that_leads_to_what_is_no_url_is_an_error(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Header("Location", "http://[bad/"), method="POST")
    with pytest.raises(RegistryError, match="leads to something that is no URL"):
        push_to(full, f"{proxy.host}/push/no-url:v1", job)


def test_an_upload_that_leads_out_of_tls_is_refused(
    full: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with FaultProxy(registry.host, authority.server_certificate()) as secure:
        secure.add(Header("Location", f"{proxy.url}/upload?state=SECRET"), method="POST")
        with pytest.raises(RegistryError, match=f"leads to plain http at {proxy.url}/upload ") as caught:
            push_to(full, f"{secure.host}/push/plain:v1", job, ca_files=(str(authority.ca_file),), retry_delays=())
    assert "X-Forwarded-Proto" in (caught.value.hint or "")
    assert proxy.requests == []


@pytest.mark.parametrize("value", ["path", "query"])
def test_an_upload_may_lead_elsewhere(full: Store, job: RecordingJob, proxy: FaultProxy, value: str) -> None:
    """A location may be relative, and may have a query already or not."""
    location = "/elsewhere" if value == "path" else "/elsewhere?state=1"
    proxy.add(Header("Location", location), method="POST")
    proxy.add(Status(201), method="PUT", path="^/elsewhere")
    with pytest.raises(OciError, match="BLOB_UNKNOWN"):  # the blobs went nowhere
        push_to(full, f"{proxy.host}/push/gone-{value}:v1", job)
    joint = "?" if value == "path" else "?state=1&"
    assert {seen.path.partition("digest=")[0] for seen in proxy.seen("^/elsewhere", "PUT")} == {f"/elsewhere{joint}"}


def test_a_name_that_the_store_does_not_have_is_an_error(store: Store, job: RecordingJob, registry: Registry) -> None:
    with pytest.raises(NotFound, match=NAME):
        push_to(store, f"{registry.host}/push/x:v1", job)


def test_an_incomplete_image_is_not_pushed(full: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    lost = next(name for name, data in MADE.blobs.items() if len(data) > 1_000_000)
    full.blob_path(lost).unlink()
    with pytest.raises(StoreCorrupt, match=f"{lost} is missing"):
        push_to(full, f"{proxy.host}/push/lost:v1", job)
    assert proxy.requests == []


def test_a_missing_child_of_an_index_is_an_error(store: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    child = image()
    write_layout(store.root, {NAME: index([child]).without(child.digest)})
    with pytest.raises(StoreCorrupt, match=f"{child.digest} is missing"):
        push_to(store, f"{proxy.host}/push/child:v1", job)
    assert proxy.requests == []


def test_a_cancelled_push_leaves_no_name(full: Store, proxy: FaultProxy, registry: Registry) -> None:
    def listen(event: object) -> None:
        if getattr(event, "done", 0) > 0:
            job.cancel()

    job = Job(listen, progress_interval=0.0)
    with pytest.raises(Cancelled):
        push_to(full, f"{proxy.host}/push/cancelled:v1", job)
    assert proxy.seen("/manifests/", method="PUT") == []


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("htpasswd"), users={"alice": "s3cret"}) as running:
        yield running


def test_a_password_is_used(full: Store, job: RecordingJob, guarded: Registry, home: Path) -> None:
    log_in(home, guarded.host, username="alice", password="s3cret")
    push_to(full, f"{guarded.host}/lab/x:v1", job)
    assert guarded.skopeo("inspect", "--raw", f"docker://{guarded.host}/lab/x:v1").encode() == MADE.data


def test_a_password_is_used_however_the_registry_writes_its_own_name(
    full: Store, job: RecordingJob, guarded: Registry, home: Path
) -> None:
    def shout(answer: Answer) -> Answer:
        return Header("Location", dict(answer.headers)["Location"].replace("localhost", "LOCALHOST"))(answer)

    with FaultProxy(guarded.host) as proxy:
        host = proxy.host.replace("127.0.0.1", "localhost")
        proxy.add(Status(401, (("WWW-Authenticate", 'Basic realm="x"'),)), method="HEAD", times=1)
        proxy.add(shout, method="POST")
        log_in(home, host, username="alice", password="s3cret")
        push_to(full, f"{host}/lab/loud:v1", job, parallel=1)
    assert all(seen.authorized for seen in proxy.seen(method="PUT"))


def test_without_a_login_nothing_is_sent(full: Store, job: RecordingJob, guarded: Registry) -> None:
    with FaultProxy(guarded.host) as proxy:
        with pytest.raises(AuthNeeded, match="wants a login"):
            push_to(full, f"{proxy.host}/lab/y:v1", job)
        assert proxy.seen(method="PUT") == []


def test_a_token_for_writing_is_asked_for(full: Store, job: RecordingJob, tmp_path: Path, home: Path) -> None:
    with (
        TokenServer(tmp_path, {"alice": "s3cret"}) as tokens,
        running_registry(tmp_path, tokens=tokens) as with_tokens,
    ):
        log_in(home, with_tokens.host, username="alice", password="s3cret")
        push_to(full, f"{with_tokens.host}/lab/x:v1", job)
        assert "repository:lab/x:pull,push" in tokens.requests[0]["scope"]
        assert with_tokens.skopeo("inspect", "--raw", f"docker://{with_tokens.host}/lab/x:v1").encode() == MADE.data


@pytest.mark.parametrize("may_read", [True, False])
def test_to_copy_blobs_a_token_for_both_repositories_is_asked_for(
    store: Store, job: RecordingJob, tmp_path: Path, home: Path, may_read: bool
) -> None:
    with (
        TokenServer(tmp_path, {"alice": "s3cret"}) as tokens,
        running_registry(tmp_path, tokens=tokens) as with_tokens,
    ):
        log_in(home, with_tokens.host, username="alice", password="s3cret")
        name = with_tokens.push(MADE, "lab/from:v1")
        tokens.requests.clear()
        tokens.forbidden = set() if may_read else {"lab/from"}
        write_layout(store.root, {name: MADE})
        push(store, {name: parse_reference(f"{with_tokens.host}/lab/into:v1")}, RegistrySettings(parallel=1), job)
        scopes = [request["scope"] for request in tokens.requests]
        assert any("repository:lab/from:pull" in asked and "repository:lab/into:pull,push" in asked for asked in scopes)
        assert with_tokens.skopeo("inspect", "--raw", f"docker://{with_tokens.host}/lab/into:v1").encode() == MADE.data


def nested(inner: Image, depth: int, *, times: int = 1) -> Image:
    for _ in range(depth):
        inner = index([inner] * times)
    return inner


def test_what_lists_of_lists_name_often_is_looked_at_once(store: Store, job: RecordingJob, registry: Registry) -> None:
    """Looking each time would be 8 billion looks."""
    made = nested(image(layer(a_file("often"))), 4, times=300)
    write_layout(store.root, {NAME: made})
    push_to(store, f"{registry.host}/push/often:v1", job)
    raw = registry.skopeo("inspect", "--raw", f"docker://{registry.host}/push/often:v1")
    assert raw.encode() == made.data


def test_indexes_are_not_followed_for_ever(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {NAME: nested(MADE, 4)})
    with pytest.raises(ManifestInvalid, match="nested more than 4 deep"):
        push_to(store, "127.0.0.1:9/push/deep:v1", job)
