"""What refers to an image: signatures, bills of materials (registry.md section 6).

The lists are those of the distribution-spec, "Listing Referrers".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from lkboard.errors import ManifestInvalid, RegistryError
from lkboard.oci.image_spec.documents import DOCUMENT_LIMIT, parse_descriptor, parse_document
from lkboard.oci.image_spec.media_types import OCI_INDEX
from lkboard.oci.registry.http_errors import read_body
from lkboard.oci.registry.referrers_tag import read_list, referrers_tag
from lkboard.oci.registry.transport import Request, target_of
from lkboard.oci.servers.urls import origin_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from requests import Response

    from lkboard.model.image import Descriptor
    from lkboard.oci.registry.client import RegistryClient
    from lkboard.oci.servers.endpoint import Endpoint

_FILTERS = "OCI-Filters-Applied"
_BY_TYPE = "artifactType"
_NO_API = {400, 404, 405, 406}
_PAGES = 100
_SERVER_FAULT = "the fault is the registry's: tell those who run it"


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that refers to an image. ``kind`` is its type of artifact, empty if it has none."""

    descriptor: Descriptor
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Referrers:
    """All that refers to an image; ``is_native`` says that the registry lists it itself, and not a tag."""

    entries: tuple[Referrer, ...]
    is_native: bool


def list_referrers(client: RegistryClient, endpoint: Endpoint, digest: str, where: str, kind: str = "") -> Referrers:
    """Return what refers to ``digest``, only that of one ``kind`` if one is given.

    A registry without such lists is asked for the tag that stands in for one. Raises `AuthNeeded`, `RegistryError`,
    `ManifestInvalid`.
    """
    query = {_BY_TYPE: kind} if kind else {}
    url = _with_query(endpoint.url(f"referrers/{digest}"), query)
    pages = _pages(client, endpoint, url, where)
    first = next(pages, None)
    if first is None:
        listed, _version = read_list(client, endpoint, referrers_tag(digest), where)
        return Referrers(tuple(_of_kind(_referrers(listed, where), kind)), is_native=False)
    entries = [one for page in (first, *pages) for one in _on_page(page, kind, where)]
    return Referrers(tuple(entries), is_native=True)


@dataclass(frozen=True, slots=True)
class _Page:
    entries: list[dict[str, Any]]
    is_filtered: bool


def _pages(client: RegistryClient, endpoint: Endpoint, url: str, where: str) -> Iterator[_Page]:
    """Yield the pages of a list, none if the registry keeps no lists."""
    seen: set[str] = set()
    while url:
        if url in seen or len(seen) == _PAGES:
            raise RegistryError(f"{shown(url)} goes on without end", where=where, hint=_SERVER_FAULT)
        seen.add(url)
        response = client.send(endpoint, Request("GET", url, where, headers={"Accept": OCI_INDEX}))
        if len(seen) == 1 and not _is_list(response):
            response.close()
            if response.status_code == 200 or response.status_code in _NO_API:
                return
        if response.status_code != 200:
            raise client.failure(response, where)
        with response:
            data = read_body(response, DOCUMENT_LIMIT, where)
        parse_document(data, OCI_INDEX, where)
        yield _Page(json.loads(data)["manifests"], _BY_TYPE in response.headers.get(_FILTERS, ""))
        url = _next(response, where)


def _is_list(response: Response) -> bool:
    """Return whether an answer is a list; a server that knows no such thing may answer with any page."""
    return response.status_code == 200 and response.headers.get("Content-Type", "").partition(";")[0] == OCI_INDEX


def _next(response: Response, where: str) -> str:
    """Return the URL of the next page, empty at the end. Raises `RegistryError` if it is on another server."""
    link = response.links.get("next", {}).get("url", "")
    if not link:
        return ""
    url = target_of(response.url, link, where)
    if origin_of(url) != origin_of(response.url):
        raise RegistryError(
            f"{shown(response.url)} goes on at another server, {shown(url)}", where=where, hint=_SERVER_FAULT
        )
    return url


def _on_page(page: _Page, kind: str, where: str) -> Iterable[Referrer]:
    found = _referrers(page.entries, where)
    return found if page.is_filtered else _of_kind(found, kind)


def _of_kind(referrers: Iterable[Referrer], kind: str) -> Iterable[Referrer]:
    return (one for one in referrers if kind in {"", one.kind})


def _referrers(listed: Iterable[dict[str, Any]], where: str) -> Iterator[Referrer]:
    for fields in listed:
        kind = fields.get(_BY_TYPE) or ""
        if not isinstance(kind, str):
            raise ManifestInvalid(f"the list of referrers cannot be used: '{_BY_TYPE}' is not a text", where=where)
        yield Referrer(parse_descriptor(fields), kind)


def _with_query(url: str, query: dict[str, str]) -> str:
    if not query:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"
