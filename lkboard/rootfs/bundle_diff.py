"""What is not the same in two versions of a container, but for its rights and its files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lkboard.model.difference import ServiceChange, SettingChange
from lkboard.rootfs.privileges import READ_FROM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.rootfs.trees import Bundle

_SETTINGS = {
    "command": ("process", "args"),
    "directory": ("process", "cwd"),
    "group": ("process", "user", "gid"),
    "limits": ("process", "rlimits"),
    "out-of-memory score": ("process", "oomScoreAdj"),
    "host name": ("hostname",),
    "annotations": ("annotations",),
    "sysctl": ("linux", "sysctl"),
    "user map": ("linux", "uidMappings"),
    "group map": ("linux", "gidMappings"),
    "cgroup": ("linux", "cgroupsPath"),
    "propagation": ("linux", "rootfsPropagation"),
}
"""Settings and where config.json has them (runtime-spec, config.md and config-linux.md)."""

_ENVIRONMENT = ("process", "env")
_OBJECTS = frozenset([("process",), ("process", "user"), ("root",), ("linux",)])
"""What holds settings of its own."""
_READ_BY_NAME = READ_FROM | {_ENVIRONMENT, *_SETTINGS.values()}
_RUNTIME_RIGHTS = frozenset(["bindNS", "cgroups", "interfaces", "mkdir", "mounts"])
_RUNTIME_SETTINGS = {"namespace": "containerd namespace"}
_DEVICES = "devices"
_WRITABILITY = frozenset(["ro", "rw"])


def old_bundle(bundle: Bundle) -> ServiceChange:
    """Return the change that a container is gone."""
    return ServiceChange(bundle.part, "removed", image_before=bundle.image)


def new_bundle(bundle: Bundle) -> ServiceChange:
    """Return the change that a container is new."""
    return ServiceChange(bundle.part, "added", image_after=bundle.image)


def compare_bundles(before: Bundle, after: Bundle, places: tuple[int, int]) -> ServiceChange:
    """Return what has changed in a container; ``places`` are its places among those that both systems have."""
    images = _comparable_images(before.image, after.image)
    old, new = dict(_settings(before, places[0])), dict(_settings(after, places[1]))
    was, now = dict(_details(before)), dict(_details(after))
    both = was.keys() & now.keys()  # to have more or fewer of these is a matter of rights
    old |= {name: was[name] for name in both}
    new |= {name: now[name] for name in both}
    settings = (
        SettingChange(name, old.get(name, ""), new.get(name, ""))
        for name in sorted({**old, **new})
        if old.get(name) != new.get(name)
    )
    return ServiceChange(after.part, "changed", *images, tuple(settings))


def _comparable_images(before: str, after: str) -> tuple[str, str]:
    """Return images as far as both systems know them: an initrd knows none, an archive no digests."""
    if not before or not after:
        return "", ""
    if "@" in before and "@" in after:
        return before, after
    return before.partition("@")[0], after.partition("@")[0]


def _settings(bundle: Bundle, place: int) -> Iterator[tuple[str, str]]:
    for name, path in _SETTINGS.items():
        value = _inside(bundle.config, *path)
        if value not in (None, "", [], {}):
            yield name, _text(value)
    yield from _others(bundle.config)
    variables = _inside(bundle.config, *_ENVIRONMENT)
    for variable in variables if isinstance(variables, list) else ():
        name, _, value = str(variable).partition("=")
        yield f"variable {name}", value
    resources = _inside(bundle.config, "linux", "resources")
    for name, value in resources.items() if isinstance(resources, dict) else ():
        if name != _DEVICES:
            yield f"resources {name}", _text(value)
    for name, value in bundle.runtime.items():
        if name not in _RUNTIME_RIGHTS and value:
            yield _RUNTIME_SETTINGS.get(name, f"runtime.{name}"), _text(value)
    yield "place in the order", f"{place + 1}"


def _others(document: dict[str, Any], *outer: str) -> Iterator[tuple[str, str]]:
    """Yield what nothing else of `diff` reads, by its path, so that no change is passed over."""
    for name, value in document.items():
        path = (*outer, name)
        if path in _OBJECTS and isinstance(value, dict):
            yield from _others(value, *path)
        elif path not in _READ_BY_NAME:
            yield ".".join(path), _text(value)


def _details(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Yield what mounts and device nodes say besides that they are there."""
    mounts, devices = _inside(bundle.config, "mounts"), _inside(bundle.config, "linux", "devices")
    for mount in mounts if isinstance(mounts, list) else ():
        options = _inside(mount, "options")
        kept = [option for option in options if option not in _WRITABILITY] if isinstance(options, list) else []
        maps = {name: mount[name] for name in ("uidMappings", "gidMappings") if _inside(mount, name)}
        yield f"mount on {_inside(mount, 'destination')}", ", ".join(map(_text, (*kept, *filter(None, [maps]))))
    for device in devices if isinstance(devices, list) else ():
        owner = {name: _inside(device, name) for name in ("fileMode", "uid", "gid")}
        yield f"node {_inside(device, 'path')}", _text({name: value for name, value in owner.items() if value})


def _inside(document: Any, *names: str) -> Any:  # noqa: ANN401 - JSON
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
