"""What of a URL is shown, however badly its login is written."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.oci.servers.urls import host_of, is_server, origin_of, shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ghcr.io/v2/x/manifests/v1", "https://ghcr.io/v2/x/manifests/v1"),
        ("http://localhost:5000/v2/", "http://localhost:5000/v2/"),
        ("https://cdn.example/blob?X-Amz-Signature=SECRET", "https://cdn.example/blob"),
        ("https://cdn.example/blob#SECRET", "https://cdn.example/blob"),
        ("https://me:SECRET@ghcr.io/v2/", "https://ghcr.io/v2/"),
        ("https://me:SE@CRET@ghcr.io/v2/", "https://ghcr.io/v2/"),
        ("https://SECRET@ghcr.io", "https://ghcr.io"),
        ("https://me:SE/CRET@ghcr.io/v2/", "https://…"),
        ("https://me:SE?CRET@ghcr.io/v2/", "https://…"),
        ("https://me:SE#CRET@ghcr.io/v2/", "https://…"),
        ("https://me:12/SECRET@ghcr.io/v2/", "https://…"),
        ("https://SECRET/x@ghcr.io/v2/", "https://…"),
        ("https://cdn.example/blob?mail=a@SECRET", "https://…"),
        ("https://[bad/SECRET", "https://…"),
        ("https://host:SECRET/", "https://…"),
        ("me:SECRET@host", "something that is no URL"),
        ("/token?SECRET", "/token"),
        ("", ""),
    ],
)
def test_logins_and_queries_are_hidden(url: str, expected: str) -> None:
    assert shown(url) == expected


@given(
    st.text(string.ascii_letters + "/?#@:[]%&=.", max_size=12), st.text(string.ascii_letters + "/?#@:[].", max_size=12)
)
def test_no_password_is_shown_whatever_is_around_it(before: str, after: str) -> None:
    assert "SECRET" not in shown(f"https://me:{before}SECRET{after}@registry.example:5000/v2/")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy:3128", True),
        ("http://me:secret@proxy", True),
        ("http://", False),
        ("http://proxy:99999", False),
        ("http://proxy:0", False),
        ("http://me:se/cret@proxy:1", False),
    ],
)
def test_a_server_has_a_host_and_a_possible_port(url: str, expected: bool) -> None:
    assert is_server(url) is expected


def test_a_login_is_no_part_of_the_host() -> None:
    assert host_of("https://me:x@Ghcr.io:443/v2/") == "Ghcr.io:443"


@pytest.mark.parametrize(
    "url", ["https://ghcr.io", "https://ghcr.io:443/x", "HTTPS://GHCR.IO/", "https://ghcr.io:/", "https://me:x@ghcr.io"]
)
def test_an_origin_can_be_written_in_many_ways(url: str) -> None:
    assert origin_of(url) == origin_of("https://ghcr.io/v2/")


@pytest.mark.parametrize(
    "url", ["http://ghcr.io", "http://ghcr.io:443", "https://ghcr.io:80", "https://ghcr.io.", "/x"]
)
def test_another_scheme_host_or_port_is_another_origin(url: str) -> None:
    assert origin_of(url) != origin_of("https://ghcr.io/v2/")
