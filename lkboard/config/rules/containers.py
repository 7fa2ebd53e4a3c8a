"""Rules for containers among themselves: names, ids, and the volumes that they use (build.md sections 2.7 and 4.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkboard.config.rules.finding import Finding, warning
from lkboard.config.values import InvalidValue, parse_bind
from lkboard.model.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.config.rules.finding import Located
    from lkboard.model.config import Config, Container, Id, Mount, Volume

_LONGEST_ID = len(str(1 << 32))
"""Digits of the largest id."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SIMPLE = "use letters, digits, '-', '_' and '.'"
_RUNC_ID = re.compile(r"[\w+,.-]+", re.ASCII)
_CONTAINERD_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*", re.ASCII | re.IGNORECASE)
_LONGEST_CONTAINERD_ID = 76


def duplicate_service(config: Config) -> Iterator[Located]:
    """Find services that have the name of an earlier one, in whichever file."""
    seen: dict[str, Container] = {}
    for service in config.services:
        first = seen.setdefault(service.name, service)
        if first is not service:
            place = first.places.of("name")
            hint = f"it is at {place} already; give one of them another name"
            yield service.places, Finding("name", f"duplicate service name '{service.name}'", hint)


def container_name(config: Config) -> Iterator[Located]:
    """Find names that cannot be those of a directory and of a container.

    The init systems take each directory in ``/containers/SECTION`` for a container, and its name, which is numbered
    except for services, for the id that runc or containerd knows it by (build.md sections 8.7 and 8.8). LinuxKit builds
    with names that its init never finds; so do we, with a warning.
    """
    for section, _index, container in config.containers:
        if found := _container_name(container.name, is_service=section == "services"):
            yield container.places, found


def _container_name(name: str, *, is_service: bool) -> Finding | None:
    if {".", ".."} & set(name.split("/")) or _CONTROL.search(name):
        return Finding("name", f"{name!r} cannot be the name of a directory", _SIMPLE)
    if "/" in name:
        return warning("name", f"{name!r} is not the name of one directory, so it is never started", _SIMPLE)
    if not name and is_service:
        return warning("name", "a service without a name is never started", "add name: NAME")
    if not name:
        return warning("name", "the name is empty", _SIMPLE)
    if is_service and not (_CONTAINERD_ID.fullmatch(name) and len(name) <= _LONGEST_CONTAINERD_ID):
        hint = f"use letters and digits, with single '-', '_' or '.' between them, {_LONGEST_CONTAINERD_ID} at most"
        return warning("name", f"containerd does not take {name!r} as an id", hint)
    if not is_service and not _RUNC_ID.fullmatch(name):
        return warning("name", f"runc does not take {name!r} as an id", _SIMPLE)
    return None


def unknown_id(config: Config) -> Iterator[Located]:
    """Find users and groups that are not the name of a container; no passwd file is ever read."""
    names = {container.name for _section, _index, container in config.containers} | {"", "root"}
    for _section, _index, container in config.containers:
        options = container.options
        ids: list[tuple[str, Id | None]] = [("uid", options.uid), ("gid", options.gid)]
        ids += [(f"additionalGids.{index}", gid) for index, gid in enumerate(options.additional_gids or ())]
        yield from ((container.places, finding) for finding in _unknown_ids(ids, names))
    for file in config.files:
        yield from ((file.places, finding) for finding in _unknown_ids([("uid", file.uid), ("gid", file.gid)], names))


def _unknown_ids(ids: list[tuple[str, Id | None]], names: set[str]) -> Iterator[Finding]:
    for field, name in ids:
        if not isinstance(name, str) or name in names:
            continue
        likely = nearest(name, names - {""})
        if name.isdecimal() and len(name) <= _LONGEST_ID:
            hint = f"write the number without quotes: {int(name)}"
        elif likely:
            hint = f"did you mean {likely}?"
        else:
            hint = "write a number; the image's passwd is not read"
        yield Finding(field, f"no container is named '{name}'", hint)


def volume_binds(config: Config) -> Iterator[Located]:
    """Find binds of volumes that do not exist, and writable binds of volumes that are read-only."""
    volumes = {volume.name: volume for volume in config.volumes}
    for _section, _index, container in config.containers:
        options = container.options
        for field, texts in (("binds", options.binds), ("binds.add", options.binds_add)):
            for index, text in enumerate(texts or ()):
                for finding in _bind(f"{field}.{index}", text, volumes):
                    yield container.places, finding


def _bind(field: str, text: str, volumes: dict[str, Volume]) -> Iterator[Finding]:
    try:
        bind = parse_bind(text)
    except InvalidValue:
        return  # the rule `bad_bind` says so
    if bind.source.startswith("/"):
        return
    volume = volumes.get(bind.source)
    if volume is None:
        yield _no_volume(field, bind.source, volumes)
    elif volume.readonly and bind.options != ("ro",):
        yield _is_readonly(field, bind.source, f"{bind.source}:{bind.destination}:ro")


def volume_mounts(config: Config) -> Iterator[Located]:
    """Find bind mounts of volumes that do not exist, and writable ones of volumes that are read-only."""
    volumes = {volume.name: volume for volume in config.volumes}
    for _section, _index, container in config.containers:
        for index, mount in enumerate(container.options.mounts or ()):
            if mount.type == "bind" and not mount.source.startswith("/"):
                for finding in _mount(f"mounts.{index}", mount, volumes):
                    yield container.places, finding


def _mount(field: str, mount: Mount, volumes: dict[str, Volume]) -> Iterator[Finding]:
    if not mount.source:
        yield Finding(field, "the bind mount has no source", "add source: /PATH or the name of a volume")
        return
    volume = volumes.get(mount.source)
    if volume is None:
        yield _no_volume(f"{field}.source", mount.source, volumes)
    elif volume.readonly and "ro" not in mount.options[: _index_of("rw", mount.options)]:
        yield _is_readonly(f"{field}.options", mount.source, "options: [ro]")


def _index_of(option: str, options: tuple[str, ...]) -> int:
    return options.index(option) if option in options else len(options)


def _no_volume(field: str, name: str, volumes: dict[str, Volume]) -> Finding:
    likely = nearest(name, volumes)
    hint = f"did you mean {likely}?" if likely else f"add 'name: {name}' to volumes:, or begin the path with /"
    return Finding(field, f"there is no volume '{name}'", hint)


def _is_readonly(field: str, name: str, correct: str) -> Finding:
    return Finding(field, f"the volume '{name}' is read-only", f"write {correct}")
