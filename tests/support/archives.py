"""Archives of images, made without lkboard's own code."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Any

from support.images import Member, digest, dumps, tar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from support.images import Layer


def pack(folder: Path, archive: Path, *, compression: str = "") -> Path:
    """Put all files of a folder into a tar, as ``tar -C folder -c .`` does, and return its path."""
    with tarfile.open(archive, f"w:{compression}") as file:
        file.add(folder, ".")
    return archive


def write_tar(path: Path, *members: Member) -> Path:
    """Write a tar of any members and return its path."""
    path.write_bytes(tar(*members))
    return path


def docker_members(
    layers: Sequence[Layer], tags: Sequence[str], *, config: Mapping[str, Any] | None = None
) -> list[Member]:
    """Return what ``docker save`` writes of an image; the layers are as they are stored in it."""
    diff_ids = [layer.diff_id for layer in layers]
    data = dumps({"architecture": "arm64", "os": "linux", "config": config or {}, "rootfs": {"diff_ids": diff_ids}})
    name = digest(data).removeprefix("sha256:")
    files = {f"{number}/layer.tar": layer.data for number, layer in enumerate(layers)}
    manifest = [{"Config": f"{name}.json", "RepoTags": list(tags) or None, "Layers": list(files)}]
    members = {**files, f"{name}.json": data, "manifest.json": dumps(manifest)}
    return [Member(path, data=content) for path, content in members.items()]


def ancient_members(layers: Sequence[Layer], names: Mapping[str, Mapping[str, str]]) -> list[Member]:
    """Return what Docker before 1.10 wrote: layer ``n`` is the parent of layer ``n + 1``."""
    members = []
    for number, layer in enumerate(layers):
        about: dict[str, Any] = {"id": f"id{number}", "architecture": "arm64", "os": "linux", "config": {"Cmd": ["/x"]}}
        if number:
            about["parent"] = f"id{number - 1}"
        members += [Member(f"id{number}/json", data=dumps(about)), Member(f"id{number}/layer.tar", data=layer.data)]
    return [*members, Member("repositories", data=dumps(names))]
