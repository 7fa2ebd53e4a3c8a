"""What a store says about itself: its images, and what is damaged or missing in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredPlatform:
    """A platform that an image has, and whether everything of it is in the store."""

    platform: str
    is_complete: bool


@dataclass(frozen=True, slots=True)
class StoredImage:
    """What a name in the store means (the name is empty when index.json has none for it).

    ``size_bytes`` are those of all its blobs that are there, also of those that it shares with other images; ``fault``
    says what is wrong when a document of it is missing or damaged.
    """

    name: str
    digest: str
    media_type: str
    size_bytes: int
    platforms: tuple[StoredPlatform, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob, or a layer that was unpacked, whose bytes are not those of its digest; ``images`` need it."""

    digest: str
    path: str
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Blobs that an image needs on a platform (empty if it is not known), and that are not in the store.

    ``image`` is a name, or the digest of an image without one. Platforms of which nothing was ever fetched have no gap.
    """

    image: str
    platform: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """How many files of the store were read, how many bytes they have, which of them were damaged, and what is missing.

    What an image lacks because all of it was damaged is no gap.
    """

    files: int
    size_bytes: int
    damaged: tuple[Damage, ...]
    gaps: tuple[Gap, ...] = ()
