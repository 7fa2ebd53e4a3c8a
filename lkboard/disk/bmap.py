"""Block maps: which blocks of an image have to be copied to a medium, and their sums.

Source: bmap-tools, BmapCreate.py and BmapCopy.py, version 2.0 of the format. Only what no extent of the map mentions is
left out; `Zeros` are part of the image.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lkboard.disk.blocks import used_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.model.extents import ExtentMap

BLOCK = 4096

_DOCUMENT = """\
<?xml version="1.0" ?>
<!-- The blocks of a disk image that have to be copied to a medium: bmaptool copy IMAGE DEVICE -->
<bmap version="2.0">
    <ImageSize> {size} </ImageSize>
    <BlockSize> {block} </BlockSize>
    <BlocksCount> {blocks} </BlocksCount>
    <MappedBlocksCount> {mapped} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <!-- Of this file, with zeros in the place of the sum -->
    <BmapFileChecksum> {checksum} </BmapFileChecksum>
    <BlockMap>
{ranges}    </BlockMap>
</bmap>
"""


def block_ranges(extents: ExtentMap) -> tuple[range, ...]:
    """Return the numbers of the blocks that a map mentions, as ranges with gaps between them."""
    return used_blocks((extent for extent in extents.extents if extent.size), BLOCK)


class RangeSums:
    """The sha256 of ranges of blocks of an image, which is given from its start to its end."""

    def __init__(self, ranges: Sequence[range]) -> None:
        self._ranges = ranges
        self._sums: list[str] = []
        self._state = hashlib.sha256()
        self._position = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the image."""
        view = memoryview(data)
        start, self._position = self._position, self._position + len(view)
        while len(self._sums) < len(self._ranges):
            run = self._ranges[len(self._sums)]
            first, end = run.start * BLOCK - start, run.stop * BLOCK - start
            if first >= len(view):
                return
            self._state.update(view[max(first, 0) : end])
            if end > len(view):
                return
            self._end_range()

    def sums(self) -> tuple[str, ...]:
        """Return the sums in hex, now that the whole image was given. Its end may cut the last block."""
        if len(self._sums) < len(self._ranges):
            self._end_range()
        return tuple(self._sums)

    def _end_range(self) -> None:
        self._sums.append(self._state.hexdigest())
        self._state = hashlib.sha256()


def document(size: int, ranges: Sequence[range], sums: Sequence[str]) -> bytes:
    """Return the block map of an image of ``size`` bytes."""
    lines = (
        f'        <Range chksum="{chksum}"> {_named(run)} </Range>\n' for run, chksum in zip(ranges, sums, strict=True)
    )
    blank = "0" * hashlib.sha256().digest_size * 2
    text = _DOCUMENT.format(
        size=size,
        block=BLOCK,
        blocks=-(-size // BLOCK),
        mapped=sum(map(len, ranges)),
        checksum=blank,
        ranges="".join(lines),
    )
    return text.replace(blank, hashlib.sha256(text.encode()).hexdigest(), 1).encode()


def _named(run: range) -> str:
    return f"{run.start}-{run.stop - 1}" if len(run) > 1 else str(run.start)
