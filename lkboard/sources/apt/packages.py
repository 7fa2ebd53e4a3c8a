"""Debian packages in the store: resolved and fetched by the private apt, kept for ever, opened on demand.

Package files are blobs. One OCI artifact per architecture lists them, so that garbage collection keeps them and a
later run finds them without a network.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.image import Descriptor
from lkboard.oci.documents import Manifest, descriptor_fields, parse_document
from lkboard.oci.media_types import OCI_MANIFEST
from lkboard.sources.apt.deb import unpack
from lkboard.sources.apt.private import PrivateApt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkboard.events import Job
    from lkboard.oci.store import Store
    from lkboard.sources.archive import Archive

STEP = "Fetch Debian packages"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_PACKAGE_TYPE = "application/vnd.debian.binary-package"
_ARTIFACT_TYPE = "application/vnd.lkboard.debian-packages"
_PREFIX = "org.lkboard.debian."
_NOTED = ("name", "version", "architecture", "suite")
_META_DEPENDENCY = re.compile(r"(?P<name>linux-image-[a-z0-9.+-]+) \(= (?P<version>\S+)\)")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One version of a package. ``sha256`` and ``size`` (bytes) are of the file, ``suite`` is where it was found.

    ``architecture`` is the one that it was asked for, also where the package itself is for all of them.
    """

    name: str
    version: str
    architecture: str
    sha256: str
    size: int
    suite: str

    @property
    def digest(self) -> str:
        """The digest of the package file: its key in the store."""
        return f"sha256:{self.sha256}"


def shelf_name(architecture: str) -> str:
    """Return the store's name for the list of packages of an architecture; not a name that any registry has."""
    return f"lkboard.local/debian-packages:{architecture}"


class DebianPackages:
    """The packages that one run uses. ``host`` is the folder with the host's package sources."""

    def __init__(self, store: Store, job: Job, *, host: Path = Path("/etc/apt")) -> None:
        self._store = store
        self.job = job
        self._host = host
        self._apts: dict[str, PrivateApt] = {}
        self._archives: dict[str, Archive] = {}

    def newest(self, names: Sequence[str], architecture: str) -> tuple[Package, ...]:
        """Return the newest version of each package; a kernel's meta package becomes the versioned one.

        Asks the mirrors. Raises `BuildError` and `MissingTool`.
        """
        apt = self._updated(architecture)
        stanzas = apt.show(names)
        meta = {name: match["name"] for name in names if (match := _meta_dependency(stanzas[name]))}
        stanzas |= apt.show([*meta.values()])
        return tuple(_package(stanzas[meta.get(name, name)], architecture) for name in names)

    def stored(self, architecture: str) -> tuple[Package, ...]:
        """Return the packages that the store has, in the order in which they came."""
        descriptor = self._store.find(shelf_name(architecture))
        if descriptor is None:
            return ()
        document = parse_document(self._store.read(descriptor), OCI_MANIFEST, shelf_name(architecture))
        assert isinstance(document, Manifest)
        packages = (_from_layer(layer) for layer in document.layers)
        return tuple(package for package in packages if self._has(package))

    def fetch(self, packages: Sequence[Package]) -> None:
        """Bring package files into the store: exactly these versions with exactly these digests.

        Raises `BuildError` when a mirror no longer has one of them, or has another file by its name.
        """
        self._check_known(packages)
        missing = [package for package in packages if not self._has(package)]
        if not missing:
            return
        with self.job.step(STEP):
            for architecture in sorted({package.architecture for package in missing}):
                self._download([package for package in missing if package.architecture == architecture], architecture)

    def open(self, package: Package) -> Archive:
        """Return the files of a package that was fetched. They live in the store's derived data."""
        if package.digest not in self._archives:
            blob = self._store.blob_path(package.digest)
            folder = self._store.derived_dir("packages")
            self._archives[package.digest] = unpack(blob, f"{package.name} {package.version}", folder, self.job)
        return self._archives[package.digest]

    def forget(self, packages: Sequence[Package]) -> None:
        """Remove the unpacked form of packages; it comes back when it is needed."""
        for package in packages:
            if self._archives.pop(package.digest, None):
                for path in self._store.derived_dir("packages").glob(f"{package.sha256}.*.tar"):
                    path.unlink(missing_ok=True)

    def _updated(self, architecture: str) -> PrivateApt:
        apt = self._apts.get(architecture)
        if apt is None:
            apt = PrivateApt(self._store.derived_dir("apt"), architecture, self.job, host=self._host)
            with self.job.step(f"Read Debian package lists ({architecture})"):
                apt.update()
            self._apts[architecture] = apt
        return apt

    def _download(self, packages: Sequence[Package], architecture: str) -> None:
        apt = self._updated(architecture)
        total = sum(package.size for package in packages)
        with tempfile.TemporaryDirectory(dir=self._store.derived_dir("apt")) as folder:
            apt.download(
                [(package.name, package.version) for package in packages],
                Path(folder),
                lambda done: self.job.progress(STEP, min(done, total), total),
            )
            files = {path.name.partition("_")[0]: path for path in Path(folder).glob("*.deb")}
            for package in packages:
                self._add(package, files[package.name])
        self._put_on_shelf(packages, architecture)

    def _add(self, package: Package, path: Path) -> None:
        digest, _size = self._store.add_file(path)
        if digest != package.digest:
            raise BuildError(
                f"the mirror's '{package.name}' {package.version} is {digest}, not {package.digest}",
                hint="check the mirror, or make the lock anew: lkboard kit build --lock FILE",
            )

    def _has(self, package: Package) -> bool:
        return self._store.is_sound(_to_layer(package), self.job)

    def _check_known(self, packages: Sequence[Package]) -> None:
        """Refuse packages whose digests are known as something else: a lock that was edited by hand."""
        known = {item.sha256: item for item in self._stored_everywhere(packages)}
        for package in packages:
            other = known.get(package.sha256, package)
            if (other.name, other.version) != (package.name, package.version):
                raise BuildError(
                    f"the file {package.digest} is '{other.name}' {other.version}, not {package.version}",
                    hint="make the lock anew: lkboard kit build --lock FILE",
                )

    def _stored_everywhere(self, packages: Sequence[Package]) -> Iterator[Package]:
        for architecture in {package.architecture for package in packages}:
            yield from self.stored(architecture)

    def _put_on_shelf(self, packages: Sequence[Package], architecture: str) -> None:
        there = {package.digest: package for package in (*self.stored(architecture), *packages)}
        empty = self._store.add(b"{}")
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": _ARTIFACT_TYPE,
            "config": descriptor_fields(Descriptor(_EMPTY_TYPE, empty, 2)),
            "layers": [descriptor_fields(_to_layer(package)) for package in there.values()],
        }
        data = json.dumps(manifest, separators=(",", ":")).encode()
        self._store.set_name(shelf_name(architecture), Descriptor(OCI_MANIFEST, self._store.add(data), len(data)))


def _meta_dependency(stanza: dict[str, str]) -> re.Match[str] | None:
    """Match the one dependency of a kernel's meta package, as ``linux-image-6.1.0-18-amd64 (= 6.1.76-1)``."""
    return _META_DEPENDENCY.fullmatch(stanza.get("depends", ""))


def _package(stanza: dict[str, str], architecture: str) -> Package:
    return Package(
        name=stanza["package"],
        version=stanza["version"],
        architecture=architecture,
        sha256=stanza["sha256"],
        size=int(stanza["size"]),
        suite=stanza["suite"],
    )


def _to_layer(package: Package) -> Descriptor:
    notes = tuple((_PREFIX + field, getattr(package, field)) for field in _NOTED)
    return Descriptor(_PACKAGE_TYPE, package.digest, package.size, annotations=notes)


def _from_layer(layer: Descriptor) -> Package:
    notes = dict(layer.annotations)
    fields = {name: notes[_PREFIX + name] for name in _NOTED}
    return Package(**fields, sha256=layer.digest.partition(":")[2], size=layer.size)
