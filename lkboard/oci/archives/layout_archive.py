"""OCI layouts as archives or folders (image-spec, image-layout.md); LinuxKit's cache is one (build.md section 7.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import ArchiveInvalid, NotFound
from lkboard.oci.archives.archive_files import bad_list, read_document
from lkboard.oci.image_spec.documents import parse_descriptor
from lkboard.oci.store.blobs import Blobs
from lkboard.oci.store.copy import copy_parts, select
from lkboard.oci.store.store import CONTAINERD_NAME, REF_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.oci.archives.archive_files import Files
    from lkboard.oci.store.meter import Meter
    from lkboard.oci.store.store import Store


@dataclass(frozen=True, slots=True)
class LayoutImage:
    """An image of a layout; ``parts`` are all that is there of it."""

    names: tuple[str, ...]
    root: Descriptor
    parts: tuple[Descriptor, ...]
    blobs: Blobs

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)

    def copy_to(self, store: Store, meter: Meter, job: Job) -> tuple[Descriptor, ...]:
        """Bring the parts into a store and return them, the root first.

        Raises `StoreCorrupt` when one is damaged, `StoreUnusable`, `Cancelled`.
        """
        copy_parts(self.parts, self.blobs, store, meter, job)
        return self.root, *self.parts


def layout_images(files: Files, path: Path) -> Sequence[LayoutImage]:
    """Return the images of a layout, each of which must be whole for at least one platform.

    Raises `ArchiveInvalid`, `ManifestInvalid`, `StoreCorrupt`.
    """
    blobs = Blobs(lambda digest: files(f"blobs/{digest.replace(':', '/')}"), "make the archive again")
    images = []
    for root, names in _roots(files, path).items():
        try:
            parts = select(root, blobs, names[0] if names else str(path))
        except NotFound as error:
            raise ArchiveInvalid(f"{error.where}: {error.message}", where=path, hint=blobs.advice) from error
        images.append(LayoutImage(names, root, parts, blobs))
    return images


def _roots(files: Files, path: Path) -> Mapping[Descriptor, tuple[str, ...]]:
    """Return what index.json lists, with its names."""
    try:
        entries = json.loads(read_document(files, "index.json", path))["manifests"]
        roots: dict[str, Descriptor] = {}
        names: dict[str, list[str]] = {}
        for entry in entries:
            root = parse_descriptor({**entry, "annotations": None})
            roots.setdefault(root.digest, root)
            names.setdefault(root.digest, []).extend(_names_of(entry.get("annotations") or {}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise bad_list("index.json", path, error) from error
    return {root: tuple(dict.fromkeys(names[digest])) for digest, root in roots.items()}


def _names_of(annotations: Mapping[str, object]) -> list[str]:
    """Return the full name of an image; what is only a tag is none."""
    name = annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME)
    return [name] if isinstance(name, str) and {"/", ":"} & {*name} else []
