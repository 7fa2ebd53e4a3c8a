"""Debian packages in the store: resolved and fetched by the private apt, kept, and opened on demand."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import BuildError, Offline
from lkboard.model.package import Package
from lkboard.oci.store.files import TEMPORARY
from lkboard.sources.apt.deb import KIND, unpack
from lkboard.sources.apt.private import PrivateApt
from lkboard.sources.apt.shelf import Shelf, describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.events import Job
    from lkboard.oci.store.store import Store
    from lkboard.sources.apt.private import Stanza
    from lkboard.sources.archive import Archive

STEP = "Fetch Debian packages"
_META_DEPENDENCY = re.compile(r"(linux-image-[a-z0-9.+-]+) \(= \S+\)")


class DebianPackages:
    """The packages that one run uses.

    ``host`` is the folder with the host's package sources. With ``offline``, what the store lacks raises `Offline`.
    """

    def __init__(self, store: Store, job: Job, *, host: Path = Path("/etc/apt"), offline: bool = False) -> None:
        self._store = store
        self._job = job
        self._host = host
        self._offline = offline
        self._shelf = Shelf(store, job)
        self._apts: dict[str, PrivateApt] = {}
        self._archives: dict[str, Archive] = {}
        self._made: set[str] = set()
        self._sound: set[str] = set()

    def newest(self, names: Sequence[str], architecture: str) -> tuple[Package, ...]:
        """Return the newest version of each package; a kernel's meta package becomes the versioned one.

        Asks the mirrors. Raises `BuildError` and `MissingTool`.
        """
        apt = self._updated(architecture, names)
        stanzas = apt.show(names)
        meta = {
            name: match[1] for name in names if (match := _META_DEPENDENCY.fullmatch(stanzas[name].get("depends", "")))
        }
        stanzas |= apt.show([*meta.values()])
        return tuple(_package(stanzas[meta.get(name, name)], architecture) for name in names)

    def stored(self, architecture: str) -> tuple[Package, ...]:
        """Return the packages that the store has for an architecture, in the order in which they came."""
        return self._shelf.packages(architecture)

    def fetch(self, packages: Sequence[Package]) -> None:
        """Bring package files into the store: exactly these versions with exactly these digests.

        Raises `BuildError` when a mirror no longer has one of them, or when it is another file than the digest says.
        """
        for architecture in sorted({package.architecture for package in packages}):
            wanted = [package for package in packages if package.architecture == architecture]
            missing = [package for package in wanted if not self._is_here(package)]
            self._refuse_misnamed(wanted, architecture)
            if missing:
                with self._job.step(f"{STEP} ({architecture})"):
                    self._download(missing, architecture)
            self._shelf.add(wanted, architecture)

    def open(self, package: Package) -> Archive:
        """Return the files of a package that was fetched. They live in the store's derived data."""
        if package.digest not in self._archives:
            blob = self._store.blob_path(package.digest)
            if not self._tars(package):
                self._made.add(package.digest)
            self._archives[package.digest] = unpack(blob, f"{package.name} {package.version}", self._store, self._job)
        return self._archives[package.digest]

    def forget(self, packages: Sequence[Package]) -> None:
        """Remove the unpacked form of packages that this run made; it comes back when it is needed.

        What was there before stays for garbage collection: another run may be reading it.
        """
        for package in packages:
            self._archives.pop(package.digest, None)
            if package.digest in self._made:
                for tar in self._tars(package):
                    tar.unlink(missing_ok=True)

    def _tars(self, package: Package) -> Sequence[Path]:
        return [*self._store.derived_dir(KIND).glob(f"{package.sha256}.*.tar")]

    def _updated(self, architecture: str, names: Sequence[str]) -> PrivateApt:
        """Return apt with the lists of the mirrors, for packages of these names."""
        if self._offline:
            raise Offline(
                f"the Debian package '{names[0]}' for {architecture} is not in the store, and lkboard may not use the"
                " network",
                where=self._store.root,
                hint="build once with a network",
            )
        apt = self._apts.get(architecture)
        if apt is None:
            apt = PrivateApt(self._store.derived_dir("apt"), architecture, self._job, host=self._host)
            with self._job.step(f"Read Debian package lists ({architecture})"):
                apt.update()
            self._apts[architecture] = apt
        return apt

    def _download(self, packages: Sequence[Package], architecture: str) -> None:
        apt = self._updated(architecture, [package.name for package in packages])
        total = sum(package.size for package in packages)
        step = f"{STEP} ({architecture})"
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=self._store.derived_dir("apt")) as folder:
            apt.download(
                [(package.name, package.version) for package in packages],
                Path(folder),
                lambda done: self._job.progress(step, min(done, total), total),
            )
            files = {path.name.partition("_")[0]: path for path in Path(folder).glob("*.deb")}
            for package in packages:
                self._add(package, files[package.name])

    def _add(self, package: Package, path: Path) -> None:
        digest, _size = self._store.add_file(path)
        if digest != package.digest:
            raise BuildError(
                f"the mirror's '{package.name}' {package.version} is {digest}, not {package.digest}",
                hint="check the mirror, or make the lock anew",
            )

    def _is_here(self, package: Package) -> bool:
        """Whether the store has a package, whole. Checked once per run: the digest of a kernel takes a while."""
        if package.digest not in self._sound and self._store.is_sound(describe(package), self._job):
            self._sound.add(package.digest)
        return package.digest in self._sound

    def _refuse_misnamed(self, packages: Sequence[Package], architecture: str) -> None:
        """Refuse packages whose digests are known as something else: a lock that was edited by hand."""
        known = {item.digest: item for item in self.stored(architecture)}
        for package in packages:
            other = known.get(package.digest, package)
            if (other.name, other.version) != (package.name, package.version):
                raise BuildError(
                    f"'{package.name}' {package.version} is given the digest of '{other.name}' {other.version}",
                    hint="remove the lock and make it anew",
                )


def _package(stanza: Stanza, architecture: str) -> Package:
    return Package(
        name=stanza["package"],
        version=stanza["version"],
        architecture=architecture,
        sha256=stanza["sha256"],
        size=int(stanza["size"]),
        suite=stanza["suite"],
    )
