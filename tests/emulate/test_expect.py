"""Waiting for a web server."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from support.serving import serving
from support.waiting import PATIENCE

from lkboard.emulate.expect import AnswerExpected, Asker, TextExpected, parse_answer
from lkboard.emulate.publish import free_port
from lkboard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def server(*statuses: int, body: bytes = b"hello\nworld") -> Iterator[HTTPServer]:
    """A web server on loopback that answers with these statuses, the last one for ever."""
    left = list(statuses)
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    running.paths = paths  # type: ignore[attr-defined]
    with serving(running):
        yield running


def wait_for(asker: Asker) -> None:
    asker._thread.join(PATIENCE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", AnswerExpected(80, "/")),
        ("8080/", AnswerExpected(8080, "/")),
        ("80/a/b?c=1", AnswerExpected(80, "/a/b?c=1")),
        ("65535", AnswerExpected(65535, "/")),
    ],
)
def test_a_port_with_a_path(text: str, expected: AnswerExpected) -> None:
    assert parse_answer(text) == expected


@pytest.mark.parametrize("text", ["", "0", "65536", "http://x", "80 /", "index.html"])
def test_what_is_not_a_port_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"write it as 80 or 80/index\.html"):
        parse_answer(text)


def test_expectations_say_what_they_wait_for() -> None:
    words = [str(item) for item in (TextExpected("login:"), AnswerExpected(80, "/x"))]
    assert words == ["the text 'login:'", "an answer of http://guest:80/x"]


def test_a_good_answer_is_kept_with_its_first_line() -> None:
    with server(200) as web, Asker(web.server_port, "/page") as asker:
        wait_for(asker)
    assert asker.answer == "HTTP 200 hello"
    assert web.paths == ["/page"]  # type: ignore[attr-defined]


def test_an_empty_answer_is_an_answer() -> None:
    with server(204, body=b"") as web, Asker(web.server_port, "/") as asker:
        wait_for(asker)
    assert asker.answer == "HTTP 204"


def test_it_asks_until_the_answer_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkboard.emulate.expect._PAUSE_SECONDS", 0.01)
    with server(503, 404, 200) as web, Asker(web.server_port, "/") as asker:
        wait_for(asker)
    assert asker.answer == "HTTP 200 hello"


def test_a_bad_answer_is_remembered_as_the_last_one() -> None:
    with server(404) as web:
        asker = Asker(web.server_port, "/")
        assert not asker._try_once()
    assert (asker.answer, asker.last) == (None, "HTTP 404 hello")


def test_no_server_is_no_answer() -> None:
    asker = Asker(free_port(), "/")
    assert not asker._try_once()
    assert (asker.answer, asker.last) == (None, "no answer (ConnectionRefusedError)")


def test_asking_ends_with_the_block() -> None:
    with Asker(free_port(), "/") as asker:
        pass
    assert not asker._thread.is_alive()
