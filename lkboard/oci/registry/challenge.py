"""What a server wants to see before it answers: the header WWW-Authenticate (RFC 9110, section 11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# what is repeated is never tried again with less ("++"), so that the time grows with the length only
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PARAMETER = re.compile(rf'\s*+({_WORD})\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|({_WORD}[^\s,]*+))\s*+(?:,|$)')
_SCHEME = re.compile(rf"[\s,]*+({_WORD})(?:\s++|,|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]++=*+\s*+(?:,|$)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate. ``scheme`` and the names of ``parameters`` are in lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """Return a parameter, or an empty text."""
        return dict(self.parameters).get(name, "")


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read all challenges of all headers in order; what cannot be read ends that header."""
    return tuple(challenge for header in headers for challenge in _parse(header))


def _parse(text: str) -> Iterable[Challenge]:
    position = 0
    while scheme := _SCHEME.match(text, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(text, position):
            quoted, plain = parameter[2], parameter[3]
            parameters.setdefault(parameter[1].lower(), plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
            position = parameter.end()
        if not parameters and (blob := _TOKEN68.match(text, position)) and scheme[0].endswith(" "):
            position = blob.end()
        yield Challenge(scheme[1].lower(), tuple(parameters.items()))
