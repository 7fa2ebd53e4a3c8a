"""Files of OCI images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lkboard.model.image import Platform
from lkboard.model.reference import parse_reference
from lkboard.sources.archive import Archive
from lkboard.sources.locked import resolve_locked

if TYPE_CHECKING:
    from lkboard.model.board import ImageSource
    from lkboard.model.extents import Content
    from lkboard.sources.context import SourceContext


def find(source: ImageSource, architecture: str, context: SourceContext) -> Content | None:
    """Return a file of an image, pulling the image if the store does not have it; None when it has no such file.

    Raises `OciError`, `LayerInvalid`, and `LockMismatch` when the image is not locked, or not to be had as locked.
    """
    from lkboard.oci.layers.flatten import flatten
    from lkboard.oci.registry.pull import Puller

    puller = Puller(context.store, context.registry, context.job)
    resolve = partial(puller.resolve, platform=Platform("linux", architecture))
    is_vendored = context.registry.is_vendored
    image = resolve_locked(parse_reference(source.reference), resolve, context.lock, is_vendored=is_vendored)
    puller.fetch([image])
    entry = Archive(source.reference, flatten(image, context.store, context.job)).find(source.path.lstrip("/"))
    return entry.content if entry else None
