"""What of a URL may be shown, and what a login is good for."""

from __future__ import annotations

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


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


def host_of(url: str) -> str:
    """Return ``host[:port]`` as a URL has it, without a login."""
    return urlsplit(url).netloc.rpartition("@")[2]


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port: equal for all ways to write the same server (RFC 6454, section 4).

    Raises ValueError for a port that cannot be one.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
