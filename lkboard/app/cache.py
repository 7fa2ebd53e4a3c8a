"""The use cases of ``lkboard cache`` that look at the store or make it smaller."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import NotFound, ReferenceInvalid, UsageError
from lkboard.model.kit import BUILD_COMMAND, is_kit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lkboard.events import Job
    from lkboard.model.stored import StoredImage, Verified

_DAY = 86400.0
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class GcOptions:
    """What a user wants to keep: what was used in the last ``keep_days``, at most ``keep_bytes`` of all.

    With ``dry_run`` nothing is removed.
    """

    keep_days: int | None = None
    keep_bytes: int | None = None
    dry_run: bool = False
    cache: str = ""


@dataclass(frozen=True, slots=True)
class Freed:
    """What garbage collection removed, or would remove, of one kind of things."""

    kind: str
    count: int
    size_bytes: int


def list_cache(cache: str) -> tuple[StoredImage, ...]:
    """Return all images of the store. Raises `StoreCorrupt`, `StoreUnusable`."""
    from lkboard.oci.store.inventory import list_images
    from lkboard.oci.store.store import open_store

    return list_images(open_store(cache or None))


def remove_names(names: Sequence[str], cache: str, job: Job) -> tuple[str, ...]:
    """Remove names from the store, all or none, and return them in full; what only they need is garbage then.

    An image without a name goes by its digest. Raises `NotFound`, `StoreUnusable`.
    """
    from lkboard.oci.store.store import open_store

    store = open_store(cache or None)
    known = {name or root.digest: root for name, root in store.entries()}
    found = tuple(known_name(name, known) for name in names)
    for name in found:
        store.forget(name, job)
    return found


def known_name(name: str, known: Collection[str]) -> str:
    """Return the name in the store that a user means: as it is there, or short for it. Raises `NotFound`."""
    from lkboard.model.reference import parse_reference
    from lkboard.model.suggest import nearest

    if name in known:
        return name
    try:
        reference = parse_reference(name)
    except ReferenceInvalid:
        reference = None
    if reference:
        names = (str(reference), f"{reference}:latest", str(reference).removesuffix(":latest"))
        if match := next((one for one in names if one in known), None):
            return match
    close = nearest(str(reference or name), sorted(known))
    hint = f"did you mean '{close}'?" if close else "see what there is: lkboard cache ls"
    raise NotFound("the store has no such image", where=name, hint=hint)


def collect_garbage(options: GcOptions, job: Job) -> tuple[Freed, ...]:
    """Free what nothing needs, and say what that was.

    Raises `UsageError`, `StoreCorrupt`, `StoreUnusable`, `Cancelled`.
    """
    from lkboard.oci.store.garbage import HOUR, Retention, collect, find_garbage
    from lkboard.oci.store.store import open_store

    days = options.keep_days or 0
    if not 0 <= days <= _MOST_DAYS:
        raise UsageError(f"--keep-days: {days} is out of range", hint=f"write a number of days, 0 to {_MOST_DAYS}")
    retention = Retention(max(HOUR, days * _DAY), options.keep_days is not None, options.keep_bytes)
    run = find_garbage if options.dry_run else collect
    sizes: dict[str, list[int]] = {}
    for item in run(open_store(options.cache or None), retention, time.time(), job):
        sizes.setdefault(item.kind, []).append(item.size)
    return tuple(Freed(kind, len(found), sum(found)) for kind, found in sizes.items())


def verify_cache(cache: str, job: Job) -> Verified:
    """Read every blob again, put away those that are damaged, and look for those that are missing.

    Raises `StoreCorrupt`, `StoreUnusable`, `Cancelled`.
    """
    from lkboard.oci.store.store import open_store
    from lkboard.oci.store.verify import verify

    return verify(open_store(cache or None), job)


def repair_of(image: str, platform: str = "") -> str:
    """Return what brings back what is missing of an image on a platform (or of all), as a sentence with a command."""
    from lkboard.sources.web_files import LIST_NAME

    if is_kit(image):
        return f"make the kit again: {BUILD_COMMAND}"
    if image == LIST_NAME:
        return "the next build that needs the files fetches them again: lkboard build --board BOARD CONFIG"
    if "@" not in image and image.startswith(("sha256:", "sha512:")):
        return f"no registry is known for it; forget it: lkboard cache rm {image}"
    only = f" --arch {platform}" if platform else ""
    return f"fetch it again: lkboard cache pull {shlex.quote(image)}{only}"
