"""Ports of the guest on the host's loopback interface."""

from __future__ import annotations

import re
import socket
from contextlib import closing
from typing import Literal

from lkboard.emulate.machine import LOOPBACK, Forward
from lkboard.errors import UsageError

_RULE = re.compile(r"(\d{1,5}):(\d{1,5})(?:/(tcp|udp))?", re.IGNORECASE)


def parse_publish(text: str) -> Forward:
    """Read ``HOST:GUEST[/tcp|udp]`` (cli.md section 1.5). Raises `UsageError`."""
    match = _RULE.fullmatch(text)
    if match is None or not all(1 <= int(port) <= 65535 for port in match.group(1, 2)):
        raise UsageError(f"--publish: '{text}' is not a pair of ports", hint="write HOST:GUEST or HOST:GUEST/udp")
    protocol: Literal["tcp", "udp"] = "udp" if (match[3] or "").lower() == "udp" else "tcp"
    return Forward(int(match[1]), int(match[2]), protocol)


def free_port() -> int:
    """Return a TCP port that nothing listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
