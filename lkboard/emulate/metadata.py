"""The metadata disk: an ISO 9660 image with the one file ``config`` (cli.md section 1.6).

It is found at boot because it appears as ``/dev/sr0``; readers know the file by its Rock Ridge name or, in lower case,
by its plain one. There is no clock in it.
"""

from __future__ import annotations

from lkboard.disk import content, iso9660
from lkboard.model.disk import BootFile
from lkboard.model.extents import Content
from lkboard.model.rootfs import EPOCH

_NAME = "config"


def metadata_iso(config: bytes) -> bytes:
    """Return the image of a disk that holds ``config``. Raises `BuildError` for 4 GiB and more."""
    files = iso9660.file_entries([BootFile(_NAME, Content.of(config))], EPOCH)
    volume = iso9660.plan(files, label=_NAME, epoch=EPOCH)
    return content.read(content.as_content(volume.extents))
