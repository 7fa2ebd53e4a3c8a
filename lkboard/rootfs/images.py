"""The images that a config names, resolved, and their files as trees."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lkboard.model.rootfs import Loss, Origin
from lkboard.oci.layers.flatten import flatten_tree
from lkboard.rootfs.image_files import adapt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.events import Job
    from lkboard.model.config import ImageName
    from lkboard.model.image import ResolvedImage, WholeImage
    from lkboard.oci.layers.file_tree import FileTree
    from lkboard.oci.store.store import Store
    from lkboard.rootfs.image_files import Resolver


@dataclass(slots=True, eq=False)
class ImageFiles:
    """Gives the files of images whose layers are in the store, and remembers what it gave.

    ``images`` go by their canonical references, ``layouts`` by the index of the volume that they are for; ``epoch`` is
    the time of what is made up. ``extracted`` grows with every image whose files are taken, and the path they go to;
    ``losses`` with what their layers take away from each other.
    """

    images: Mapping[str, ResolvedImage]
    layouts: Mapping[int, WholeImage]
    store: Store
    job: Job
    epoch: int
    extracted: list[tuple[ResolvedImage, str]] = field(default_factory=list)
    losses: list[Loss] | None = None

    def resolved(self, name: ImageName) -> ResolvedImage:
        """Return the resolved image of a name in the config."""
        return self.images[str(name.reference)]

    def plain(self, name: ImageName, location: str, path: str = "") -> FileTree:
        """Return the files as they are in the image; they go to ``path``. Raises `LayerInvalid` and `Cancelled`."""
        return self._flat(name, location, path, None)

    def adapted(self, name: ImageName, location: str, resolver: Resolver, path: str = "") -> FileTree:
        """Return the files as they become part of a system (build.md section 5.5). Raises as `plain` does."""
        losses: list[Loss] | None = None if self.losses is None else []
        tree = self._flat(name, location, path, losses)
        adapt(tree, Origin(str(name.reference), location), resolver, self.epoch)
        if self.losses is not None:
            self.losses.extend(replace(loss, path=posixpath.join(path, loss.path)) for loss in losses or ())
        return tree

    def _flat(self, name: ImageName, location: str, path: str, losses: list[Loss] | None) -> FileTree:
        image = self.resolved(name)
        self.extracted.append((image, path))
        return flatten_tree(image, self.store, self.job, location=location, epoch=self.epoch, losses=losses)
