"""A web server on loopback that answers as it is told."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from support.serving import serving

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Answer:
    """What a path gives. With ``cut`` the connection ends after so many bytes of the body.

    With ``stall`` it only ends when that event is set; ``on_stall`` is called before.
    """

    body: bytes = b""
    status: int = 200
    cut: int | None = None
    stall: threading.Event | None = None
    on_stall: Callable[[], None] = lambda: None


@dataclass
class WebServer:
    """A running server: ``answers`` by path, and the paths that were asked for."""

    url: str
    answers: dict[str, Answer]
    asked: list[str] = field(default_factory=list)


@contextmanager
def running_web_server(**answers: Answer) -> Iterator[WebServer]:
    """Serve ``/NAME`` for each answer; other paths are 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append(self.path)
            answer = running.answers.get(self.path, Answer(status=404))
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            if answer.stall:
                answer.on_stall()
                answer.stall.wait(120)  # a test that fails must not hang

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = WebServer(f"http://127.0.0.1:{server.server_port}", {f"/{name}": one for name, one in answers.items()})
    with serving(server):
        yield running
