"""``registries.conf``: what podman, skopeo and others know about registries (containers-registries.conf(5), version 2).

Short names and the registries to search for them are not used: names are completed as registry.md section 1 says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.home import user_folder
from lkboard.oci.servers.toml_file import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.oci.servers.toml_file import Table

_USES = {"": (True, True), "all": (True, True), "digest-only": (False, True), "tag-only": (True, False)}
_SEARCHED = "unqualified-search-registries"
_OLD_FORMAT = "registries"


@dataclass(frozen=True, slots=True)
class Location:
    """Where images are: ``host[:port][/path]``. It may be used for references with a tag, with a digest, or both."""

    name: str
    is_insecure: bool = False
    for_tags: bool = True
    for_digests: bool = True


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """What a file says about all images below ``prefix`` (``host[:port][/path]`` or ``*.host``).

    An empty name of ``location`` means that the images are where they seem to be.
    """

    prefix: str
    location: Location
    mirrors: tuple[Location, ...]
    is_blocked: bool
    file: Path

    def matches(self, image: str) -> bool:
        """Return whether the entry is about ``host[:port]/path``."""
        if self.prefix.startswith("*."):
            return image.partition("/")[0].partition(":")[0].endswith(self.prefix[1:])
        return image == self.prefix or image.startswith(f"{self.prefix}/")

    def moved(self, image: str, location: Location) -> str:
        """Return what an image below the prefix is called at a location."""
        if not location.name:
            return image
        start = len(image.partition("/")[0]) if self.prefix.startswith("*.") else len(self.prefix)
        return location.name + image[start:]


@dataclass(frozen=True, slots=True)
class RegistriesConf:
    """All entries of all files, and remarks about what is in them and is not used."""

    entries: tuple[RegistryEntry, ...] = ()
    remarks: tuple[str, ...] = ()

    def find(self, image: str) -> RegistryEntry | None:
        """Return the entry for ``host[:port]/path``: the one with the longest prefix."""
        return max((e for e in self.entries if e.matches(image)), key=lambda e: len(e.prefix), default=None)


def read_registries_conf(system_folder: Path) -> RegistriesConf:
    """Read the files that apply: $CONTAINERS_REGISTRIES_CONF, else the user's, else the system's, and the drop-ins.

    An entry of a later file replaces the one with the same prefix. Raises `RegistryError` for a broken file.
    """
    entries: dict[str, RegistryEntry] = {}
    remarks: list[str] = []
    for file in _files(system_folder):
        table = read_toml(file)
        if table is None:
            continue
        remarks += _remarks(table)
        entries |= {entry.prefix: entry for entry in map(_entry, table.tables("registry"))}
    return RegistriesConf(tuple(entries.values()), tuple(remarks))


def _files(system_folder: Path) -> Iterator[Path]:
    """Yield the main file, then the drop-ins: where the user's own file counts, those of the system do not."""
    users = user_folder("XDG_CONFIG_HOME", ".config")
    folders = [folder / "containers" for folder in (system_folder, users) if folder]
    main = folders[-1] / "registries.conf"
    if named := os.environ.get("CONTAINERS_REGISTRIES_CONF"):
        main = Path(named)
    elif users and main.exists():
        del folders[0]
    else:
        main = folders[0] / "registries.conf"
    yield main
    yield from _drop_ins(folder / "registries.conf.d" for folder in folders)


def _drop_ins(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*.conf"))


def _remarks(table: Table) -> Iterator[str]:
    if table.values.get(_SEARCHED):
        yield f"{table.file}: '{_SEARCHED}' is not used: names without a registry are Docker Hub's"
    if _OLD_FORMAT in table:
        yield f"{table.file}: [registries.…] is the old format, which is not read: write [[registry]]"


def _entry(table: Table) -> RegistryEntry:
    name = table.text("location").rstrip("/")
    prefix = table.text("prefix").rstrip("/") or name
    if not prefix:
        raise table.wrong("location", "is missing, and 'prefix' as well")
    if not name and not prefix.startswith("*."):
        raise table.wrong("location", f"is missing for the prefix '{prefix}'")
    if "*" in prefix[1:] or (prefix.startswith("*") and ("/" in prefix or not prefix.startswith("*."))):
        raise table.wrong("prefix", f"is '{prefix}': a wildcard is only possible as in *.example.com")
    location = Location(_checked(table, name), table.flag("insecure"))
    by_digest_only = table.flag("mirror-by-digest-only")
    mirrors = [_mirror(inner, by_digest_only=by_digest_only) for inner in table.tables("mirror")]
    return RegistryEntry(prefix, location, tuple(mirrors), table.flag("blocked"), table.file)


def _mirror(table: Table, *, by_digest_only: bool) -> Location:
    name, use = table.text("location").rstrip("/"), table.text("pull-from-mirror")
    if not name:
        raise table.wrong("location", "is missing")
    if use not in _USES:
        raise table.wrong("pull-from-mirror", f"is '{use}', and can be all, digest-only or tag-only")
    if use and by_digest_only:
        raise table.wrong("pull-from-mirror", "cannot be used together with 'mirror-by-digest-only'")
    for_tags, for_digests = _USES[use]
    mirror = Location(_checked(table, name), table.flag("insecure"), for_tags, for_digests)
    return replace(mirror, for_tags=False) if by_digest_only else mirror


def _checked(table: Table, name: str) -> str:
    if "://" in name or "@" in name:
        raise table.wrong("location", "must be written as host[:port][/path]")
    return name
