"""The nouns of the OCI image specification."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.reference import Reference


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system and architecture in Go's names (image-spec, image index, ``platform``)."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    def __str__(self) -> str:
        """Return ``os/architecture[/variant]``."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A typed, sized pointer to content (image-spec, descriptor). ``size`` is in bytes."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    data: bytes | None = None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What a build reads of an image's configuration (image-spec, config; build.md section 3.3).

    A list is None when the image does not set it. ``labels`` are sorted pairs. ``history`` says how each layer was
    made, from the bottom to the top; it is empty when the image does not say it of all.
    """

    platform: Platform
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: tuple[str, ...] | None = None
    working_dir: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    diff_ids: tuple[str, ...] = ()
    history: tuple[str, ...] = ()

    def label(self, name: str) -> str | None:
        """Return the value of a label, or None."""
        return dict(self.labels).get(name)


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image after its tag was turned into a digest: from here on the digest is its only identity.

    ``layers`` go from the bottom to the top. ``index`` is the descriptor of the index that named the manifest, if there
    was one; ``attestations`` are the manifests in it that describe this one. ``sboms`` are the statements in these that
    hold a bill of materials, if somebody has asked for them.
    """

    reference: Reference
    platform: Platform
    manifest: Descriptor
    config: ImageConfig
    layers: tuple[Descriptor, ...]
    index: Descriptor | None = None
    attestations: tuple[Descriptor, ...] = field(default=())
    sboms: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class WholeImage:
    """An image with all its platforms, or some of them, as volumes of format ``oci`` hold it.

    ``top`` is the index (or the manifest of an image without one); ``documents`` are all manifests and indexes, ``top``
    being the last; ``layers`` are the configurations and layers of the manifests.
    """

    reference: Reference
    top: Descriptor
    documents: tuple[Descriptor, ...]
    layers: tuple[Descriptor, ...]
