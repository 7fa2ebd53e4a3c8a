"""Programs that keep logins: ``docker-credential-NAME get`` (registry.md section 4).

Each is asked once in a run for each server, however many images come from there: it may want a finger on a key.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from lkboard.oci.servers.credential import IDENTITY_USER, Credential

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.events import Job

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SECONDS = 30.0
_POLL_SECONDS = 0.1
_NOT_FOUND = "credentials not found"


class _Failed(Exception):
    """A helper gives no login; the text says why, as the rest of a sentence about it."""


def ask_helper(name: str, server: str, file: Path, job: Job) -> Credential | None:
    """Return the login that a helper has for a server, None if it has none.

    Trouble is told, with the ``file`` that names the helper. Raises `Cancelled`.
    """

    def ask() -> Credential | None:
        program = f"docker-credential-{name}"
        try:
            return _login(program, server, job)
        except _Failed as failure:
            hint = f"try it: echo {server} | {program} get; or take it out of '{file}'"
            job.note(f"the credential helper '{program}' {failure} ({hint})", "warning")
            return None

    if not _NAME.fullmatch(name):
        job.note_once(f"'{file}': the name of a credential helper is not a program's name", "warning")
        return None
    return job.once((ask_helper, name, server), ask)


def _login(program: str, server: str, job: Job) -> Credential | None:
    status, answer = _run(program, server, job)
    if status:
        if _NOT_FOUND in answer.lower():
            return None
        raise _Failed(f"failed with status {status}")
    try:
        document = json.loads(answer)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        username = secret = None
    if not (isinstance(username, str) and isinstance(secret, str)):
        raise _Failed("answers with something that is no login")
    source = f"'{program}'"
    return (
        Credential(source, identity_token=secret) if username == IDENTITY_USER else Credential(source, username, secret)
    )


def _run(program: str, server: str, job: Job) -> tuple[int, str]:
    """Return the status of a helper and what it printed."""
    try:
        process = subprocess.Popen(
            [program, "get"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise _Failed("is not installed") from error
    except OSError as error:
        raise _Failed(f"cannot be started: {error.strerror}") from error
    with process:
        try:
            printed = _wait(process, f"{server}\n".encode(), job)
        except BaseException:
            process.kill()
            raise
    return process.returncode, printed.decode("utf-8", "replace")


def _wait(process: subprocess.Popen[bytes], question: bytes, job: Job) -> bytes:
    end = time.monotonic() + _SECONDS
    unasked: bytes | None = question
    while time.monotonic() < end:
        job.check()
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(unasked, _POLL_SECONDS)[0]
        unasked = None  # it goes on with what it was given
    raise _Failed(f"gave no answer within {_SECONDS:.0f} s")
