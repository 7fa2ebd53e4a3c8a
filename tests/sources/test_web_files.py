"""The list of files from web servers that a store has."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest
from support.web import Answer, running_web_server

from lkboard.errors import Offline
from lkboard.model.board import BoardFile, UrlSource
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.garbage import HOUR, Retention, collect
from lkboard.oci.store.inventory import list_images
from lkboard.sources import SourceContext, fetch
from lkboard.sources.apt.packages import DebianPackages
from lkboard.sources.web_files import LIST_NAME, describe, list_files

if TYPE_CHECKING:
    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

DATA = b"firmware"
SHA256 = hashlib.sha256(DATA).hexdigest()


def get(store: Store, job: RecordingJob, url: str, *, offline: bool = False, sha256: str = SHA256) -> None:
    settings = RegistrySettings(offline=offline)
    context = SourceContext(store, job, DebianPackages(store, job), registry=settings)
    content = fetch(BoardFile("to", UrlSource(url), sha256=sha256), architecture="arm64", context=context)
    assert content
    assert content.size == len(DATA)


def test_garbage_collection_leaves_what_was_fetched(store: Store, job: RecordingJob) -> None:
    with running_web_server(blob=Answer(DATA)) as web:
        url = f"{web.url}/blob"
        get(store, job, url)
    collect(store, Retention(), time.time() + 2 * HOUR, job)
    get(store, job, url, offline=True)


def test_a_file_that_was_there_before_is_listed_when_it_is_used(store: Store, job: RecordingJob) -> None:
    store.add(DATA)
    get(store, job, "http://localhost/x")
    assert [image.name for image in list_images(store)] == [LIST_NAME]


def test_files_are_listed_beside_each_other(store: Store, job: RecordingJob) -> None:
    files = [describe(f"http://localhost/{data!r}", store.add(data), len(data)) for data in (b"a", b"bc")]
    for file in files:
        list_files(store, [file], job)
    collect(store, Retention(), time.time() + 2 * HOUR, job)
    assert all(store.has(file.digest) for file in files)


def test_a_list_that_has_them_is_not_written_again(store: Store, job: RecordingJob) -> None:
    file = describe("http://localhost/x", store.add(DATA), len(DATA))
    list_files(store, [file], job)
    before = (store.root / "index.json").stat().st_ino
    list_files(store, [file], job)
    list_files(store, [], job)
    assert (store.root / "index.json").stat().st_ino == before


def test_offline_a_missing_file_is_named(store: Store, job: RecordingJob) -> None:
    with (
        running_web_server(blob=Answer(DATA)) as web,
        pytest.raises(Offline, match=f"{web.url}/blob: the file is not in the store.*build once with a network"),
    ):
        get(store, job, f"{web.url}/blob", offline=True)
    assert web.asked == []
    assert list_images(store) == ()
