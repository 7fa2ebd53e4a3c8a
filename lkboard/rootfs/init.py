"""The init section: images that are merged into ``/`` one after the other (build.md section 5.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.extents import EMPTY, Content
from lkboard.model.rootfs import Entry, Kind, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.model.config import ImageName
    from lkboard.rootfs.images import ImageFiles
    from lkboard.rootfs.merge import Root

APK_DATABASE = "lib/apk/db/installed"
APK_SOURCE = "LINUXKIT.apkinit"


def add_init(root: Root, images: Sequence[ImageName], files: ImageFiles) -> None:
    """Add the init images as one segment; package databases of several are joined.

    Raises `ImageConflict`, `LayerInvalid` and `Cancelled`.
    """
    if not images:
        return
    root.begin_segment("init " + " ".join(str(image.reference) for image in images))
    databases = []
    for index, image in enumerate(images):
        tree = files.adapted(image, f"init[{index}]", "link")
        database = tree.find(APK_DATABASE)
        if database is not None and database.entry.kind is Kind.FILE:
            databases.append(database.entry.content)
        root.graft("", tree)
    if len(databases) > 1:
        joined = sum((database + Content.of(b"\n\n") for database in databases), EMPTY)
        origin = Origin(APK_SOURCE, "init", made="the package databases of the init images, one behind the other")
        root.put(APK_DATABASE, Entry(APK_DATABASE, Kind.FILE, 0o644, mtime_ns=0, content=joined, origin=origin))
