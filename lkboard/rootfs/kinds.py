"""What people call the kinds of entries."""

from __future__ import annotations

from lkboard.model.rootfs import Kind

NAMES = {
    Kind.FILE: "file",
    Kind.HARDLINK: "file",
    Kind.SYMLINK: "symbolic link",
    Kind.CHAR: "character device",
    Kind.BLOCK: "block device",
    Kind.DIRECTORY: "folder",
    Kind.FIFO: "pipe",
}
"""A hard link is one more name of a file."""
