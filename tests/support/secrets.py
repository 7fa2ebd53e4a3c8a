"""The secrets that tests use, and that nothing may show.

A test that uses a password takes one of these; the fixtures of ``tests/oci`` then search all that comes out.
"""

from __future__ import annotations

import base64
import itertools

_PASSWORDS = ("s3cret", "hunter2", "wr0ng", "s3cret-PROXY")
_USERS = ("alice", "bob", "<token>")
_LOGINS = [f"{user}:{password}" for user, password in itertools.product(_USERS, _PASSWORDS)]
MARKS = (
    *_PASSWORDS,
    *(base64.b64encode(login.encode()).decode() for login in _LOGINS),
    "SIGNATURE",
    "eyJ",  # how every JSON Web Token begins
)


def marks_in(*texts: str) -> list[str]:
    """Return the marks that a text has."""
    return [mark for mark in MARKS if any(mark in text for text in texts)]
