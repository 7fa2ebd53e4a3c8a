"""Logging in at a registry: basic, and tokens from its token service (registry.md section 5)."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from lkboard.errors import AuthNeeded, RegistryError
from lkboard.oci.registry.http_errors import BODY_LIMIT, login_hint, read_body, read_complaint
from lkboard.oci.registry.transport import Request
from lkboard.oci.servers.endpoint import is_loopback
from lkboard.oci.servers.settings import canonical_registry
from lkboard.oci.servers.urls import host_of, origin_of, shown

if TYPE_CHECKING:
    from lkboard.oci.registry.challenge import Challenge
    from lkboard.oci.registry.transport import Transport
    from lkboard.oci.servers.credential import Credential
    from lkboard.oci.servers.endpoint import Endpoint

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_CLIENT_ID = "lkboard"
_NO_SUCH_METHOD = {404, 405}
_SHORTEST_LIFE = 60.0
_LONGEST_LIFE = 86400.0
_RENEW_EARLY = 10.0
_STALE = b"invalid_grant"  # RFC 6749, section 5.2: the identity token is of no use any more
_SERVER_FAULT = "the fault is its token server's: tell those who run the registry"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token for some scopes; ``expires`` is on the monotonic clock, in seconds.

    ``successor`` is the identity token that replaces the one it was traded for.
    """

    value: str = field(repr=False)
    scopes: tuple[str, ...]
    expires: float
    successor: str = field(default="", repr=False)


class Login:
    """What one login (or none) may do at one registry: learns from refusals how it has to show itself.

    One object serves all threads.
    """

    def __init__(self, endpoint: Endpoint, credential: Credential | None, transport: Transport) -> None:
        self._base = endpoint.base
        self._trust = transport.connections.trust(endpoint.base, endpoint.trust)
        self._credential = credential
        self._transport = transport
        self._identity = credential.identity_token if credential else ""
        self._may_trade = bool(self._identity)
        self._lock = threading.Lock()
        self._is_basic = False
        self._tokens: dict[str, Token] = {}

    @property
    def source(self) -> str:
        """The file or program that the login comes from, empty if there is none."""
        return self._credential.source if self._credential else ""

    @property
    def quota(self) -> str:
        """Whose requests the registry counts, and how to be allowed more."""
        if self._credential:
            return f"what is counted are the requests of the login from {self.source}"
        host = canonical_registry(host_of(self._base))
        return f"most registries allow more to those who log in: docker login {host}"

    def token(self, scope: str) -> Token | None:
        """Return the token for a scope, if there is one."""
        return self._tokens.get(scope)

    def header(self, scope: str) -> str:
        """Return the value of Authorization for a scope (or several, with blanks), or an empty text."""
        if self._credential and self._credential.registry_token:
            return f"Bearer {self._credential.registry_token}"
        if self._is_basic and self._credential:
            return self._credential.basic
        token = self._tokens.get(scope)
        return f"Bearer {token.value}" if token and token.expires > time.monotonic() else ""

    def learn(self, challenges: tuple[Challenge, ...], scope: str, used: str, where: str, *, is_first: bool) -> bool:
        """Take in a refusal of a request that used the header ``used``; return whether it is worth asking again.

        ``is_first`` is False when the request was refused before: then only a token for more scopes is new. Raises
        `AuthNeeded` or `RegistryError` when the token service refuses.
        """
        with self._lock:
            if self.header(scope) not in {used, ""}:
                return True  # another thread has learned it meanwhile
            by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
            if bearer := by_scheme.get("bearer"):
                return self._learn_bearer(bearer, scope, where, is_first=is_first)
            if "basic" in by_scheme and self._credential and self._credential.basic and not used:
                self._is_basic = True
                return True
            return False

    def _learn_bearer(self, challenge: Challenge, scope: str, where: str, *, is_first: bool) -> bool:
        scopes = tuple(dict.fromkeys([*challenge.get("scope").split(), *scope.split()]))
        known = self._tokens.get(scope)
        if not is_first and known and known.scopes == scopes:
            return False
        if self._credential and self._credential.registry_token:
            return False
        self._tokens[scope] = self._fetch(challenge, scopes, where)
        return True

    def _fetch(self, challenge: Challenge, scopes: tuple[str, ...], where: str) -> Token:
        realm = challenge.get("realm")
        self._check_realm(realm, where)
        asked = [("service", challenge.get("service")), *(("scope", scope) for scope in scopes)]
        body = self._transport.whole(lambda: self._ask(realm, asked, where))
        answer = _read_token(body, scopes, realm, where)
        self._identity = answer.successor or self._identity
        return answer

    def _ask(self, realm: str, asked: list[tuple[str, str]], where: str) -> bytes:
        response = self._transport.send(self._token_request(realm, asked, where))
        if self._may_trade and response.status_code in _NO_SUCH_METHOD:
            response.close()
            self._may_trade = False
            response = self._transport.send(self._token_request(realm, asked, where))
        with response:
            if response.status_code == 200:
                return read_body(response, BODY_LIMIT, where)
            is_stale = response.status_code == 400 and _STALE in read_complaint(response, where)
        if response.status_code in {401, 403} or is_stale:
            raise self.refused(shown(realm), where)
        raise RegistryError(
            f"{shown(realm)} gave no token: status {response.status_code}", where=where, hint=_SERVER_FAULT
        )

    def _token_request(self, realm: str, asked: list[tuple[str, str]], where: str) -> Request:
        """Return the question for a token: an identity token is traded by POST, unless the server knows no such way."""

        def guard(url: str) -> None:
            self._check_realm(url, where)

        trust = self._trust if origin_of(realm) == origin_of(self._base) else self._trust.elsewhere()
        if self._may_trade:
            scope = " ".join(value for name, value in asked if name == "scope")
            form = {"grant_type": "refresh_token", "service": asked[0][1], "client_id": _CLIENT_ID, "scope": scope}
            body = urlencode(form | {"refresh_token": self._identity}).encode()
            return Request(
                "POST",
                realm,
                where,
                body=body,
                headers=_FORM,
                guard=guard,
                trust=trust,
                has_login=True,
                quota=self.quota,
            )
        headers = {}
        if self._credential and (basic := self._credential.basic_for_tokens):
            asked = [*asked, *([("account", self._credential.username)] if self._credential.username else [])]
            headers["Authorization"] = basic
        url = f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(asked)}"
        return Request("GET", url, where, headers=headers, guard=guard, trust=trust, quota=self.quota)

    def refused(self, asked: str, where: str) -> AuthNeeded:
        """Return the error for a refusal by ``asked`` (a URL without secrets)."""
        if self._credential:
            return AuthNeeded(
                f"{asked} refuses the login from {self._credential.source}",
                where=where,
                hint=f"it may have expired; {login_hint(self._base)}",
            )
        message = f"{asked} wants a login, or there is no such image"
        return AuthNeeded(message, where=where, hint=login_hint(self._base))

    def _check_realm(self, realm: str, where: str) -> None:
        """Refuse to show a login to a place where a registry has no business (registry.md section 5)."""

        def refused(place: str, hint: str = _SERVER_FAULT) -> RegistryError:
            return RegistryError(f"{self._base} sends logins to {place}", where=where, hint=hint)

        try:
            parts, registry = urlsplit(realm), urlsplit(self._base)
            _ = parts.port
        except ValueError as error:
            raise refused("something that is no URL") from error
        if parts.scheme not in {"https", registry.scheme}:
            raise refused(f"'{shown(realm)}', which is not https")
        is_here = is_loopback(parts.netloc) and is_loopback(registry.netloc)
        if _is_private(parts.netloc) and parts.hostname != registry.hostname and not is_here:
            raise refused(f"'{shown(realm)}', a private address", "its token server needs the registry's own name")


def _life(seconds: float | str) -> float:
    """Return for how long a token is used: the least is what the specification says, the most keeps nonsense out."""
    try:
        life = float(seconds)
    except OverflowError:
        return _LONGEST_LIFE
    return min(life, _LONGEST_LIFE) if life > _SHORTEST_LIFE else _SHORTEST_LIFE


def _is_private(host: str) -> bool:
    """Return whether ``host[:port]`` cannot be a place on the internet, however it is written."""
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not _address(name).is_global
    except OSError:
        return False


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address that connecting to a name would use without looking it up. Raises OSError for other names."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:  # 127.1, 0x7f000001 and 2130706433 are addresses, too
        return ipaddress.ip_address(socket.inet_aton(name))


def _read_token(body: bytes, scopes: tuple[str, ...], realm: str, where: str) -> Token:
    try:
        answer = json.loads(body)
        value = str(answer.get("token") or answer["access_token"])
        life = _life(answer.get("expires_in") or 0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        value, life = "", 0.0
    if not (value and value.isascii() and value.isprintable()):
        raise RegistryError(
            f"{shown(realm)} answered with something that is not a token", where=where, hint=_SERVER_FAULT
        )
    successor = answer.get("refresh_token")
    expires = time.monotonic() + life - _RENEW_EARLY
    return Token(value, scopes, expires, successor if isinstance(successor, str) else "")
