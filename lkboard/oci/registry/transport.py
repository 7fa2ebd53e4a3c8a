"""Requests, tried again, slowed down and redirected as registries ask for it (registry.md sections 2 and 10)."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

from lkboard.errors import OciError, RegistryError
from lkboard.oci.registry.announcements import Announcements
from lkboard.oci.registry.connections import Connections
from lkboard.oci.registry.http_errors import (
    NETWORK_ERRORS,
    BodyCut,
    Complaint,
    Passing,
    is_hopeless,
    read_complaint,
    refusal,
    refused_by_proxy,
    unreachable,
)
from lkboard.oci.servers.endpoint import Trust
from lkboard.oci.servers.urls import host_of, origin_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from requests import Response

    from lkboard.events import Job
    from lkboard.oci.servers.settings import RegistrySettings

T = TypeVar("T")

_REDIRECT_LIMIT = 10
_TOO_MANY = 429
_TRY_AGAIN = {408, 499, 500, 502, 503, 504, *range(520, 525)}
_PROXY_LOGIN = 407
_FOR_ANYBODY = {"accept", "content-type", "if-none-match", "range"}
_SPREAD = 0.2
_HARDLY = 0.5  # seconds that nobody is told of
_LONGEST_DELAY = 60.0
_SERVER_FAULT = "the fault is the server's: tell those who run it"
_NO_TLS_HINT = "the server must name https addresses: behind a proxy it has to be told X-Forwarded-Proto: https"


def allow_any(url: str) -> None:
    """Let a request go to any URL."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``where`` is the image that it is for, as errors name it.

    ``body`` is bytes, or opens the body anew for each attempt. A request that does not ``insist`` neither waits nor is
    repeated, as there is somebody else to ask; one that is not ``is_repeatable`` is not repeated. ``guard`` sees every
    URL before it is asked, also those of redirects, and raises to refuse it. ``trust`` is for the host of ``url``. What
    ``has_login`` in its body is not sent on to another server: headers can be left out there, a body cannot.
    ``quota`` is said when the host is asked too often: who is counted there, and how to be allowed more.
    """

    method: str
    url: str
    where: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], Iterable[bytes]] | None = None
    insist: bool = True
    is_repeatable: bool = True
    guard: Callable[[str], None] = allow_any
    trust: Trust = Trust()
    has_login: bool = False
    quota: str = ""


@dataclass(frozen=True, slots=True)
class _Setback:
    """An attempt that failed, for good if it ``is_final``.

    ``pause`` is what the ``host`` asks for, in seconds; a redirect may have led to it.
    """

    error: OciError
    is_final: bool
    is_rate_limit: bool = False
    pause: float | None = None
    host: str = ""


class Transport:
    """Sends requests. One object serves all threads of a run; pauses that a host asks for hold for all of them."""

    def __init__(self, settings: RegistrySettings, job: Job) -> None:
        self.connections = Connections(settings)
        self._limits = settings.limits
        self._job = job
        self._lock = threading.Lock()
        self._resume_at: dict[str, float] = {}
        self._announcements = Announcements(job)

    def send(self, request: Request) -> Response:
        """Return the answer, whose body has not been read; use it as a context manager.

        Any status may come back except those that ask for patience, which are tried again. Raises `RegistryError` when
        there is no answer or a redirect is refused; it is `Passing` when another attempt might help after all.
        """
        may_repeat = request.insist and request.is_repeatable
        for attempt, delay in enumerate((*self._limits.retry_delays, None)):
            outcome = self._attempt(request)
            if not isinstance(outcome, _Setback):
                return outcome
            pause = self._hold(outcome, attempt)
            if outcome.is_final:
                raise outcome.error
            if delay is None or not may_repeat:
                raise Passing(outcome.error.message, where=request.where, hint=outcome.error.hint) from outcome.error
            self._job.note(f"{outcome.error.message}; trying again", "debug")
            if pause is None:
                self._job.wait(delay * random.uniform(1 - _SPREAD, 1 + _SPREAD))  # noqa: S311 - spreads clients
        raise AssertionError

    def whole(self, ask: Callable[[], T]) -> T:
        """Return what ``ask`` returns, which asks again when the answer's body is cut. Raises what it raises."""
        for delay in self._limits.retry_delays:
            try:
                return ask()
            except BodyCut:
                self._job.wait(delay)
        return ask()

    def _hold(self, setback: _Setback, attempt: int) -> float | None:
        """Let nobody ask a host for some time, if it wants that, and return the time in seconds.

        What it asked for before still holds.
        """
        if setback.pause is not None:
            pause, said = setback.pause, f"{setback.host} asks to wait"
        elif setback.is_rate_limit:
            pause = min(self._limits.rate_limit_delay * 2**attempt, _LONGEST_DELAY)
            said = f"{setback.host} is asked too often, waiting"
        else:
            return None
        end = time.monotonic() + pause
        with self._lock:
            known = self._resume_at.get(setback.host, 0.0)
            self._resume_at[setback.host] = max(known, end)
        # another thread may have told the same just now
        if not setback.is_final and pause > _HARDLY and end - known >= pause / 2:
            self._job.note(f"{said} {pause:.0f} s")
        return pause

    def _await_turn(self, host: str, request: Request) -> None:
        remaining = self._resume_at.get(host, 0.0) - time.monotonic()
        if remaining <= 0:
            return
        if not request.insist:
            raise RegistryError(
                f"{host} has asked to wait another {remaining:.0f} s", where=request.where, hint="try again then"
            )
        self._job.wait(remaining)

    def _attempt(self, request: Request) -> Response | _Setback:
        response = self._follow(request)
        if isinstance(response, _Setback):
            return response
        self._announcements.read(response)
        if response.status_code == _PROXY_LOGIN:
            with response:
                raise refused_by_proxy(response.url, request.where, self.connections.proxies(response.url))
        if response.status_code != _TOO_MANY and response.status_code not in _TRY_AGAIN:
            return response
        return self._setback(response, request)

    def _unanswered(self, error: Exception, url: str, request: Request) -> _Setback:
        failure = unreachable(error, url, request.where, self.connections.proxies(url))
        return _Setback(failure, is_final=is_hopeless(error))

    def _setback(self, response: Response, request: Request) -> _Setback:
        with response:
            body = read_complaint(response, request.where)
        pause = _retry_after(response)
        error = refusal(response, body, request.where)
        is_rate_limit = response.status_code == _TOO_MANY
        quota = request.quota if is_rate_limit else ""
        if pause is not None and pause > self._limits.longest_pause:
            wish = f"the server asks to wait {pause / 60:.0f} minutes: try again then"
            error.hint = f"{wish}; {quota}" if quota else wish
            return _Setback(error, is_final=True)
        if quota:
            error.hint = f"try again later; {quota}"
        return _Setback(error, Complaint(body).is_our_mistake, is_rate_limit, pause, host_of(response.url))

    def _follow(self, request: Request) -> Response | _Setback:
        """Send a request and go where its redirects lead; what was signed for one host is not shown to another."""
        url, headers = request.url, dict(request.headers)
        for _ in range(_REDIRECT_LIMIT + 1):
            request.guard(url)
            try:
                response = self._exchange(request, url, headers)
            except NETWORK_ERRORS as error:
                return self._unanswered(error, url, request)
            location = response.headers.get("Location")
            if response.status_code not in _redirects(request.method) or not location:
                return response
            response.close()
            target = target_of(url, location, request.where)
            if origin_of(target) != origin_of(url):
                if request.has_login:
                    raise _sent_on(url, target, request.where)
                headers = {name: value for name, value in headers.items() if name.lower() in _FOR_ANYBODY}
            url = target
        raise RegistryError(f"{shown(request.url)} redirects too often", where=request.where, hint=_SERVER_FAULT)

    def _exchange(self, request: Request, url: str, headers: Mapping[str, str]) -> Response:
        self._job.check()
        self._await_turn(host_of(url), request)
        trust = self.connections.trust(request.url, request.trust)
        if origin_of(url) != origin_of(request.url):
            trust = self.connections.trust(url, trust.elsewhere())
        with self.connections.session(url, trust) as session:
            return session.request(
                request.method,
                url,
                headers=headers,
                data=request.body() if callable(request.body) else request.body,
                stream=True,
                allow_redirects=False,
                timeout=(self._limits.connect_timeout, self._limits.read_timeout),
                verify=not trust.is_insecure,
                proxies=self.connections.proxies(url),
            )


def _sent_on(url: str, target: str, where: str) -> RegistryError:
    return RegistryError(
        f"{shown(url)} wants the login to be sent on to {shown(target)}",
        where=where,
        hint="tell those who run the registry: its token server must answer by itself",
    )


def target_of(url: str, location: str, where: str) -> str:
    """Return the URL that the header Location of an answer means.

    Raises `RegistryError` if it is none, or would take what was under TLS out of it.
    """
    try:
        target = urljoin(url, location)
        _ = urlsplit(target).port
    except ValueError as error:
        raise RegistryError(
            f"{shown(url)} leads to something that is no URL", where=where, hint=_SERVER_FAULT
        ) from error
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise RegistryError(f"{shown(url)} leads to plain http at {shown(target)}", where=where, hint=_NO_TLS_HINT)
    return target


def _redirects(method: str) -> set[int]:
    """Return the statuses that are followed: an upload is repeated elsewhere only if the server says so clearly."""
    return {301, 302, 303, 307, 308} if method in {"GET", "HEAD"} else {307, 308}


def _retry_after(response: Response) -> float | None:
    """Return the seconds that an answer asks to wait, given as a number or a date (RFC 9110, section 10.2.3)."""
    text = response.headers.get("Retry-After", "")
    try:
        if text.isdecimal():
            return float(text)
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
