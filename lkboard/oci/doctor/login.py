"""Which login a registry wants, and what it gives for it (registry.md sections 5 and 16)."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

from lkboard.errors import AuthNeeded
from lkboard.oci.registry.challenge import Challenge, parse_challenges
from lkboard.oci.registry.transport import Request
from lkboard.oci.servers.urls import shown

if TYPE_CHECKING:
    from lkboard.oci.registry.auth import Login, Token
    from lkboard.oci.registry.client import RegistryClient
    from lkboard.oci.servers.endpoint import Endpoint


def examine_login(client: RegistryClient, endpoint: Endpoint, where: str) -> tuple[str, ...]:
    """Return how one has to log in to read a repository, and how that went.

    Raises `AuthNeeded` when a login is missing or refused, `RegistryError` when there is no answer.
    """
    url, scope = f"{endpoint.base}{endpoint.root}/", f"repository:{endpoint.repository}:pull"
    request = Request("GET", url, where, headers=dict(endpoint.headers), trust=endpoint.trust, insist=False)
    with client.transport.send(request) as response:
        challenges = parse_challenges(response.raw.headers.getlist("WWW-Authenticate"))
    if response.status_code != 401:
        return ("no login is wanted",)
    login = client.login(endpoint)
    lines = [*map(_described, challenges), _source(login)]
    if not login.learn(challenges, scope, "", where, is_first=True):
        raise login.refused(shown(url), where)
    token = login.token(scope)
    if token:
        return "a token was given", *lines, *_granted(token)
    with client.send(endpoint, Request("GET", url, where, insist=False)) as response:
        if response.status_code >= 400:
            raise AuthNeeded(f"{shown(url)} answered {response.status_code} to the login", where=where)
    return "the password is accepted", *lines


def _described(challenge: Challenge) -> str:
    realm, service = challenge.get("realm"), challenge.get("service")
    if challenge.scheme == "bearer":
        return f"wants a token from {shown(realm)}" + (f" for '{service}'" if service else "")
    return f"wants {challenge.scheme}"


def _source(login: Login) -> str:
    return f"the login comes from {login.source}" if login.source else "there is no login: it is asked anonymously"


def _granted(token: Token) -> tuple[str, ...]:
    """Return what a token is good for, as far as it says so; it need not be a JSON Web Token (RFC 7519)."""
    life = f"good for {max(0.0, token.expires - time.monotonic()):.0f} s"
    try:
        payload = token.value.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        rights = [f"{one['type']} {one['name']}: {', '.join(one['actions']) or 'nothing'}" for one in claims["access"]]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return (life,)
    return (life, *(f"it grants {right}" for right in rights or ["nothing"]))
