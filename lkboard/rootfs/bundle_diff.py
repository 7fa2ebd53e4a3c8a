"""What is not the same in two versions of a container, but for its rights and its files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lkboard.model.difference import ServiceChange, SettingChange

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

_DEVICES = "devices"


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
    variables = _inside(bundle.config, "process", "env")
    for variable in variables if isinstance(variables, list) else ():
        name, _, value = str(variable).partition("=")
        yield f"variable {name}", value
    resources = _inside(bundle.config, "linux", "resources")
    for name, value in resources.items() if isinstance(resources, dict) else ():
        if name != _DEVICES:
            yield f"resources {name}", _text(value)
    if namespace := bundle.runtime.get("namespace"):
        yield "containerd namespace", _text(namespace)
    yield "place in the order", f"{place + 1}"


def _inside(document: Any, *names: str) -> Any:  # noqa: ANN401 - JSON
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
