"""A container engine as far as lkboard looks at one: a real server behind a Unix socket.

It gives out archives that skopeo has made, as ``docker save`` makes them.
"""

from __future__ import annotations

import http.server
import json
import socketserver
import subprocess
import threading
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

from support.images import write_layout
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.images import Image


class Engine:
    """What the engine has: archives by the names of images, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "e.sock"  # the path of a socket has at most 107 bytes
        self.archives: dict[str, bytes] = {}
        self.about: dict[str, object] = {}
        self.requests: list[str] = []
        self.status = HTTPStatus.OK

    @property
    def address(self) -> str:
        return f"unix://{self.socket}"

    def add(self, name: str, image: Image, *, architecture: str = "amd64") -> None:
        """Let the engine have an image for one architecture."""
        need("skopeo")
        layout, archive = self.folder / "layout", self.folder / f"{len(self.archives)}.tar"
        write_layout(layout, {"it": image})
        subprocess.run(
            [
                *("skopeo", f"--override-arch={architecture}", "--insecure-policy", "copy", "--quiet"),
                *(f"oci:{layout}:it", f"docker-archive:{archive}:{name}"),
            ],
            check=True,
            capture_output=True,
        )
        self.archives[name] = archive.read_bytes()
        self.about[name] = {"Id": "sha256:0", "Os": "linux", "Architecture": architecture}

    def answer(self, path: str) -> tuple[HTTPStatus, bytes]:
        """Return what a request gets."""
        self.requests.append(path)
        name, _, what = unquote(path).removeprefix("/images/").rpartition("/")
        if name not in self.archives:
            return HTTPStatus.NOT_FOUND, json.dumps({"message": f"No such image: {name}"}).encode()
        about = self.about[name]
        told = about if isinstance(about, bytes) else json.dumps(about).encode()
        return self.status, self.archives[name] if what == "get" else told


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        super().__init__(str(engine.socket), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        status, data = self.server.engine.answer(self.path)
        with suppress(BrokenPipeError, ConnectionResetError):  # of who has seen enough
            self.send_response(status)
            self.end_headers()
            self.wfile.write(data)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def running_engine(folder: Path) -> Iterator[Engine]:
    """Give an engine that answers at its socket."""
    engine = Engine(folder)
    with _Server(engine) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
