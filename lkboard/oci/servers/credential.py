"""A login at a registry, and how it is shown there. Secrets stay out of every ``repr``."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

IDENTITY_USER = "<token>"
"""The name that says that what should be a password is an identity token."""


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
        return self.basic or _basic(self.username or IDENTITY_USER, self.identity_token)

    @property
    def can_be_sent(self) -> bool:
        """Whether headers and forms can hold it (RFC 9110, section 5.5): a damaged file may have anything."""
        try:
            _ = f"{self.username}{self.password}{self.identity_token}".encode()
        except UnicodeEncodeError:  # half a pair, which JSON can write
            return False
        return self.registry_token.isascii() and self.registry_token.isprintable()


def _basic(username: str, secret: str) -> str:
    if not secret:
        return ""
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()
