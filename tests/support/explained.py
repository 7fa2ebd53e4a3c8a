"""A config as something that answers questions, without a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.config.parse import parse_config
from lkboard.oci.store.store import Store
from lkboard.rootfs.assemble import AssembleOptions, assemble
from lkboard.rootfs.explain import Explainer
from lkboard.rootfs.makers import Makers
from support.images import Image, write_layout
from support.jobs import RecordingJob
from support.pulls import resolve, resolve_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lkboard.model.rootfs import Rootfs


def explainer(folder: Path, text: str, images: Mapping[str, Image]) -> Explainer:
    """Return what explains the system of a config; the arguments are those of `system`."""
    return Explainer(*system(folder, text, images), RecordingJob())


def system(folder: Path, text: str, images: Mapping[str, Image]) -> tuple[Rootfs, Makers]:
    """Return the root of a config, ``x.yml``, whose images are named without ``docker.io/``, and who made it."""
    job = RecordingJob()
    config, problems = parse_config(text, "x.yml")
    assert config is not None, problems
    store = Store(write_layout(folder / "cache", {f"docker.io/{name}": one for name, one in images.items()}))
    resolved = {f"docker.io/{name}": resolve(store, f"docker.io/{name}", job) for name in images}
    layouts = {
        index: resolve_whole(store, str(volume.image.reference), job)
        for index, volume in enumerate(config.volumes)
        if volume.image and volume.format == "oci"
    }
    root = assemble(config, resolved, store, AssembleOptions(with_losses=True), job, layouts=layouts)
    return root, Makers(config, resolved, layouts.values())
