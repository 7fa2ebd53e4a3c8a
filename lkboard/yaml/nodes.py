"""YAML text to a tree of nodes that know their place.

The tree is built from the events of PyYAML, because its own composer recurses: some ten thousand brackets end the
process. Anchors are expanded while they are counted, so that a small file cannot stand for a huge one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import yaml

from lkboard.errors import Place, Problem
from lkboard.yaml.limits import MAX_ALIASED_VALUES, MAX_DEPTH, MAX_ERRORS, MAX_VALUES
from lkboard.yaml.scalars import Kind, Value, resolve, resolve_tagged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HINTS = (
    ("mapping values are not allowed", "check the indentation; put text that contains ': ' in quotes"),
    ("did not find expected key", "fields of one record must be indented alike"),
    ("did not find expected '-' indicator", "items of one list must be indented alike"),
    ("did not find expected ',' or", "close the bracket"),
    ("could not find expected ':'", "a field is written as NAME: VALUE"),
    ("did not find expected node content", "write a value, or close the bracket"),
    ("found unexpected end of stream", "close the quotes"),
    ("found invalid Unicode character escape code", "write \\U and eight digits"),
    ("did not find expected alphabetic or numeric character", "put text that begins with * or & in quotes"),
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. ``text`` is what was written, without quotes; ``value`` what it means."""

    place: Place
    kind: Kind
    value: Value
    text: str

    @property
    def weight(self) -> int:
        """How many values the node stands for."""
        return 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list. ``weight`` is how many values it stands for, aliases expanded."""

    place: Place
    items: tuple[Node, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Pairs of key and value; keys are text and occur once, merges (``<<``) are done. ``weight`` as in `Sequence`."""

    place: Place
    pairs: tuple[tuple[Scalar, Node], ...]
    weight: int


Node = Scalar | Sequence | Mapping


def read_document(text: str, file: str, kind: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """Read the first document of a YAML text. ``kind`` says what it is; the codes of problems begin with it.

    The node is None when the text is not YAML, or has no document; a problem says so. Other problems (a key that is
    there twice) leave a node.
    """
    builder = _Builder(file)
    try:
        _check_characters(text, file)
        for event in _events(text, file):
            builder.feed(event)
            if builder.is_complete:
                break
        builder.end()
    except _Broken as broken:
        builder.problems.append(broken.problem)
        builder.root = None
    return builder.root, tuple(replace(problem, code=f"{kind}.{problem.code}") for problem in builder.problems)


class _Broken(Exception):
    """The document cannot be read any further."""

    def __init__(self, place: Place, message: str, hint: str = "", code: str = "syntax") -> None:
        super().__init__(message)
        self.problem = Problem(place, "", message, hint, code)


def _check_characters(text: str, file: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is None:
        return
    before = text[: found.start()]
    place = Place(file, before.count("\n") + 1, found.start() - before.rfind("\n"))
    code = f"U+{ord(found.group()):04X}"
    raise _Broken(
        place, f"the character {code} is not allowed in YAML", 'write it as an escape in double quotes: "\\x.."'
    )


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    # libyaml is 15 times as fast; without it the loader written in Python does the same
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, file) from error
    except yaml.YAMLError as error:
        raise _Broken(Place(file), " ".join(str(error).split())) from error


def _syntax_error(error: yaml.MarkedYAMLError, text: str, file: str) -> _Broken:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "this is not YAML"
    if mark is None:
        return _Broken(Place(file), problem)
    place = Place(file, mark.line + 1, mark.column + 1)
    if mark.line > text.count("\n"):  # libyaml ends the last line if the text does not
        place = Place(file, mark.line, len(text) - text.rfind("\n"))
    if "cannot start any token" in problem:
        return _Broken(place, *_bad_start(text, mark.line, mark.column))
    message = f"{problem} {error.context}" if error.context else problem
    return _Broken(place, message, next((hint for words, hint in _HINTS if words in problem), ""))


def _bad_start(text: str, line: int, column: int) -> tuple[str, str]:
    rest = text.split("\n")[line][column:] if line <= text.count("\n") else ""
    if rest.startswith("\t"):
        return "a tab cannot be used for indentation", "indent with blanks"
    return f"text cannot begin with '{rest[:1]}'", "put it in quotes"


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been seen yet; a mapping's children are keys and values in turn."""

    place: Place
    anchor: str | None
    close: Callable[[_Open], Node]
    children: list[Node] = field(default_factory=list)
    merges: set[int] = field(default_factory=set)

    @property
    def weight(self) -> int:
        return 1 + sum(child.weight for child in self.children)


class _Builder:
    """Puts events together to a tree, without recursion."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.is_complete = False
        self.problems: list[Problem] = []
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._count = 0
        self._aliased = 0

    def feed(self, event: yaml.Event) -> None:
        """Take the next event. Raises `_Broken`."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._start(event, self._mapping)
            case yaml.SequenceStartEvent():
                self._start(event, self._sequence)
            case yaml.CollectionEndEvent():
                opened = self._open.pop()
                self._add(opened.close(opened), opened.anchor)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentEndEvent():
                self.is_complete = True

    def end(self) -> None:
        """There are no more events. Raises `_Broken`."""
        if self.root is None:
            raise _Broken(Place(self._file), "the file is empty", "write at least {}", "empty")

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        assert mark is not None
        return Place(self._file, mark.line + 1, mark.column + 1)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._place(event)
        text = event.value
        is_plain = event.implicit[0]
        if is_plain and text == "<<" and self._expects_key():
            self._open[-1].merges.add(len(self._open[-1].children))
        kind: Kind = "text"
        value: Value = text
        try:
            if event.tag not in (None, "!"):
                kind, value = resolve_tagged(text, event.tag)
            elif is_plain:
                kind, value = resolve(text)
        except ValueError as error:
            self._report(place, str(error), "remove the tag", "tag")
        if not text.isascii() and _SURROGATE.search(text):  # only the loader written in Python lets them pass
            self._report(place, "half of a surrogate pair is no character", "write \\U and eight digits", "syntax")
        self._add(Scalar(place, kind, value, text), event.anchor)

    def _expects_key(self) -> bool:
        return bool(self._open) and self._open[-1].close == self._mapping and len(self._open[-1].children) % 2 == 0

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event)
        name = event.anchor
        if name not in self._anchors:
            raise _Broken(place, f"there is no anchor '{name}' above", f"write &{name} before the value that is meant")
        node = self._anchors[name]
        if node is None:
            raise _Broken(place, f"the anchor '{name}' contains itself", f"remove *{name}")
        self._aliased += node.weight
        if self._aliased > MAX_ALIASED_VALUES:
            message = f"the aliases stand for more than {MAX_ALIASED_VALUES} values"
            raise _Broken(place, message, "use fewer aliases of large values")
        self._append(node)

    def _start(self, event: yaml.CollectionStartEvent, close: Callable[[_Open], Node]) -> None:
        place = self._place(event)
        if len(self._open) >= MAX_DEPTH:
            raise _Broken(place, f"lists and mappings are nested more than {MAX_DEPTH} deep", "flatten the structure")
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(place, event.anchor, close))

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            message = f"the file has more than {MAX_VALUES} values"
            raise _Broken(node.place, message, "split it into several files")
        if anchor:
            self._anchors[anchor] = node
        self._append(node)

    def _append(self, node: Node) -> None:
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node

    def _sequence(self, opened: _Open) -> Node:
        return Sequence(opened.place, tuple(opened.children), opened.weight)

    def _mapping(self, opened: _Open) -> Node:
        pairs: dict[str, tuple[Scalar, Node]] = {}
        merged: list[Node] = []
        children = opened.children
        for index in range(0, len(children), 2):
            key, value = children[index], children[index + 1]
            if index in opened.merges:
                self._check_single_merge(merged, key.place)
                merged.append(value)
            elif self._is_good_key(key, pairs):
                assert isinstance(key, Scalar)
                pairs[key.text] = (key, value)
        for key, value in self._merged_pairs(merged):
            pairs.setdefault(key.text, (key, value))
        return Mapping(opened.place, tuple(pairs.values()), opened.weight)

    def _is_good_key(self, key: Node, pairs: dict[str, tuple[Scalar, Node]]) -> bool:
        if not isinstance(key, Scalar):
            self._report(key.place, "a key must be text", "remove the brackets", "key")
        elif key.kind != "text":
            self._report(key.place, f"the key '{key.text}' must be text", f'put it in quotes: "{key.text}"', "key")
        elif key.text in pairs:
            first = pairs[key.text][0].place.line
            hint = f"it is in line {first} already; remove one of them"
            self._report(key.place, f"the key '{key.text}' occurs twice", hint, "duplicate-key")
        else:
            return True
        return False

    def _check_single_merge(self, merged: list[Node], place: Place) -> None:
        if merged:
            hint = "write one: <<: [*a, *b]"
            self._report(place, "the key '<<' occurs twice", hint, "duplicate-key")

    def _merged_pairs(self, merged: Iterable[Node]) -> Iterator[tuple[Scalar, Node]]:
        for node in merged:
            for source in node.items if isinstance(node, Sequence) else (node,):
                if isinstance(source, Mapping):
                    yield from source.pairs
                else:
                    self._report(source.place, "'<<' merges mappings only", "write <<: *ANCHOR", "merge")

    def _report(self, place: Place, message: str, hint: str, code: str) -> None:
        if len(self.problems) == MAX_ERRORS:
            raise _Broken(place, f"the file has more than {MAX_ERRORS} errors", "mend the ones above first")
        self.problems.append(Problem(place, "", message, hint, code))
