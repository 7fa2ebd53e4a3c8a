"""``certs.d/HOST/hosts.toml``: what containerd knows about registries (containerd, docs/hosts.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from lkboard.home import user_folder
from lkboard.oci.servers.endpoint import Trust
from lkboard.oci.servers.toml_file import read_toml
from lkboard.oci.servers.urls import is_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lkboard.oci.servers.toml_file import Table

_CAPABILITIES = {"pull", "resolve", "push"}
_API = "/v2"


@dataclass(frozen=True, slots=True)
class Host:
    """A server of a file. ``base`` is scheme and authority, empty for the registry itself, ``root`` its API's path."""

    base: str
    root: str
    resolves: bool
    pulls: bool
    trust: Trust
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The servers of one registry, in order, and ``server``, which is asked last."""

    file: Path
    mirrors: tuple[Host, ...]
    server: Host


def read_hosts(registry: str, system_folder: Path) -> Hosts | None:
    """Return what the first file that applies to ``host[:port]`` says. Raises `RegistryError` for a broken file."""
    for folder in host_folders(registry, system_folder):
        if table := read_toml(folder / "hosts.toml"):
            mirrors = [_host(inner, url) for url, inner in table.named_tables("host")]
            return Hosts(table.file, tuple(mirrors), _host(table, table.text("server")))
    return None


def host_folders(registry: str, system_folder: Path) -> Iterator[Path]:
    """Yield the folders in which containerd looks for a registry, the user's first."""
    users = user_folder("XDG_CONFIG_HOME", ".config")
    host, colon, port = registry.rpartition(":")
    names = [f"{host}_{port}_", registry] if colon and port.isdecimal() else [registry]
    for base in ([users] if users else []) + [system_folder]:
        for name in (*names, "_default"):
            yield base / "containerd" / "certs.d" / name


def _host(table: Table, url: str) -> Host:
    parts = _address(table, url)
    path = parts.path.rstrip("/")
    if not table.flag("override_path") and not path.endswith(_API):
        path += _API
    capabilities = set(table.texts("capabilities")) or _CAPABILITIES
    if unknown := capabilities - _CAPABILITIES:
        raise table.wrong("capabilities", f"cannot be '{min(unknown)}', only pull, resolve and push")
    return Host(
        f"{parts.scheme}://{parts.netloc}" if url else "",
        path,
        resolves="resolve" in capabilities,
        pulls="pull" in capabilities,
        trust=_trust(table),
        headers=tuple(_headers(table)),
    )


def _address(table: Table, url: str) -> SplitResult:
    """Return the parts of a URL; without a scheme it is https, as containerd has it."""
    full = url if "://" in url or not url else f"https://{url}"
    is_good = full.lower().startswith(("http://", "https://")) and is_server(full) and "@" not in url
    if url and not is_good:
        raise table.wrong("host" if table.name else "server", "must be a URL with http:// or https://, without a login")
    return urlsplit(full)


def _trust(table: Table) -> Trust:
    folder = table.file.parent
    client = tuple((str(folder / pair[0]), str(folder / pair[-1])) for pair in _client_pairs(table))
    return Trust(tuple(str(folder / name) for name in table.texts("ca")), client, table.flag("skip_verify"))


def _client_pairs(table: Table) -> Iterator[tuple[str, ...]]:
    """Yield certificate and key, or one file with both; it may be one text, a list of texts, or a list of pairs."""
    value = table.values.get("client", [])
    items = value if isinstance(value, list) else [value]
    for item in items:
        pair = tuple(item) if isinstance(item, list) else (item,)
        if not 1 <= len(pair) <= 2 or not all(isinstance(name, str) for name in pair):
            raise table.wrong("client", "must be a file, a list of files, or a list of pairs of certificate and key")
        yield tuple(name for name in pair if name)


def _headers(table: Table) -> Iterator[tuple[str, str]]:
    values: Mapping[str, object] = table.values.get("header", {})
    if not hasattr(values, "items"):
        raise table.wrong("header", "must be a table")
    for name in values:
        texts = type(table)(table.file, values).texts(name)
        if not all(text.isascii() and text.isprintable() for text in (name, *texts)):
            raise table.wrong(f"header.{name}", "has characters that a header cannot have")
        yield name, ", ".join(texts)
