"""Garbage collection: what may go from a store, also while others work with it (registry.md section 11).

Everything that index.json lists stays, with all that it refers to. The rest goes when it was not used for an hour: who
pulls an image marks each blob as used before he relies on it, and names the image before he fetches its layers.
"""

from __future__ import annotations

import json
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lkboard.errors import StoreCorrupt
from lkboard.oci.store.blobs import digest_at, stored
from lkboard.oci.store.files import TEMPORARY, last_used, store_errors
from lkboard.oci.store.graph import closure
from lkboard.oci.store.holds import HOLDS, held_since
from lkboard.oci.store.locks import exclusive, unless_held

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.oci.store.store import Store

Kind = Literal["blob", "partial", "temporary", "quarantine", "derived", "lock", "record"]

STEP = "Collect garbage"
HOUR = 3600.0
DAY = 24 * HOUR
_KEEP_PARTIALS = 7 * DAY
_FROM_BLOBS = ("layers", "packages")
"""Kinds of derived data whose files are named by the digest of what they were made of, or of what they are."""
_MANAGED = frozenset({"ingest", "locks", "verified", "quarantine", HOLDS})


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept although nothing needs it.

    Blobs without a name, and derived data of them, stay for ``keep_seconds`` after their last use. With ``is_strict``
    that holds for all derived data; otherwise what named images may need of it stays. ``keep_bytes`` is what the whole
    store may have: the derived data that was not used for longest goes until it has no more.
    """

    keep_seconds: float = HOUR
    is_strict: bool = False
    keep_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Garbage:
    """A file or folder that may go, its size in bytes and when it was last used."""

    kind: Kind
    path: Path
    size: int
    last_used: float


def find_garbage(store: Store, retention: Retention, now: float, job: Job) -> tuple[Garbage, ...]:
    """Return what `collect` would remove; nothing is changed.

    ``now`` is in Unix seconds. Raises `StoreCorrupt` when a manifest is damaged or `Store.unreadable`, so that it
    cannot tell what that needs; `StoreUnusable`, `Cancelled`.
    """
    with job.step(STEP):
        return tuple(_Search(store, retention, now, job).run())


def collect(store: Store, retention: Retention, now: float, job: Job) -> tuple[Garbage, ...]:
    """Remove the garbage of a store and return what was removed. Others may use the store meanwhile.

    What they have locked, or have used since, is left alone. Raises as `find_garbage` does.
    """
    if not store.root.exists():
        return ()
    with store.index_locked(job):  # until all is removed: LinuxKit holds this lock while it pulls, and marks nothing
        return sweep(store, find_garbage(store, retention, now, job), job)


def sweep(store: Store, garbage: Iterable[Garbage], job: Job) -> tuple[Garbage, ...]:
    """Remove garbage that is still garbage, and return it. Raises `StoreUnusable`, `Cancelled`."""
    removed = []
    for item in garbage:
        job.check()
        if _remove(store, item, job):
            removed.append(item)
    return tuple(removed)


class _Search:
    """One look at a store."""

    def __init__(self, store: Store, retention: Retention, now: float, job: Job) -> None:
        self._store = store
        self._retention = retention
        self._now = now
        self._job = job

    def run(self) -> Iterator[Garbage]:
        needed = self._needed()
        found = [*self._blobs(needed), *self._leftovers(), *self._derived({name.partition(":")[2] for name in needed})]
        yield from found
        if self._retention.keep_bytes is not None:
            yield from self._surplus({item.path for item in found}, self._retention.keep_bytes)

    def _needed(self) -> Collection[str]:
        """Return the digests of all that named images consist of, and of their unpacked layers."""
        if foreign := self._store.unreadable():
            raise StoreCorrupt(
                f"the index lists {foreign[0]}, and lkboard cannot tell what that needs",
                where=self._store.root,
                hint="remove it with the tool that put it there",
            )
        blobs = stored(self._store)
        needed: set[str] = set()
        for _name, root in self._store.entries():
            self._job.check()
            for digest, part in closure(root, blobs).items():
                needed.add(digest)
                if "config" in part.media_type or "image.v1" in part.media_type:
                    needed.update(_diff_ids(blobs.read(part)))
        return needed

    def _blobs(self, needed: Collection[str]) -> Iterator[Garbage]:
        held = held_since(self._store, self._job)
        for path in _files(self._store.root / "blobs", depth=2):
            digest = digest_at(path)
            if digest and digest not in needed:
                found = self._if_older("blob", path, self._retention.keep_seconds)
                yield from (item for item in found if item.last_used < held)

    def _leftovers(self) -> Iterator[Garbage]:
        private = self._store.private
        for path in _children(private / "ingest"):
            if path.is_dir():
                yield from self._if_older("partial", path, _KEEP_PARTIALS)
        for folder in _children(private):
            for path in _children(folder):
                if path.name.startswith(TEMPORARY):
                    yield from self._if_older("temporary", path, HOUR if path.is_file() else DAY)
        for path in _children(private / "quarantine"):
            yield from self._if_older("quarantine", path, _KEEP_PARTIALS)
        for path in _children(private / "locks"):
            if path.name.startswith("sha"):
                yield from self._if_older("lock", path, DAY)
        known = {f"{path.parent.name}-{path.name}" for path in _files(self._store.root / "blobs", depth=2)}
        known |= {f"{path.parent.name}-{path.name}" for path in self._derived_files()}
        for path in _children(private / "verified"):
            if path.name not in known:
                yield from self._if_older("record", path, HOUR)

    def _derived(self, needed: Collection[str]) -> Iterator[Garbage]:
        for path in self._derived_files():
            is_needed = path.parent.name not in _FROM_BLOBS or path.name.partition(".")[0] in needed
            if not is_needed or self._retention.is_strict:
                yield from self._if_older("derived", path, self._retention.keep_seconds)

    def _surplus(self, gone: Collection[Path], limit: int) -> Iterator[Garbage]:
        """Yield derived data, that which was not used for longest first, until the rest has at most ``limit`` bytes."""
        size = _size(self._store.root) - sum(_size(path) for path in gone)
        rest = (path for path in self._derived_files() if path not in gone)
        items = [item for path in rest for item in self._if_older("derived", path, HOUR)]
        for item in sorted(items, key=lambda item: item.last_used):
            if size <= limit:
                return
            size -= item.size
            yield item

    def _derived_files(self) -> Iterator[Path]:
        for folder in _children(self._store.private):
            if folder.name not in _MANAGED and folder.is_dir():
                for path in _children(folder):
                    if path.is_file() and not path.name.startswith(TEMPORARY) and path.suffix != ".lock":
                        yield path

    def _if_older(self, kind: Kind, path: Path, seconds: float) -> Iterator[Garbage]:
        with suppress(FileNotFoundError):
            used = _last_used(path)
            if self._now - used > seconds:
                yield Garbage(kind, path, _size(path), used)


def _remove(store: Store, item: Garbage, job: Job) -> bool:
    """Remove a piece of garbage unless somebody uses it."""
    with _lock_of(item, store) as is_free, store_errors(item.path), suppress(FileNotFoundError):
        if not is_free:
            return False
        with exclusive(store.derived_dir("locks") / store.sweep_lock.name, job):
            if _last_used(item.path) > item.last_used:
                return False
            if item.path.is_dir():
                shutil.rmtree(item.path)
            else:
                item.path.unlink()
            return True
    return False


@contextmanager
def _lock_of(item: Garbage, store: Store) -> Iterator[bool]:
    """Hold what a process that works on a thing would hold; give False where one does."""
    match item.kind:
        case "blob" | "partial":
            digest = digest_at(item.path) if item.kind == "blob" else item.path.name
            lock = store.derived_dir("locks") / digest.replace(":", "-")
            with unless_held(lock) as is_free:
                yield is_free
                if is_free:
                    lock.unlink(missing_ok=True)
        case "temporary" | "lock":
            with unless_held(item.path) as is_free:
                yield is_free
        case _:
            yield True


def _diff_ids(config: bytes | None) -> Iterable[str]:
    try:
        fields = json.loads(config or b"{}")
        return [one for one in fields["rootfs"]["diff_ids"] if isinstance(one, str)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()


def _children(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from sorted(folder.iterdir())


def _files(folder: Path, *, depth: int) -> Iterator[Path]:
    for path in _children(folder):
        if depth > 1:
            yield from _files(path, depth=depth - 1)
        elif path.is_file():
            yield path


def _last_used(path: Path) -> float:
    """Return when a file, or the youngest file in a folder, was last used."""
    if not path.is_dir():
        return last_used(path)
    inside = [last_used(one) for one in path.rglob("*") if one.is_file()]
    return max(inside, default=path.stat().st_mtime)  # that it was looked into was our own doing


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder, which others may change meanwhile."""
    total = 0
    for one in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            status = one.lstat()
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total
