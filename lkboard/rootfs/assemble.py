"""Assemble a system: a config and the images that it names become one root (build.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from lkboard.model.rootfs import EPOCH
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.rootfs.containers import add_containers
from lkboard.rootfs.files import add_files
from lkboard.rootfs.ids import container_ids
from lkboard.rootfs.images import ImageFiles
from lkboard.rootfs.init import add_init
from lkboard.rootfs.kernel import add_kernel
from lkboard.rootfs.merge import Root
from lkboard.rootfs.runtime_config import Names
from lkboard.rootfs.sbom import SbomOptions, add_sbom
from lkboard.rootfs.volumes import add_volumes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.events import Job
    from lkboard.model.config import Config
    from lkboard.model.image import ResolvedImage, WholeImage
    from lkboard.model.rootfs import Loss, Rootfs
    from lkboard.oci.store.store import Store


@dataclass(frozen=True, slots=True)
class AssembleOptions:
    """What a build may change about the root.

    ``epoch`` is the time of everything that is made up, in Unix seconds (SOURCE_DATE_EPOCH); ``sbom`` asks for a bill
    of materials, ``with_losses`` for what was replaced or deleted on the way.
    """

    epoch: int = EPOCH
    sbom: SbomOptions | None = None
    with_losses: bool = False


def assemble(
    config: Config,
    images: Mapping[str, ResolvedImage],
    store: Store,
    options: AssembleOptions,
    job: Job,
    *,
    layouts: Mapping[int, WholeImage] = MappingProxyType({}),
) -> Rootfs:
    """Return the root that a config describes, in the order of build.md section 5.2.

    ``images`` go by their canonical references, ``layouts`` are the images of the volumes of format ``oci`` by the
    volume's index; their layers must be in the store. Raises `ConfigError`,
    `ImageConflict`, `LayerInvalid`, `OciError` and `Cancelled`, each naming the place in the config or the image.
    """
    unpack_layers([images[str(name.reference)] for name in config.images], store, job)
    losses: list[Loss] | None = [] if options.with_losses else None
    files = ImageFiles(images, layouts, store, job, options.epoch, losses=losses)
    ids = container_ids(config)
    root = Root(options.epoch, job, losses)
    add_kernel(root, config.kernel, files)
    add_init(root, config.init, files)
    add_volumes(root, config.volumes, files)
    add_containers(root, config, Names(ids, {volume.name: volume for volume in config.volumes}), files)
    add_files(root, config, ids)
    if options.sbom:
        add_sbom(root, files, options.sbom)
    return root.rootfs()
