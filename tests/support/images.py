"""Small container images, the same bytes every time, made without lkboard's own code.

    web = image(layer(directory("srv"), file("srv/index.html", b"hello")), config={"Cmd": ["/bin/web"]})
    both = index({"amd64": web, "arm64": image(layer(file("x")), architecture="arm64")})
    write_layout(tmp_path / "store", {"docker.io/lab/web:v1": both})      # also readable as `Store(tmp_path / "store")`

`Registry.push` of `support.registry` brings them to a real registry.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import zstandard

if TYPE_CHECKING:
    from pathlib import Path

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
REF_NAME = "org.opencontainers.image.ref.name"
MTIME = 1577836800  # 2020-01-01T00:00:00Z
Compression = Literal["gzip", "zstd", "none"]


@dataclass(frozen=True)
class Member:
    """One entry of a layer. ``kind`` is a type flag of tar (``tarfile.REGTYPE`` …)."""

    path: str
    kind: bytes = tarfile.REGTYPE
    data: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = MTIME
    link: str = ""
    device: tuple[int, int] = (0, 0)
    pax: tuple[tuple[str, str], ...] = ()


def file(path: str, data: bytes = b"", mode: int = 0o644, **more: Any) -> Member:
    """Return an ordinary file."""
    return Member(path, data=data, mode=mode, **more)


def directory(path: str, mode: int = 0o755, **more: Any) -> Member:
    """Return a directory."""
    return Member(path, tarfile.DIRTYPE, mode=mode, **more)


def symlink(path: str, target: str, **more: Any) -> Member:
    """Return a symbolic link."""
    return Member(path, tarfile.SYMTYPE, mode=0o777, link=target, **more)


def hardlink(path: str, target: str, **more: Any) -> Member:
    """Return a further name of ``target``."""
    return Member(path, tarfile.LNKTYPE, link=target, **more)


def character(path: str, major: int, minor: int, mode: int = 0o600, **more: Any) -> Member:
    """Return a character device."""
    return Member(path, tarfile.CHRTYPE, mode=mode, device=(major, minor), **more)


def whiteout(path: str) -> Member:
    """Return the entry that removes ``path`` of lower layers."""
    folder, slash, name = path.rpartition("/")
    return Member(f"{folder}{slash}.wh.{name}")


def opaque(path: str) -> Member:
    """Return the entry that empties the directory ``path`` of lower layers."""
    return Member(f"{path}/.wh..wh..opq")


def tar(*members: Member) -> bytes:
    """Return the members as a pax archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member.path)
            info.type, info.mode, info.uid, info.gid = member.kind, member.mode, member.uid, member.gid
            info.mtime, info.linkname, info.size = member.mtime, member.link, len(member.data)
            info.devmajor, info.devminor = member.device
            info.pax_headers = dict(member.pax)
            archive.addfile(info, io.BytesIO(member.data))
    return buffer.getvalue()


def noise(size: int, seed: str = "noise") -> bytes:
    """Return bytes that do not compress, the same for the same seed."""
    return hashlib.shake_128(seed.encode()).digest(size)


def digest(data: bytes) -> str:
    """Return ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Layer:
    """The bytes of a layer as they are stored, with its media type and the digest of the plain tar."""

    data: bytes
    media_type: str
    diff_id: str

    @property
    def digest(self) -> str:
        """Digest of the stored bytes."""
        return digest(self.data)


def layer(*members: Member, compression: Compression = "gzip", docker: bool = False) -> Layer:
    """Return a layer of the members."""
    return raw_layer(tar(*members), compression=compression, docker=docker)


def raw_layer(plain: bytes, *, compression: Compression = "gzip", docker: bool = False) -> Layer:
    """Return a layer of ready tar bytes, however broken."""
    if compression == "gzip":
        data, suffix = gzip.compress(plain, 1, mtime=0), ("gzip" if docker else "+gzip")
    elif compression == "zstd":
        data, suffix = zstandard.ZstdCompressor(level=3).compress(plain), "+zstd"
    else:
        data, suffix = plain, ""
    docker_type = f"{DOCKER}.image.rootfs.diff.tar" + (f".{suffix}" if suffix == "gzip" else suffix)
    return Layer(data, docker_type if docker else f"{OCI}.layer.v1.tar{suffix}", digest(plain))


@dataclass(frozen=True)
class Image:
    """A manifest or an index with everything below it. ``blobs`` has all of it by digest, itself included."""

    media_type: str
    data: bytes
    blobs: Mapping[str, bytes]
    manifests: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of the manifest or index."""
        return digest(self.data)

    @property
    def descriptor(self) -> dict[str, Any]:
        """The descriptor that an index would hold."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}

    def without(self, *digests: str) -> Image:
        """Return the image with some blobs lost."""
        return replace(self, blobs={name: data for name, data in self.blobs.items() if name not in digests})


def dumps(document: Any) -> bytes:
    """Return compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()


def image(
    *layers: Layer,
    architecture: str = "amd64",
    variant: str = "",
    config: Mapping[str, Any] | None = None,
    docker: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> Image:
    """Return a single manifest. ``config`` is the part under ``config`` of the image configuration."""
    platform = {"architecture": architecture, "os": "linux"} | ({"variant": variant} if variant else {})
    rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
    config_data = dumps({**platform, "config": config or {}, "rootfs": rootfs})
    config_type = f"{DOCKER}.container.image.v1+json" if docker else f"{OCI}.config.v1+json"
    manifest_type = f"{DOCKER}.distribution.manifest.v2+json" if docker else f"{OCI}.manifest.v1+json"
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": _descriptor(config_type, config_data),
        "layers": [_descriptor(layer.media_type, layer.data) for layer in layers],
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    data = dumps(manifest)
    blobs = {digest(blob): blob for blob in (config_data, *(layer.data for layer in layers), data)}
    return Image(manifest_type, data, blobs, {digest(data): manifest_type}, platform)


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def index(
    images: Mapping[str, Image] | Sequence[Image], *, docker: bool = False, extra: Sequence[Mapping[str, Any]] = ()
) -> Image:
    """Return an index of the images; ``extra`` are further descriptors, as they are."""
    media_type = f"{DOCKER}.distribution.manifest.list.v2+json" if docker else f"{OCI}.index.v1+json"
    members = list(images.values()) if isinstance(images, Mapping) else list(images)
    entries = [member.descriptor | ({"platform": member.platform} if member.platform else {}) for member in members]
    data = dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": [*entries, *extra]})
    blobs = {name: blob for member in members for name, blob in member.blobs.items()} | {digest(data): data}
    manifests = {name: kind for member in members for name, kind in member.manifests.items()}
    return Image(media_type, data, blobs, manifests | {digest(data): media_type})


def multi_arch(name: str = "multi", *, size: int = 1000, compression: Compression = "gzip") -> Image:
    """Return an index for amd64 and arm64, two layers each: the lower one shared, noise of ``size`` bytes on top."""
    shared = layer(directory("etc"), file("etc/name", name.encode()), compression=compression)
    config = {"Entrypoint": ["/bin/tool"], "Cmd": ["--serve"], "Env": ["PATH=/bin"], "WorkingDir": "/srv"}
    return index(
        [
            image(
                shared,
                layer(directory("bin"), file("bin/tool", noise(size, name + arch), 0o755), compression=compression),
                architecture=arch,
                config=config,
            )
            for arch in ("amd64", "arm64")
        ]
    )


def write_layout(folder: Path, images: Mapping[str, Image]) -> Path:
    """Write the images as an OCI layout whose index.json holds the names, and return the folder."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for one in images.values():
        for name, data in one.blobs.items():
            (blobs / name.removeprefix("sha256:")).write_bytes(data)
    names = [one.descriptor | {"annotations": {REF_NAME: name}} for name, one in images.items()]
    (folder / "oci-layout").write_bytes(dumps({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(
        dumps({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": names})
    )
    return folder
