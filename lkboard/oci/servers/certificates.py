"""``certs.d/HOST[:PORT]``: certificates for one registry, as docker and podman keep them (registry.md section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.errors import RegistryError
from lkboard.home import user_folder
from lkboard.oci.servers.endpoint import Trust
from lkboard.oci.servers.hosts_toml import host_folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def certificates_of(host: str, system_folder: Path) -> Trust:
    """Return the certificates for ``host[:port]``: ``*.crt`` are CAs, ``X.cert`` and ``X.key`` show who we are.

    The first folder for the host counts, and no other. Raises `RegistryError` for half a pair.
    """
    if not host.strip("."):  # the host of a redirect can be anything, also the name of another folder
        return Trust()
    folder = next((folder for folder in _folders(host, system_folder) if folder.is_dir()), None)
    if folder is None:
        return Trust()
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise RegistryError(f"the certificates cannot be read: {error.strerror}", where=folder) from error
    ca_files = tuple(str(folder / name) for name in names if name.endswith(".crt"))
    client = tuple(_pair(folder, name.removesuffix(".cert"), names) for name in names if name.endswith(".cert"))
    return Trust(ca_files, client)


def _pair(folder: Path, stem: str, names: list[str]) -> tuple[str, str]:
    if f"{stem}.key" not in names:
        raise RegistryError(
            "the key of this certificate is missing",
            where=folder / f"{stem}.cert",
            hint=f"put it beside it as {stem}.key; a CA's certificate is called *.crt",
        )
    return str(folder / f"{stem}.cert"), str(folder / f"{stem}.key")


def _folders(host: str, system_folder: Path) -> Iterator[Path]:
    users = user_folder("XDG_CONFIG_HOME", ".config")
    for base in ([users] if users else []) + [system_folder]:
        for program in ("containers", "docker"):
            yield base / program / "certs.d" / host
    for folder in host_folders(host, system_folder):  # containerd reads them where it finds no hosts.toml
        if not (folder / "hosts.toml").exists():
            yield folder
