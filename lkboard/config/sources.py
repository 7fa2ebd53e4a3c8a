"""Where config texts come from: a file, standard input, a web server (build.md section 2.1)."""

from __future__ import annotations

import os
import re
import select
import stat
import threading
import time
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from lkboard.errors import Place, Problem
from lkboard.model.web import ANY_SERVER
from lkboard.yaml.limits import MAX_BYTES

if TYPE_CHECKING:
    import requests

    from lkboard.events import Job
    from lkboard.model.web import WebAccess

STDIN = "-"
HIDDEN = "…"
"""What `shown` puts in the place of a whole address."""

_URL = re.compile(r"https?://", re.IGNORECASE)
_TIMEOUT_SECONDS = 30
_TOTAL_SECONDS = 60.0
_SLICE_SECONDS = 0.1
_CHUNK_BYTES = 64 << 10


class Unreadable(Exception):
    """A source gives no text; ``problem`` says why."""

    def __init__(self, name: str, message: str, hint: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.problem = Problem(Place(shown(name), line), "", message, hint, "config.source")


def read_text(name: str) -> str:
    """Return the text of a file. Raises `Unreadable`."""
    return decode(name, read_source(name))


def read_source(name: str, stdin: bytes | None = None, job: Job | None = None, *, web: WebAccess = ANY_SERVER) -> bytes:
    """Return the bytes of a source: a path, ``-`` for ``stdin``, or an http or https address.

    Raises `Unreadable`, also for an address that may not be fetched, `TlsError` for certificates that cannot be read,
    and `Cancelled` while ``job`` waits for a web server or for the writer of a pipe.
    """
    if name == STDIN:
        if stdin is None:
            raise Unreadable(name, "standard input is not available here", "give a file")
        data = stdin
    elif _URL.match(name):
        if web.is_offline:
            raise Unreadable(
                name, "may not be fetched: lkboard is to work offline", "download it while there is a network"
            )
        data = _fetch(name, job, web)
    else:
        data = _read_file(name, job)
    if len(data) > MAX_BYTES:
        raise Unreadable(name, f"the config is larger than {MAX_BYTES >> 20} MiB", "put large files into an image")
    return data


def folder_of(name: str) -> Path | None:
    """Return the folder of a file, the current one for standard input, None for an address."""
    if _URL.match(name):
        return None
    return Path() if name == STDIN else Path(name).parent


def shown(name: str) -> str:
    """Return how problems call a source: without what may be secret in an address, its login and its query.

    A login may have characters that should have been escaped: where its end cannot be told nothing is shown of it.
    """
    if name == STDIN:
        return "<stdin>"
    if not (match := _URL.match(name)):
        return name
    host = re.split("[/?#]", name[match.end() :], maxsplit=1)[0]
    rest = name[match.end() + len(host) :]
    if "@" in rest and set(host) & set("@:"):
        return f"{match[0]}{HIDDEN}"
    return f"{match[0]}{host.rpartition('@')[2]}{re.split('[?#]', rest, maxsplit=1)[0]}"


def _read_file(name: str, job: Job | None) -> bytes:
    """Read a file, or with a job, which can interrupt the wait for its writer, a pipe, such as a shell's ``<(…)``."""
    try:
        with open(name, "rb", opener=_open_at_once) as file:
            mode = os.fstat(file.fileno()).st_mode
            if job and stat.S_ISFIFO(mode):
                return _read_pipe(file.fileno(), job)
            if not stat.S_ISREG(mode):
                raise Unreadable(name, "is no regular file", "use - for standard input to read from a pipe")
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise Unreadable(name, f"cannot be read: {reason}", "give the path of a config file") from error


def _open_at_once(name: str, flags: int) -> int:
    """Open a file without waiting for whoever writes a pipe."""
    return os.open(name, flags | os.O_NONBLOCK)


def _read_pipe(descriptor: int, job: Job) -> bytes:
    data = bytearray()
    while len(data) <= MAX_BYTES:
        while not select.select([descriptor], [], [], _SLICE_SECONDS)[0]:
            job.check()
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if not chunk:
            break
        data += chunk
    return bytes(data)


def _fetch(url: str, job: Job | None, web: WebAccess) -> bytes:
    """Download in a thread that is left behind when it takes too long: nothing interrupts a silent server."""
    result: Future[bytes] = Future()

    def run() -> None:
        try:
            result.set_result(_download(url, web))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            result.set_exception(error)

    threading.Thread(target=run, name="config", daemon=True).start()
    end = time.monotonic() + _TOTAL_SECONDS
    while not wait([result], _SLICE_SECONDS).done:
        if job:
            job.check()
        if time.monotonic() > end:
            raise Unreadable(url, f"did not come within {_TOTAL_SECONDS:.0f} s", "check address and network")
    return result.result()


def _download(url: str, web: WebAccess) -> bytes:
    import requests
    import urllib3

    from lkboard.connection_errors import reason_of

    data = bytearray()
    try:
        with _session(url, web) as session, session.get(url, stream=True, timeout=_TIMEOUT_SECONDS) as response:
            if response.status_code != requests.codes.ok:
                reason = f"{response.status_code} {response.reason}".strip()
                raise Unreadable(url, f"the server answered {reason}", "check the address")
            for chunk in response.iter_content(_CHUNK_BYTES):
                data += chunk
                if len(data) > MAX_BYTES:
                    break
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Unreadable(url, f"cannot be fetched: {reason_of(error)}", "check address and network") from error
    except ValueError as error:
        raise Unreadable(url, "cannot be fetched: it is no address, or leads to none", "check the address") from error
    return bytes(data)


def _session(url: str, web: WebAccess) -> requests.Session:
    """Return a session that keeps to the proxies of the environment, and to TLS where it begins with it.

    What is in ~/.netrc is for other programs: `requests` would show it to the server, and after redirects to others.
    """
    import requests

    from lkboard.tls import TlsAdapter, tls_context

    class Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> str | None:
            target = super().get_redirect_target(resp)
            if target and resp.url.startswith("https:") and not urljoin(resp.url, target).startswith("https:"):
                resp.close()
                raise Unreadable(url, "cannot be fetched: it leads to plain http", "give another address")
            return target

    session = Session()
    session.trust_env = False
    session.proxies.update(requests.utils.get_environ_proxies(url))
    session.mount("https://", TlsAdapter(tls_context(web.ca_files)))
    return session


def decode(name: str, data: bytes) -> str:
    """Return the text of a source: UTF-8, or UTF-16 with a byte order mark. Raises `Unreadable`."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(
            name, f"is not {encoding.upper().removesuffix('-SIG')} text", "save it as UTF-8", line
        ) from error
