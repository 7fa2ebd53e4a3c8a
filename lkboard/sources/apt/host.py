"""Where the host gets its Debian packages from: mirrors, suites and keys, as sources.list(5) has them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPONENTS = ("main", "non-free-firmware")
"""What is asked of every mirror: firmware of boards is in a component of its own since Debian 12."""
_KEYRINGS = tuple(Path(f"/usr/share/keyrings/debian-archive-keyring.{suffix}") for suffix in ("gpg", "pgp"))
_SUITE = re.compile(r"[a-z]+(?:-updates|-security|/updates)?")
_ONE_LINE = re.compile(r"\s*(?P<type>deb(?:-src)?)\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class AptSource:
    """One suite of one mirror. ``signed_by`` is the keyring that must have signed it; empty: apt's own choice."""

    uri: str
    suite: str
    signed_by: str

    def __str__(self) -> str:
        """Return the line of a sources.list."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{self.uri} {self.suite} {' '.join(COMPONENTS)}"


def host_sources(folder: Path = Path("/etc/apt")) -> tuple[AptSource, ...]:
    """Return the Debian mirrors that a host uses; entries of third parties and backports are left out.

    Raises `BuildError` when there is none (another distribution, or no apt at all), or when an entry is malformed.
    """
    found: dict[AptSource, None] = {}
    for path in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        read = {".list": _one_line_entries, ".sources": _deb822_entries}.get(path.suffix)
        if read is None or not path.is_file():
            continue
        text = path.read_text("utf-8", "replace")
        try:
            found.update(dict.fromkeys(source for entry in read(text) for source in _official(entry)))
        except ValueError as error:
            raise BuildError(
                f"an entry cannot be read: {error}", where=path, hint="mend it: apt-get update says which one it is"
            ) from error
    if not found:
        raise BuildError(
            "the host's apt has no Debian mirror",
            where=folder,
            hint="run this on Debian 12 or newer, or add a mirror with the component 'main' to /etc/apt/sources.list",
        )
    return tuple(found)


def _one_line_entries(text: str) -> Iterator[Mapping[str, str]]:
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.partition("#")[0])
        if match is None:
            continue
        suite, *components = match["rest"].split() or [""]
        options = dict(option.partition("=")[::2] for option in shlex.split(match["options"] or ""))
        yield {
            "types": match["type"],
            "uris": match["uri"],
            "suites": suite,
            "components": " ".join(components),
            "signed-by": options.get("signed-by", ""),
        }


def _deb822_entries(text: str) -> Iterator[Mapping[str, str]]:
    for block in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1].isspace():
                fields[name] = f"{fields.get(name, '')}\n{line.strip()}"
            elif ":" in line:
                name = line.partition(":")[0].strip().lower()
                fields[name] = line.partition(":")[2].strip()
        if fields:
            yield fields


def _official(entry: Mapping[str, str]) -> Iterator[AptSource]:
    """Yield the suites of an entry that is Debian's own: by its path, its component and the key that signs it.

    Raises `ValueError` when it is malformed.
    """
    signed_by = entry.get("signed-by", "").strip()
    is_enabled = entry.get("enabled", "yes").lower() not in {"no", "false", "0"}
    if (
        not is_enabled
        or "deb" not in entry.get("types", "").split()
        or "main" not in entry.get("components", "").split()
    ):
        return
    if signed_by and "debian-archive" not in signed_by:
        return
    if "suites" not in entry:
        raise ValueError("it has no Suites")
    keyring = signed_by or next((str(path) for path in _KEYRINGS if path.is_file()), "")
    for uri in entry.get("uris", "").split():
        if not any(part.startswith("debian") for part in urlsplit(uri).path.split("/")):
            continue
        yield from (AptSource(uri, suite, keyring) for suite in entry["suites"].split() if _SUITE.fullmatch(suite))
