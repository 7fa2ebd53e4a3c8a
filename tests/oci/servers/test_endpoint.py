"""What a server is called, and what it may be trusted with."""

from __future__ import annotations

import pytest

from lkboard.oci.servers.endpoint import Endpoint, Trust, is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.8.8.8", True),
        ("[::1]:5000", True),
        ("192.168.1.1", False),
        ("localhost.example", False),
        ("ghcr.io", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_trust_adds_up() -> None:
    both = Trust(("a", "b"), (("c", "k"),)) | Trust(("b", "d"), is_insecure=True)
    assert both == Trust(("a", "b", "d"), (("c", "k"),), is_insecure=True)


def test_the_later_client_certificate_is_shown() -> None:
    assert (Trust(client=(("a", "a"),)) | Trust(client=(("b", "b"),))).client == (("b", "b"),)


def test_elsewhere_only_the_authorities_are_trusted() -> None:
    assert Trust(("ca",), (("c", "k"),), is_insecure=True).elsewhere() == Trust(("ca",))


def test_the_headers_of_an_endpoint_are_not_shown() -> None:
    assert "hunter2" not in repr(Endpoint("https://x", "y", headers=(("Authorization", "hunter2"),)))
