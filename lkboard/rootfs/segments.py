"""Segments as compressed cpio archives, each made once and kept under a key of its content (libs.md section 3).

The kernel does not check the sums of gzip members, so that a kept segment is read and checked before it is used.
"""

from __future__ import annotations

import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.disk import cpio
from lkboard.disk.compress import compressors, gzip_member
from lkboard.errors import BuildError
from lkboard.model.extents import Content, FileSpan, Inline
from lkboard.oci.store.files import mark_used, new_file, store_errors
from lkboard.rootfs.members import compressed, members, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.extents import Source
    from lkboard.model.rootfs import Entry, Rootfs
    from lkboard.rootfs.members import Packed

STEP = "Compress initrd"

_LAYOUT_VERSION = 2
"""To be raised whenever the same entries would become other bytes."""

_FILE_MODE = 0o644
_THREADS = 2
_SECOND = 1_000_000_000


def build_initrd(rootfs: Rootfs, cache_dir: Path, job: Job) -> Content:
    """Return a root as an initrd: one archive in gzip members, of which those that were made before are only read.

    Raises `BuildError` when an entry does not fit the format or a source changed, `StoreUnusable` when ``cache_dir``
    cannot be written, and `Cancelled`.
    """
    with job.step(STEP), store_errors(cache_dir), ThreadPoolExecutor(_THREADS, "compress") as pool:
        cache_dir.mkdir(parents=True, exist_ok=True)
        segments = [_Kept(cache_dir, _key(segment.entries, job), segment.entries) for segment in rootfs.segments]
        found = pool.map(lambda segment: _read_kept(segment, job), segments)
        spans = {segment.key: span for segment, span in zip(segments, found, strict=True)}
        missing = [segment for segment in segments if spans[segment.key] is None]
        spans |= _make(missing, pool, job)
        ready = [span for segment in segments if (span := spans[segment.key]) is not None]
    return Content((*ready, Inline(gzip_member(cpio.trailer()))))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A segment and where its compressed archive is kept: a file, and beside it the sha256 that it must have."""

    folder: Path
    key: str
    entries: Sequence[Entry]

    @property
    def path(self) -> Path:
        return self.folder / f"{self.key}.gz"

    @property
    def sum_path(self) -> Path:
        return self.folder / f"{self.key}.sha256"


def _key(entries: Sequence[Entry], job: Job) -> str:
    """Return what decides about the bytes of a segment: its entries, how they are laid out and who compresses them."""
    state = hashlib.sha256(f"{_LAYOUT_VERSION} {compressors()}".encode())
    for entry in entries:
        identity = tuple(_source_identity(part, job) for part in entry.content.parts)
        seconds = entry.mtime_ns // _SECOND
        fields = (entry.path, entry.kind.value, entry.mode, entry.uid, entry.gid, seconds, entry.link, entry.device)
        state.update(repr((fields, identity)).encode())
    return state.hexdigest()


def _source_identity(source: Source, job: Job) -> object:
    """Return what tells the bytes of a source from others, and does not depend on where they are kept."""
    match source:
        case Inline(data):
            return hashlib.sha256(data).hexdigest()
        case FileSpan(_path, offset, size, digest) if digest:
            return digest, offset, size
        case FileSpan():
            return _digest(source, job)
        case _:
            return source.size


def _digest(source: Source, job: Job) -> str:
    digest = hashlib.sha256()
    for chunk in contents.source_chunks(source):
        job.check()
        digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def _read_kept(segment: _Kept, job: Job) -> FileSpan | None:
    """Return a segment that was made before, None if there is none that may be read, or it is not what it was."""
    try:
        for path in (segment.path, segment.sum_path):
            mark_used(path)  # garbage collection takes what was not used for long
        wanted = segment.sum_path.read_text()
        span = FileSpan(str(segment.path), 0, segment.path.stat().st_size)
        digest = _digest(span, job)
    except (FileNotFoundError, PermissionError, BuildError):
        return None
    return replace(span, digest=digest) if digest == wanted else None


def _make(missing: Sequence[_Kept], pool: ThreadPoolExecutor, job: Job) -> dict[str, FileSpan]:
    """Compress segments and keep them."""
    todo = [piece for number, segment in enumerate(missing) for piece in pieces(number, _records(segment))]
    results = _told(compressed(todo, pool), sum(piece.content.size for piece in todo), job)
    made = {}
    for number, packed in itertools.groupby(results, lambda result: result[0].archive):
        segment = missing[number]
        made[segment.key] = _keep(segment, members(packed))
    return made


def _records(segment: _Kept) -> Iterator[Content]:
    return cpio.records(segment.entries, device=cpio.device_of(segment.key))


def _told(results: Iterator[Packed], total: int, job: Job) -> Iterator[Packed]:
    """Pass results on and tell how far that is."""
    done = 0
    for piece, packed in results:
        yield piece, packed
        done += piece.content.size
        job.progress(STEP, done, total)


def _keep(segment: _Kept, packed: Iterator[bytes]) -> FileSpan:
    """Write a compressed segment, then the sum without which it counts for nothing."""
    digest, size = hashlib.sha256(), 0
    with new_file(segment.path, segment.folder, _FILE_MODE) as file:
        for data in packed:
            file.write(data)
            digest.update(data)
            size += len(data)
    span = FileSpan(str(segment.path), 0, size, f"sha256:{digest.hexdigest()}")
    with new_file(segment.sum_path, segment.folder, _FILE_MODE) as file:
        file.write(span.digest.encode())
    return span
