"""An image as an OCI layout, for volumes of format ``oci`` (build.md section 5.9; image-spec, image-layout.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lkboard.errors import StoreCorrupt
from lkboard.model.extents import Content, FileSpan
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.image_spec.media_types import INDEXES, OCI_INDEX
from lkboard.oci.layers.file_tree import FileTree
from lkboard.oci.store.store import REF_NAME

if TYPE_CHECKING:
    from lkboard.model.image import Descriptor, WholeImage
    from lkboard.oci.store.store import Store

_LAYOUT = b'{\n\t\t"imageLayoutVersion": "1.0.0"\n\t}'


def layout_tree(image: WholeImage, store: Store, location: str) -> FileTree:
    """Return the layout of an image whose blobs are in the store. Everything has the time 0.

    Raises `StoreCorrupt` when a blob is missing.
    """
    origin = Origin(str(image.reference), location, made="a part of the whole image, as an OCI layout")
    tree = FileTree(origin)
    for path in ("blobs", "blobs/sha256"):
        tree.add(path, Entry(path, Kind.DIRECTORY, 0o755, mtime_ns=0, origin=origin), 1)
    for descriptor in (*image.layers, *image.documents):
        _add_file(tree, f"blobs/{descriptor.digest.replace(':', '/')}", _blob(descriptor, store), origin)
    _add_file(tree, "oci-layout", Content.of(_LAYOUT), origin)
    _add_file(tree, "index.json", Content.of(_index_json(image)), origin)
    return tree


def _blob(descriptor: Descriptor, store: Store) -> Content:
    path = store.blob_path(descriptor.digest)
    if not path.is_file():
        raise StoreCorrupt(f"the blob {descriptor.digest} is missing", where=store.root, hint="build again")
    return Content((FileSpan(str(path), 0, descriptor.size, descriptor.digest),))


def _add_file(tree: FileTree, path: str, content: Content, origin: Origin) -> None:
    tree.add(path, Entry(path, Kind.FILE, 0o644, mtime_ns=0, content=content, origin=origin), 1)


def _index_json(image: WholeImage) -> bytes:
    """Return the list of one image. An index is called an OCI index even if it is Docker's, as the reference does."""
    top = image.top
    entry = {
        "mediaType": OCI_INDEX if top.media_type in INDEXES else top.media_type,
        "size": top.size,
        "digest": top.digest,
        "annotations": {REF_NAME: str(image.reference)},
    }
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}, indent=3).encode()
