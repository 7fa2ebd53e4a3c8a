"""A proxy in front of a real registry that makes the mistakes real networks and servers make.

    with FaultProxy(registry.host) as proxy:
        proxy.add(Cut(after=300_000), path="/blobs/", times=1)
        ... pull from proxy.host ...
        assert [seen.range for seen in proxy.seen("/blobs/")] == ["", "bytes=300000-"]

Rules are asked in the order in which they were added; the first that fits and still has ``times`` left is used up once.
What no rule is for goes to the registry unchanged. Authorization is only recorded as present or not.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


@dataclass
class Answer:
    """What the registry answered; faults change it before it is passed on.

    ``cut`` ends the body early, ``pause`` holds it up at ``pause_at`` bytes.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: int | None = None
    reset: bool = False
    pause_at: int = 0
    pause: Callable[[], object] = int


Fault = Callable[[Answer], Answer]
"""A change of an answer."""


@dataclass(frozen=True)
class Status:
    """Answer with a status of our own, without asking the registry."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __call__(self, answer: Answer) -> Answer:
        return Answer(self.status, [*self.headers, ("Content-Length", str(len(self.body)))], self.body)


@dataclass(frozen=True)
class Cut:
    """Send that many bytes of the body, then close the connection, or reset it."""

    after: int
    reset: bool = False

    def __call__(self, answer: Answer) -> Answer:
        answer.cut, answer.reset = self.after, self.reset
        return answer


@dataclass(frozen=True)
class FlipByte:
    """Damage one byte of the body; the length stays."""

    at: int = 0

    def __call__(self, answer: Answer) -> Answer:
        body = bytearray(answer.body)
        body[self.at] ^= 0xFF
        answer.body = bytes(body)
        return answer


@dataclass(frozen=True)
class Header:
    """Set a header of the answer, or remove it (None)."""

    name: str
    value: str | None

    def __call__(self, answer: Answer) -> Answer:
        answer.headers = [pair for pair in answer.headers if pair[0].lower() != self.name.lower()]
        if self.value is not None:
            answer.headers.append((self.name, self.value))
        return answer


@dataclass(frozen=True)
class Body:
    """Replace the body; the length is corrected."""

    body: bytes

    def __call__(self, answer: Answer) -> Answer:
        answer.body = self.body
        return Header("Content-Length", str(len(self.body)))(answer)


@dataclass(frozen=True)
class Hang:
    """Send the headers and ``after`` bytes, or nothing at all (-1), and the rest when the test sets ``release``.

    ``has_come`` is set when a request hangs; after two minutes it goes on, so that a test that fails does not hang.
    """

    after: int = -1
    release: threading.Event = field(default_factory=threading.Event)
    has_come: threading.Event = field(default_factory=threading.Event)

    def __call__(self, answer: Answer) -> Answer:
        if self.after < 0:
            self._wait()
        else:
            answer.pause_at, answer.pause = self.after, self._wait
        return answer

    def _wait(self) -> None:
        self.has_come.set()
        self.release.wait(120)


class IgnoreRange:
    """Do not pass on Range: the whole body comes with 200."""

    def __call__(self, answer: Answer) -> Answer:
        return answer


@dataclass(frozen=True)
class Ask:
    """Pass the request on with a header of our own, and the answer unchanged."""

    name: str
    value: str

    def __call__(self, answer: Answer) -> Answer:
        return answer


@dataclass(frozen=True)
class Redirect:
    """Send blobs elsewhere: the same path at another origin (``http://127.0.0.1:1234``)."""

    origin: str
    status: int = 307

    def __call__(self, answer: Answer) -> Answer:
        raise NotImplementedError  # needs the path: done by the handler


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    method: str
    path: str
    range: str
    authorized: bool
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass
class _Rule:
    fault: Fault
    path: re.Pattern[str]
    method: str
    times: int | None


class FaultProxy:
    """See the module. ``host`` is ``127.0.0.1:port`` of the proxy, ``requests`` everything it saw."""

    def __init__(self, upstream: str, certificate: tuple[Path, Path] | None = None) -> None:
        """With a ``certificate`` and its key the proxy speaks TLS, to the registry still plain http."""
        self.upstream = upstream
        self._scheme = "https" if certificate else "http"
        self.requests: list[Seen] = []
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def host(self) -> str:
        """The domain part of references that go through the proxy."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address, for ``--mirror``."""
        return f"{self._scheme}://{self.host}"

    def add(self, fault: Fault, *, path: str = "", method: str = "", times: int | None = None) -> None:
        """Apply a fault to requests whose path has the regular expression ``path``; ``times`` None means always."""
        with self._lock:
            self._rules.append(_Rule(fault, re.compile(path), method, times))

    def clear(self) -> None:
        """Forget all rules and requests."""
        with self._lock:
            self._rules.clear()
            self.requests.clear()

    def seen(self, path: str = "", method: str = "GET") -> list[Seen]:
        """Return the requests of a method whose path has the regular expression."""
        return [seen for seen in self.requests if seen.method == method and re.search(path, seen.path)]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if rule.times == 0 or (rule.method and rule.method != method) or not rule.path.search(path):
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule.fault
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(_Handler):
            owner = proxy

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FaultProxy

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        headers = dict(self.headers.items())
        seen = Seen(self.command, self.path, headers.get("Range", ""), "Authorization" in headers, headers)
        self.owner.requests.append(seen)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.owner._take(self.command, self.path)
        if isinstance(fault, Redirect):
            fault = Status(fault.status, (("Location", fault.origin + self.path),))
        if isinstance(fault, IgnoreRange):
            headers.pop("Range", None)
        if isinstance(fault, Ask):
            headers[fault.name] = fault.value
        answer = Answer(0, [], b"") if isinstance(fault, Status) else self._ask(headers, body)
        self._send(fault(answer) if fault else answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

    def _ask(self, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.owner.upstream, timeout=30)
        try:
            connection.request(self.command, self.path, body=body or None, headers=dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in {"connection", "transfer-encoding"}:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(answer.body[: answer.pause_at])
        answer.pause()
        self.wfile.write(answer.body[answer.pause_at : answer.cut])
        if answer.cut is not None:
            self.close_connection = True
            if answer.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
