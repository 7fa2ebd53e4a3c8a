"""Segments as compressed cpio archives, each made once and kept under a key of its content (libs.md section 3).

The kernel unpacks any sequence of gzip members as long as none ends inside an entry, and does not check their sums. So
members are cut between entries, and a kept segment is read and checked before it is used.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.disk import cpio
from lkboard.disk.compress import GZIP_LEVEL, gzip_member
from lkboard.model.extents import Content, FileSpan, Inline
from lkboard.oci.files import store_errors, temporary_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from lkboard.events import Job
    from lkboard.model.extents import Source
    from lkboard.model.rootfs import Entry, Rootfs

STEP = "Compress initrd"

_LAYOUT_VERSION = 1
"""To be raised whenever the same entries would become other bytes."""

_MEMBER_SIZE = 4 << 20
_IN_FLIGHT_SIZE = 64 << 20
_THREADS = 2
_SECOND = 1_000_000_000


def build_initrd(rootfs: Rootfs, cache_dir: Path, job: Job) -> Content:
    """Return a root as an initrd: one archive in gzip members, of which those that were made before are only read.

    Raises `BuildError` when an entry does not fit the format or a source changed, `StoreUnusable` when ``cache_dir``
    cannot be written, and `Cancelled`.
    """
    with job.step(STEP), store_errors(cache_dir), ThreadPoolExecutor(_THREADS, "compress") as pool:
        cache_dir.mkdir(parents=True, exist_ok=True)
        segments = [_Kept(cache_dir, _key(segment.entries), segment.entries) for segment in rootfs.segments]
        spans = {segment.key: span for segment, span in zip(segments, pool.map(_read_kept, segments), strict=True)}
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


def _key(entries: Sequence[Entry]) -> str:
    """Return what decides about the bytes of a segment: its entries, how they are laid out and who compresses them."""
    import deflate

    state = hashlib.sha256(f"{_LAYOUT_VERSION} libdeflate {deflate.__version__} {GZIP_LEVEL}".encode())
    for entry in entries:
        identity = tuple(_source_identity(part) for part in entry.content.parts)
        seconds = entry.mtime_ns // _SECOND
        fields = (entry.path, entry.kind.value, entry.mode, entry.uid, entry.gid, seconds, entry.link, entry.device)
        state.update(repr((fields, identity)).encode())
    return state.hexdigest()


def _source_identity(source: Source) -> object:
    """Return what tells the bytes of a source from others, and does not depend on where they are kept."""
    match source:
        case Inline(data):
            return hashlib.sha256(data).hexdigest()
        case FileSpan(_path, offset, size, digest) if digest:
            return digest, offset, size
        case FileSpan():
            return contents.digest(Content((source,)))
        case _:
            return source.size


def _read_kept(segment: _Kept) -> FileSpan | None:
    """Return a segment that was made before, None if there is none or it is not what it was."""
    try:
        wanted = segment.sum_path.read_text()
        size = segment.path.stat().st_size
    except FileNotFoundError:
        return None
    span = FileSpan(str(segment.path), 0, size)
    digest = contents.digest(Content((span,)))
    return FileSpan(span.path, 0, size, digest) if digest == wanted else None


def _make(missing: Sequence[_Kept], pool: ThreadPoolExecutor, job: Job) -> dict[str, FileSpan]:
    """Compress segments, several members at a time, and keep them."""
    groups = [(segment, group) for segment in missing for group in _groups(segment)]
    total, done = sum(group.size for _segment, group in groups), 0
    made = {}
    for segment, results in itertools.groupby(_compressed(groups, pool), lambda result: result[0]):
        digest, size = hashlib.sha256(), 0
        with temporary_file(segment.folder) as file:
            for _segment, plain_size, member in results:
                file.write(member)
                digest.update(member)
                size, done = size + len(member), done + plain_size
                job.progress(STEP, done, total)
            file.flush()
            Path(file.name).replace(segment.path)
        made[segment.key] = FileSpan(str(segment.path), 0, size, f"sha256:{digest.hexdigest()}")
        with temporary_file(segment.folder) as file:
            file.write(made[segment.key].digest.encode())
            file.flush()
            Path(file.name).replace(segment.sum_path)
    return made


def _groups(segment: _Kept) -> Iterator[Content]:
    """Yield the archive of a segment in pieces of whole entries, each at least as large as a member should be."""
    parts: list[Source] = []
    size = 0
    for record in cpio.records(segment.entries, device=cpio.device_of(segment.key)):
        parts += record.parts
        size += record.size
        if size >= _MEMBER_SIZE:
            yield Content(tuple(parts))
            parts, size = [], 0
    if parts:
        yield Content(tuple(parts))


def _compressed(
    groups: Iterable[tuple[_Kept, Content]], pool: ThreadPoolExecutor
) -> Iterator[tuple[_Kept, int, bytes]]:
    """Yield segment, plain size and member of each group, in order; only so much is in memory at a time."""
    pending: deque[tuple[_Kept, int, Future[bytes]]] = deque()
    try:
        for segment, group in groups:
            while pending and sum(size for _, size, _ in pending) + group.size > _IN_FLIGHT_SIZE:
                yield _finished(pending)
            pending.append((segment, group.size, pool.submit(_compress, group)))
        while pending:
            yield _finished(pending)
    finally:
        for _segment, _size, future in pending:
            future.cancel()


def _finished(pending: deque[tuple[_Kept, int, Future[bytes]]]) -> tuple[_Kept, int, bytes]:
    segment, size, future = pending.popleft()
    return segment, size, future.result()


def _compress(content: Content) -> bytes:
    plain = bytearray(content.size)
    at = 0
    for chunk in contents.chunks(content):
        plain[at : at + len(chunk)] = chunk
        at += len(chunk)
    return gzip_member(memoryview(plain))
