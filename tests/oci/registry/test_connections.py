"""Sessions belong to one thread, one host and one way to trust it."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from support.faults import Answer, FaultProxy, Hang
from support.images import file as a_file
from support.images import image, layer, noise
from support.pulls import is_complete, pull, settings_of
from support.waiting import PATIENCE

from lkboard.oci.registry.connections import Connections
from lkboard.oci.servers.endpoint import Trust

if TYPE_CHECKING:
    import requests
    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.oci.store.store import Store

URL = "https://registry.example/v2/"


@pytest.fixture
def connections() -> Connections:
    return Connections(settings_of())


def lent(connections: Connections, url: str = URL, trust: Trust = Trust()) -> requests.Session:  # noqa: B008 - frozen
    with connections.session(url, trust) as session:
        return session


def test_a_thread_keeps_its_session(connections: Connections) -> None:
    assert lent(connections) is lent(connections, f"{URL}other")


@pytest.mark.parametrize("url", ["http://registry.example/v2/", "https://registry.example:444/v2/", "https://other/"])
def test_each_host_has_a_session_of_its_own(connections: Connections, url: str) -> None:
    assert lent(connections) is not lent(connections, url)


def test_each_way_to_trust_a_host_has_a_session_of_its_own(connections: Connections) -> None:
    assert lent(connections) is not lent(connections, trust=Trust(is_insecure=True))


def test_threads_never_share_a_session(connections: Connections) -> None:
    found: list[requests.Session] = []
    threads = [threading.Thread(target=lambda: found.append(lent(connections))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in (*found, lent(connections))}) == 4


def test_a_session_in_which_something_was_raised_is_not_used_again(connections: Connections) -> None:
    first = lent(connections)
    with suppress(OSError), connections.session(URL, Trust()):
        raise OSError
    assert lent(connections) is not first


def test_sessions_take_nothing_from_the_environment(connections: Connections) -> None:
    session = lent(connections)
    assert session.trust_env is False
    assert session.auth is None


@pytest.mark.registry
def test_downloads_that_overlap_come_by_connections_of_their_own(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    """While one body stands still in the middle, the other blob comes through."""
    layers = [layer(a_file(name, noise(300_000, name))) for name in ("one", "two")]
    registry.push(image(*layers), "sessions/x:v1")
    with FaultProxy(registry.host) as proxy:
        hang = Hang(after=100_000)

        def go_on(answer: Answer) -> Answer:
            hang.release.set()
            return answer

        proxy.add(hang, path=layers[0].digest)
        proxy.add(go_on, path=layers[1].digest)
        found = pull(store, f"{proxy.host}/sessions/x:v1", job, parallel=2, read_timeout=PATIENCE)
    assert is_complete(store, found)
    assert hang.has_come.is_set()
