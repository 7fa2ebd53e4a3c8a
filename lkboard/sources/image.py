"""Files of OCI images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.image import Platform
from lkboard.model.reference import parse_reference
from lkboard.sources.archive import Archive
from lkboard.sources.locked import locked_reference

if TYPE_CHECKING:
    from lkboard.model.board import ImageSource
    from lkboard.model.extents import Content
    from lkboard.sources.context import SourceContext


def find(source: ImageSource, architecture: str, context: SourceContext) -> Content | None:
    """Return a file of an image, pulling the image if the store does not have it; None when it has no such file.

    Raises `OciError`, `LayerInvalid`, and `LockMismatch` when the lock does not name the image.
    """
    from lkboard.oci.flatten import flatten
    from lkboard.oci.pull import Puller

    puller = Puller(context.store, context.registry, context.job)
    reference = locked_reference(parse_reference(source.reference), context.lock)
    image = puller.resolve(reference, Platform("linux", architecture))
    puller.fetch([image])
    entry = Archive(source.reference, flatten(image, context.store, context.job)).find(source.path.lstrip("/"))
    return entry.content if entry else None
