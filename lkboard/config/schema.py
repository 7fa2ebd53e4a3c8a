"""What a schema is made of: types, fields and records. The schema of a config is in `lkboard.config.sections`.

One table serves validation, hints, dumps, and whatever else is derived from it (documentation, completion, forms).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lkboard.model.config import Places

INT64 = (-(2**63), 2**63 - 1)
UINT64 = (0, 2**64 - 1)
UINT32 = (0, 2**32 - 1)
UINT16 = (0, 2**16 - 1)
_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Text:
    """Text; one of the ``choices`` where there are any."""

    name = "text"
    example = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    name = "true or false"
    example = "true"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within the bounds of the type that the OCI runtime specification gives it."""

    name = "a whole number"
    example = "1"
    bounds: tuple[int, int] = INT64


@dataclass(frozen=True, slots=True)
class Identity:
    """A user or group: a number, or the name of a container (build.md section 2.7)."""

    name = "a number or the name of a container"
    example = "1000"


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference. Where it is ``optional``, empty text means no image."""

    name = "text"
    example = "IMAGE:TAG"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list."""

    name = "a list"
    item: Type

    @property
    def example(self) -> str:
        """How a list is written."""
        return f"[{self.item.example}]"


@dataclass(frozen=True, slots=True)
class TextMap:
    """Pairs of text."""

    name = "a mapping of names to text"
    example = '{name: "value"}'


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record.

    ``help`` is one line for people; ``retired`` says why the field has no effect any more. ``attribute`` is its name in
    the model, by default the same in Python's spelling: ``oom_score_adj`` of ``oomScoreAdj``, ``binds_add`` of
    ``binds.add``.
    """

    name: str
    type: Type
    help: str
    attribute: str = ""
    required: bool = False
    retired: str = ""

    def __post_init__(self) -> None:
        attribute = self.attribute or _WORD_START.sub("_", self.name).replace(".", "_").lower()
        object.__setattr__(self, "attribute", attribute)

    @property
    def example(self) -> str:
        """How the field is written."""
        value = self.name.upper() if isinstance(self.type, Text) else self.type.example
        return f"{self.name}: {value}"


Make = Callable[[dict[str, Any], "Places"], Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known fields.

    ``make`` turns the fields that were given, keyed by attribute, into the model's value. ``has_places`` is set when
    that value remembers where its fields stand. ``foreign`` are fields that people expect, with what to write instead.
    """

    name = "a mapping"
    fields: tuple[Field, ...]
    make: Make
    has_places: bool = False
    foreign: Mapping[str, str] = field(default_factory=dict)
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    required: tuple[Field, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {field.name: field for field in self.fields})
        object.__setattr__(self, "required", tuple(field for field in self.fields if field.required))

    @property
    def example(self) -> str:
        """The record with its required fields, or just its first."""
        return "{" + ", ".join(field.example for field in self.required or self.fields[:1]) + "}"


Type = Text | Flag | Integer | Identity | Image | ListOf | TextMap | Record
