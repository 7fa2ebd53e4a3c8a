"""Pulling the way a build does, in one line."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lkboard.errors import LkboardError
from lkboard.model.image import Platform, ResolvedImage, WholeImage
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import Limits, RegistrySettings
from support.secrets import marks_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.oci.store.store import Store


_LIMITS = {one.name for one in fields(Limits)}


def settings_of(**settings: Any) -> RegistrySettings:
    """Return settings that do not depend on configuration files of the machine, but may have a ``system_folder``.

    Fields of `Limits` are given beside the others.
    """
    limits = Limits(**{name: settings.pop(name) for name in _LIMITS & settings.keys()})
    return RegistrySettings(**{"system_folder": "/nonexistent", "limits": limits, **settings})


def resolve(
    store: Store, name: str, job: Job, *, arch: str = "amd64", variant: str = "", **settings: Any
) -> ResolvedImage:
    """Resolve a reference for ``linux/<arch>``."""
    with nothing_secret_raised():
        puller = Puller(store, settings_of(**settings), job)
        return puller.resolve(parse_reference(name), Platform("linux", arch, variant))


def resolve_whole(store: Store, name: str, job: Job, *platforms: str, **settings: Any) -> WholeImage:
    """Resolve a reference for some platforms, or for all."""
    with nothing_secret_raised():
        return Puller(store, settings_of(**settings), job).resolve_whole(parse_reference(name), platforms)


def pull(store: Store, name: str, job: Job, *, arch: str = "amd64", **settings: Any) -> ResolvedImage:
    """Resolve a reference and fetch its layers."""
    with nothing_secret_raised():
        puller = Puller(store, settings_of(**settings), job)
        image = puller.resolve(parse_reference(name), Platform("linux", arch))
        puller.fetch([image])
        return image


@contextmanager
def nothing_secret_raised() -> Iterator[None]:
    """Search an error for the passwords and tokens of tests."""
    try:
        yield
    except LkboardError as error:
        if found := marks_in(str(error), repr(error)):
            raise AssertionError(f"the error shows {found}") from error
        raise


def is_complete(store: Store, image: ResolvedImage) -> bool:
    """Return whether everything that a build needs of an image is in the store, undamaged."""
    return all(store.is_sound(part) for part in (image.manifest, *image.layers))


def log_in(home: Path, host: str, **entry: str) -> None:
    """Store a login for a registry as ``docker login`` does (``auth``, or ``identitytoken`` …)."""
    folder = home / ".docker"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))
