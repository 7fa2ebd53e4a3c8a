"""The volumes section (build.md section 5.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.rootfs import Origin
from lkboard.rootfs.image_layout import layout_tree
from lkboard.rootfs.mounts import VOLUMES

if TYPE_CHECKING:
    from lkboard.model.config import Volume
    from lkboard.rootfs.images import ImageFiles
    from lkboard.rootfs.merge import Root

_BLANK = "empty"
_OWN = "linuxkit.volumes"
_MADE = {
    "tmp": "where what is written to the volume is kept, in memory",
    "merged": "where the volume is mounted, and containers bind it from",
}


def add_volumes(root: Root, volumes: tuple[Volume, ...], files: ImageFiles) -> None:
    """Add every volume as a segment: blank, with the files of an image, or with an image as an OCI layout.

    Raises `ImageConflict`, `LayerInvalid`, `StoreCorrupt` and `Cancelled`.
    """
    for index, volume in enumerate(volumes):
        location = f"volume[{index}]"
        root.begin_segment(f"{location} {volume.name}")
        base = f"{VOLUMES.lstrip('/')}/{volume.name}".rstrip("/")
        lower = f"{base}/lower"
        source = str(volume.image.reference) if volume.image else _BLANK
        root.put_directories(lower, Origin(source, location, made="the folder of what the volume begins with"))
        if volume.image and volume.format == "oci":
            root.graft(lower, layout_tree(files.layouts[index], files.store, location))
        elif volume.image:
            root.graft(lower, files.adapted(volume.image, location, "link", lower))
        for folder in ("tmp", "merged"):
            root.put_directory(f"{base}/{folder}", Origin(_OWN, location, made=_MADE[folder]))
