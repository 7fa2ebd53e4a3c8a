"""Where the inodes of an erofs volume are: slots of 32 bytes, whose numbers name them."""

from __future__ import annotations

BLOCK_SIZE = 4096
SLOT_SIZE = 32
_SLOTS = BLOCK_SIZE // SLOT_SIZE


class Slots:
    """Gives slots of blocks to inodes; each goes where it leaves the fewest of its block free.

    ``end`` is the block behind the last one that is used.
    """

    def __init__(self, first_block: int) -> None:
        self.end = first_block
        self._starts: list[list[int]] = [[] for _ in range(_SLOTS)]
        """Where free slots begin, by how many there are up to the end of the block."""

    def take(self, size: int) -> int:
        """Return the first of as many slots as ``size`` bytes need; only what is larger than a block crosses one."""
        count = -(-size // SLOT_SIZE)
        free = next((free for free in range(count, _SLOTS) if self._starts[free]), 0)
        start = self._starts[free].pop() if free else self.end * _SLOTS
        if not free:
            blocks = -(-count // _SLOTS)
            self.end += blocks
            free = blocks * _SLOTS
        if free > count:
            self._starts[free - count].append(start + count)
        return start
