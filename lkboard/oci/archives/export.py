"""Images as archives: OCI layouts, or what ``docker load`` reads (image-spec; registry.md section 11).

An archive is a list of entries for a tar, so that nothing is copied before that is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.extents import Content, FileSpan
from lkboard.model.rootfs import Entry, Kind
from lkboard.oci.image_spec.documents import Manifest, compact, descriptor_fields, parse_document
from lkboard.oci.image_spec.media_types import OCI_INDEX
from lkboard.oci.layers.unpack import diff_layers, unpack_layers, unpacked_layer
from lkboard.oci.store.blobs import stored
from lkboard.oci.store.copy import select
from lkboard.oci.store.store import CONTAINERD_NAME, LAYOUT, REF_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkboard.events import Job
    from lkboard.model.image import Descriptor, ResolvedImage
    from lkboard.oci.store.store import Store

_FILE_MODE, _FOLDER_MODE = 0o644, 0o755


def layout_entries(
    store: Store, root: Descriptor, name: str, platforms: Sequence[str], as_name: str
) -> tuple[Entry, ...]:
    """Return an OCI layout of an image, for some platforms or with all that the store has of it.

    Raises `NotFound` when one is not whole, `PlatformMissing`, `ManifestInvalid`, `StoreCorrupt`.
    """
    blobs = stored(store)
    annotations = {**dict(root.annotations), REF_NAME: as_name, CONTAINERD_NAME: as_name}
    entry = {**descriptor_fields(root), "annotations": annotations}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    files = {"index.json": Content.of(compact(index)), "oci-layout": Content.of(LAYOUT)}
    for part in select(root, blobs, name, platforms):
        files[f"blobs/{part.digest.replace(':', '/')}"] = _span(store, part)
    return _entries(files)


def docker_entries(store: Store, image: ResolvedImage, as_name: str, job: Job) -> tuple[Entry, ...]:
    """Return an image as ``docker load`` reads it: one platform, its layers as plain tars.

    ``as_name`` has a tag, or is empty for an image without a name. All blobs must be in the store. Raises
    `LayerInvalid`, `ManifestInvalid`, `StoreCorrupt`, `StoreUnusable`, `Cancelled`.
    """
    unpack_layers([image], store, job)
    manifest = parse_document(store.read(image.manifest), image.manifest.media_type, image.reference)
    assert isinstance(manifest, Manifest)  # it was resolved
    config = f"{_encoded(manifest.config.digest)}.json"
    files = {config: _span(store, manifest.config)}
    layers = []
    for layer, diff_id in diff_layers(image):
        layers.append(f"{_encoded(diff_id)}.tar")
        files[layers[-1]] = Content((unpacked_layer(store, layer, diff_id, image=str(image.reference)),))
    names = [as_name] if as_name else None
    files["manifest.json"] = Content.of(compact([{"Config": config, "RepoTags": names, "Layers": layers}]))
    return _entries(files)


def _span(store: Store, part: Descriptor) -> Content:
    return Content((FileSpan(str(store.blob_path(part.digest)), 0, part.size, part.digest),))


def _entries(files: Mapping[str, Content]) -> tuple[Entry, ...]:
    """Return files and the folders that they are in, sorted."""
    folders = {parent for path in files for parent in _parents(path)}
    entries = [Entry(path, Kind.FILE, _FILE_MODE, mtime_ns=0, content=content) for path, content in files.items()]
    entries += (Entry(path, Kind.DIRECTORY, _FOLDER_MODE, mtime_ns=0) for path in folders)
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _parents(path: str) -> Sequence[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _encoded(digest: str) -> str:
    return digest.partition(":")[2]
