"""What of a URL may be shown, and what a login is good for."""

from __future__ import annotations

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """Return a URL without login, query and fragment, which may hold secrets.

    A login may have characters that should have been escaped: where its end cannot be told nothing is shown of it.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        return "something that is no URL" if "@" in url else url.partition("?")[0]
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return f"{scheme}://…"
    if "@" in rest.removeprefix(parts.netloc):
        return f"{scheme}://…"
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_server(url: str) -> bool:
    """Return whether a URL names a host, and a port that can be one if it names any."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def origin_of(url: str) -> tuple[str, str]:
    """Return scheme and authority without a login."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]
