"""Manifests, indexes and image configurations, read strictly (image-spec; registry.md section 7).

What was addressed by a digest is kept as the exact bytes; these types are only a view of them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkboard.errors import ManifestInvalid
from lkboard.model.image import Descriptor, ImageConfig, Platform
from lkboard.oci.image_spec.digest import digest_of, is_digest
from lkboard.oci.image_spec.media_types import INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST, SCHEMA_1

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT_LIMIT = 4 << 20
"""Bytes that a manifest, an index or a configuration may have."""

_LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image: its configuration and its layers from the bottom to the top."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Several images, or further indexes, in the order in which they are listed."""

    media_type: str
    manifests: tuple[Descriptor, ...]


Document = Manifest | Index


def parse_document(data: bytes, media_type: str, where: object) -> Document:
    """Read a manifest or an index.

    ``media_type`` is what the descriptor or the registry calls it, which the document must not contradict; empty if
    nobody does. Raises `ManifestInvalid`, naming ``where``.
    """
    with _naming("the manifest", where):
        fields = _object(_parse_json(data), "it")
        kind = _text(fields, "mediaType", default=media_type)
        if media_type and kind != media_type:
            raise ValueError(f"it is served as '{media_type}' and calls itself '{kind}'")
        if "manifests" in fields and "layers" in fields:
            raise ValueError("it has both 'manifests' and 'layers'")
        kind = kind or _guess_type(fields)
        if kind in INDEXES:
            return Index(kind, _descriptors(fields, "manifests"))
        if kind in SCHEMA_1:
            raise ManifestInvalid(
                f"it is an image of Docker's schema 1 ('{kind}'), which nothing makes any more",
                where=where,
                hint="bring it up to date: skopeo copy --format oci docker://OLD docker://NEW",
            )
        if kind in MANIFESTS:
            return Manifest(kind, parse_descriptor(_field(fields, "config")), _descriptors(fields, "layers"))
        raise ValueError(f"its media type '{kind}' is neither an image nor an index")


def parse_image_config(data: bytes, where: object) -> ImageConfig:
    """Read what a build needs of an image's configuration (build.md section 3.3). Raises `ManifestInvalid`."""
    with _naming("the image configuration", where):
        fields = _object(_parse_json(data), "it")
        config = _object(fields.get("config") or {}, "'config'")
        rootfs = _object(fields.get("rootfs") or {}, "'rootfs'")
        diff_ids = _texts(rootfs, "diff_ids") or ()
        if wrong := next((diff_id for diff_id in diff_ids if not is_digest(diff_id)), None):
            raise ValueError(f"'{wrong}' is not a digest")
        return ImageConfig(
            platform=_platform(fields),
            entrypoint=_texts(config, "Entrypoint"),
            cmd=_texts(config, "Cmd"),
            env=_texts(config, "Env"),
            working_dir=_text(config, "WorkingDir"),
            labels=tuple(sorted(_pairs(config, "Labels"))),
            diff_ids=diff_ids,
            history=_history(fields.get("history"), len(diff_ids)),
        )


def parse_descriptor(value: object) -> Descriptor:
    """Read a descriptor. Raises ValueError."""
    fields = _object(value, "a descriptor")
    digest, size = _text(fields, "digest"), _field(fields, "size")
    if not is_digest(digest):
        raise ValueError(f"'{digest}' is not a digest of sha256 or sha512")
    if type(size) is not int or not 0 <= size <= _LARGEST_SIZE:
        raise ValueError(f"{size!r} is not a size")
    platform = fields.get("platform")
    return Descriptor(
        media_type=_text(fields, "mediaType"),
        digest=digest,
        size=size,
        platform=None if platform is None else _platform(_object(platform, "'platform'")),
        annotations=tuple(_pairs(fields, "annotations")),
        data=_embedded(fields, digest, size),
        urls=_texts(fields, "urls") or (),
    )


def descriptor_fields(descriptor: Descriptor) -> dict[str, Any]:
    """Return a descriptor as JSON would have it, the inverse of `parse_descriptor`."""
    fields: dict[str, Any] = {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}
    if descriptor.urls:
        fields["urls"] = list(descriptor.urls)
    if descriptor.annotations:
        fields["annotations"] = dict(descriptor.annotations)
    if descriptor.data is not None:
        fields["data"] = base64.b64encode(descriptor.data).decode()
    if platform := descriptor.platform:
        fields["platform"] = {"architecture": platform.architecture, "os": platform.os}
        if platform.variant:
            fields["platform"]["variant"] = platform.variant
    return fields


def compact(value: object) -> bytes:
    """Return a document in one form of many: without blanks, its keys sorted, in ASCII, which holds any text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@contextmanager
def _naming(what: str, where: object) -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise ManifestInvalid(f"{what} is nested too deeply", where=where) from None
    except ValueError as error:
        raise ManifestInvalid(f"{what} cannot be used: {error}", where=where) from error


def _parse_json(data: bytes) -> object:
    return json.loads(data.decode("utf-8"), object_pairs_hook=_unique)


def _guess_type(fields: Mapping[str, Any]) -> str:
    """Return the type of a document that nobody has named; OCI lets it leave that to its descriptor."""
    return OCI_INDEX if "manifests" in fields else OCI_MANIFEST if "layers" in fields else ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return fields


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is not an object")  # noqa: TRY004 - malformed input, not a wrong call
    return value


def _field(fields: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON
    if name not in fields:
        raise ValueError(f"'{name}' is missing")
    return fields[name]


def _text(fields: Mapping[str, Any], name: str, default: str = "") -> str:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise ValueError(f"'{name}' is not a text")  # noqa: TRY004 - malformed input, not a wrong call
    return value


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"'{name}' is not a list of texts")
    return tuple(value)


def _pairs(fields: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    values = _object(fields.get(name) or {}, f"'{name}'")
    for key in values:
        yield key, _text(values, key)


def _descriptors(fields: Mapping[str, Any], name: str) -> tuple[Descriptor, ...]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise ValueError(f"'{name}' is not a list")  # noqa: TRY004 - malformed input, not a wrong call
    return tuple(parse_descriptor(item) for item in value)


def _history(value: object, layers: int) -> tuple[str, ...]:
    """Return what ``history`` says of each layer. It is for people only, so a broken one is as good as none."""
    items = value if isinstance(value, list) else []
    steps = [item for item in items if isinstance(item, Mapping) and not item.get("empty_layer")]
    texts = tuple(" ".join(str(item.get("created_by") or item.get("comment") or "").split()) for item in steps)
    return texts if len(texts) == layers else ()


def _platform(fields: Mapping[str, Any]) -> Platform:
    return Platform(_text(fields, "os"), _text(fields, "architecture"), _text(fields, "variant"))


def _embedded(fields: Mapping[str, Any], digest: str, size: int) -> bytes | None:
    """Return the bytes that a descriptor carries itself; wrong ones are as good as none."""
    text = _text(fields, "data")
    if not text:
        return None
    data = base64.b64decode(text, validate=True)
    fits = len(data) == size and digest_of(data, digest.partition(":")[0]) == digest
    return data if fits else None
