"""Extent maps as bytes and files, without the product's own writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.disk import BootFile
from lkboard.model.extents import Content, ExtentMap, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lkboard.model.extents import Source


def source_bytes(source: Source) -> bytes:
    match source:
        case Inline(data):
            return data
        case Zeros(size):
            return bytes(size)
        case FileSpan(path, offset, size):
            with open(path, "rb") as file:  # noqa: PTH123
                file.seek(offset)
                return file.read(size)


def map_bytes(extents: ExtentMap) -> bytes:
    image = bytearray(extents.size)
    for extent in extents.extents:
        image[extent.offset : extent.end] = source_bytes(extent.source)
    return bytes(image)


def save(extents: ExtentMap, path: Path) -> Path:
    """Write a map as a sparse file; what is zero or not mapped stays a hole."""
    with path.open("wb") as file:
        for extent in extents.extents:
            if not isinstance(extent.source, Zeros):
                file.seek(extent.offset)
                file.write(source_bytes(extent.source))
        file.truncate(extents.size)
    return path


def boot_files(tree: Mapping[str, bytes]) -> tuple[BootFile, ...]:
    return tuple(BootFile(path, Content.of(data)) for path, data in tree.items())
