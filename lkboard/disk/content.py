"""Read the bytes that a `Content` stands for, and join contents to something larger."""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.extents import Content, ExtentMap, FileSpan, Inline, Source, Zeros, place, stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CHUNK_SIZE = 1 << 20


def read(content: Content) -> bytes:
    """Return all bytes. Raises `BuildError` when a source cannot be read or has become shorter."""
    if len(content.parts) == 1 and isinstance(content.parts[0], Inline):
        return content.parts[0].data
    return b"".join(chunks(content))


def chunks(content: Content, size: int = CHUNK_SIZE) -> Iterator[bytes | memoryview]:
    """Yield all bytes in pieces of at most ``size``. Raises `BuildError` as `read` does."""
    for part in content.parts:
        yield from source_chunks(part, size)


def digest(content: Content, on_chunk: Callable[[], None] = lambda: None) -> str:
    """Return ``sha256:<hex>`` of all bytes; ``on_chunk`` is called at least for every MiB.

    Raises `BuildError` as `read` does, and what ``on_chunk`` raises.
    """
    state = hashlib.sha256()
    for chunk in chunks(content):
        on_chunk()
        state.update(chunk)
    return f"sha256:{state.hexdigest()}"


def source_chunks(source: Source, size: int = CHUNK_SIZE) -> Iterator[bytes | memoryview]:
    """Yield the bytes of one source in pieces of at most ``size``. Raises `BuildError` as `read` does."""
    match source:
        case Inline(data):
            view = memoryview(data)
            for start in range(0, len(data), size):
                yield view[start : start + size]
        case FileSpan():
            yield from _file_chunks(source, size)
        case Zeros(length):
            blank = bytes(min(size, length))
            for start in range(0, length, size):
                yield blank[: length - start]


def open_span(span: FileSpan) -> int:
    """Open the file of a span for reading and return the descriptor. Raises `BuildError`."""
    try:
        return os.open(span.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BuildError(f"cannot read '{span.path}': {error.strerror}") from error


def shrunk(span: FileSpan) -> BuildError:
    """Return the error that says that a file is shorter than it was when the build was planned."""
    return BuildError(f"'{span.path}' became shorter while it was read", hint="leave it alone and build again")


def read_piece(span: FileSpan, descriptor: int, offset: int, size: int) -> bytes:
    """Return 1 to ``size`` bytes at ``offset`` of the open file of a span. Raises `BuildError`."""
    try:
        piece = os.pread(descriptor, size, offset)
    except OSError as error:
        raise BuildError(f"cannot read '{span.path}': {error.strerror}") from error
    if not piece:
        raise shrunk(span)
    return piece


def check_unchanged(span: FileSpan, descriptor: int) -> None:
    """Raise `BuildError` if the open file of a span, just read, is not in the state that the span is of."""
    if span.stamp not in {None, stamp_of(os.fstat(descriptor))}:
        raise BuildError(f"'{span.path}' changed while it was read", hint="leave it alone and build again")


def _file_chunks(span: FileSpan, size: int) -> Iterator[bytes]:
    descriptor = open_span(span)
    try:
        done = 0
        while done < span.size:
            piece = read_piece(span, descriptor, span.offset + done, min(size, span.size - done))
            yield piece
            done += len(piece)
        check_unchanged(span, descriptor)
    finally:
        os.close(descriptor)


def part_of(source: Source, start: int, size: int) -> Source:
    """Return ``size`` bytes of a source from ``start`` on; it must have them."""
    match source:
        case Inline(data):
            return Inline(data[start : start + size])
        case FileSpan():
            return replace(source, offset=source.offset + start, size=size)
        case Zeros():
            return Zeros(size)


def piece_of(content: Content, start: int, size: int) -> Content:
    """Return ``size`` bytes of a content from ``start`` on; it must have them."""
    parts: list[Source] = []
    for source in content.parts:
        taken = min(source.size - start, size)
        if start < source.size and taken:
            parts.append(part_of(source, start, taken) if taken < source.size else source)
            size -= taken
        start = max(start - source.size, 0)
    return Content(tuple(parts))


def slices(content: Content, size: int) -> Iterator[Content]:
    """Yield a content in pieces of ``size`` bytes; the last one may be shorter."""
    parts: list[Source] = []
    room = size
    for source in content.parts:
        start = 0
        while start < source.size:
            part = part_of(source, start, min(room, source.size - start))
            parts.append(part)
            start, room = start + part.size, room - part.size
            if not room:
                yield Content(tuple(parts))
                parts, room = [], size
    if parts:
        yield Content(tuple(parts))


def concatenate(contents: Iterable[Content]) -> ExtentMap:
    """Return contents one after the other as a map; neighbours that are held in memory become one extent."""
    parts = (part for content in contents for part in content.parts if part.size)
    joined: list[Source] = []
    for is_inline, run in itertools.groupby(parts, lambda part: isinstance(part, Inline)):
        if is_inline:
            joined.append(Inline(b"".join(part.data for part in run if isinstance(part, Inline))))
        else:
            joined.extend(run)
    whole = Content(tuple(joined))
    return ExtentMap(place(whole, 0), whole.size)


def encode(text: str) -> bytes:
    """Return a path or name of an entry as the bytes it had in its layer, whatever the locale."""
    return text.encode("utf-8", "surrogateescape")


def as_content(extents: ExtentMap) -> Content:
    """Return a map as a content: its gaps become `Zeros`."""
    parts: list[Source] = []
    position = 0
    for extent in extents.extents:
        if extent.offset > position:
            parts.append(Zeros(extent.offset - position))
        parts.append(extent.source)
        position = extent.end
    if extents.size > position:
        parts.append(Zeros(extents.size - position))
    return Content(tuple(parts))
