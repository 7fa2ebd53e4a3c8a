"""Every blob of a store read again: what is damaged goes into quarantine, what is missing is told (registry.md 11)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lkboard.model.stored import Damage, Verified
from lkboard.oci.image_spec.digest import algorithm_of, file_digest, is_digest
from lkboard.oci.store.blobs import Blobs, digest_at, stored
from lkboard.oci.store.files import store_errors
from lkboard.oci.store.graph import closure
from lkboard.oci.store.inventory import list_gaps
from lkboard.oci.store.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.oci.store.store import Store

STEP = "Verify blobs"


def verify(store: Store, job: Job) -> Verified:
    """Compute the digest of every blob and of every unpacked layer, as the step "Verify blobs", and look for gaps.

    A damaged blob is moved into quarantine, a damaged layer is removed: both come back when they are needed. Raises
    `StoreCorrupt`, `StoreUnusable`, `Cancelled`.
    """
    with job.step(STEP):
        files = _files(store)
        sizes = {path: path.stat().st_size for path in files if path.is_file()}
        meter = Meter(job, STEP, sum(sizes.values()))
        suspect = [path for path in sizes if not _is_sound(path, files[path], store, meter)]
        damaged = [path for path in suspect if _put_away(path, files[path], store, job)]
        lost = {digest for path in damaged if (digest := digest_at(path))}
        users = _users(store, lost)
        gaps = tuple(gap for gap in list_gaps(store, job) if not lost.issuperset(gap.missing))
    found = tuple(Damage(files[path], str(path), users.get(files[path], ())) for path in damaged)
    return Verified(len(sizes), sum(sizes.values()), found, gaps)


def _files(store: Store) -> Mapping[Path, str]:
    """Return all files whose digests are known from their names."""
    blobs = ((path, digest_at(path)) for path in sorted(store.root.glob("blobs/*/*")))
    layers = ((path, _diff_id(path.stem)) for path in sorted(store.private.glob("layers/*.tar")))
    return {path: digest for path, digest in (*blobs, *layers) if digest}


def _diff_id(encoded: str) -> str:
    """Return the digest whose hexadecimal part names an unpacked layer, empty if there is none."""
    return next(filter(is_digest, (f"{algorithm}:{encoded}" for algorithm in ("sha256", "sha512"))), "")


def _is_sound(path: Path, digest: str, store: Store, meter: Meter) -> bool:
    with store_errors(path), suppress(FileNotFoundError):  # garbage collection may have been there
        if file_digest(path, algorithm_of(digest), meter.add) != digest:
            return False
        store.vouch(path)
    return True


def _users(store: Store, damaged: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the images that need a blob, as far as their documents can still be read."""
    whole = stored(store)
    blobs = Blobs(lambda digest: None if digest in damaged else whole.find(digest), whole.advice)
    users: dict[str, tuple[str, ...]] = {}
    for name, root in store.names().items():
        for digest in damaged & closure(root, blobs).keys():
            users[digest] = (*users.get(digest, ()), name)
    return users


def _put_away(path: Path, digest: str, store: Store, job: Job) -> bool:
    """Put a file away if it is damaged still: it was read some time ago, and others may have made it anew."""
    if digest_at(path):
        return store.put_away(digest, job)
    with store_errors(path), suppress(FileNotFoundError):
        if file_digest(path, algorithm_of(digest), lambda _size: job.check()) != digest:
            path.unlink()
            return True
    return False
