"""Files on web servers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from lkboard.errors import BuildError, Offline
from lkboard.model.extents import Content, FileSpan
from lkboard.model.image import Descriptor
from lkboard.oci.files import TEMPORARY
from lkboard.oci.workers import run_all
from lkboard.sources.web_files import describe, list_files

if TYPE_CHECKING:
    from lkboard.sources.context import SourceContext

_CHUNK = 1 << 18
_TIMEOUT = (10, 30)
"""Seconds to connect, and between two pieces of the answer."""


def find(address: str, sha256: str, context: SourceContext) -> Content:
    """Return the file at a URL: from the store when it has these bytes, else from its server, and then keep them there.

    Raises `BuildError` when the server cannot be reached or refuses, `Offline` when it may not be, and `Cancelled`.
    """
    stored = _stored(f"sha256:{sha256}", context)
    if stored is not None:
        list_files(context.store, [describe(shown(address), f"sha256:{sha256}", stored.size)], context.job)
        return stored
    if context.registry.offline:
        raise Offline(
            "the file is not in the store, and lkboard may not use the network",
            where=shown(address),
            hint="build once with a network",
        )
    name = f"Fetch {shown(address)}"
    with context.job.step(name), _workspace(context) as folder:
        path = Path(folder, "file")
        with path.open("wb") as file:
            # in a thread: a stop does not wait with a server that stalls
            run_all([lambda: _download(address, file, name, context)], context.job, parallel=1)
        digest, size = context.store.add_file(path)
    list_files(context.store, [describe(shown(address), digest, size)], context.job)
    return Content((FileSpan(str(context.store.blob_path(digest)), 0, size, digest),))


def _workspace(context: SourceContext) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=context.store.derived_dir("urls"))


def shown(address: str) -> str:
    """Return a URL without the login that it may carry."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _stored(digest: str, context: SourceContext) -> Content | None:
    path = context.store.blob_path(digest)
    if not path.is_file():
        return None
    size = path.stat().st_size
    is_sound = context.store.is_sound(Descriptor("", digest, size), context.job)
    return Content((FileSpan(str(path), 0, size, digest),)) if is_sound else None


def _download(address: str, file: BinaryIO, step: str, context: SourceContext) -> None:
    import requests

    try:
        with requests.get(address, stream=True, timeout=_TIMEOUT) as answer:
            answer.raise_for_status()
            total = int(answer.headers.get("Content-Length", 0)) or None
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                context.job.progress(step, file.tell(), total)
    except requests.HTTPError as error:
        raise BuildError(
            f"the server says {error.response.status_code} {error.response.reason}", where=shown(address)
        ) from error
    except requests.RequestException as error:
        raise BuildError(
            f"the file cannot be fetched: {type(error).__name__}",
            where=shown(address),
            hint="check the network and the URL",
        ) from error
