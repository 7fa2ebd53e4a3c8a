"""Nodes and the schema to values of the model, with every problem on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from lkboard.config.advice import advice, describe
from lkboard.config.schema import Field, Flag, Identity, Image, Integer, ListOf, Record, Text, TextMap, Type
from lkboard.config.values import InvalidValue
from lkboard.errors import Place, Problem, ReferenceInvalid
from lkboard.model.config import ImageName, Places
from lkboard.model.reference import Reference, parse_reference
from lkboard.model.suggest import nearest
from lkboard.yaml.limits import MAX_ERRORS
from lkboard.yaml.nodes import Mapping, Node, Scalar, Sequence

Resolve = Callable[[str], str]

_NO_IMAGE = ImageName("", Reference("", ""))
_TEMPLATE = "@pkg:"
_SHORT_LIST = 12


class _Broken:
    """What is read where the text is wrong; the problem has been reported."""


class _TooManyErrors(Exception):
    """Reading on would not help anybody."""


_BROKEN: Final = _Broken()


class _At(NamedTuple):
    """Where a value is: its path, and how a line that sets it begins (``mode: ``, nothing in a list)."""

    path: str
    label: str

    def field(self, name: str) -> _At:
        return _At(f"{self.path}.{name}" if self.path else name, f"{name}: ")

    def item(self, index: int) -> _At:
        return _At(f"{self.path}.{index}", "")


class Reader:
    """Reads one file. ``problems`` grows on the way; what is read is complete only while it holds no error.

    ``resolve`` turns the path of a template (``@pkg:PATH``) into what it stands for, or raises `InvalidValue`; without
    it templates are ordinary text.
    """

    def __init__(self, resolve: Resolve | None = None) -> None:
        self.problems: list[Problem] = []
        self._resolve = resolve
        self._places: list[tuple[str, Place]] = []
        self._readers: dict[type, Callable[[Node, Any, _At], object]] = {
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
        """Return what a document holds, or None if it is no mapping at all, or has too many errors."""
        if isinstance(node, Scalar) and node.kind == "null":
            return record.make({}, Places(node.place))
        if not isinstance(node, Mapping):
            names = ", ".join(f"{field.name}:" for field in record.fields if not field.retired)
            self._report(node, "", f"expected {names}, got {describe(node)}", "begin with one of them")
            return None
        try:
            values, _is_whole = self._fields(node, record, _At("", ""))
        except _TooManyErrors:
            return None
        return record.make(values, Places(node.place))

    def _report(self, node: Node, path: str, message: str, hint: str = "", code: str = "type") -> _Broken:
        self.problems.append(Problem(node.place, path, message, hint, f"config.{code}"))
        if len(self.problems) > MAX_ERRORS:
            raise _TooManyErrors
        return _BROKEN

    def _any(self, node: Node, wanted: Type, at: _At) -> object:
        self._places.append((at.path, node.place))
        return self._readers[type(wanted)](node, wanted, at)

    def _mismatch(self, node: Node, wanted: Type, at: _At) -> _Broken:
        return self._report(
            node, at.path, f"expected {wanted.name}, got {describe(node)}", advice(node, wanted, at.label)
        )

    def _text(self, node: Node, wanted: Text, at: _At) -> object:
        if not isinstance(node, Scalar) or node.kind != "text":
            return self._mismatch(node, wanted, at)
        if wanted.choices and node.value not in wanted.choices:
            known = [choice for choice in wanted.choices if choice]
            likely = nearest(str(node.value), known)
            hint = f"did you mean {likely}?" if likely else ""
            return self._report(node, at.path, f"'{node.value}' is none of {', '.join(known)}", hint, "choice")
        if self._resolve and str(node.value).startswith(_TEMPLATE):
            return self._template(node, self._resolve, at)
        return node.value

    def _template(self, node: Scalar, resolve: Resolve, at: _At) -> object:
        try:
            return resolve(node.text.removeprefix(_TEMPLATE))
        except InvalidValue as invalid:
            message = f"the template '{node.text}' cannot be resolved: {invalid.message}"
            return self._report(node, at.path, message, invalid.hint, "template")

    def _flag(self, node: Node, wanted: Flag, at: _At) -> object:
        if isinstance(node, Scalar) and node.kind == "boolean":
            return node.value
        return self._mismatch(node, wanted, at)

    def _integer(self, node: Node, wanted: Integer, at: _At) -> object:
        number = node.value if isinstance(node, Scalar) else None
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, bool) or not isinstance(number, int):
            return self._mismatch(node, wanted, at)
        low, high = wanted.bounds
        if not low <= number <= high:
            return self._report(
                node, at.path, f"{number} is out of range", f"write a number from {low} to {high}", "range"
            )
        return number

    def _identity(self, node: Node, wanted: Identity, at: _At) -> object:
        if isinstance(node, Scalar) and node.kind in ("integer", "text"):
            return node.value
        return self._mismatch(node, wanted, at)

    def _image(self, node: Node, wanted: Image, at: _At) -> object:
        text = self._text(node, Text(), at)
        if not isinstance(text, str):
            return _BROKEN
        if not text and wanted.optional:
            return None
        if text.startswith(_TEMPLATE):
            hint = "put the config into a file beside its packages, or write the name of the package's image"
            return self._report(node, at.path, f"the template '{text}' is not resolved", hint, "template")
        try:
            return ImageName(text, parse_reference(text), node.place)
        except ReferenceInvalid as error:
            return self._report(node, at.path, error.message, error.hint or "", "reference")

    def _list(self, node: Node, wanted: ListOf, at: _At) -> object:
        if not isinstance(node, Sequence):
            return self._mismatch(node, wanted, at)
        values = [self._any(item, wanted.item, at.item(index)) for index, item in enumerate(node.items)]
        good = tuple(value for value in values if value is not _BROKEN)
        # records know their place themselves; anything else is found again by its index, so none may be missing
        knows_place = isinstance(wanted.item, Record) and wanted.item.has_places
        return good if knows_place or len(good) == len(values) else _BROKEN

    def _text_map(self, node: Node, wanted: TextMap, at: _At) -> object:
        if not isinstance(node, Mapping):
            return self._mismatch(node, wanted, at)
        pairs = [(key.text, self._any(value, Text(), at.field(key.text))) for key, value in node.pairs]
        return tuple(sorted((key, value) for key, value in pairs if isinstance(value, str)))

    def _record(self, node: Node, wanted: Record, at: _At) -> object:
        if not isinstance(node, Mapping):
            return self._mismatch(node, wanted, at)
        if not wanted.has_places:
            values, is_whole = self._fields(node, wanted, at)
            return wanted.make(values, Places()) if is_whole else _BROKEN
        outer, self._places = self._places, []
        values, _is_whole = self._fields(node, wanted, at)
        start = len(at.path) + 1
        places = Places(node.place, tuple((field[start:], place) for field, place in self._places), at.path)
        self._places = outer
        return wanted.make(values, places)

    def _fields(self, node: Mapping, record: Record, at: _At) -> tuple[dict[str, object], bool]:
        """Return the fields that can be read, by attribute, and whether those are all."""
        values: dict[str, object] = {}
        is_whole = True
        for key, value in node.pairs:
            field = record.by_name.get(key.text)
            if field is None:
                self._unknown(key, record, at)
                continue
            below = at.field(key.text)
            if field.retired:
                self.problems.append(
                    Problem(key.place, below.path, "has no effect", field.retired, "config.retired", "warning")
                )
            read = self._any(value, field.type, below)
            if read is _BROKEN:
                is_whole = False
            else:
                values[field.attribute] = read
        for field in record.required:
            if field.attribute not in values:
                values[field.attribute] = self._required(node, field, at)
        return values, is_whole

    def _required(self, node: Mapping, field: Field, at: _At) -> object:
        """Return a stand-in for a field that is missing or wrong, so that the rest of its record is still judged."""
        if all(key.text != field.name for key, _value in node.pairs):
            message = f"{field.name} is required"
            self._report(node, at.field(field.name).path, message, f"add {field.example}", "required")
        return _NO_IMAGE if isinstance(field.type, Image) else ""

    def _unknown(self, key: Scalar, record: Record, at: _At) -> None:
        name = key.text
        likely = nearest(name, (*record.by_name, *record.foreign))
        known = [field.name for field in record.fields if not field.retired]
        if likely and likely in record.foreign:
            hint = record.foreign[likely]
        elif likely:
            hint = f"did you mean {likely}?"
        else:
            hint = f"known are {', '.join(known)}" if len(known) <= _SHORT_LIST else "remove it"
        self._report(key, at.path, f"unknown field '{name}'", hint, "unknown-field")
