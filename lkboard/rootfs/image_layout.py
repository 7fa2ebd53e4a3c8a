"""An image as an OCI layout, for volumes of format ``oci`` (build.md section 5.9; image-spec, image-layout.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lkboard.errors import ImageConflict
from lkboard.model.extents import Content, FileSpan
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.documents import Index, Manifest, parse_document
from lkboard.oci.file_tree import FileTree
from lkboard.oci.media_types import OCI_INDEX
from lkboard.oci.platform import parse_platform
from lkboard.oci.store import REF_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.model.image import Descriptor, Platform, ResolvedImage
    from lkboard.oci.store import Store

_LAYOUT = b'{\n\t\t"imageLayoutVersion": "1.0.0"\n\t}'


def layout_tree(image: ResolvedImage, store: Store, platforms: tuple[str, ...], location: str) -> FileTree:
    """Return the layout of an image with all its platforms, or with some of them. Everything has the time 0.

    Raises `ImageConflict` when a blob is not in the store, `StoreCorrupt` when it is damaged.
    """
    reference = str(image.reference)
    origin = Origin(reference, location)
    tree = FileTree(origin)
    top = image.index or image.manifest
    for path in ("blobs", "blobs/sha256"):
        tree.add(path, Entry(path, Kind.DIRECTORY, 0o755, mtime_ns=0, origin=origin), 1)
    for descriptor in _blobs(top, store, tuple(parse_platform(text) for text in platforms), reference):
        if not store.has(descriptor.digest):
            raise ImageConflict(
                f"not all of the image is in the store: {descriptor.digest} is missing",
                where=reference,
                hint=f"limit the volume to what was pulled: platforms: [{image.platform}]",
            )
        content = Content((FileSpan(str(store.blob_path(descriptor.digest)), 0, descriptor.size, descriptor.digest),))
        _add_file(tree, f"blobs/{descriptor.digest.replace(':', '/')}", content, origin)
    _add_file(tree, "oci-layout", Content.of(_LAYOUT), origin)
    _add_file(tree, "index.json", Content.of(_index_json(image, reference)), origin)
    return tree


def _add_file(tree: FileTree, path: str, content: Content, origin: Origin) -> None:
    tree.add(path, Entry(path, Kind.FILE, 0o644, mtime_ns=0, content=content, origin=origin), 1)


def _blobs(top: Descriptor, store: Store, platforms: tuple[Platform, ...], reference: str) -> Iterator[Descriptor]:
    """Yield what belongs to an index or a manifest, itself last; an index's children are limited to the platforms."""
    if not store.has(top.digest):
        yield top
        return
    document = parse_document(store.read(top), top.media_type, reference)
    if isinstance(document, Index):
        for child in document.manifests:
            if not platforms or _matches(child.platform, platforms):
                yield from _blobs(child, store, (), reference)
    elif isinstance(document, Manifest):
        yield document.config
        yield from document.layers
    yield top


def _matches(offered: Platform | None, wanted: Iterable[Platform]) -> bool:
    """Return whether a platform is among the wanted ones; a variant counts only where one is asked for."""
    if offered is None:
        return False
    return any(
        (offered.os, offered.architecture) == (one.os, one.architecture) and one.variant in {"", offered.variant}
        for one in wanted
    )


def _index_json(image: ResolvedImage, reference: str) -> bytes:
    """Return the list of one image. An index is called an OCI index even if it is Docker's, as the reference does."""
    top = image.index or image.manifest
    entry = {
        "mediaType": OCI_INDEX if image.index else top.media_type,
        "size": top.size,
        "digest": top.digest,
        "annotations": {REF_NAME: reference},
    }
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}, indent=3).encode()
