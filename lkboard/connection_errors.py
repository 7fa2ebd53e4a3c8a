"""Why a connection failed, in words: `requests` and urllib3 wrap causes in causes, and quote Python's names."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from requests.exceptions import ConnectTimeout, InvalidURL, ReadTimeout, TooManyRedirects
from urllib3.exceptions import IncompleteRead, LocationParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_NAME = (UnicodeError, InvalidURL, LocationParseError)
_TIMEOUTS = (TimeoutError, ConnectTimeout, ReadTimeout)


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything it was made from; urllib3 hides causes in ``reason`` and in arguments."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and not any(cause is other for other in seen):
            seen.append(cause)
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    yield from seen


def reason_of(error: BaseException) -> str:
    """Return what the deepest cause says that says something."""
    reasons = map(_reason, reversed(list(causes_of(error))))
    return next(filter(None, reasons), "the connection failed")


def _reason(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return f"TLS failed: {cause.reason.lower().replace('_', ' ')}"
    if isinstance(cause, _NO_NAME):
        return "its host cannot be a name"
    if isinstance(cause, _TIMEOUTS):
        return "no answer in time"
    if isinstance(cause, IncompleteRead):
        return "the connection was cut"
    if isinstance(cause, TooManyRedirects):
        return "it redirects too often"
    return cause.strerror or "" if isinstance(cause, OSError) else ""
