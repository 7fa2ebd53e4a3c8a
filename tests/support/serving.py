"""A web server in a thread, for the time of a block."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import HTTPServer

Server = TypeVar("Server", bound="HTTPServer")


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Let a server answer until the block ends, and close it."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
