"""Differences as text for people."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lkboard.cli.tables import counted, one_line
from lkboard.model.units import human_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkboard.model.difference import Difference, FileChange, PrivilegeChange, ServiceChange, SizeChange

_HEADINGS = {"more": "more privilege", "less": "less privilege", "other": "other privilege"}
_MARKS = {"added": "+", "removed": "-", "changed": "~"}
_FILES_SHOWN = 40


def difference_text(found: Difference, *, all_files: bool) -> str:
    """Return everything that is not the same, rights first; without ``all_files`` the first files of each part."""
    blocks = [
        *_privileges(found.privileges),
        _block("services", itertools.chain.from_iterable(map(_service, found.services))),
        _block("kernel command line", _cmdline(found)),
        _block("files", _files(found.files, len(found.files) if all_files else _FILES_SHOWN)),
        _block("size", _sizes(found)),
    ]
    text = "\n\n".join(block for block in blocks if block)
    notes = "\n".join(f"note: {note}" for note in found.notes)
    return "\n\n".join(part for part in (text if not found.is_equal else "no difference", notes) if part)


def _block(heading: str, lines: Iterable[str]) -> str:
    body = "\n".join(f"  {one_line(line)}" for line in lines)
    return f"{heading}\n{body}" if body else ""


def _privileges(changes: Sequence[PrivilegeChange]) -> Iterator[str]:
    for direction, heading in _HEADINGS.items():
        chosen = [change for change in changes if change.direction == direction]
        # rights of one kind that changed in the same way are one line
        groups = itertools.groupby(chosen, lambda change: (change.part, change.kind, change.before, change.after))
        yield _block(heading, (_privilege(*key, [one.subject for one in group]) for key, group in groups))


def _privilege(part: str, kind: str, before: str, after: str, subjects: list[str]) -> str:
    what = " ".join(filter(None, (kind, ", ".join(subjects))))
    return f"{part}: {what}: {before or 'none'} -> {after or 'none'}"


def _service(change: ServiceChange) -> Iterator[str]:
    images = [change.image_before, change.image_after] if change.image_before != change.image_after else []
    yield f"{_MARKS[change.change]} {change.part}  {' -> '.join(filter(None, images))}".rstrip()
    for setting in change.settings:
        yield f"    {setting.name}: {setting.before or 'none'} -> {setting.after or 'none'}"


def _cmdline(found: Difference) -> Iterator[str]:
    if found.cmdline_before != found.cmdline_after:
        yield f"- {found.cmdline_before}"
        yield f"+ {found.cmdline_after}"


def _files(changes: Sequence[FileChange], limit: int) -> Iterator[str]:
    parts: dict[str, list[FileChange]] = {}
    for change in changes:
        parts.setdefault(change.part, []).append(change)
    for part, several in parts.items():
        yield from map(_file, several[:limit])
        if len(several) > limit:
            yield f"… {len(several) - limit} more of {part} (all of them: --all-files)"


def _file(change: FileChange) -> str:
    if change.change == "changed":
        sizes = dict.fromkeys(map(human_size, (change.size_before, change.size_after)))
        details = (f"content {' -> '.join(sizes)}" if detail == "content" else detail for detail in change.details)
        return f"~ {change.path}: {', '.join(details)}"
    mark, size = _MARKS[change.change], human_size(change.size_before + change.size_after)
    if change.details == ("folder",):
        return f"{mark} {change.path}/: {counted(change.files, 'file')}, {size}"
    kind = ", ".join(change.details)
    return f"{mark} {change.path}: {size if kind == 'file' else kind}"


def _sizes(found: Difference) -> Iterator[str]:
    if found.sizes:
        yield f"together: {_size(found.size_before, found.size_after)}"
        yield from map(_size_line, found.sizes)


def _size_line(change: SizeChange) -> str:
    return f"{change.part}: {_size(change.size_before, change.size_after)}"


def _size(before: int, after: int) -> str:
    sign = "+" if after > before else "-" if after < before else "±"
    return f"{human_size(before)} -> {human_size(after)} ({sign}{human_size(abs(after - before))})"
