"""``kit.lock``: exactly which packages the kit is made of. The same lock gives the same images, byte for byte.

JSON with one package a line, so that a change shows as one line of a diff:

    {
      "version": 1,
      "packages": [
        {"architecture": "amd64", "name": "runc", "sha256": …, "size": …, "suite": …, "version": …, "wanted": "runc"}
      ]
    }

``wanted`` is the name that the kit asked for, ``name`` the package that it led to (a kernel's meta package leads to
the versioned one).
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import BuildError, OutputError
from lkboard.sources.apt.shelf import Package

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
Lock = dict[tuple[str, str], Package]
"""Packages by architecture and wanted name."""
_FIELDS = {"name": str, "version": str, "architecture": str, "sha256": str, "size": int, "suite": str}


def format_lock(lock: Mapping[tuple[str, str], Package]) -> str:
    """Return the text of a lock, in a fixed order."""
    lines = [
        json.dumps({"wanted": wanted, **{field: getattr(package, field) for field in _FIELDS}}, sort_keys=True)
        for (_architecture, wanted), package in sorted(lock.items())
    ]
    packages = ",\n    ".join(lines)
    return f'{{\n  "version": {VERSION},\n  "packages": [\n    {packages}\n  ]\n}}\n'


def write_lock(path: Path, lock: Mapping[tuple[str, str], Package]) -> None:
    """Write a lock; the file is replaced as a whole. Raises `OutputError`."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            new = Path(folder, path.name)
            with new.open("w", encoding="utf-8") as file:
                file.write(format_lock(lock))
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
    except OSError as error:
        raise OutputError(f"the lock cannot be written: {error.strerror}", where=path) from error


def read_lock(path: Path) -> Lock:
    """Read a lock. Raises `BuildError`, naming the file and the entry that is wrong."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BuildError(
            f"the lock cannot be read: {error.strerror}", where=path, hint=f"make one: lkboard kit build --lock {path}"
        ) from error
    except ValueError as error:
        raise _invalid(path, str(error)) from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise _invalid(path, f"its version is not {VERSION}")
    entries = document.get("packages")
    if not isinstance(entries, list):
        raise _invalid(path, "it has no list 'packages'")
    return dict(_entry(path, number, entry) for number, entry in enumerate(entries))


def _entry(path: Path, number: int, entry: object) -> tuple[tuple[str, str], Package]:
    fields = entry if isinstance(entry, dict) else {}
    for name, kind in {**_FIELDS, "wanted": str}.items():
        if not isinstance(fields.get(name), kind):
            raise _invalid(path, f"packages[{number}]: '{name}' is missing or of the wrong type")
    package = Package(**{name: fields[name] for name in _FIELDS})
    return (package.architecture, fields["wanted"]), package


def _invalid(path: Path, reason: str) -> BuildError:
    return BuildError(
        f"this is no kit lock: {reason}", where=path, hint=f"make it anew: lkboard kit build --lock {path}"
    )
