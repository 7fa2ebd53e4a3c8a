"""Logins that docker, podman and skopeo have stored (registry.md section 4)."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lkboard.errors import UsageError
from lkboard.home import home, user_folder
from lkboard.oci.servers.credential import Credential
from lkboard.oci.servers.credential_helpers import ask_helper
from lkboard.oci.servers.settings import canonical_registry
from lkboard.regular_files import check_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.events import Job

_HUB_SERVER = "https://index.docker.io/v1/"
_HUB_KEYS = ("index.docker.io", "docker.io", "registry-1.docker.io")


class _Broken(Exception):
    """A file is none with logins; the text says why."""


def find_credential(host: str, path: str, job: Job) -> Credential | None:
    """Return the login for the repository ``path`` at ``host[:port]`` from the first file that has one, or None.

    Trouble with a file or a helper program is told once in a run, and the search goes on. Raises `UsageError` for a
    file that cannot be read and that a variable names which is there for nothing else, and `Cancelled`.
    """
    for file, document in _documents(job):
        if found := _LoginFile(file, document, job).find(host, path):
            if found.can_be_sent:
                return found
            job.note_once(f"the login from {found.source} has characters that cannot be sent", "warning")
    return None


def _documents(job: Job) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for variable in ("LKBOARD_REGISTRY_AUTH", "REGISTRY_AUTH_FILE"):
        if name := os.environ.get(variable):
            yield Path(name), _read_named(Path(name), variable)
    for file in _usual_files():
        yield file, _read(file, job)


def _usual_files() -> Iterator[Path]:
    if docker := user_folder("DOCKER_CONFIG", ".docker"):
        yield docker / "config.json"
    if run := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(run) / "containers" / "auth.json"
    if config := user_folder("XDG_CONFIG_HOME", ".config"):
        yield config / "containers" / "auth.json"
    if folder := home():
        yield folder / ".dockercfg"


def _read_named(file: Path, variable: str) -> Mapping[str, Any]:
    try:
        return _parse(file)
    except (OSError, _Broken) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"the file with logins cannot be read: {reason}",
            where=f"{variable}={file}",
            hint=f"log in with podman or docker and name their file, or unset {variable}",
        ) from error


def _read(file: Path, job: Job) -> Mapping[str, Any]:
    try:
        return _parse(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, _Broken) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        hint = "mend it, or remove it and log in again"
        job.note_once(f"the logins in '{file}' cannot be read: {reason} ({hint})", "warning")
        return {}


def _parse(file: Path) -> Mapping[str, Any]:
    check_regular(file)
    try:
        document = json.loads(file.read_bytes())
    except json.JSONDecodeError as error:
        raise _Broken(f"it is no JSON at line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # no text, too many digits, too deep
        raise _Broken("it is no JSON") from error
    if not isinstance(document, Mapping):
        raise _Broken("it is no JSON object")
    return {"auths": document} if file.name == ".dockercfg" else document


class _LoginFile:
    """What one file says. Members that are not what they should be are told, and taken for none."""

    def __init__(self, file: Path, document: Mapping[str, Any], job: Job) -> None:
        self._file = file
        self._document = document
        self._job = job

    def find(self, host: str, path: str) -> Credential | None:
        """Return the login for a repository: from the helper for its host, or the one for all, or the file itself."""
        is_hub = canonical_registry(host) == "docker.io"
        hosts = _HUB_KEYS if is_hub else (host,)
        if (helper := self._helper(hosts)) and (
            found := ask_helper(helper, _HUB_SERVER if is_hub else host, self._file, self._job)
        ):
            return found
        names = {_plain_key(name): name for name in self._mapping(self._document, "auths")}
        for key in _keys(hosts, path):
            if key in names and (found := self._entry(names[key])):
                return found
        return None

    def _helper(self, hosts: Iterable[str]) -> str:
        helpers = self._mapping(self._document, "credHelpers")
        own = (self._text(helpers, name) for name in hosts)
        return next(filter(None, own), "") or self._text(self._document, "credsStore")

    def _entry(self, name: str) -> Credential | None:
        entry = self._mapping(self._document["auths"], name)
        username, password = self._text(entry, "username"), self._text(entry, "password")
        if encoded := self._text(entry, "auth"):
            try:
                username, password = _decoded(encoded)
            except ValueError:
                self._tell(f"'auth' of '{name}' is not USER:PASSWORD in base64", f"log in again: docker login {name}")
                return None
        identity_token, registry_token = self._text(entry, "identitytoken"), self._text(entry, "registrytoken")
        if not (password or identity_token or registry_token):
            return None
        return Credential(f"'{self._file}'", username, password, identity_token, registry_token)

    def _mapping(self, parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = parent.get(name)
        if value is not None and not isinstance(value, Mapping):
            self._tell(f"'{name}' must be an object", "mend it, or log in again")
        return value if isinstance(value, Mapping) else {}

    def _text(self, parent: Mapping[str, Any], name: str) -> str:
        value = parent.get(name)
        if value is not None and not isinstance(value, str):
            self._tell(f"'{name}' must be a text", "mend it, or log in again")
        return value if isinstance(value, str) else ""

    def _tell(self, trouble: str, hint: str) -> None:
        self._job.note_once(f"the logins in '{self._file}': {trouble} ({hint})", "warning")


def _plain_key(key: str) -> str:
    return re.sub(r"/(v1|v2)?/?$", "", re.sub(r"^https?://", "", key))


def _keys(hosts: Iterable[str], path: str) -> Iterator[str]:
    """Yield the repository, each path above it, and the host; each under all names of the host."""
    parts = path.split("/")
    for count in range(len(parts), -1, -1):
        for host in hosts:
            yield "/".join([host, *parts[:count]])


def _decoded(encoded: str) -> tuple[str, str]:
    """Return user name and password. Raises ValueError."""
    lines = encoded.splitlines()  # as docker's own decoder, which passes over the ends of lines
    username, colon, password = base64.b64decode("".join(lines), validate=True).decode().rstrip("\0").partition(":")
    if not colon:
        raise ValueError
    return username, password
