"""``--publish`` and free ports."""

from __future__ import annotations

import socket

import pytest

from lkboard.emulate.machine import Forward
from lkboard.emulate.publish import free_port, parse_publish
from lkboard.errors import UsageError


@pytest.mark.parametrize(
    ("text", "forward"),
    [
        ("8080:80", Forward(8080, 80)),
        ("1:65535/tcp", Forward(1, 65535)),
        ("53:53/UDP", Forward(53, 53, "udp")),
    ],
)
def test_rules(text: str, forward: Forward) -> None:
    assert parse_publish(text) == forward


@pytest.mark.parametrize("text", ["80", "0:80", "80:65536", "127.0.0.1:80:80", "80:80/sctp", "a:b", "80:80,hostfwd=x"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a pair of ports"):
        parse_publish(text)


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listening:
        assert listening.getsockname()[1] > 0
