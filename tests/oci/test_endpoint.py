"""Which URLs are asked for an image."""

from __future__ import annotations

import pytest

from lkboard.model.reference import parse_reference
from lkboard.oci.endpoint import endpoints_of, is_loopback
from lkboard.oci.settings import RegistrySettings, parse_mirrors


def secure(_: str) -> str:
    return "https"


@pytest.mark.parametrize(
    ("mirrors", "name", "urls"),
    [
        ([], "busybox", ["https://registry-1.docker.io/v2/library/busybox/manifests/latest"]),
        ([], "index.docker.io/library/x", ["https://registry-1.docker.io/v2/library/x/manifests/latest"]),
        ([], "ghcr.io/a/b/c:v1", ["https://ghcr.io/v2/a/b/c/manifests/v1"]),
        ([], "localhost:5000/x", ["https://localhost:5000/v2/x/manifests/latest"]),
        (
            ["http://m:1"],
            "busybox",
            [
                "http://m:1/v2/library/busybox/manifests/latest?ns=docker.io",
                "https://registry-1.docker.io/v2/library/busybox/manifests/latest",
            ],
        ),
        (
            ["https://m/cache/hub/"],
            "ghcr.io/a/b:v1",
            ["https://m/v2/cache/hub/a/b/manifests/v1?ns=ghcr.io", "https://ghcr.io/v2/a/b/manifests/v1"],
        ),
        (["docker.io=http://m"], "ghcr.io/a/b:v1", ["https://ghcr.io/v2/a/b/manifests/v1"]),
    ],
)
def test_the_mirror_comes_before_the_registry(mirrors: list[str], name: str, urls: list[str]) -> None:
    reference = parse_reference(name)
    endpoints = endpoints_of(reference.domain, RegistrySettings(mirrors=parse_mirrors(mirrors)), secure)
    assert [endpoint.url(reference.path, f"manifests/{reference.wanted}") for endpoint in endpoints] == urls
    assert [endpoint.has_successor for endpoint in endpoints] == [True] * (len(urls) - 1) + [False]


def test_a_mirror_may_be_the_only_one() -> None:
    settings = RegistrySettings(mirrors=parse_mirrors(["http://m"]), mirror_only=True)
    assert [endpoint.base for endpoint in endpoints_of("docker.io", settings, secure)] == ["http://m"]


def test_mirrors_are_never_written_to() -> None:
    settings = RegistrySettings(mirrors=parse_mirrors(["http://m"]), mirror_only=True)
    assert [endpoint.base for endpoint in endpoints_of("ghcr.io", settings, secure, for_writing=True)] == [
        "https://ghcr.io"
    ]


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
