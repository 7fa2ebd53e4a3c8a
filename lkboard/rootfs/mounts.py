"""The mounts of a container: LinuxKit's defaults, tmpfs, binds and mounts, one for each destination (build.md 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkboard.config.values import InvalidValue, complete_mount, parse_bind, parse_tmpfs
from lkboard.model.config import Mount
from lkboard.rootfs.json_text import without_empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lkboard.model.config import IdMapping, Volume
    from lkboard.rootfs.effective import Effective

VOLUMES = "/containers/volumes"

_DEFAULT_BIND = ("rw", "rbind", "rshared")
_READ_ONLY = ("ro",)


def mount_table(container: Effective, volumes: Mapping[str, Volume]) -> list[dict[str, Any]]:
    """Return the ``mounts`` of config.json, sorted by destination. Raises `ConfigError` and `ImageConflict`."""
    table = {mount.destination: mount for mount in _all_mounts(container, volumes)}
    return [mount_json(table[destination]) for destination in sorted(table, key=str.encode)]


def mount_json(mount: Mount) -> dict[str, Any]:
    """Return a mount as the runtime-spec has it (config.md, "Mounts")."""
    return {"destination": mount.destination} | without_empty(
        {
            "type": mount.type,
            "source": mount.source,
            "options": list(mount.options),
            "uidMappings": mappings_json(mount.uid_mappings),
            "gidMappings": mappings_json(mount.gid_mappings),
        }
    )


def mappings_json(mappings: Sequence[IdMapping]) -> list[dict[str, int]]:
    """Return id mappings as the runtime-spec has them (config-linux.md, "User namespace mappings")."""
    return [{"containerID": item.container_id, "hostID": item.host_id, "size": item.size} for item in mappings]


def _all_mounts(container: Effective, volumes: Mapping[str, Volume]) -> Iterator[Mount]:
    """Yield mounts in the order in which later ones replace earlier ones."""
    options = container.options
    yield from _defaults(_READ_ONLY if options.readonly else ())
    for text in options.tmpfs or ():
        try:
            tmpfs = parse_tmpfs(text)
        except InvalidValue as invalid:
            raise container.fault("tmpfs", invalid, text) from invalid
        yield Mount(tmpfs.destination, "tmpfs", "tmpfs", tmpfs.options)
    for text in options.binds or ():
        try:
            yield _bind(text, volumes, is_strict=not container.is_from_label("binds", text))
        except InvalidValue as invalid:
            raise container.fault("binds", invalid, text) from invalid
    for mount in options.mounts or ():
        try:
            yield _mount(mount, volumes, is_strict=not container.is_from_label("mounts"))
        except InvalidValue as invalid:
            raise container.fault("mounts", invalid) from invalid


def _defaults(read_only: tuple[str, ...]) -> Iterator[Mount]:
    yield Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k", *read_only))
    yield Mount("/proc", "proc", "proc", ("nosuid", "nodev", "noexec", "relatime"))
    yield Mount("/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"))
    yield Mount("/sys", "sysfs", "sysfs", ("nosuid", "noexec", "nodev", *read_only))
    yield Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("nosuid", "noexec", "nodev", "relatime", "ro"))


def _bind(text: str, volumes: Mapping[str, Volume], *, is_strict: bool) -> Mount:
    bind = parse_bind(text)
    source = _source(bind.source, bind.options or (), volumes, is_strict=is_strict)
    options = _DEFAULT_BIND if bind.options is None else (*bind.options, "rbind")
    return Mount(bind.destination, "bind", source, options)


def _mount(mount: Mount, volumes: Mapping[str, Volume], *, is_strict: bool) -> Mount:
    complete = complete_mount(mount)
    source = complete.source
    if mount.type == "bind":
        source = _source(source, complete.options, volumes, is_strict=is_strict)
    return Mount(
        complete.destination,
        complete.type,
        source,
        complete.options,
        complete.uid_mappings,
        complete.gid_mappings,
    )


def _source(source: str, options: Sequence[str], volumes: Mapping[str, Volume], *, is_strict: bool) -> str:
    """Return the path of a volume that a bind names. An image's label may also name other relative sources."""
    if source.startswith("/"):
        return source
    volume = volumes.get(source)
    if volume is None:
        if not is_strict:
            return source
        known = ", ".join(sorted(volumes)) or "none"
        raise InvalidValue(f"there is no volume '{source}'", f"volumes: {known}; a path begins with /")
    access = next((option for option in options if option in {"ro", "rw"}), "rw")
    if volume.readonly and access != "ro":
        raise InvalidValue(f"the volume '{source}' is read-only, but would be written to", "add the option ro")
    return f"{VOLUMES}/{source}/merged"
