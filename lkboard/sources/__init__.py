"""Where a board's files come from: one module per kind of source, each a function that turns it into bytes.

Files from the network land in the store, so that the next build needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk.content import digest
from lkboard.errors import BoardError, DigestMismatch
from lkboard.model.board import DebianSource, ImageSource, KernelSource, LocalSource, UrlSource
from lkboard.sources.context import SourceContext

if TYPE_CHECKING:
    from lkboard.model.board import BoardFile
    from lkboard.model.extents import Content

__all__ = ["SourceContext", "fetch"]


def fetch(file: BoardFile, *, architecture: str, context: SourceContext) -> Content | None:
    """Return the verified bytes of a board's file, None when an optional one is missing at its source.

    ``architecture`` is the board's. Raises `BoardError` when the source has no such file, `DigestMismatch`,
    `BuildError` (network, apt), `OciError`, `MissingTool` and `Cancelled`.
    """
    content, origin = _find(file, architecture, context)
    if content is None:
        if file.is_optional:
            return None
        raise BoardError(f"{origin} does not exist", where=file.to, hint="correct its source in board.yml")
    if file.sha256 and (found := digest(content)) != f"sha256:{file.sha256}":
        raise DigestMismatch(
            f"{origin} has other bytes: {found}, not sha256:{file.sha256}",
            where=file.to,
            hint="find out why, then correct the sha256 in board.yml",
        )
    return content


def _find(file: BoardFile, architecture: str, context: SourceContext) -> tuple[Content | None, str]:
    """Return the bytes, or None, and words for where they come from."""
    from lkboard.oci.servers.urls import shown
    from lkboard.sources import debian, image, kernel, local, url

    match file.source:
        case DebianSource(package, path):
            return debian.find(file.source, file.sha256, architecture, context), f"'{path}' of Debian's '{package}'"
        case UrlSource(address):
            return url.find(address, file.sha256, context), f"'{shown(address)}'"
        case LocalSource(path):
            return local.find(path), f"'{path}'"
        case ImageSource(reference, path):
            return image.find(file.source, architecture, context), f"'{path}' of the image '{reference}'"
        case KernelSource(path):
            return kernel.find(path, context), f"'{path}' of the config's kernel image"
