"""The lock as a file (docs/reference/lock.md): JSON with one item a line, so that a change shows as one line of a diff.

    {
      "version": 1,
      "images": [
        {"digest": "sha256:…", "reference": "docker.io/lkboard/init:kit"}
      ],
      "packages": [
        {"architecture": "amd64", "name": "runc", "sha256": …, "size": …, "suite": …, "version": …, "wanted": "runc"}
      ],
      "files": [
        {"board": "rpi3", "licence": "LicenseRef-Broadcom", "sha256": …, "to": "start.elf"}
      ],
      "tools": [
        {"name": "mksquashfs", "version": "4.5.1"}
      ]
    }

A section without items is left out: the kit's lock has packages only.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lkboard.disk.folders import holding
from lkboard.disk.replacing import explained, replace_file
from lkboard.errors import BuildError, Place
from lkboard.model.lock import Lock, LockedFile, LockedImage, LockedPackage, LockedTool
from lkboard.model.package import Package
from lkboard.oci.image_spec.digest import is_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Debian policy, sections 5.6.1, 5.6.8 and 5.6.12: these become arguments of apt
_PACKAGE_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_PACKAGE_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~:-]*")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*")
_LONGEST_SHOWN = 80
_BETWEEN = re.compile(r"[\s,]*")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_named_digest(value: object) -> bool:
    return isinstance(value, str) and is_digest(value)


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _package(
    *, wanted: str, name: str, version: str, architecture: str, sha256: str, size: int, suite: str
) -> LockedPackage:
    return LockedPackage(wanted, Package(name, version, architecture, sha256, size, suite))


def _fields_of(item: object) -> dict[str, object]:
    """Return the fields of an item as the file has them: a package's beside the name that was wanted."""
    fields = asdict(item)  # type: ignore[call-overload]  # all items are data classes
    return {**fields.pop("package", {}), **fields}


@dataclass(frozen=True, slots=True)
class _Section:
    """The fields of a section's items, each with what its value must be; ``key`` are those that tell items apart."""

    fields: Mapping[str, Callable[[object], bool]]
    key: tuple[str, ...]
    make: Callable[..., object]


_SECTIONS = {
    "images": _Section({"reference": _is_text, "digest": _is_named_digest}, ("reference",), LockedImage),
    "packages": _Section(
        {
            **dict.fromkeys(("wanted", "name"), _matches(_PACKAGE_NAME)),
            "version": _matches(_PACKAGE_VERSION),
            "architecture": _matches(_ARCHITECTURE),
            "suite": _is_text,
            "sha256": _matches(_SHA256),
            "size": _is_size,
        },
        ("architecture", "wanted", "version"),
        _package,
    ),
    "files": _Section(
        {**dict.fromkeys(("board", "to", "licence"), _is_text), "sha256": _matches(_SHA256)},
        ("board", "to", "sha256"),
        LockedFile,
    ),
    "tools": _Section(dict.fromkeys(("name", "version"), _is_text), ("name",), LockedTool),
}


def format_lock(lock: Lock) -> str:
    """Return the text of a lock, in a fixed order."""
    sections = [f'  "version": {VERSION}']
    for name, section in _SECTIONS.items():
        items = sorted((_fields_of(item) for item in getattr(lock, name)), key=_key_of(section))
        lines = ",\n    ".join(json.dumps(item, sort_keys=True) for item in items)
        if lines:
            sections.append(f'  "{name}": [\n    {lines}\n  ]')
    return "{\n" + ",\n".join(sections) + "\n}\n"


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock; the file is replaced as a whole, and a symbolic link is followed. Raises `OutputError`."""
    replace_file(path, format_lock(lock).encode())


def update_lock(path: Path, change: Callable[[Lock], Lock], *, remake: str) -> Lock:
    """Replace a lock by what ``change`` makes of it, an empty one if there is none, and return that.

    Nothing is lost that others add at the same time: one does so after the other. Raises as `read_lock` and
    `write_lock` do.
    """
    with explained(path, 0), holding(path.resolve().parent):
        lock = change(read_lock(path, remake=remake) if path.exists() else Lock())
        write_lock(path, lock)
    return lock


def read_lock(path: Path, *, remake: str) -> Lock:
    """Read a lock; ``remake`` is the command that makes it anew.

    Raises `BuildError`, naming the file, the line and the field that is wrong.
    """
    if path.exists() and not path.is_file():  # the wait for whoever writes a pipe could not be interrupted
        raise BuildError("the lock is no regular file", where=path, hint=f"make one: {remake}")
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise BuildError(
            f"the lock cannot be read: {error.strerror}", where=path, hint=f"make one: {remake}"
        ) from error
    except ValueError as error:
        raise _invalid(Place(str(path)), "it is not UTF-8", remake) from error
    return _Reader(text, str(path), remake).read()


class _Reader:
    """Turns the text of a lock into its value, or into an error with a place."""

    def __init__(self, text: str, name: str, remake: str) -> None:
        self._text = text
        self._name = name
        self._remake = remake

    def read(self) -> Lock:
        document = self._document()
        if document.get("version") != VERSION:
            raise self._error(f"its version is not {VERSION}", self._line(r'"version"'))
        for name in document:
            if name != "version" and name not in _SECTIONS:
                raise self._error(f"'{name}' is not known", self._line(re.escape(json.dumps(name))))
        sections = {name: tuple(self._items(name, document.get(name, []))) for name in _SECTIONS}
        return Lock(**sections, place=self._name, remake=self._remake)  # type: ignore[arg-type]  # as the table says

    def _document(self) -> dict[str, object]:
        try:
            document = json.loads(self._text, object_pairs_hook=self._once)
        except json.JSONDecodeError as error:
            raise self._error(error.msg, error.lineno, error.colno) from error
        except (ValueError, RecursionError) as error:  # an endless number, endless nesting
            raise self._error("it cannot be read", 1) from error
        if not isinstance(document, dict):
            raise self._error("it is no JSON object", 1)
        return document

    def _once(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        fields: dict[str, object] = {}
        for name, value in pairs:
            if name in fields:
                raise self._error(f"'{name}' is given twice", self._line(re.escape(json.dumps(name))))
            fields[name] = value
        return fields

    def _items(self, name: str, items: object) -> Iterator[object]:
        if not isinstance(items, list):
            raise self._error(f"'{name}' is no list", self._line(f'"{name}"'))
        section = _SECTIONS[name]
        key_of = _key_of(section)
        seen: set[Sequence[object]] = set()
        for number, item in enumerate(items):
            wrong = _wrong_field(item, section)
            if wrong is None and (key := key_of(item)) in seen:
                wrong = f"'{', '.join(map(str, key))}' is there twice"
            if wrong is not None:
                raise self._error(f"{name}[{number}]: {wrong}", self._line_of_item(name, number))
            seen.add(key)
            yield section.make(**item)

    def _line(self, pattern: str) -> int:
        """Return the line of the first match, the first line when there is none."""
        match = re.search(pattern, self._text)
        return self._line_at(match.start() if match else 0)

    def _line_of_item(self, section: str, number: int) -> int:
        """Return where an item of a list begins; the text is valid JSON."""
        start = re.search(rf'"{section}"\s*:\s*\[', self._text)
        if start is None:  # written with escapes
            return 0
        at, decoder = start.end(), json.JSONDecoder()
        for _ in range(number):
            at = decoder.raw_decode(self._text, self._skipped(at))[1]
        return self._line_at(self._skipped(at))

    def _skipped(self, at: int) -> int:
        match = _BETWEEN.match(self._text, at)
        return match.end() if match else at

    def _line_at(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1

    def _error(self, reason: str, line: int, column: int = 0) -> BuildError:
        return _invalid(Place(self._name, line, column), reason, self._remake)


def _key_of(section: _Section) -> Callable[[Mapping[str, object]], tuple[Any, ...]]:
    return lambda item: tuple(item[name] for name in section.key)


def _wrong_field(item: object, section: _Section) -> str | None:
    """Return what is wrong with an item, None when it is as it should be."""
    fields = item if isinstance(item, dict) else {}
    for name, is_valid in section.fields.items():
        if name not in fields:
            return f"'{name}' is missing"
        if not is_valid(fields[name]):
            return f"'{name}' is wrong: {json.dumps(fields[name])[:_LONGEST_SHOWN]}"
    unknown = next((name for name in fields if name not in section.fields), None)
    return None if unknown is None else f"'{unknown}' is not known"


def _invalid(where: Place, reason: str, remake: str) -> BuildError:
    return BuildError(f"this is no lock: {reason}", where=where, hint=f"remove it and make it anew: {remake}")
