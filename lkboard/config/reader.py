"""Nodes and the schema to values of the model, with every problem on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lkboard.config.nodes import Mapping, Node, Scalar, Sequence
from lkboard.config.scalars import resolve
from lkboard.config.schema import Field, Flag, Identity, Image, Integer, ListOf, Record, Text, TextMap, Type
from lkboard.config.suggest import nearest
from lkboard.errors import Place, Problem, ReferenceInvalid
from lkboard.model.config import ImageName, Places
from lkboard.model.reference import Reference, parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_IMAGE = ImageName("", Reference("", ""))
_KIND_NAMES = {"text": "text", "integer": "the number", "float": "the number", "boolean": "the boolean"}
_BOOLEANS = {"yes": "true", "y": "true", "on": "true", "true": "true", "no": "false", "n": "false", "off": "false"}
_LONG_TEXT = 40
_SHORT_LIST = 12


class _Broken:
    """What is read where the text is wrong; the problem has been reported."""


_BROKEN: Final = _Broken()


class Reader:
    """Reads one file. ``problems`` grows on the way; what is read is complete only while it holds no error."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._places: list[tuple[str, Place]] = []
        self._readers: dict[type, Callable[[Node, Any, str], object]] = {
            Text: self._text,
            Flag: self._flag,
            Integer: self._integer,
            Identity: self._identity,
            Image: self._image,
            ListOf: self._list,
            TextMap: self._text_map,
            Record: self._record,
        }

    def read(self, node: Node, record: Record) -> Any:  # noqa: ANN401 - what the record makes
        """Return what a document holds, or None if it is no mapping at all."""
        if isinstance(node, Scalar) and node.kind == "null":
            return record.make({}, Places(node.place))
        if not isinstance(node, Mapping):
            names = ", ".join(f"{field.name}:" for field in record.fields)
            self._report(node, "", f"expected fields, got {_describe(node)}", f"the fields are {names}")
            return None
        values, _is_whole = self._fields(node, record, "")
        return record.make(values, Places(node.place))

    def _report(self, node: Node, path: str, message: str, hint: str = "", code: str = "type") -> _Broken:
        self.problems.append(Problem(node.place, path, message, hint, f"config.{code}"))
        return _BROKEN

    def _any(self, node: Node, wanted: Type, path: str) -> object:
        self._places.append((path, node.place))
        return self._readers[type(wanted)](node, wanted, path)

    def _mismatch(self, node: Node, wanted: Type, path: str) -> _Broken:
        return self._report(
            node, path, f"expected {wanted.name}, got {_describe(node)}", _type_hint(node, wanted, path)
        )

    def _text(self, node: Node, wanted: Text, path: str) -> object:
        if not isinstance(node, Scalar) or node.kind != "text":
            return self._mismatch(node, wanted, path)
        if wanted.choices and node.value not in wanted.choices:
            known = [choice for choice in wanted.choices if choice]
            likely = nearest(str(node.value), known)
            hint = f"did you mean {likely}?" if likely else ""
            return self._report(node, path, f"'{node.value}' is none of {', '.join(known)}", hint, "choice")
        return node.value

    def _flag(self, node: Node, wanted: Flag, path: str) -> object:
        if isinstance(node, Scalar) and node.kind == "boolean":
            return node.value
        return self._mismatch(node, wanted, path)

    def _integer(self, node: Node, wanted: Integer, path: str) -> object:
        number = node.value if isinstance(node, Scalar) else None
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, bool) or not isinstance(number, int):
            return self._mismatch(node, wanted, path)
        low, high = wanted.bounds
        if not low <= number <= high:
            return self._report(
                node, path, f"{number} is out of range", f"write a number from {low} to {high}", "range"
            )
        return number

    def _identity(self, node: Node, wanted: Identity, path: str) -> object:
        if isinstance(node, Scalar) and node.kind in ("integer", "text"):
            return node.value
        return self._mismatch(node, wanted, path)

    def _image(self, node: Node, wanted: Image, path: str) -> object:
        text = self._text(node, Text(), path)
        if not isinstance(text, str):
            return _BROKEN
        if not text and wanted.optional:
            return None
        try:
            return ImageName(text, parse_reference(text), node.place)
        except ReferenceInvalid as error:
            return self._report(node, path, error.message, error.hint or "", "reference")

    def _list(self, node: Node, wanted: ListOf, path: str) -> object:
        if not isinstance(node, Sequence):
            return self._mismatch(node, wanted, path)
        values = [self._any(item, wanted.item, f"{path}.{index}") for index, item in enumerate(node.items)]
        good = tuple(value for value in values if value is not _BROKEN)
        # records know their place themselves; anything else is found again by its index, so none may be missing
        knows_place = isinstance(wanted.item, Record) and wanted.item.has_places
        return good if knows_place or len(good) == len(values) else _BROKEN

    def _text_map(self, node: Node, wanted: TextMap, path: str) -> object:
        if not isinstance(node, Mapping):
            return self._mismatch(node, wanted, path)
        pairs = [(str(key.value), self._any(value, Text(), f"{path}.{key.value}")) for key, value in node.pairs]
        return tuple(sorted((key, value) for key, value in pairs if isinstance(value, str)))

    def _record(self, node: Node, wanted: Record, path: str) -> object:
        if not isinstance(node, Mapping):
            return self._mismatch(node, wanted, path)
        if not wanted.has_places:
            values, is_whole = self._fields(node, wanted, path)
            return wanted.make(values, Places()) if is_whole else _BROKEN
        outer, self._places = self._places, []
        values, _is_whole = self._fields(node, wanted, path)
        start = len(path) + 1
        places = Places(node.place, tuple((field[start:], place) for field, place in self._places), path)
        self._places = outer
        return wanted.make(values, places)

    def _fields(self, node: Mapping, record: Record, path: str) -> tuple[dict[str, object], bool]:
        """Return the fields that can be read, by attribute, and whether those are all."""
        values: dict[str, object] = {}
        is_whole = True
        for key, value in node.pairs:
            field = record.by_name.get(key.text)
            at = f"{path}.{key.text}" if path else key.text
            if field is None:
                self._unknown(key, record, path)
                continue
            if field.retired:
                self.problems.append(
                    Problem(key.place, at, "has no effect", field.retired, "config.retired", "warning")
                )
            read = self._any(value, field.type, at)
            if read is _BROKEN:
                is_whole = False
            else:
                values[field.attribute] = read
        for field in record.fields:
            if field.required and field.attribute not in values:
                values[field.attribute] = self._required(node, field, path)
        return values, is_whole

    def _required(self, node: Mapping, field: Field, path: str) -> object:
        """Return a stand-in for a field that is missing or wrong, so that the rest of its record is still judged."""
        if all(key.text != field.name for key, _value in node.pairs):
            message = f"{field.name} is required"
            self._report(node, f"{path}.{field.name}", message, f"add {field.example}", "required")
        return _NO_IMAGE if isinstance(field.type, Image) else ""

    def _unknown(self, key: Scalar, record: Record, path: str) -> None:
        name = key.text
        likely = nearest(name, (*record.by_name, *record.foreign))
        known = [field.name for field in record.fields if not field.retired]
        if likely and likely in record.foreign:
            hint = record.foreign[likely]
        elif likely:
            hint = f"did you mean {likely}?"
        else:
            hint = f"known are {', '.join(known)}" if len(known) <= _SHORT_LIST else "remove it"
        self._report(key, path, f"unknown field '{name}'", hint, "unknown-field")


def _describe(node: Node) -> str:
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    if node.kind == "null":
        return "nothing"
    text = node.text if len(node.text) <= _LONG_TEXT else f"{node.text[:_LONG_TEXT]}…"
    return f"{_KIND_NAMES[node.kind]} {' '.join(text.split())}"


def _type_hint(node: Node, wanted: Type, path: str) -> str:
    """Return what to write instead, with the value that is there where that is what was meant."""
    name = path.rpartition(".")[2]
    label = "" if name.isdigit() else f"{name}: "
    if not isinstance(node, Scalar):
        return f"write {label}{wanted.example}" if path else ""
    if node.kind == "null":
        return f"remove it, or write {label}{wanted.example}"
    quoted = '"' + node.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(wanted, Text | Image):
        return f"put it in quotes: {label}{quoted}"
    if isinstance(wanted, Flag):
        return f"write {label}{_BOOLEANS.get(node.text.lower(), 'true or false')}"
    if isinstance(wanted, ListOf) and isinstance(wanted.item, Text | Image | Identity):
        return f"write a list: {label}[{quoted}]"
    if isinstance(wanted, Integer | Identity):
        if isinstance(node.value, float) and node.value.is_integer():
            return f"write {label}{int(node.value)}"
        if node.kind == "text" and resolve(node.text)[0] == "integer":
            return f"write it without quotes: {label}{node.text}"
    return f"write {label}{wanted.example}"
