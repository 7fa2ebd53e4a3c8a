"""Digests: ``algorithm:hex`` (image-spec, descriptor; registry.md section 1)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Digester:
    """Computes a digest piece by piece."""

    def __init__(self, algorithm: str = "sha256") -> None:
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)

    def update(self, data: bytes | memoryview) -> None:
        """Add bytes."""
        self._hash.update(data)

    @property
    def digest(self) -> str:
        """The digest of all bytes so far."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"


def is_digest(text: str) -> bool:
    """Return whether a text is a digest of a kind that lkboard computes: sha256 or sha512."""
    return _DIGEST.fullmatch(text) is not None


def algorithm_of(digest: str) -> str:
    """Return the part before the colon."""
    return digest.partition(":")[0]


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def file_digest(path: Path, algorithm: str, on_bytes: Callable[[int], None]) -> str:
    """Return the digest of a file. ``on_bytes`` is told of all that is read, and may raise to stop. Raises OSError."""
    digester = Digester(algorithm)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            on_bytes(len(chunk))
            digester.update(chunk)
    return digester.digest
