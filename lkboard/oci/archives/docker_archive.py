"""Archives of ``docker save``, ``podman save`` and ``skopeo copy … docker-archive:`` (registry.md section 11).

``manifest.json`` lists images: a configuration, names and layers, which are plain tars. Docker before 1.10 wrote a
folder for each layer instead, with ``json`` and ``layer.tar``, and the names into ``repositories``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from lkboard.errors import ArchiveInvalid, DigestMismatch, ManifestInvalid
from lkboard.model.image import Descriptor
from lkboard.oci.archives.archive_files import bad_list, check_document, read_document
from lkboard.oci.image_spec.digest import Digester
from lkboard.oci.image_spec.documents import compact, descriptor_fields, parse_image_config
from lkboard.oci.image_spec.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from lkboard.oci.layers.inflate import GZIP, ZSTD, packing
from lkboard.oci.store.blobs import chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.extents import FileSpan
    from lkboard.oci.archives.archive_files import Files
    from lkboard.oci.store.meter import Meter
    from lkboard.oci.store.store import Store

_MANIFEST, _REPOSITORIES = "manifest.json", "repositories"
DOCKER_LISTS = (_MANIFEST, _REPOSITORIES)
"""Files that list the images of an archive; one of them is there."""

_LAYERS = 1000
"""Layers of one image; docker allows 127."""
_IMAGES = 1000
"""Images of one archive."""


@dataclass(frozen=True, slots=True)
class DockerImage:
    """An image of a docker archive; ``path`` names the archive in errors.

    ``read_config`` gives its configuration, which is not kept: many images may name a large one.
    """

    names: tuple[str, ...]
    read_config: Callable[[], bytes]
    layers: tuple[FileSpan, ...]
    path: Path

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(layer.size for layer in self.layers)

    def copy_to(self, store: Store, meter: Meter, job: Job) -> tuple[Descriptor, ...]:
        """Make an OCI image of it, its layers as they are, and return its manifest, configuration and layers.

        Raises `ArchiveInvalid` when a layer is another one than the configuration says, `StoreUnusable`, `Cancelled`.
        """
        data = self.read_config()
        diff_ids = parse_image_config(data, self.path).diff_ids
        if len(diff_ids) != len(self.layers):
            message = f"an image has {len(self.layers)} layers, and its configuration {len(diff_ids)} diff IDs"
            raise ManifestInvalid(message, where=self.path)
        pairs = zip(self.layers, diff_ids, strict=True)
        layers = [self._copy_layer(layer, diff_id, store, meter, job) for layer, diff_id in pairs]
        config = Descriptor(OCI_CONFIG, store.add(data), len(data))
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor_fields(config),
            "layers": [descriptor_fields(layer) for layer in layers],
        }
        data = compact(manifest)
        return Descriptor(OCI_MANIFEST, store.add(data), len(data)), config, *layers

    def _copy_layer(self, layer: FileSpan, diff_id: str, store: Store, meter: Meter, job: Job) -> Descriptor:
        packed = packing(next(chunks(layer), b""))
        plain = Descriptor(OCI_LAYER, diff_id, layer.size)
        if not packed and store.is_sound(plain, job):
            meter.add(layer.size)
            return plain
        try:
            digest, size = store.add_chunks(meter.watch(chunks(layer, job)), "" if packed else diff_id)
        except DigestMismatch as error:
            message = f"a layer is damaged: its bytes are not those of {diff_id}"
            raise ArchiveInvalid(message, where=self.path, hint="make the archive again") from error
        return Descriptor(f"{OCI_LAYER}{_SUFFIXES[packed]}", digest, size)


_SUFFIXES = {"": "", GZIP: "+gzip", ZSTD: "+zstd"}


def docker_images(files: Files, path: Path) -> Sequence[DockerImage]:
    """Return the images of a docker archive. Raises `ArchiveInvalid`."""
    name, read = (_MANIFEST, _manifest) if files(_MANIFEST) else (_REPOSITORIES, _repositories)
    try:
        images = tuple(islice(read(files, path), _IMAGES + 1))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise bad_list(name, path, error) from error
    if len(images) > _IMAGES:
        raise ArchiveInvalid(f"there are more than {_IMAGES} images in it", where=path, hint="save fewer at a time")
    return images


def _manifest(files: Files, path: Path) -> Iterator[DockerImage]:
    for image in json.loads(read_document(files, _MANIFEST, path)):
        names = _texts(image["Layers"])
        if len(names) > _LAYERS:
            raise ArchiveInvalid(f"an image has more than {_LAYERS} layers", where=path)
        layers = tuple(_layer(files, name, path) for name in names)
        (config,) = _texts([image["Config"]])
        check_document(files, config, path)
        yield DockerImage(
            _texts(image.get("RepoTags") or []), partial(read_document, files, config, path), layers, path
        )


def _repositories(files: Files, path: Path) -> Iterator[DockerImage]:
    tops: dict[str, list[str]] = {}
    for repository, tags in json.loads(read_document(files, _REPOSITORIES, path)).items():
        for tag, top in zip(tags, _texts([*tags.values()]), strict=True):
            tops.setdefault(top, []).append(f"{repository}:{tag}")
    for top, names in tops.items():
        chain = list(_chain(files, top, path))
        layers = tuple(_layer(files, f"{layer_id}/layer.tar", path) for layer_id in reversed(chain))
        yield DockerImage(tuple(names), partial(_config_of, files, top, layers, path), layers, path)


def _chain(files: Files, top: str, path: Path) -> Iterator[str]:
    """Yield the folder of each layer, from the top to the bottom."""
    for _ in range(_LAYERS):
        parent = _about(files, top, path).get("parent")
        yield top
        if not parent:
            return
        (top,) = _texts([parent])
    raise ArchiveInvalid("the parents of a layer have no end", where=path)


def _about(files: Files, folder: str, path: Path) -> dict[str, Any]:
    """Return what is said of a layer."""
    about: dict[str, Any] = json.loads(read_document(files, f"{folder}/json", path))
    return about


def _config_of(files: Files, folder: str, layers: Sequence[FileSpan], path: Path) -> bytes:
    """Return the configuration that docker would make of the description of the topmost layer."""
    fields: dict[str, Any] = {"architecture": "amd64", "os": "linux"}
    top = _about(files, folder, path)
    fields |= {key: top[key] for key in ("architecture", "os", "created", "config") if key in top}
    return compact({**fields, "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]}})


def _digest(span: FileSpan) -> str:
    digester = Digester()
    for piece in chunks(span):
        digester.update(piece)
    return digester.digest


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError
    return tuple(values)


def _layer(files: Files, name: str, path: Path) -> FileSpan:
    span = files(name)
    if span is None:
        raise ArchiveInvalid(f"the layer '{name}' is missing", where=path, hint="make the archive again")
    return span
