"""A real registry behind a network and servers that make mistakes (registry.md section 13)."""

from __future__ import annotations

import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from support.faults import (
    Body,
    Cut,
    FaultProxy,
    FlipByte,
    Hang,
    Header,
    IgnoreRange,
    Redirect,
    Status,
)
from support.images import file as a_file
from support.images import image, index, layer, noise, raw_layer
from support.pulls import is_complete, pull, resolve
from support.waiting import PATIENCE

from lkboard.errors import AuthNeeded, Cancelled, DigestMismatch, NotFound, RegistryError
from lkboard.events import Job

if TYPE_CHECKING:
    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

BIG = raw_layer(noise(4_000_000, "faults"), compression="none")
"""A layer whose bytes need not be a tar: nobody unpacks it here."""

IMAGE = index([image(layer(a_file("small")), BIG)])


@pytest.fixture(scope="module")
def pushed(registry: Registry) -> str:
    """An image with a layer of 4 MB."""
    return registry.push(IMAGE, "faults/big:v1").partition("/")[2]


@pytest.fixture
def name(proxy: FaultProxy, pushed: str) -> str:
    """The image, called as the proxy has it."""
    return f"{proxy.host}/{pushed}"


def ranges(proxy: FaultProxy) -> list[str]:
    return [seen.range for seen in proxy.seen(BIG.digest)]


def first_byte(asked: str) -> int:
    """Where a Range header begins: "bytes=126976-3999999" gives 126976."""
    return int(asked.removeprefix("bytes=").partition("-")[0])


def assert_nothing_published(store: Store) -> None:
    assert not store.has(BIG.digest)


@pytest.mark.parametrize("reset", [False, True])
def test_a_download_that_is_cut_goes_on_where_it_was(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, reset: bool
) -> None:
    proxy.add(Cut(1_500_000, reset=reset), path=BIG.digest, times=2)
    assert is_complete(store, pull(store, name, job))
    first, second, third = ranges(proxy)
    assert first == ""
    assert 0 < first_byte(second) <= 1_500_000
    assert second.endswith("-3999999")
    assert first_byte(third) > first_byte(second)


def test_a_cut_at_the_last_byte_asks_for_one_byte(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Cut(3_999_999), path=BIG.digest, times=1)
    assert is_complete(store, pull(store, name, job))
    assert ranges(proxy) == ["", "bytes=3999999-3999999"]


def test_cuts_without_progress_end_in_an_error(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Cut(100_000), path=BIG.digest)
    with pytest.raises(RegistryError) as caught:
        pull(store, name, job)
    assert "cut the connection 5 times" in str(caught.value)
    assert name in str(caught.value)
    assert len(ranges(proxy)) == 5
    assert_nothing_published(store)


def test_cuts_with_progress_do_not_count(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Cut(1_200_000), path=BIG.digest, times=3)
    assert is_complete(store, pull(store, name, job, retry_delays=(0.4,)))


def test_what_was_downloaded_is_kept_for_the_next_run(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Cut(1_000_000), path=BIG.digest, times=1)
    with pytest.raises(RegistryError):
        pull(store, name, job, retry_delays=())
    assert_nothing_published(store)
    assert is_complete(store, pull(store, name, job))
    assert ranges(proxy) == ["", "bytes=1000000-3999999"]


@pytest.mark.parametrize("size", [1_000_000, 4_000_000])
def test_what_an_earlier_run_left_damaged_is_fetched_anew(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, size: int
) -> None:
    """A power failure may leave zeros where the data should be."""
    left = store.derived_dir(f"ingest/{BIG.digest.replace(':', '-')}") / "data"
    left.write_bytes(bytes(size))
    assert is_complete(store, pull(store, name, job))
    assert ranges(proxy)[-1] == ""


def test_a_server_that_ignores_range_starts_again(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Cut(1_500_000), path=BIG.digest, times=1)
    proxy.add(IgnoreRange(), path=BIG.digest, times=1)
    assert is_complete(store, pull(store, name, job))
    assert job.last_progress
    assert job.last_progress.done == job.last_progress.total


@pytest.mark.parametrize(
    "value",
    [
        "bytes 0-9/10",
        "bytes 5-3999999/4000000",
        f"bytes 1500000-{len(BIG.data) - 1}/{len(BIG.data) + 1}",
        f"bytes 1500000-{len(BIG.data) - 1}/",
        "pages 1-2/3",
        "",
        None,
    ],
)
def test_a_wrong_range_is_refused(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, value: str | None
) -> None:
    proxy.add(Cut(1_500_000), path=BIG.digest, times=1)
    proxy.add(Header("Content-Range", value), path=BIG.digest)
    with pytest.raises(RegistryError, match="another range"):
        pull(store, name, job)
    assert_nothing_published(store)


def test_a_server_that_cannot_resume_is_asked_for_everything(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Cut(1_500_000), path=BIG.digest, times=1)
    proxy.add(Status(416), path=BIG.digest, times=1)
    assert is_complete(store, pull(store, name, job))
    assert ranges(proxy)[0] == ranges(proxy)[2] == ""


def test_a_server_that_refuses_the_whole_blob_is_an_error(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Status(416), path=BIG.digest)
    with pytest.raises(RegistryError, match="refuses to send the whole blob"):
        pull(store, name, job)


def test_a_flipped_byte_is_found_and_nothing_is_kept(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(FlipByte(2_000_000), path=BIG.digest, times=1)
    with pytest.raises(DigestMismatch) as caught:
        pull(store, name, job)
    assert name in str(caught.value)
    assert proxy.url in str(caught.value)
    assert f"instead of {BIG.digest}" in str(caught.value)
    assert_nothing_published(store)
    assert is_complete(store, pull(store, name, job))


def test_a_body_longer_than_the_blob_is_refused(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Body(BIG.data + b"x"), path=BIG.digest)
    with pytest.raises(RegistryError, match="more than the blob's size"):
        pull(store, name, job)
    assert_nothing_published(store)


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(FlipByte(0), path="manifests/sha256:")
    with pytest.raises(DigestMismatch, match="manifests/sha256:"):
        resolve(store, name, job)


def test_a_manifest_that_denies_its_own_header_is_refused(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Header("Docker-Content-Digest", BIG.digest), path="manifests/v1")
    with pytest.raises(DigestMismatch):
        resolve(store, name, job)


@pytest.mark.parametrize("value", [None, "nonsense"])
def test_a_manifest_needs_no_digest_header(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, value: str | None
) -> None:
    proxy.add(Header("Docker-Content-Digest", value), path="manifests/v1")
    assert (resolve(store, name, job).index or IMAGE).digest == IMAGE.digest


def test_a_huge_manifest_is_not_read_to_its_end(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Body(bytes(64 << 20)), path="manifests/v1")
    with pytest.raises(RegistryError, match="more than 4 MiB"):
        resolve(store, name, job)


def test_a_manifest_that_is_cut_is_an_error_with_its_url(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Cut(20), path="manifests/v1")
    with pytest.raises(RegistryError, match=r"asking .*manifests/v1 failed: the connection was cut"):
        resolve(store, name, job)


def test_a_manifest_that_was_cut_is_asked_for_again(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Cut(20), path="manifests/v1", times=2)
    resolve(store, name, job)
    assert job.waits == [0.4, 0.8]


def test_a_content_encoding_of_a_cdn_does_not_change_the_bytes(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Header("Content-Encoding", "gzip"))
    assert is_complete(store, pull(store, name, job))


@pytest.mark.parametrize(
    ("status", "path"),
    [*((status, "manifests/v1") for status in (408, 499, 500, 502, 503, 504, 520)), (503, BIG.digest)],
)
def test_a_server_in_trouble_is_asked_again(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, status: int, path: str
) -> None:
    proxy.add(Status(status), path=path, times=2)
    assert is_complete(store, pull(store, name, job))
    assert len(proxy.seen(path)) == 3
    assert [0.3 < wait < 0.5 for wait in job.waits[:1]] == [True]
    assert 0.6 < job.waits[1] < 1.0


def test_a_server_that_stays_in_trouble_is_an_error(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Status(500, body=b'{"errors":[{"code":"UNKNOWN","message":"disk on fire"}]}'), path="manifests/v1")
    with pytest.raises(RegistryError) as caught:
        resolve(store, name, job)
    assert str(caught.value).startswith(f"{name}: {proxy.url}/v2/faults/big/manifests/v1 answered 500")
    assert "UNKNOWN: disk on fire" in str(caught.value)
    assert len(proxy.seen("manifests/v1")) == 5


@pytest.mark.parametrize("code", ["MANIFEST_BLOB_UNKNOWN", "UNSUPPORTED", "DENIED"])
def test_our_own_mistake_is_not_repeated_though_it_comes_with_500(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, code: str
) -> None:
    proxy.add(Status(500, body=b'{"errors":[{"code":"%s"}]}' % code.encode()), path="manifests/v1")
    with pytest.raises(RegistryError, match=code):
        resolve(store, name, job)
    assert len(proxy.seen("manifests/v1")) == 1


@pytest.mark.parametrize("body", [b"", b"<html>bad gateway</html>", b"\xff\x00", b"[]", b'{"errors": 5}', b"[" * 9999])
def test_any_error_body_is_survived(store: Store, job: RecordingJob, proxy: FaultProxy, name: str, body: bytes) -> None:
    proxy.add(Status(502, body=body), path="manifests/v1")
    with pytest.raises(RegistryError, match="answered 502") as caught:
        resolve(store, name, job, retry_delays=())
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("status", "path", "kind", "said"),
    [
        (404, "manifests/v1", NotFound, "not found at"),
        (404, BIG.digest, NotFound, "not found at"),
        (403, "manifests/v1", AuthNeeded, "denies access"),
        (403, BIG.digest, AuthNeeded, "denies access"),
        (400, "manifests/v1", RegistryError, "answered 400"),
        (405, "manifests/v1", RegistryError, "answered 405"),
        (451, "manifests/v1", RegistryError, "answered 451"),
    ],
)
def test_a_clear_no_is_final(
    store: Store,
    job: RecordingJob,
    proxy: FaultProxy,
    name: str,
    status: int,
    path: str,
    kind: type[Exception],
    said: str,
) -> None:
    proxy.add(Status(status), path=path)
    with pytest.raises(kind, match=said) as caught:
        pull(store, name, job)
    assert name in str(caught.value)
    assert path in str(caught.value)
    assert len(proxy.seen(path)) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_registry_is_left_alone_as_long_as_it_asks_for(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, status: int
) -> None:
    proxy.add(Status(status, (("Retry-After", "7"),)), path="manifests/v1", times=2)
    resolve(store, name, job)
    assert 0 < job.waits[0] <= 7
    assert f"{proxy.host} asks to wait 7 s" in job.notes


def test_a_pause_may_be_given_as_a_date(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    later = formatdate(time.time() + 100, usegmt=True)
    proxy.add(Status(429, (("Retry-After", later),)), path="manifests/v1", times=1)
    resolve(store, name, job)
    assert 100 - PATIENCE < job.waits[0] <= 100


@pytest.mark.parametrize(
    "value", ["0", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 99999999999 00:00:00 GMT"]
)
def test_a_pause_that_is_over_or_nonsense_is_short(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, value: str
) -> None:
    proxy.add(Status(429, (("Retry-After", value),)), path="manifests/v1", times=1)
    resolve(store, name, job)
    assert not job.waits or job.waits[0] <= 2


def test_a_range_with_thousands_of_digits_is_an_error(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Cut(100_000), path=BIG.digest, times=1)
    proxy.add(Header("Content-Range", f"bytes {'1' * 5000}-2/3"), path=BIG.digest)
    with pytest.raises(RegistryError, match="sent another range than asked for"):
        pull(store, name, job)


def test_an_unasked_304_is_an_error(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Status(304), path="/manifests/")
    with pytest.raises(RegistryError, match="answered 304"):
        resolve(store, name, job)


def test_an_unasked_304_to_a_digest_is_an_error(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Status(304), path="/manifests/sha256:")
    with pytest.raises(RegistryError, match="answered 304"):
        resolve(store, name, job)


def test_a_longer_pause_is_not_shortened_by_another(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Status(429, (("Retry-After", "200"),)), path="manifests/v1", times=1)
    proxy.add(Status(429, (("Retry-After", "1"),)), path="manifests/v1", times=1)
    resolve(store, name, job)
    assert job.waits[1] > 200 - PATIENCE


def test_a_place_that_a_registry_leads_to_pauses_only_itself(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, name: str
) -> None:
    with FaultProxy(registry.host) as storage:
        proxy.add(Redirect(storage.url), path="/blobs/")
        storage.add(Status(429, (("Retry-After", "7"),)), times=1)
        resolve(store, name, job)
        assert f"{storage.host} asks to wait 7 s" in job.notes
        assert len(job.waits) == 1
        assert len(storage.requests) == 2


@pytest.mark.parametrize("location", ["http://[bad/", "//[::1/x", "http://example.com:99999/"])
def test_a_redirect_to_what_is_no_url_is_an_error(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, location: str
) -> None:
    proxy.add(Status(307, (("Location", location),)), path="manifests/v1")
    with pytest.raises(RegistryError, match=f"{proxy.url}/.* leads to something that is no URL"):
        resolve(store, name, job)


def test_without_a_time_the_pauses_double(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Status(429), path="manifests/v1", times=3)
    resolve(store, name, job)
    assert [note for note in job.notes if "waiting" in note] == [
        f"{proxy.host} is asked too often, waiting {seconds} s" for seconds in (2, 4, 8)
    ]


def test_a_pause_that_is_too_long_is_an_error_that_says_so(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Status(429, (("Retry-After", "3600"),)), path="manifests/v1")
    with pytest.raises(RegistryError, match="answered 429") as caught:
        resolve(store, name, job)
    assert "60 minutes" in (caught.value.hint or "")
    assert job.waits == []


def test_a_registry_that_stays_busy_is_an_error(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Status(429, (("Retry-After", "0"),)), path="manifests/v1")
    with pytest.raises(RegistryError, match="answered 429"):
        resolve(store, name, job)


def test_a_registry_that_refuses_connections_is_tried_five_times(store: Store, job: RecordingJob) -> None:
    with pytest.raises(RegistryError) as caught:
        resolve(store, "127.0.0.1:1/lab/x:v1", job)
    assert "asking http://127.0.0.1:1/v2/lab/x/manifests/v1 failed: Connection refused" in str(caught.value)
    assert len(job.waits) == 4


def test_a_host_that_does_not_exist_is_asked_once(store: Store, job: RecordingJob) -> None:
    with pytest.raises(RegistryError, match=r"https://no-such-host\.invalid/v2/lab/x/manifests/v1 failed"):
        resolve(store, "no-such-host.invalid/lab/x:v1", job)
    assert job.waits == []


def test_a_server_that_does_not_answer_in_time_is_an_error(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    hang = Hang()
    proxy.add(hang, path="manifests/v1")
    with pytest.raises(RegistryError, match="no answer in time"):
        resolve(store, name, job, read_timeout=0.05, retry_delays=())
    hang.release.set()


def test_a_body_that_stands_still_counts_as_cut(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    hang = Hang(after=1_000_000)
    proxy.add(hang, path=BIG.digest, times=1)
    assert is_complete(store, pull(store, name, job, read_timeout=3.0))
    assert ranges(proxy)[1].startswith("bytes=")
    hang.release.set()


@pytest.mark.parametrize("path", ["manifests/v1", BIG.digest])
@pytest.mark.parametrize("after", [-1, 100])
def test_a_cancelled_job_does_not_wait_for_a_server(
    store: Store, proxy: FaultProxy, name: str, path: str, after: int
) -> None:
    hang, job, left = Hang(after), Job(), threading.Event()
    proxy.add(hang, path=path)

    def work() -> None:
        with pytest.raises(Cancelled):
            pull(store, name, job)
        left.set()

    threading.Thread(target=work).start()
    assert hang.has_come.wait(PATIENCE)
    job.cancel()
    assert left.wait(PATIENCE)
    hang.release.set()


def test_a_cancelled_download_keeps_what_it_has(store: Store, proxy: FaultProxy, name: str) -> None:
    seen: list[object] = []

    def listen(event: object) -> None:
        seen.append(event)
        if getattr(event, "done", 0) > 1_000_000:
            job.cancel()

    job = Job(listen, progress_interval=0.0)
    with pytest.raises(Cancelled):
        pull(store, name, job)
    assert_nothing_published(store)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_blobs_may_be_somewhere_else(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, name: str, status: int
) -> None:
    proxy.add(Redirect(registry.url, status), path="/blobs/")
    assert is_complete(store, pull(store, name, job))


def test_a_download_is_resumed_at_the_registry_and_not_where_it_led(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, name: str
) -> None:
    with FaultProxy(registry.host) as storage:
        storage.add(Cut(1_500_000), path=BIG.digest, times=1)
        proxy.add(Redirect(storage.url), path=BIG.digest)
        assert is_complete(store, pull(store, name, job))
        assert ranges(proxy) == ranges(storage)
        assert len(ranges(proxy)) == 2


def test_redirects_do_not_go_on_for_ever(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Redirect(proxy.url), path=BIG.digest)
    with pytest.raises(RegistryError, match="redirects too often"):
        pull(store, name, job)
    assert len(ranges(proxy)) == 11


def test_a_redirect_without_a_place_is_an_error(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Status(307), path=BIG.digest)
    with pytest.raises(RegistryError, match="answered 307"):
        pull(store, name, job)


def test_a_transfer_that_crawls_counts_as_cut(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    with pytest.raises(RegistryError, match="cut the connection"):
        pull(store, name, job, stall_rate=1 << 40, stall_time=1e-9)


def test_one_failure_ends_the_other_downloads(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry
) -> None:
    parts = [raw_layer(noise(300_000 + number, f"part {number}"), compression="none") for number in range(8)]
    registry.push(image(*parts), "faults/many:v1")
    proxy.add(Status(404), path=parts[-1].digest)
    with pytest.raises(NotFound, match=parts[-1].digest):
        pull(store, f"{proxy.host}/faults/many:v1", job, parallel=1)
    assert [store.has(part.digest) for part in parts] == [False] * 8


def test_no_cookie_is_sent_back(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Header("Set-Cookie", "track=me; Path=/"))
    pull(store, name, job)
    assert not any("Cookie" in seen.headers for seen in proxy.requests)


def test_requests_say_who_asks_and_want_plain_bytes(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    pull(store, name, job)
    assert all(seen.headers["User-Agent"].startswith("lkboard/") for seen in proxy.requests)
    assert all(seen.headers["Accept-Encoding"] == "identity" for seen in proxy.requests)
