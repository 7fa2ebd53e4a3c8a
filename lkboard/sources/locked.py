"""Images that a lock names, by the digest that it has for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from lkboard.errors import LockMismatch, NotFound, StoreCorrupt
from lkboard.model.image import ResolvedImage, WholeImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkboard.model.lock import Lock
    from lkboard.model.reference import Reference

Image = TypeVar("Image", ResolvedImage, WholeImage)


def resolve_locked(
    reference: Reference,
    resolve: Callable[[Reference], Image],
    lock: Lock | None,
    *,
    where: object = None,
    is_vendored: bool = False,
) -> Image:
    """Return the image that ``resolve`` finds for a reference, with a lock the one that it names.

    Its own reference stays the one that was asked for. Raises what ``resolve`` raises, and `LockMismatch`, naming the
    place ``where`` the image is asked for (else the lock), when the image is not locked, or not to be had as locked.
    """
    if lock is None:
        return resolve(reference)
    where = where or lock.place
    digest = lock.digest_of(str(reference))
    if digest is None:
        raise LockMismatch(f"the lock has no image '{reference}'", where=where, hint=f"lock it: {lock.remake}")
    try:
        return replace(resolve(replace(reference, digest=digest)), reference=reference)
    except NotFound as error:
        message = f"the image '{reference}' is locked as {digest}, which is not to be had: {error.message}"
        hint = f"lock what there is now: {lock.remake} --update {reference}"
        if is_vendored:
            hint = remake_hint(lock)
        raise LockMismatch(message, where=where, hint=hint) from error
    except StoreCorrupt as error:
        if is_vendored:
            error.hint = remake_hint(lock)
        raise


def remake_hint(lock: Lock) -> str:
    """Return what mends a vendored folder with this lock."""
    return f"make the folder anew: {lock.remake}"
