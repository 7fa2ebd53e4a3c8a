"""Strict reading of a YAML document: every value has a type and a place, every field must be known.

The first thing that is wrong is raised as a `BoardError` that names file, line, column and field.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn, TypeVar

from lkboard.errors import BoardError
from lkboard.model.suggest import suggest
from lkboard.yaml.nodes import Mapping, Scalar, Sequence, read_document

if TYPE_CHECKING:
    from lkboard.errors import Place
    from lkboard.yaml.nodes import Node

Choice = TypeVar("Choice", bound=str)

_SIZE = re.compile(r"(\d{1,15}) ?(B|KiB|MiB|GiB|)")
_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class Value:
    """One node of the document, with the path of fields that leads to it."""

    def __init__(self, node: Node, path: str) -> None:
        self._node = node
        self._path = path

    @property
    def place(self) -> Place:
        """Where the value begins."""
        return self._node.place

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise a `BoardError` about this value."""
        subject = f"{self._path}: " if self._path else ""
        raise BoardError(f"{subject}{message}", where=self.place, hint=hint)

    def text(self) -> str:
        """Return the characters of a scalar as they are written."""
        node = self._node
        if not isinstance(node, Scalar) or node.kind == "null":
            self.fail("a text is expected here")
        if "\0" in node.text:
            self.fail("the text has a NUL in it", "remove it")
        return node.text

    def word(self, pattern: str, what: str) -> str:
        """Return a text that matches the whole pattern; ``what`` describes it to the user."""
        text = self.text()
        if not re.fullmatch(pattern, text):
            self.fail(f"'{text}' is not {what}")
        return text

    def choice(self, known: tuple[Choice, ...]) -> Choice:
        """Return one of the known texts."""
        text = self.text()
        found = next((candidate for candidate in known if candidate == text), None)
        if found is None:
            self.fail(f"'{text}' is not known here", suggest(text, known))
        return found

    def integer(self) -> int:
        """Return a decimal number that is not negative."""
        return int(self.word(r"\d{1,9}", "a number"))

    def boolean(self) -> bool:
        """Return ``true`` or ``false``."""
        return self.choice(("true", "false")) == "true"

    def size(self) -> int:
        """Return a size in bytes, written as ``1 MiB`` or ``512``."""
        match = _SIZE.fullmatch(self.text())
        if match is None:
            self.fail(f"'{self.text()}' is not a size", "write it as 36 MiB (B, KiB, MiB, GiB)")
        return int(match[1]) * _UNITS[match[2]]

    def items(self) -> list[Value]:
        """Return the items of a list."""
        if not isinstance(self._node, Sequence):
            self.fail("a list is expected here")
        prefix = f"{self._path}." if self._path else ""
        return [Value(node, f"{prefix}{index}") for index, node in enumerate(self._node.items)]

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(item.text() for item in self.items())

    def record(self, *known: str) -> Record:
        """Return a mapping that has no other fields than the known ones."""
        node = self._node
        if not isinstance(node, Mapping):
            self.fail("fields with values are expected here")
        fields: dict[str, Value] = {}
        prefix = f"{self._path}." if self._path else ""
        for key, value in node.pairs:
            if key.text not in known:
                Value(key, self._path).fail(f"unknown field '{key.text}'", suggest(key.text, known))
            fields[key.text] = Value(value, f"{prefix}{key.text}")
        return Record(self, fields)


class Record:
    """The fields of a mapping."""

    def __init__(self, own: Value, fields: dict[str, Value]) -> None:
        self.own = own
        self._fields = fields

    def __getitem__(self, name: str) -> Value:
        """Return a field that must be there."""
        if name not in self._fields:
            self.own.fail(f"field '{name}' is missing")
        return self._fields[name]

    def get(self, name: str) -> Value | None:
        """Return a field that may be missing."""
        return self._fields.get(name)

    def text(self, name: str, default: str = "") -> str:
        """Return the text of a field that may be missing."""
        value = self.get(name)
        return default if value is None else value.text()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the list of texts of a field that may be missing."""
        value = self.get(name)
        return () if value is None else value.texts()

    def integer(self, name: str, default: int = 0) -> int:
        """Return the number of a field that may be missing."""
        value = self.get(name)
        return default if value is None else value.integer()

    def boolean(self, name: str) -> bool:
        """Return whether a field is there and true."""
        value = self.get(name)
        return value is not None and value.boolean()

    def size(self, name: str) -> int:
        """Return the size in bytes of a field that may be missing; 0 without it."""
        value = self.get(name)
        return 0 if value is None else value.size()

    def items(self, name: str) -> list[Value]:
        """Return the items of a list that may be missing."""
        value = self.get(name)
        return [] if value is None else value.items()

    def only(self, *names: str) -> str:
        """Return the one of these fields that is there. Raises `BoardError` for none or several."""
        present = [name for name in names if name in self._fields]
        if len(present) != 1:
            self.own.fail(f"exactly one of {', '.join(names)} is expected here")
        return present[0]


def parse(text: str, file: str) -> Value:
    """Return the root of a YAML document. Raises `BoardError`."""
    node, problems = read_document(text, file, "board")
    for problem in problems:
        raise BoardError(problem.message, where=problem.place, hint=problem.hint or None)
    assert node is not None
    return Value(node, "")
