"""A web server on loopback that answers as it is told."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from support.serving import serving

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What a path gives. With ``cut`` the connection ends after so many bytes of the body.

    With ``stall`` it only ends when that event is set; ``on_stall`` is called before. ``length`` is what Content-Length
    says instead of the truth, ``location`` where the answer leads.
    """

    body: bytes = b""
    status: int = 200
    cut: int | None = None
    stall: threading.Event | None = None
    on_stall: Callable[[], None] = lambda: None
    length: str | None = None
    location: str = ""


@dataclass
class WebServer:
    """A running server: ``answers`` by path, the paths that were asked for, and the logins that were shown."""

    url: str
    answers: dict[str, Answer]
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def running_web_server(certificate: tuple[Path, Path] | None = None, **answers: Answer) -> Iterator[WebServer]:
    """Serve ``/NAME`` for each answer; other paths are 404. With a ``certificate`` and its key it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append(self.path)
            running.logins += filter(None, [self.headers["Authorization"]])
            answer = running.answers.get(self.path.partition("?")[0], Answer(status=404))
            self.send_response(answer.status)
            self.send_header("Content-Length", answer.length or str(len(answer.body)))
            if answer.location:
                self.send_header("Location", answer.location)
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            if answer.stall:
                answer.on_stall()
                answer.stall.wait(120)  # a test that fails must not hang

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if certificate else "http"
    running = WebServer(
        f"{scheme}://127.0.0.1:{server.server_port}", {f"/{name}": one for name, one in answers.items()}
    )
    with serving(server):
        yield running
