"""``config.json``: how a container runs, for an OCI runtime (build.md section 4.2; runtime-spec, config.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkboard.config.values import InvalidValue, expand_capabilities, parse_mode, parse_rlimit
from lkboard.model.config import DeviceRule, Resources
from lkboard.rootfs.cgroup_limits import resources_json
from lkboard.rootfs.ids import resolve_id
from lkboard.rootfs.json_text import encode_json, without_empty
from lkboard.rootfs.mounts import mappings_json, mount_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lkboard.model.config import Options, Volume
    from lkboard.rootfs.effective import Effective

OCI_VERSION = "1.2.1"
"""Of the runtime-spec that the reference writes."""

_ALL_DEVICES = "all"
_FULL_ACCESS = "rwm"
_HOST = frozenset(["host", "root"])


@dataclass(frozen=True, slots=True)
class Names:
    """What names in a config stand for: users and groups (container names) and volumes."""

    ids: Mapping[str, int]
    volumes: Mapping[str, Volume]


def config_json(container: Effective, names: Names) -> bytes:
    """Return the text of ``config.json``. Raises `ConfigError` and `ImageConflict`."""
    options = container.options
    document = {
        "ociVersion": OCI_VERSION,
        "process": _process(container, names.ids),
        "root": {"path": "rootfs"} | ({"readonly": True} if options.readonly else {}),
    }
    document |= without_empty(
        {
            "hostname": options.hostname,
            "mounts": mount_table(container, names.volumes),
            "annotations": _sorted(options.annotations),
            "linux": _linux(container),
        }
    )
    return encode_json(document)


def _process(container: Effective, ids: Mapping[str, int]) -> dict[str, Any]:
    options = container.options
    process: dict[str, Any] = {"user": _user(container, ids)}
    process |= without_empty({"args": list(options.command or ()), "env": list(options.env or ())})
    process |= {"cwd": options.cwd, "capabilities": _capabilities(container)}
    return process | without_empty(
        {
            "rlimits": list(_rlimits(container)),
            "noNewPrivileges": options.no_new_privileges or None,
            "oomScoreAdj": options.oom_score_adj,
        }
    )


def _user(container: Effective, ids: Mapping[str, int]) -> dict[str, Any]:
    def resolve(field: str, value: int | str | None) -> int:
        try:
            return resolve_id(value, ids)
        except InvalidValue as invalid:
            raise container.fault(field, invalid) from invalid

    options = container.options
    groups = [resolve("additional_gids", value) for value in options.additional_gids or ()]
    user = {"uid": resolve("uid", options.uid), "gid": resolve("gid", options.gid)}
    return user | without_empty({"additionalGids": groups})


def _capabilities(container: Effective) -> dict[str, list[str]]:
    own, ambient = _expanded(container, "capabilities"), _expanded(container, "ambient")
    union = sorted({*own, *ambient})
    return without_empty(
        {"bounding": union, "effective": list(own), "inheritable": union, "permitted": union, "ambient": list(ambient)}
    )


def _expanded(container: Effective, field: str) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(container.options, field) or ()
    try:
        return expand_capabilities(names)
    except InvalidValue as invalid:
        raise container.fault(field, invalid) from invalid


def _rlimits(container: Effective) -> Iterator[dict[str, Any]]:
    for text in container.options.rlimits or ():
        try:
            limit = parse_rlimit(text)
        except InvalidValue as invalid:
            raise container.fault("rlimits", invalid) from invalid
        yield {"type": limit.type, "hard": limit.hard, "soft": limit.soft}


def _linux(container: Effective) -> dict[str, Any]:
    options = container.options
    devices = options.devices or ()
    rules = [
        DeviceRule(allow=True, type=device.type, access=_FULL_ACCESS)
        if device.path == _ALL_DEVICES
        else DeviceRule(allow=True, type=device.type, major=device.major, minor=device.minor, access=_FULL_ACCESS)
        for device in devices
    ]
    head = {
        "uidMappings": mappings_json(options.uid_mappings or ()),
        "gidMappings": mappings_json(options.gid_mappings or ()),
        "sysctl": _sorted(options.sysctl),
    }
    tail = {
        "cgroupsPath": options.cgroups_path,
        "namespaces": list(_namespaces(options)),
        "devices": list(_devices(container)),
        "rootfsPropagation": options.rootfs_propagation,
        "maskedPaths": list(options.masked_paths or ()),
        "readonlyPaths": list(options.readonly_paths or ()),
    }
    resources = resources_json(options.resources or Resources(), rules)
    return without_empty(head) | {"resources": resources} | without_empty(tail)


def _namespaces(options: Options) -> Iterator[dict[str, str]]:
    """Yield the namespaces that are not the host's; ``none`` means a new, unconnected network."""
    wanted = (
        ("network", options.net, ("new", "none")),
        ("ipc", options.ipc, ("new",)),
        ("uts", options.uts, ("new",)),
        ("pid", options.pid, ("new", "", None)),
        ("user", options.userns, ("new",)),
    )
    for kind, value, new in wanted:
        if value in new:
            yield {"type": kind}
        elif value not in _HOST:
            yield {"type": kind, "path": str(value)}
    yield {"type": "mount"}


def _devices(container: Effective) -> Iterator[dict[str, Any]]:
    for device in container.options.devices or ():
        if device.path == _ALL_DEVICES:
            continue
        try:
            mode = parse_mode(device.mode)
        except InvalidValue as invalid:
            raise container.fault("devices", invalid) from invalid
        yield {
            "path": device.path,
            "type": device.type,
            "major": device.major,
            "minor": device.minor,
            "fileMode": mode,
        }


def _sorted(pairs: tuple[tuple[str, str], ...] | None) -> dict[str, str]:
    return dict(sorted(pairs or (), key=lambda pair: pair[0].encode()))
