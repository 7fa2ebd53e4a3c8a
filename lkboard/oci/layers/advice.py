"""What to do about broken layers and other archives: that depends on where they come from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lkboard.errors import LayerInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

BROKEN_IMAGE = "the image is broken: build it anew, or use another version of it"
BOMB = "do not use this image: so much in so little is there to fill disks"


@contextmanager
def advising(hint: str) -> Iterator[None]:
    """Give errors of the block that say what is wrong with an archive, but not what to do, a hint."""
    try:
        yield
    except LayerInvalid as error:
        error.hint = error.hint or hint
        raise
