"""Mirrors and insecure hosts as the command line and LINUXKIT_MIRROR name them."""

from __future__ import annotations

import pytest

from lkboard.errors import UsageError
from lkboard.oci.servers.settings import RegistrySettings, parse_mirrors


@pytest.mark.parametrize(
    ("options", "environment", "registry", "expected"),
    [
        ([], "", "docker.io", None),
        (["http://m:5000"], "", "docker.io", "http://m:5000"),
        (["http://m:5000"], "", "ghcr.io", "http://m:5000"),
        (["http://m:5000"], "", "localhost:5000", "http://m:5000"),
        (["https://m/cache/"], "", "ghcr.io", "https://m/cache"),
        (["docker.io=http://m"], "", "docker.io", "http://m"),
        (["docker.io=http://m"], "", "index.docker.io", "http://m"),
        (["registry-1.docker.io=http://m"], "", "docker.io", "http://m"),
        (["docker.io=http://m"], "", "ghcr.io", None),
        (["docker.io=http://m", "http://all"], "", "docker.io", "http://m"),
        (["http://all", "docker.io=http://m"], "", "ghcr.io", "http://all"),
        (["http://a", "http://b"], "", "ghcr.io", "http://b"),
        (["http://m/?a=b"], "", "ghcr.io", "http://m/?a=b"),
        ([], "http://env", "ghcr.io", "http://env"),
        ([], "ghcr.io=http://a,http://b docker.io=http://c", "ghcr.io", "http://a"),
        ([], "ghcr.io=http://a,http://b docker.io=http://c", "quay.io", "http://b"),
        ([], "ghcr.io=http://a,http://b docker.io=http://c", "docker.io", "http://c"),
        (["http://flag"], "http://env", "ghcr.io", "http://flag"),
        (["http://flag"], "ghcr.io=http://env", "ghcr.io", "http://env"),
    ],
)
def test_a_registry_has_the_mirror_that_was_given(
    options: list[str], environment: str, registry: str, expected: str | None
) -> None:
    settings = RegistrySettings(mirrors=parse_mirrors(options, environment))
    assert settings.mirror_of(registry) == expected


@pytest.mark.parametrize(
    "item", ["m:5000", "docker.io=m", "ftp://m", "docker.io=", "http://", "http://m:99999", "http://[m", ""]
)
def test_a_mirror_without_http_is_refused_with_its_text(item: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_mirrors([item])
    assert f"mirror '{item}' must start with http:// or https://" in str(caught.value)


@pytest.mark.parametrize(
    "item",
    [
        "https://me:hunter2@mirror.example/x",
        "https://me:hun/ter2@mirror.example/x",
        "https://me:hun#ter2@mirror.example",
        "https://me:hun?ter2@mirror.example",
        "ghcr.io=https://me:hunter2@mirror.example",
        "me:hunter2@mirror.example",
        "ftp://me:hunter2@mirror.example",
    ],
)
def test_a_login_in_a_mirror_is_refused_and_not_repeated(item: str) -> None:
    with pytest.raises(UsageError, match="a mirror is given with a login") as caught:
        parse_mirrors([item])
    assert "ter2" not in str(caught.value)
    assert "docker login" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("insecure", "host", "expected"),
    [
        ((), "a:5000", False),
        (("a:5000",), "a:5000", True),
        (("a",), "a:5000", True),
        (("a:5000",), "a:5001", False),
        (("a",), "b.a", False),
        (("::1",), "[::1]:5000", True),
    ],
)
def test_an_insecure_host_is_named_with_or_without_port(insecure: tuple[str, ...], host: str, expected: bool) -> None:
    assert RegistrySettings(insecure=insecure).is_insecure(host) is expected
