"""Image references as LinuxKit reads them (registry.md section 1, build.md section 3.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lkboard.errors import ReferenceInvalid

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<domain>{_DOMAIN})/(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>[^@]+))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_NAME_LIMIT = 255
_LABEL_LIMIT = 63
_PORT_LIMIT = 0xFFFF
DEFAULT_DOMAIN = "docker.io"


@dataclass(frozen=True, slots=True)
class Reference:
    """``domain/path[:tag][@digest]``. ``str()`` gives the canonical text, in which a missing tag stays missing."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """``domain/path``."""
        return f"{self.domain}/{self.path}"

    @property
    def wanted(self) -> str:
        """What a registry is asked for: the digest if there is one, else the tag, else ``latest``."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        """Return the canonical text: the key in the store, and what metadata and PAX records show."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Read an image reference, completing it as LinuxKit does: ``redis`` is ``docker.io/library/redis``.

    Raises `ReferenceInvalid`.
    """
    if "://" in text:
        raise ReferenceInvalid(f"'{text}' is not an image reference", hint="leave out http:// or https://")
    match = _REFERENCE.fullmatch(_complete(text))
    if match is None:
        raise ReferenceInvalid(f"'{text}' is not an image reference", hint=_reference_hint(text))
    digest = match["digest"] or ""
    if digest and not _DIGEST.fullmatch(digest):
        raise ReferenceInvalid(f"'{text}' has an invalid digest", hint="write @sha256: and 64 hexadecimal digits")
    _check_domain(match["domain"], text)
    reference = Reference(match["domain"], match["path"], match["tag"] or "", digest)
    if len(reference.repository) > _NAME_LIMIT:
        raise ReferenceInvalid(f"'{text}' is longer than {_NAME_LIMIT} characters")
    return reference


def _check_domain(domain: str, text: str) -> None:
    """Refuse hosts that no connection can be made to."""
    host, colon, port = domain.partition("]")[2].rpartition(":") if domain[0] == "[" else domain.partition(":")
    if colon and not (len(port) <= len(str(_PORT_LIMIT)) and 0 < int(port) <= _PORT_LIMIT):
        raise ReferenceInvalid(f"'{text}' has an impossible port", hint=f"ports are 1 to {_PORT_LIMIT}")
    if any(len(label) > _LABEL_LIMIT for label in host.split(".")):
        hint = f"a part of a host name has at most {_LABEL_LIMIT} characters"
        raise ReferenceInvalid(f"'{text}' has an impossible host name", hint=hint)
    if domain[0] == "[" and not _is_ipv6(domain[1:].partition("]")[0]):
        raise ReferenceInvalid(f"'{text}' has an invalid IPv6 address", hint="write it like [fd00::1]:5000")


def _is_ipv6(text: str) -> bool:
    from ipaddress import IPv6Address  # here, as references are read at every start

    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _complete(text: str) -> str:
    first, slash, rest = text.partition("/")
    if not slash:
        return f"{DEFAULT_DOMAIN}/library/{text}"
    if "/" in rest or "." in first or ":" in first or first == "localhost":
        return text
    return f"{DEFAULT_DOMAIN}/{text}"


def _reference_hint(text: str) -> str:
    if text != text.lower():
        return "repository names are lower case"
    if any(character.isspace() for character in text):
        return "remove the blanks"
    return "write [registry/]name[:tag][@sha256:digest]"
