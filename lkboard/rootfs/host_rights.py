"""What the init does on the host for a container (runtime.json: build.md section 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lkboard.rootfs.json_fields import Record, record_of, records_of, text_of, texts_of
from lkboard.rootfs.mount_rights import mount_right, sources_of
from lkboard.rootfs.rights import Found, Right

if TYPE_CHECKING:
    from collections.abc import Iterator

RealPath = Callable[[str], str | None]
"""Gives a path without symbolic links on the way; None if that is not in the root."""

_CONTAINERS = ("containers/onboot/", "containers/onshutdown/", "containers/services/")
_VETH = "veth"
"""What the init makes of an interface that has a peer, but no kind (build.md section 8.9)."""


def host_rights(runtime: Record, bundle: str, real_path: RealPath) -> Iterator[Found]:
    """Yield what the init does on the host for a container, but for the mounts of its own root."""
    for name in texts_of(runtime, "cgroups"):
        yield "runtime.cgroups", name, Right(1, "made")
    for mount in records_of(runtime, "mounts"):
        if not _is_of_own_root(mount, bundle, real_path):
            _kind, subject, right = mount_right(mount)
            yield "runtime.mounts", subject, right
    for path in texts_of(runtime, "mkdir"):
        yield "runtime.mkdir", path, Right(1, "made")
    for interface in records_of(runtime, "interfaces"):
        yield "runtime.interfaces", text_of(interface, "name") or text_of(interface, "add"), _interface(interface)
    for kind, path in sorted(record_of(runtime, "bindNS").items()):
        if path:
            yield "runtime.bindNS", kind, Right(1, f"kept at {path}")


def _is_of_own_root(mount: Record, bundle: str, real_path: RealPath) -> bool:
    """Return whether a mount only puts a container's root together, of what images brought along.

    It does not when a symbolic link leads out of the folders of containers.
    """
    target = real_path(text_of(mount, "destination")) or ""
    folders = (real_path(source) or "" for source in sources_of(mount) if source.startswith("/"))
    return target.startswith(f"{bundle}/") and all(folder.startswith(_CONTAINERS) for folder in folders)


def _interface(interface: Record) -> Right:
    """Return how far an interface leads: one of the host farther than a new one."""
    peer = text_of(interface, "peer")
    kind = text_of(interface, "add") or (_VETH if peer else "")
    made = ", createInRoot" if interface.get("createInRoot") is True else ""
    if not kind:
        return Right(2, f"moved in{made}")
    return Right(1, f"a new {kind}{f' with {peer}' if peer else ''}{made}")
