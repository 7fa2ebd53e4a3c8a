"""What registries say besides their answers: warnings, and how often they may still be asked."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from lkboard.oci.servers.urls import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

    from lkboard.events import Job

# distribution-spec, "Warnings": the code 299, an agent, a quoted string, no date
_WARNING = re.compile(r'299\s++\S++\s++"((?:[^"\\]|\\.)*+)"')
_LONGEST = 500  # characters of a text that are shown
_MOST = 10  # warnings of one host, and hosts whose limits are told
_REMAINING = ("RateLimit-Remaining", "X-RateLimit-Remaining")
# as Docker Hub writes it: requests, and the seconds for which they are counted
_QUOTA = re.compile(r"(\d{1,9})(?:\s*;\s*w=(\d{1,9}))?")
_WHOSE = "Docker-RateLimit-Source"
_FEW = 10
_HOUR = 3600


class Announcements:
    """Tells the user once what each host says. One object serves all threads of a run."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._warnings: defaultdict[str, set[str]] = defaultdict(set)
        self._told_of_limits: set[str] = set()

    def read(self, response: Response) -> None:
        """Tell what is new in the headers of an answer."""
        host = host_of(response.url)
        for text in _warnings(response):
            if self._is_new(self._warnings[host], text):
                self._job.note(f"{host} says: {text}", "warning")
        if (quota := _quota(response)) and self._is_new(self._told_of_limits, host):
            self._job.note(f"{host} allows {quota}")

    def _is_new(self, said: set[str], text: str) -> bool:
        with self._lock:
            is_new = text not in said and len(said) < _MOST
            if is_new:
                said.add(text)
            return is_new


def _warnings(response: Response) -> Iterator[str]:
    for header in response.raw.headers.getlist("Warning"):
        for match in _WARNING.finditer(header):
            text = re.sub(r"\\(.)", r"\1", match[1]).encode("latin-1", "replace").decode("utf-8", "replace")
            yield text[:_LONGEST]


def _quota(response: Response) -> str:
    """Return how often a host may still be asked if that is little, and who is counted."""
    value = next((response.headers[name] for name in _REMAINING if name in response.headers), "")
    match = _QUOTA.match(value)
    if not match or int(match[1]) > _FEW:
        return ""
    window = f" in {int(match[2]) / _HOUR:.0f} hours" if match[2] and int(match[2]) >= _HOUR else ""
    source = response.headers.get(_WHOSE, "")[:_LONGEST]
    return f"{match[1]} more requests{window}{f' for {source}' if source else ''}"
