"""What a lock says about an image or a file that is about to be used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.errors import LockMismatch

if TYPE_CHECKING:
    from lkboard.model.lock import Lock
    from lkboard.model.reference import Reference


def locked_reference(reference: Reference, lock: Lock | None, *, where: object = None) -> Reference:
    """Return a reference with the digest that the lock has for it, or as it is without a lock.

    Raises `LockMismatch`, naming the place ``where`` the image is asked for (else the lock).
    """
    if lock is None:
        return reference
    digest = lock.digest_of(str(reference))
    if digest is None:
        raise LockMismatch(
            f"the lock has no image '{reference}'", where=where or lock.place, hint=f"lock it: {lock.remake}"
        )
    return replace(reference, digest=digest)
