"""``runtime.json``: what the init does around a container (build.md section 4.3)."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lkboard.model.config import BindNamespaces, Mount, Runtime
from lkboard.rootfs.json_text import encode_json, without_empty
from lkboard.rootfs.mounts import mount_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.config import Interface
    from lkboard.rootfs.effective import Effective


def runtime_json(container: Effective, bundle: str, root: str) -> bytes:
    """Return the text of ``runtime.json``.

    ``bundle`` is the archive path of the container's bundle, ``root`` the one of its image's files, which another
    container may have brought along.
    """
    options = container.options
    runtime = options.runtime or Runtime()
    mounts = _read_only_root(bundle, root) if options.readonly else _writable_root(bundle, root)
    document = {
        "cgroups": list(runtime.cgroups or ()),
        "mounts": [mount_json(mount) for mount in (*mounts, *(runtime.mounts or ()))],
        "mkdir": list(runtime.mkdir or ()),
        "interfaces": [_interface(interface) for interface in runtime.interfaces or ()],
        "bindNS": {field.name: getattr(runtime.bind_ns, field.name) or "" for field in fields(BindNamespaces)},
        "namespace": runtime.namespace or "",
    }
    return encode_json(document)


def _read_only_root(bundle: str, root: str) -> Iterator[Mount]:
    yield Mount(f"/{bundle}/rootfs", source=f"/{root}", options=("bind",))


def _writable_root(bundle: str, root: str) -> Iterator[Mount]:
    tmp = f"/{bundle}/tmp"  # noqa: S108 - a path inside the image
    yield Mount(tmp, "tmpfs", "tmpfs")
    yield Mount(tmp, options=("remount", "private"))
    layers = (f"lowerdir=/{root}", f"upperdir={tmp}/upper", f"workdir={tmp}/work")
    yield Mount(f"/{bundle}/rootfs", "overlay", "overlay", layers)


def _interface(interface: Interface) -> dict[str, Any]:
    names = without_empty({"name": interface.name, "add": interface.add, "peer": interface.peer})
    return names | {"createInRoot": interface.create_in_root}
