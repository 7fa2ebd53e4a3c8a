"""Containers: the bundles of ``onboot``, ``onshutdown`` and ``services`` (build.md section 5.7)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lkboard.config.label import LABEL, parse_label
from lkboard.model.config import Options
from lkboard.model.rootfs import Origin
from lkboard.oci.layers.file_tree import clean
from lkboard.rootfs.effective import config_fault, effective
from lkboard.rootfs.runtime_config import config_json
from lkboard.rootfs.runtime_json import runtime_json

if TYPE_CHECKING:
    from lkboard.model.config import Config, Container
    from lkboard.rootfs.effective import Effective
    from lkboard.rootfs.images import ImageFiles
    from lkboard.rootfs.merge import Root
    from lkboard.rootfs.runtime_config import Names

_NUMBERED = frozenset(["onboot", "onshutdown"])
_MADE = {
    "bundle": "the folder of the container",
    "lower": "the folder of the image's files",
    "config.json": "how runc starts the container: the config's settings, then the image's",
    "rootfs": "where the container's root is mounted",
    "tmp": "where what the container writes is kept, in memory",
    "runtime.json": "what the init does around the container: mounts, interfaces, namespaces",
}


def add_containers(root: Root, config: Config, names: Names, files: ImageFiles) -> None:
    """Add every container as a segment; containers of one image share its files.

    Raises `ConfigError`, `ImageConflict`, `LayerInvalid` and `Cancelled`.
    """
    image_roots: dict[str, str] = {}
    for section, index, container in config.containers:
        location = f"{section}[{index}]"
        image = files.resolved(container.image)
        settings = effective(location, container, _label(container, files), image.config)
        bundle = _bundle(section, index, container, location)
        root.begin_segment(f"{location} {image.reference}")
        own_root = f"{bundle}/rootfs" if settings.options.readonly else f"{bundle}/lower"
        image_root = image_roots.setdefault(str(image.reference), own_root)
        if image_root == own_root:
            origin = Origin(str(image.reference), location, made=_MADE["lower"])
            root.put_directories(own_root, origin)
            root.tell_moved(own_root, origin)
            root.graft(own_root, files.adapted(container.image, location, "file", own_root))
        _add_bundle(root, settings, bundle, config_json(settings, names), image_root)


def _add_bundle(root: Root, container: Effective, bundle: str, config: bytes, image_root: str) -> None:

    def origin(name: str) -> Origin:
        return Origin(str(container.container.image.reference), container.location, made=_MADE[name])

    root.put_directories(bundle, origin("bundle"))
    root.put_file(f"{bundle}/config.json", config, origin("config.json"))
    for folder in ("rootfs",) if container.options.readonly else ("tmp", "rootfs"):
        if f"{bundle}/{folder}" != image_root:
            root.put_directory(f"{bundle}/{folder}", origin(folder))
        root.tell_moved(f"{bundle}/{folder}", origin(folder))
    root.put_file(f"{bundle}/runtime.json", runtime_json(container, bundle, image_root), origin("runtime.json"))


def _bundle(section: str, index: int, container: Container, location: str) -> str:
    """Return the archive path of a container's bundle; a name may contain slashes, but not lead elsewhere."""
    folder = f"containers/{section}"
    name = f"{index:03}-{container.name}" if section in _NUMBERED else container.name
    path = clean(posixpath.join(folder, name.lstrip("/")))
    if path is None or not f"{path}/".startswith(f"{folder}/"):
        raise config_fault(
            container.places, location, "name", f"the name '{container.name}' leads out of '{folder}'", "leave out '..'"
        )
    return path


def _label(container: Container, files: ImageFiles) -> Options:
    image = files.resolved(container.image)
    text = image.config.label(LABEL)
    return parse_label(text, str(image.reference)) if text else Options()
