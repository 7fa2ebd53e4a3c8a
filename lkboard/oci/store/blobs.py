"""Blobs by digest, wherever they are kept: in a store, in a folder or in an archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import StoreCorrupt
from lkboard.model.extents import FileSpan
from lkboard.oci.image_spec.digest import algorithm_of, digest_of, is_digest
from lkboard.oci.image_spec.documents import DOCUMENT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.oci.store.store import Store

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Blobs:
    """``find`` tells where the bytes of a digest are, if they are there; ``advice`` is for when they are damaged."""

    find: Callable[[str], FileSpan | None]
    advice: str

    def has(self, descriptor: Descriptor) -> bool:
        """Return whether a blob of this digest and size is there; it may be damaged."""
        span = self.find(descriptor.digest)
        return span is not None and span.size == descriptor.size

    def read(self, descriptor: Descriptor) -> bytes | None:
        """Return the bytes of a manifest or an index; None when it is not there or too large to be one.

        Raises `StoreCorrupt` when it is damaged.
        """
        span = self.find(descriptor.digest)
        if span is None or span.size > DOCUMENT_LIMIT:
            return None
        data = b"".join(chunks(span))
        if digest_of(data, algorithm_of(descriptor.digest)) != descriptor.digest:
            raise StoreCorrupt(f"the blob {descriptor.digest} is damaged", where=span.path, hint=self.advice)
        return data


def stored(store: Store) -> Blobs:
    """Return the blobs of a store."""

    def find(digest: str) -> FileSpan | None:
        path = store.blob_path(digest)
        return FileSpan(str(path), 0, path.stat().st_size) if path.is_file() else None

    return Blobs(find, "move it out of the way with: lkboard cache verify")


def digest_at(path: Path) -> str:
    """Return the digest that a file in the folder ``blobs`` of a layout is named by; empty if it is no such file."""
    digest = f"{path.parent.name}:{path.name}"
    return digest if is_digest(digest) else ""


def chunks(span: FileSpan, job: Job | None = None) -> Iterator[bytes]:
    """Yield the bytes of a part of a file. Raises `StoreCorrupt` when it cannot be read or is shorter, `Cancelled`."""
    left = span.size
    try:
        with open(span.path, "rb", buffering=0) as file:  # noqa: PTH123 - Path.open is no faster and needs a Path
            file.seek(span.offset)
            while left and (data := file.read(min(left, _CHUNK))):
                if job:
                    job.check()
                left -= len(data)
                yield data
    except OSError as error:
        raise StoreCorrupt(f"it cannot be read: {error.strerror}", where=span.path) from error
    if left:
        raise StoreCorrupt(f"it is {left} bytes shorter than it was", where=span.path)
