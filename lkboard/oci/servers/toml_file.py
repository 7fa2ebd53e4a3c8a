"""Configuration files in TOML, read with types checked; errors name the file and the field."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lkboard.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = TypeVar("T")

_SIZE_LIMIT, _LINE_LIMIT = 256 << 10, 4096
"""Bytes. The time that tomllib takes for a line grows with the square of the names in it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a file. ``name`` is where it is (``registry[0].mirror[1]``), empty for the whole file."""

    file: Path
    values: Mapping[str, Any]
    name: str = ""

    def __contains__(self, key: str) -> bool:
        """Return whether a key is there."""
        return key in self.values

    def text(self, key: str) -> str:
        """Return a text, empty when there is none."""
        return self._typed(key, str, "", "a text")

    def flag(self, key: str) -> bool:
        """Return true or false, the latter when there is none."""
        return self._typed(key, bool, default=False, kind="true or false")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return one text or a list of texts as a tuple."""
        value = self.values.get(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.wrong(key, "must be a text or a list of texts")
        return tuple(found)

    def tables(self, key: str) -> Iterator[Table]:
        """Yield the tables of an array of tables."""
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
            raise self.wrong(key, f"must be written as [[{key}]]")
        for number, item in enumerate(found):
            yield Table(self.file, item, f"{self._path(key)}[{number}]")

    def named_tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Yield the tables in a table, in the order of the file, each with its key."""
        found: dict[str, Any] = self._typed(key, dict, {}, "a table")
        for inner, item in found.items():
            if not isinstance(item, Mapping):
                raise self.wrong(key, f"must be written as [{key}.NAME]")
            yield inner, Table(self.file, item, f'{self._path(key)}."{inner}"')

    def wrong(self, key: str, what: str) -> RegistryError:
        """Return the error for a field."""
        return RegistryError(f"'{self._path(key)}' {what}", where=self.file, hint="correct the file, or remove it")

    def _typed(self, key: str, wanted: type[T], default: T, kind: str) -> T:
        value = self.values.get(key, default)
        if not isinstance(value, wanted):
            raise self.wrong(key, f"must be {kind}")
        return value

    def _path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key


def read_toml(file: Path) -> Table | None:
    """Return what a file says, None if there is no such file. Raises `RegistryError` naming the file, line and column.

    It is not passed over when it is broken: it may forbid something.
    """
    try:
        return Table(file, tomllib.loads(_checked(file.read_bytes()).decode()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RegistryError(f"it cannot be read: {error.strerror}", where=file, hint="correct its mode") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML, or nested without end
        raise RegistryError(f"it is not TOML: {error}", where=file, hint="correct the file, or remove it") from error


def _checked(data: bytes) -> bytes:
    if len(data) > _SIZE_LIMIT or max(map(len, data.split(b"\n"))) > _LINE_LIMIT:
        raise ValueError(f"it has more than {_SIZE_LIMIT >> 10} KiB, or more than {_LINE_LIMIT} bytes in a line")
    return data
