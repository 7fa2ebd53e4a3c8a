"""The images that a config names, resolved, and their files as trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.model.rootfs import Origin
from lkboard.oci.flatten import flatten_tree
from lkboard.rootfs.image_files import adapt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.events import Job
    from lkboard.model.config import ImageName
    from lkboard.model.image import ResolvedImage, WholeImage
    from lkboard.oci.file_tree import FileTree
    from lkboard.oci.store import Store
    from lkboard.rootfs.image_files import Resolver


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """Gives the files of images whose layers are in the store.

    ``images`` go by their canonical references, ``layouts`` by the index of the volume that they are for; ``epoch`` is
    the time of what is made up.
    """

    images: Mapping[str, ResolvedImage]
    layouts: Mapping[int, WholeImage]
    store: Store
    job: Job
    epoch: int

    def resolved(self, name: ImageName) -> ResolvedImage:
        """Return the resolved image of a name in the config."""
        return self.images[str(name.reference)]

    def plain(self, name: ImageName, location: str) -> FileTree:
        """Return the files as they are in the image. Raises `LayerInvalid` and `Cancelled`."""
        return flatten_tree(self.resolved(name), self.store, self.job, location=location, epoch=self.epoch)

    def adapted(self, name: ImageName, location: str, resolver: Resolver) -> FileTree:
        """Return the files as they become part of a system (build.md section 5.5). Raises as `plain` does."""
        tree = self.plain(name, location)
        adapt(tree, Origin(str(name.reference), location), resolver, self.epoch)
        return tree
