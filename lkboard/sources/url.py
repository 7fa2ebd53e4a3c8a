"""Files on web servers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lkboard.errors import BuildError, DigestMismatch, Offline, RegistryError
from lkboard.model.extents import Content, FileSpan
from lkboard.model.image import Descriptor
from lkboard.oci.registry.workers import run_all
from lkboard.oci.servers.urls import shown
from lkboard.sources.web_files import describe, list_files

if TYPE_CHECKING:
    from requests import Response

    from lkboard.sources.context import SourceContext

_CHUNK = 1 << 18
_LIMIT = (1 << 32) - 1
"""Bytes of a file: no FAT file system, where firmware looks for it, can hold a larger one."""

_LENGTH = re.compile(r"[0-9]{1,19}")


def find(address: str, sha256: str, context: SourceContext) -> Content:
    """Return the file at a URL: from the store when it has these bytes, else from its server, and then keep them there.

    Raises `BuildError` when the server cannot be reached or refuses, `DigestMismatch` when it has other bytes,
    `Offline` when it may not be asked, and `StoreUnusable`, `Cancelled`.
    """
    digest = f"sha256:{sha256}"
    content = _stored(digest, context)
    if content is None:
        if context.registry.offline:
            raise Offline(
                "the file is not in the store, and lkboard may not use the network",
                where=shown(address),
                hint="build once with a network",
            )
        content = _fetched(address, digest, context)
    list_files(context.store, [describe(shown(address), digest, content.size)], context.job)
    return content


def _fetched(address: str, expected: str, context: SourceContext) -> Content:
    name = f"Fetch {shown(address)}"
    with context.job.step(name), context.store.incoming() as file:
        # in a thread: a stop does not wait with a server that stalls
        run_all([lambda: _download(address, file, name, context)], context.job, parallel=1)
        file.flush()
        try:
            with Path(file.name).open("rb") as source:
                _, size = context.store.add_chunks(iter(lambda: source.read(_CHUNK), b""), expected)
        except DigestMismatch as error:
            raise DigestMismatch(
                f"the file has other bytes: {error.message}",
                where=shown(address),
                hint="find out why, then correct the sha256 in board.yml",
            ) from error
    return Content((FileSpan(str(context.store.blob_path(expected)), 0, size, expected),))


def _stored(digest: str, context: SourceContext) -> Content | None:
    path = context.store.blob_path(digest)
    if not path.is_file():
        return None
    size = path.stat().st_size
    is_sound = context.store.is_sound(Descriptor("", digest, size), context.job)
    return Content((FileSpan(str(path), 0, size, digest),)) if is_sound else None


def _download(address: str, file: BinaryIO, step: str, context: SourceContext) -> None:
    """Write what the server has into a file, from its start whenever the connection is cut."""
    from lkboard.oci.registry.transport import Request, Transport

    transport = Transport(context.registry, context.job)

    def ask() -> None:
        with transport.send(Request("GET", address, shown(address))) as answer:
            _copy(answer, file, step, context)

    try:
        transport.whole(ask)
    except RegistryError as error:
        raise BuildError(
            f"the file cannot be fetched: {error.message}", where=shown(address), hint=error.hint
        ) from error


def _copy(answer: Response, file: BinaryIO, step: str, context: SourceContext) -> None:
    from lkboard.oci.registry.http_errors import read_chunks

    if answer.status_code != 200:
        reason = f"{answer.status_code} {answer.reason or ''}".strip()
        raise BuildError(f"the server says {reason}", where=shown(answer.url), hint="check the URL in board.yml")
    length = _LENGTH.fullmatch(answer.headers.get("Content-Length", ""))
    total = int(length[0]) if length else None
    if (total or 0) > _LIMIT:
        raise _too_large(answer)
    file.seek(0)
    file.truncate()
    for chunk in read_chunks(answer, _CHUNK, shown(answer.url)):
        file.write(chunk)
        if file.tell() > _LIMIT:
            raise _too_large(answer)
        context.job.progress(step, file.tell(), total)


def _too_large(answer: Response) -> BuildError:
    return BuildError("the file has 4 GiB or more", where=shown(answer.url), hint="check the URL in board.yml")
