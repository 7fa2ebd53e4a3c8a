"""Logins that docker, podman and skopeo have stored (registry.md section 4). Secrets stay out of every ``repr``."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lkboard.errors import UsageError
from lkboard.home import home, user_folder
from lkboard.oci.servers.settings import canonical_registry
from lkboard.regular_files import check_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HUB_SERVER = "https://index.docker.io/v1/"
_HUB_KEYS = ("index.docker.io", "docker.io", "registry-1.docker.io")
_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_SECONDS = 30
_IDENTITY_USER = "<token>"  # a helper's way to say that the secret is an identity token
_NOT_FOUND = "credentials not found"

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Credential:
    """A login: a password, or an identity token (to be traded for tokens), or a ready bearer token.

    ``source`` names the file or program that it comes from.
    """

    source: str
    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of a header Authorization with user name and password, or an empty text."""
        return _basic(self.username, self.password)

    @property
    def basic_for_tokens(self) -> str:
        """The same for a token server, which may take the identity token as a password."""
        return self.basic or _basic(self.username or _IDENTITY_USER, self.identity_token)

    @property
    def can_be_sent(self) -> bool:
        """Whether headers and forms can hold it (RFC 9110, section 5.5): a damaged file may have anything."""
        try:
            _ = f"{self.username}{self.password}{self.identity_token}".encode()
        except UnicodeEncodeError:  # half a pair, which JSON can write
            return False
        return self.registry_token.isascii() and self.registry_token.isprintable()


def find_credential(host: str, path: str, warn: Warn) -> Credential | None:
    """Return the login for the repository ``path`` at ``host[:port]`` from the first file that has one, or None.

    Trouble with a file or a helper program is handed to ``warn``, and the search goes on. Raises `UsageError` for a
    file that cannot be read and that a variable names which is there for nothing else.
    """
    for file, document in _documents(warn):
        if document and (found := _in_file(document, file, host, path, warn)):
            if found.can_be_sent:
                return found
            warn(f"the login from {found.source} has characters that cannot be sent")
    return None


def _basic(username: str, secret: str) -> str:
    if not secret:
        return ""
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()


def _documents(warn: Warn) -> Iterator[tuple[Path, Mapping[str, Any] | None]]:
    for variable in ("LKBOARD_REGISTRY_AUTH", "REGISTRY_AUTH_FILE"):
        if name := os.environ.get(variable):
            yield Path(name), _read_named(Path(name), variable)
    for file in _usual_files():
        yield file, _read(file, warn)


def _usual_files() -> Iterator[Path]:
    if docker := user_folder("DOCKER_CONFIG", ".docker"):
        yield docker / "config.json"
    if run := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(run) / "containers" / "auth.json"
    if config := user_folder("XDG_CONFIG_HOME", ".config"):
        yield config / "containers" / "auth.json"
    if folder := home():
        yield folder / ".dockercfg"


def _read_named(file: Path, variable: str) -> Mapping[str, Any] | None:
    try:
        return _parse(file)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise UsageError(
            f"the file with logins cannot be read: {reason}",
            where=f"{variable}={file}",
            hint=f"log in with podman or docker and name their file, or unset {variable}",
        ) from error


def _read(file: Path, warn: Warn) -> Mapping[str, Any] | None:
    try:
        return _parse(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        warn(f"the logins in '{file}' cannot be read")
        return None


def _parse(file: Path) -> Mapping[str, Any] | None:
    check_regular(file)
    document = json.loads(file.read_bytes())
    if not isinstance(document, Mapping):
        return None
    return {"auths": document} if file.name == ".dockercfg" else document


def _in_file(document: Mapping[str, Any], file: Path, host: str, path: str, warn: Warn) -> Credential | None:
    is_hub = canonical_registry(host) == "docker.io"
    hosts = _HUB_KEYS if is_hub else (host,)
    helpers = _mapping(document, "credHelpers")
    for helper in (*(helpers.get(name) for name in hosts), document.get("credsStore")):
        if isinstance(helper, str) and helper:
            if found := _ask_helper(helper, _HUB_SERVER if is_hub else host, warn):
                return found
            break
    entries = {_plain_key(key): entry for key, entry in _mapping(document, "auths").items()}
    for key in _keys(hosts, path):
        if isinstance(entries.get(key), Mapping) and (found := _in_entry(entries[key], file)):
            return found
    return None


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _plain_key(key: str) -> str:
    return re.sub(r"/(v1|v2)?/?$", "", re.sub(r"^https?://", "", key))


def _keys(hosts: Iterable[str], path: str) -> Iterator[str]:
    """Yield the repository, each path above it, and the host; each under all names of the host."""
    parts = path.split("/")
    for count in range(len(parts), -1, -1):
        for host in hosts:
            yield "/".join([host, *parts[:count]])


def _in_entry(entry: Mapping[str, Any], file: Path) -> Credential | None:
    username, password = _text(entry, "username"), _text(entry, "password")
    if encoded := _text(entry, "auth"):
        try:
            username, _, password = base64.b64decode(encoded).decode().rstrip("\0").partition(":")
        except ValueError:
            return None
    identity_token, registry_token = _text(entry, "identitytoken"), _text(entry, "registrytoken")
    if not (password or identity_token or registry_token):
        return None
    return Credential(f"'{file}'", username, password, identity_token, registry_token)


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _ask_helper(name: str, server: str, warn: Warn) -> Credential | None:
    program = f"docker-credential-{name}"
    if not _HELPER_NAME.fullmatch(name):
        warn("the name of a credential helper is not a program's name")
        return None
    try:
        result = subprocess.run(
            [program, "get"],
            input=f"{server}\n",
            capture_output=True,
            text=True,
            timeout=_HELPER_SECONDS,
            check=False,
        )
        if result.returncode:
            if _NOT_FOUND not in result.stdout.lower():
                warn(f"the credential helper '{program}' failed with status {result.returncode}")
            return None
        answer = json.loads(result.stdout)
        username, secret = answer["Username"], answer["Secret"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError, RecursionError) as error:
        warn(f"the credential helper '{program}' cannot be used: {type(error).__name__}")
        return None
    if username == _IDENTITY_USER:
        return Credential(f"'{program}'", identity_token=secret)
    return Credential(f"'{program}'", username, secret)
