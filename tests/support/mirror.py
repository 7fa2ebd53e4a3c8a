"""A small Debian mirror in a folder, signed with a key of its own: real apt, no network.

mirror = Mirror(tmp_path)
mirror.add("hello", "1.0-1", {"usr/bin/hello": b"#!/bin/sh\\n"})
mirror.publish()
DebianPackages(store, job, host=mirror.host)        # the folder that stands for /etc/apt
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITE = "bookworm"
_DATE = "Tue, 01 Aug 2023 00:00:00 UTC"
_COMPONENTS = ("main", "non-free-firmware")


@dataclass(frozen=True)
class Link:
    """A symbolic link as the content of a path."""

    target: str


@dataclass(frozen=True)
class _Published:
    component: str
    architecture: str
    stanza: str


class Mirror:
    """A mirror below ``folder``; `publish` must follow each change."""

    def __init__(self, folder: Path) -> None:
        need("apt-get", "gpg", "dpkg-deb")
        self.root = folder / "debian"
        self.host = folder / "etc-apt"
        self.host.mkdir(parents=True)
        self._packages: list[_Published] = []
        keyring = folder / "debian-archive-test.gpg"
        _gpg("--export", "-o", str(keyring))
        (self.host / "sources.list").write_text(f"deb [signed-by={keyring}] file:{self.root} {SUITE} main\n")

    def copy(self, folder: Path) -> Mirror:
        """Return a copy that may be changed; much faster than making the packages again."""
        other = Mirror(folder)
        shutil.copytree(self.root, other.root)
        other._packages = [*self._packages]
        return other

    def add(
        self,
        name: str,
        version: str,
        files: Mapping[str, bytes | Link],
        *,
        architecture: str = "amd64",
        component: str = "main",
        depends: str = "",
    ) -> Path:
        """Add a package and return its file. Each gets a licence file, as Debian's have."""
        path = self.root / f"pool/{name}_{version.replace(':', '%3a')}_{architecture}.deb"
        licence = {f"usr/share/doc/{name}/copyright": f"Licence of {name}\n".encode()}
        build_package(path, name, version, {**files, **licence}, architecture=architecture, depends=depends)
        stanza = (
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: Tests <t@example.org>\n"
            + (f"Depends: {depends}\n" if depends else "")
            + f"Filename: {path.relative_to(self.root)}\nSize: {path.stat().st_size}\nSHA256: {_sha256(path)}\n"
            f"Description: {name}\n"
        )
        self._packages.append(_Published(component, architecture, stanza))
        return path

    def drop(self, name: str) -> None:
        """Take all versions of a package off the lists."""
        self._packages = [item for item in self._packages if not item.stanza.startswith(f"Package: {name}\n")]

    def publish(self) -> None:
        """Write the lists and sign them."""
        suite = self.root / "dists" / SUITE
        lines = []
        for component in _COMPONENTS:
            for architecture in ("amd64", "arm64"):
                name = f"{component}/binary-{architecture}/Packages"
                path = suite / name
                path.parent.mkdir(parents=True, exist_ok=True)
                wanted = {architecture, "all"}
                path.write_text(
                    "\n".join(
                        item.stanza
                        for item in self._packages
                        if item.component == component and item.architecture in wanted
                    )
                )
                lines.append(f" {_sha256(path)} {path.stat().st_size} {name}")
        release = suite / "Release"
        release.write_text(
            f"Origin: Debian\nSuite: {SUITE}\nCodename: {SUITE}\nDate: {_DATE}\nArchitectures: amd64 arm64\n"
            f"Components: {' '.join(_COMPONENTS)}\nSHA256:\n" + "\n".join(lines) + "\n"
        )
        (suite / "InRelease").unlink(missing_ok=True)
        _gpg("--clearsign", "-o", str(suite / "InRelease"), str(release))


def build_package(
    path: Path,
    name: str,
    version: str,
    files: Mapping[str, bytes | Link],
    *,
    architecture: str = "amd64",
    depends: str = "",
    compression: str = "xz",
) -> None:
    """Let dpkg-deb make a package file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder, "package")
        (top / "DEBIAN").mkdir(parents=True)
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: Tests <t@example.org>\n"
        )
        control += (f"Depends: {depends}\n" if depends else "") + f"Description: {name}\n"
        (top / "DEBIAN/control").write_text(control)
        for inside, content in files.items():
            target = top / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                target.symlink_to(content.target)
            else:
                target.write_bytes(content)
        # modes must not come from the umask: dpkg-deb refuses some, and unpacked files have them
        subprocess.run(["chmod", "-R", "u=rwX,go=rX", str(top)], check=True)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1600000000"}
        command = ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "-z1", "-b", str(top), str(path)]
        subprocess.run(command, check=True, capture_output=True, env=environment)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def _home() -> Path:
    """Return a key folder with one key; made once, since that takes longest."""
    folder = Path(tempfile.mkdtemp(prefix="lkb-key-"))
    folder.chmod(0o700)
    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    arguments = ["--passphrase", "", "--quick-gen-key", "Test <test@example.org>", "ed25519", "sign", "never"]
    subprocess.run(["gpg", "--homedir", str(folder), "--batch", *arguments], check=True, capture_output=True)
    return folder


def _gpg(*arguments: str) -> None:
    subprocess.run(["gpg", "--homedir", str(_home()), "--batch", "--yes", *arguments], check=True, capture_output=True)
