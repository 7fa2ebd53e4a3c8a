"""One blob from a registry into a partial file, however often the connection breaks (registry.md section 8)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import DigestMismatch, NotFound, RegistryError
from lkboard.oci.registry.http_errors import NETWORK_ERRORS
from lkboard.oci.servers.urls import shown

if TYPE_CHECKING:
    from requests import Response

    from lkboard.events import Job
    from lkboard.model.reference import Reference
    from lkboard.oci.registry.client import RegistryClient
    from lkboard.oci.servers.endpoint import Endpoint
    from lkboard.oci.servers.settings import Limits
    from lkboard.oci.store.ingest import Partial

OnBytes = Callable[[int], None]
"""Told how many bytes came, negative when they are thrown away again; may raise to stop the transfer."""

_CHUNK = 1 << 18
_REAL_PROGRESS = 1 << 20  # bytes between two cuts that make the earlier ones forgotten
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-[0-9]+/([0-9]+|\*)")


@dataclass(frozen=True, slots=True)
class Download:
    """Fetches the blob of a partial file for an image."""

    client: RegistryClient
    limits: Limits
    job: Job
    reference: Reference
    partial: Partial
    on_bytes: OnBytes

    def run(self) -> None:
        """Make the partial file whole and check its digest, from the first endpoint that has the right bytes.

        Raises `NotFound`, `AuthNeeded`, `RegistryError`, `DigestMismatch`, `StoreUnusable`, `Cancelled`; what has
        arrived stays, unless its digest is wrong.
        """
        try:
            self.client.first(self.reference, self._from_endpoint)
        except NotFound as error:
            if self.partial.descriptor.urls:
                place = shown(self.partial.descriptor.urls[0])
                error.hint = f"this layer is not distributed with its image: bring it into the registry from {place}"
            raise

    def _from_endpoint(self, endpoint: Endpoint) -> None:
        is_continued = self.partial.offset > 0
        self._complete(endpoint)
        if is_continued and self.partial.digest != self.partial.descriptor.digest:
            self._start_over()  # what an earlier run or another server left may have been damaged
            self._complete(endpoint)
        self._check_digest(endpoint)

    def _complete(self, endpoint: Endpoint) -> None:
        failures = 0
        while not self.partial.is_complete:
            before = self.partial.offset
            self._transfer(endpoint)
            if self.partial.is_complete:
                break
            failures = 1 if self.partial.offset - before >= _REAL_PROGRESS else failures + 1
            if failures > len(self.limits.retry_delays):
                raise RegistryError(
                    f"{endpoint.base} cut the connection {failures} times at blob {self.partial.descriptor.digest}",
                    where=self.reference,
                    hint="try again: what has come is kept",
                )
            self.job.wait(self.limits.retry_delays[failures - 1])

    def _transfer(self, endpoint: Endpoint) -> None:
        """Add what one connection gives. The question always goes to the registry itself: redirects expire."""
        span = self.partial.offset, self.partial.descriptor.size
        with self.client.open_blob(endpoint, self.reference, self.partial.descriptor.digest, span) as response:
            if self._agree_on_start(response):
                self._copy(response)

    def _agree_on_start(self, response: Response) -> bool:
        """Return whether the body continues the partial file, or starts it anew; False asks for another connection."""
        offset, size = self.partial.offset, self.partial.descriptor.size
        if response.status_code == 206:
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != offset or match[2] not in {str(size), "*"}:
                raise self._fault(response, "sent another range than asked for")
            return True
        if offset:
            self._start_over()
        elif response.status_code == 416:
            raise self._fault(response, "refuses to send the whole blob")
        return response.status_code == 200

    def _copy(self, response: Response) -> None:
        pace = _Pace(self.limits)
        while True:
            try:
                chunk = response.raw.read1(_CHUNK, decode_content=False)
            except NETWORK_ERRORS:
                return
            if not chunk or pace.is_stalled(len(chunk)):
                return
            if self.partial.offset + len(chunk) > self.partial.descriptor.size:
                self._start_over()
                raise self._fault(response, "sent more than the blob's size")
            self.partial.write(chunk)
            self.on_bytes(len(chunk))

    def _fault(self, response: Response, what: str) -> RegistryError:
        hint = "the registry, its mirror or a proxy has a fault: see which with lkboard registry doctor"
        return RegistryError(f"{shown(response.url)} {what}", where=self.reference, hint=hint)

    def _check_digest(self, endpoint: Endpoint) -> None:
        got, expected = self.partial.digest, self.partial.descriptor.digest
        if got != expected:
            self._start_over()
            raise DigestMismatch(
                f"{endpoint.base} sent bytes with the digest {got} instead of {expected}",
                where=self.reference,
                hint="the registry, its mirror or a proxy is damaged",
            )

    def _start_over(self) -> None:
        self.on_bytes(-self.partial.offset)
        self.partial.reset()


class _Pace:
    """Notices a transfer that crawls: the read time limit only sees one that stands still."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._since = time.monotonic()
        self._bytes = 0

    def is_stalled(self, count: int) -> bool:
        """Add bytes and return whether too few have come for too long."""
        self._bytes += count
        elapsed = time.monotonic() - self._since
        if self._bytes >= self._limits.stall_rate * self._limits.stall_time:
            self._since, self._bytes = time.monotonic(), 0
        return elapsed > self._limits.stall_time
