"""Digests: ``algorithm:hex`` (image-spec, descriptor; registry.md section 1)."""

from __future__ import annotations

import hashlib
import re

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
