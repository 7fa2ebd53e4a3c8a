"""apt with a state of its own: lists, cache and status below one folder, for one architecture.

The host's configuration still applies where it says how to reach mirrors (proxies, certificates, logins); its hooks,
pins, architectures and locks do not.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import BuildError, MissingTool
from lkboard.oci.store.locks import exclusive
from lkboard.sources.apt.host import host_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lkboard.events import Job

Stanza = dict[str, str]
"""Fields of one package in a package index, by their names in lower case."""

# A file, not -o options: only a file can clear the lists that the host's hooks are kept in (apt.conf(5), #clear).
# The sandbox user: apt started by root would drop to a user who may not write into our folders.
_CONFIG = """\
#clear APT::Update;
#clear APT::Architectures;
#clear DPkg;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
APT::Get::List-Cleanup "true";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "{root}/state";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::SourceList "{root}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
"""
_UNQUOTABLE = frozenset('"\n')
"""What no text in apt.conf can have: there is no escape for it."""
_POLL_SECONDS = 0.1
_NETWORK_HINT = "check the network and the mirrors in /etc/apt: apt-get update"


class PrivateApt:
    """apt for one architecture below ``root``. ``host`` is the folder with the host's sources."""

    def __init__(self, root: Path, architecture: str, job: Job, *, host: Path = Path("/etc/apt")) -> None:
        self.architecture = architecture
        self._root = root.absolute() / architecture
        self._job = job
        self._host = host

    def update(self) -> None:
        """Fetch the signed package lists.

        Raises `MissingTool`, `BuildError` (no mirror, no network, wrong signature) and `Cancelled`.
        """
        if shutil.which("apt-get") is None:
            raise MissingTool("apt-get", "apt")
        if {*str(self._root)} & _UNQUOTABLE:
            raise BuildError("apt cannot work in a folder of this name", where=self._root, hint="use --cache DIR")
        for name in ("state/lists/partial", "cache/archives/partial"):
            (self._root / name).mkdir(parents=True, exist_ok=True)
        with exclusive(self._root / "lock", self._job):
            self._configure()
        self._run(["apt-get", "-qq", "update"], "the package lists cannot be fetched", _NETWORK_HINT)

    def show(self, names: Sequence[str]) -> dict[str, Stanza]:
        """Return what the package index says about the newest version of each package.

        A field ``suite`` (``bookworm-security/main``) is added. Raises `BuildError` for a package that does not exist.
        """
        if not names:
            return {}
        origins = self._origins(names)
        known = {name for name, _version in origins}
        for name in names:
            if name not in known:
                raise BuildError(
                    f"Debian has no package '{name}' for {self.architecture}", hint=f"apt-cache search {name}"
                )
        stanzas = {}
        for stanza in _stanzas(self._query(["show", "--no-all-versions", *names])):
            stanza["suite"] = origins[stanza["package"], stanza["version"]]
            stanzas[stanza["package"]] = stanza
        return stanzas

    def download(
        self, packages: Sequence[tuple[str, str]], folder: Path, on_bytes: Callable[[int], None] = lambda _done: None
    ) -> None:
        """Fetch exact versions, given as (name, version), into a folder; apt checks them against the signed lists.

        Raises `BuildError` when a mirror no longer has one of them.
        """
        wanted = [f"{name}={version}" for name, version in packages]
        self._run(
            ["apt-get", "-qq", "download", *wanted],
            "packages cannot be fetched",
            "mirrors keep current versions only: make the lock anew, or check the network",
            folder=folder,
            on_tick=lambda: on_bytes(_size(folder)),
        )

    def _configure(self) -> None:
        sources = "".join(f"{source}\n" for source in host_sources(self._host))
        config = _CONFIG.format(architecture=self.architecture, root=self._root)
        (self._root / "state/status").touch()
        (self._root / "sources.list").write_text(sources)
        (self._root / "apt.conf").write_text(config)

    def _origins(self, names: Sequence[str]) -> Mapping[tuple[str, str], str]:
        """Return the first place that has each version of the packages, as ``suite/component``."""
        origins: dict[tuple[str, str], str] = {}
        for line in self._query(["madison", *names]).splitlines():
            name, version, origin = (column.strip() for column in line.split("|"))
            origins.setdefault((name, version), origin.split()[1])
        return origins

    def _query(self, arguments: Sequence[str]) -> str:
        return self._run(["apt-cache", *arguments], "the package lists cannot be read", _NETWORK_HINT)

    def _run(
        self,
        command: Sequence[str],
        failure: str,
        hint: str,
        *,
        folder: Path | None = None,
        on_tick: Callable[[], None] = lambda: None,
    ) -> str:
        """Run a program of apt and return what it prints; ``on_tick`` is called while it works."""
        program, *arguments = command
        line = [program, "-c", str(self._root / "apt.conf"), *arguments]
        environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        with (
            # apt itself would fail instead of waiting for another process that uses the same lists
            exclusive(self._root / "lock", self._job),
            tempfile.TemporaryFile("w+") as output,
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                line,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=environment,
                start_new_session=True,  # the keys that stop us would make apt fail before we can stop it
            ) as apt,
        ):
            self._wait(apt, on_tick)
            if apt.returncode:
                errors.seek(0)
                raise BuildError(f"{failure} ({self.architecture}): {_reason(errors.read())}", hint=hint)
            output.seek(0)
            return output.read()

    def _wait(self, process: subprocess.Popen[bytes], on_tick: Callable[[], None]) -> None:
        try:
            while process.poll() is None:
                self._job.check()
                on_tick()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            raise


def _stanzas(text: str) -> Iterator[Stanza]:
    for block in text.split("\n\n"):
        fields = dict(re.findall(r"(?m)^([A-Za-z0-9-]+): ?(.*)$", block))
        if fields:
            yield {name.lower(): value for name, value in fields.items()}


def _reason(errors: str) -> str:
    """Return the one line of apt's complaints that says most."""
    lines = [line.strip() for line in errors.splitlines() if line[:2] in {"E:", "W:"}]
    fatal = [line for line in lines if "Some index files failed" not in line] or lines or ["no reason given"]
    return re.sub(r"\s+", " ", fatal[0].partition(":")[2].strip() or fatal[0])


def _size(folder: Path) -> int:
    """Return the bytes of the files in a folder where apt renames them as they become complete."""
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total
