"""Images in a store, as a pull would leave them, without a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.config.parse import parse_config
from lkboard.oci.store.store import Store
from lkboard.rootfs.assemble import AssembleOptions, assemble
from support.images import Image, Layer, image, write_layout
from support.jobs import RecordingJob
from support.pulls import resolve, resolve_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.config import Config
    from lkboard.model.image import ResolvedImage
    from lkboard.model.rootfs import Entry, Rootfs

NAME = "docker.io/lab/image:v1"


def stored(folder: Path, *layers: Layer, job: Job | None = None) -> tuple[Store, ResolvedImage]:
    """Return a store with one image of these layers, and the image."""
    store = Store(write_layout(folder, {NAME: image(*layers)}))
    return store, resolve(store, NAME, job or RecordingJob())


def configured(text: str) -> Config:
    """Return a config from YAML that must be right."""
    config, problems = parse_config(text, "test.yml")
    assert config is not None, problems
    return config


def assembled(
    folder: Path,
    config: str | Config,
    images: Mapping[str, Image],
    *,
    job: Job | None = None,
    arch: str = "amd64",
    **options: object,
) -> Rootfs:
    """Return the root of a config, or of its YAML, whose images are named without ``docker.io/``."""
    job = job or RecordingJob()
    full = {f"docker.io/{name}": one for name, one in images.items()}
    store = Store(write_layout(folder / "cache", full))
    resolved = {name: resolve(store, name, job, arch=arch) for name in full}
    if isinstance(config, str):
        config = configured(config)
    layouts = {
        index: resolve_whole(store, str(volume.image.reference), job, *volume.platforms)
        for index, volume in enumerate(config.volumes)
        if volume.image and volume.format == "oci"
    }
    return assemble(config, resolved, store, AssembleOptions(**options), job, layouts=layouts)  # type: ignore[arg-type]


def by_path(root: Rootfs) -> dict[str, Entry]:
    """Return the entries of a root by their paths, which must be unique, each with its parents before it."""
    seen: dict[str, Entry] = {}
    for entry in root.entries:
        assert entry.path not in seen, f"{entry.path} occurs twice"
        parent = entry.path.rpartition("/")[0]
        assert not parent or parent in seen, f"{entry.path} comes before its parent"
        seen[entry.path] = entry
    return seen
