"""Which URLs are asked for an image, and who has the say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lkboard.errors import RegistryError
from lkboard.model.reference import parse_reference
from lkboard.oci.servers.policy import Policy
from lkboard.oci.servers.settings import RegistrySettings, parse_mirrors

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.oci.servers.endpoint import Endpoint, Trust


SOME_DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


def scheme(_: str, trust: Trust) -> str:
    return "http" if trust.is_insecure else "https"


def policy(etc: Path, mirrors: list[str] | None = None, **settings: Any) -> Policy:
    made = RegistrySettings(system_folder=str(etc), mirrors=parse_mirrors(mirrors or []), **settings)
    return Policy(made, scheme, lambda _: None)


def bases(endpoints: tuple[Endpoint, ...]) -> list[str]:
    return [f"{one.base}{one.root}/{one.repository}" for one in endpoints]


def ask(etc: Path, name: str, mirrors: list[str] | None = None, **settings: Any) -> list[str]:
    """Return the repositories that are asked, in order."""
    return bases(policy(etc, mirrors, **settings).endpoints(parse_reference(name)))


def registries_conf(etc: Path, text: str) -> None:
    (etc / "containers").mkdir(exist_ok=True)
    (etc / "containers" / "registries.conf").write_text(text)


def hosts_toml(etc: Path, host: str, text: str) -> None:
    folder = etc / "containerd" / "certs.d" / host
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(text)


@pytest.mark.parametrize(
    ("mirrors", "name", "urls"),
    [
        ([], "busybox", ["https://registry-1.docker.io/v2/library/busybox"]),
        ([], "index.docker.io/library/x", ["https://registry-1.docker.io/v2/library/x"]),
        ([], "ghcr.io/a/b/c:v1", ["https://ghcr.io/v2/a/b/c"]),
        ([], "localhost:5000/x", ["https://localhost:5000/v2/x"]),
        (
            ["http://m:1"],
            "busybox",
            ["http://m:1/v2/library/busybox", "https://registry-1.docker.io/v2/library/busybox"],
        ),
        (["https://m/cache/hub/"], "ghcr.io/a/b:v1", ["https://m/v2/cache/hub/a/b", "https://ghcr.io/v2/a/b"]),
        (["docker.io=http://m"], "ghcr.io/a/b:v1", ["https://ghcr.io/v2/a/b"]),
    ],
)
def test_the_mirror_comes_before_the_registry(etc: Path, mirrors: list[str], name: str, urls: list[str]) -> None:
    assert ask(etc, name, mirrors) == urls


def test_a_mirror_may_be_the_only_one(etc: Path) -> None:
    assert ask(etc, "x", ["http://m"], mirror_only=True) == ["http://m/v2/library/x"]


def test_without_a_mirror_the_registry_is_asked_all_the_same(etc: Path) -> None:
    assert ask(etc, "ghcr.io/x", ["docker.io=http://m"], mirror_only=True) == ["https://ghcr.io/v2/x"]


@pytest.mark.parametrize("name", ["ghcr.io/x", "docker.io/library/x"])
def test_mirrors_are_never_written_to(etc: Path, name: str) -> None:
    origin = policy(etc, ["http://m"], mirror_only=True).origin(parse_reference(name))
    assert bases((origin,)) == ask(etc, name)


def test_a_mirror_is_told_whose_image_it_is(etc: Path) -> None:
    mirror, origin = policy(etc, ["http://m"]).endpoints(parse_reference("index.docker.io/library/x"))
    assert mirror.url("tags/list") == "http://m/v2/library/x/tags/list?ns=docker.io"
    assert origin.url("tags/list") == "https://registry-1.docker.io/v2/library/x/tags/list"


@pytest.mark.parametrize(
    ("name", "urls"),
    [
        ("ghcr.io/a/b", ["https://m1/v2/x/b", "http://m2:5000/v2/b", "https://moved/v2/all/b"]),
        ("ghcr.io/ab", ["https://ghcr.io/v2/ab"]),
        ("ghcr.io/a/deep/c", ["https://deep/v2/c"]),
        ("quay.io/a", ["https://quay.io/v2/a"]),
        ("one.two.example.com/a/b", ["https://stand-in/v2/cache/a/b", "https://one.two.example.com/v2/a/b"]),
        ("x.example.com:5000/a", ["https://stand-in/v2/cache/a", "https://x.example.com:5000/v2/a"]),
        ("example.com/a", ["https://example.com/v2/a"]),
        ("busybox", ["https://hub-mirror/v2/library/busybox", "https://registry-1.docker.io/v2/library/busybox"]),
    ],
)
def test_registries_conf_says_where_images_are(etc: Path, name: str, urls: list[str]) -> None:
    registries_conf(
        etc,
        """
        [[registry]]
        prefix = "ghcr.io/a"
        location = "moved/all"
        [[registry.mirror]]
        location = "m1/x"
        [[registry.mirror]]
        location = "m2:5000/"
        insecure = true
        [[registry]]
        prefix = "ghcr.io/a/deep"
        location = "deep"
        [[registry]]
        prefix = "*.example.com"
        mirror = [{location = "stand-in/cache"}]
        [[registry]]
        location = "docker.io"
        mirror = [{location = "hub-mirror"}]
        """,
    )
    assert ask(etc, name) == urls


@pytest.mark.parametrize(
    ("use", "name", "expected"),
    [
        ("all", "ghcr.io/x:v1", (True, True)),
        ("digest-only", "ghcr.io/x:v1", (False, True)),
        ("digest-only", f"ghcr.io/x@{SOME_DIGEST}", (False, True)),
        ("tag-only", "ghcr.io/x:v1", (True, True)),
        ("tag-only", f"ghcr.io/x@{SOME_DIGEST}", (True, False)),
    ],
)
def test_a_mirror_may_be_for_tags_or_digests_only(etc: Path, use: str, name: str, expected: tuple[bool, bool]) -> None:
    registries_conf(
        etc, f'[[registry]]\nlocation = "ghcr.io"\n[[registry.mirror]]\nlocation = "m"\npull-from-mirror = "{use}"'
    )
    mirror, origin = policy(etc).endpoints(parse_reference(name))
    assert (mirror.resolves, mirror.pulls) == expected
    assert (origin.resolves, origin.pulls) == (True, True)


def test_all_mirrors_may_be_for_digests_only(etc: Path) -> None:
    registries_conf(
        etc, '[[registry]]\nlocation = "ghcr.io"\nmirror-by-digest-only = true\nmirror = [{location = "m"}]'
    )
    mirror, _ = policy(etc).endpoints(parse_reference("ghcr.io/x"))
    assert (mirror.resolves, mirror.pulls) == (False, True)


def test_a_blocked_image_is_refused_with_the_file(etc: Path) -> None:
    registries_conf(etc, '[[registry]]\nlocation = "docker.io/evil"\nblocked = true')
    with pytest.raises(RegistryError) as caught:
        ask(etc, "evil/x", ["http://m"])
    assert "docker.io/evil/x: images below 'docker.io/evil' are blocked by" in str(caught.value)
    assert str(etc / "containers" / "registries.conf") in str(caught.value)
    with pytest.raises(RegistryError, match="are blocked"):
        policy(etc).origin(parse_reference("evil/x"))


def test_an_option_replaces_the_mirrors_and_not_the_place(etc: Path) -> None:
    registries_conf(
        etc, '[[registry]]\nprefix = "ghcr.io"\nlocation = "moved"\ninsecure = true\nmirror = [{location = "m"}]'
    )
    assert ask(etc, "ghcr.io/x", ["https://option"]) == ["https://option/v2/x", "http://moved/v2/x"]


def test_what_is_written_goes_where_the_name_says(etc: Path) -> None:
    registries_conf(etc, '[[registry]]\nprefix = "ghcr.io"\nlocation = "moved"\ninsecure = true')
    assert bases((policy(etc).origin(parse_reference("ghcr.io/x")),)) == ["http://ghcr.io/v2/x"]


HOSTS = """
server = "https://real.example"
ca = "real.crt"
[host."https://m1/api"]
capabilities = ["pull", "resolve"]
ca = ["/abs.crt", "rel.crt"]
client = [["me.cert", "me.key"]]
[host."http://m2/all/v2"]
capabilities = ["pull"]
skip_verify = true
[host."https://m3/odd"]
override_path = true
[host."https://m3/odd".header]
x-key = ["a", "b"]
"""


def test_hosts_toml_names_servers_in_its_order(etc: Path) -> None:
    hosts_toml(etc, "ghcr.io", HOSTS)
    assert ask(etc, "ghcr.io/x") == [
        "https://m1/api/v2/x",
        "http://m2/all/v2/x",
        "https://m3/odd/x",
        "https://real.example/v2/x",
    ]


def test_hosts_toml_says_what_a_server_is_for_and_how_to_reach_it(etc: Path) -> None:
    hosts_toml(etc, "ghcr.io", HOSTS)
    folder = etc / "containerd" / "certs.d" / "ghcr.io"
    m1, m2, m3, server = policy(etc).endpoints(parse_reference("ghcr.io/x"))
    assert m1.trust.ca_files == ("/abs.crt", str(folder / "rel.crt"))
    assert m1.trust.client == ((str(folder / "me.cert"), str(folder / "me.key")),)
    assert (m2.resolves, m2.pulls, m2.trust.is_insecure) == (False, True, True)
    assert m3.headers == (("x-key", "a, b"),)
    assert server.trust.ca_files == (str(folder / "real.crt"),)
    assert {one.namespace for one in (m1, m2, m3, server)} == {"ghcr.io"}
    assert {one.source for one in (m1, m2, m3, server)} == {str(folder / "hosts.toml")}


@pytest.mark.parametrize("folder", ["localhost_5000_", "localhost:5000", "_default"])
def test_hosts_toml_is_found_by_host_and_port(etc: Path, folder: str) -> None:
    hosts_toml(etc, folder, '[host."https://m"]')
    assert ask(etc, "localhost:5000/x") == ["https://m/v2/x", "https://localhost:5000/v2/x"]


def test_the_folder_of_a_host_comes_before_the_default(etc: Path) -> None:
    hosts_toml(etc, "_default", '[host."https://all"]')
    hosts_toml(etc, "ghcr.io", '[host."https://m"]')
    assert ask(etc, "ghcr.io/x")[0] == "https://m/v2/x"


@pytest.mark.parametrize("server", ["https://registry-1.docker.io", "https://docker.io"])
def test_the_registry_itself_is_no_stand_in(etc: Path, server: str) -> None:
    hosts_toml(etc, "docker.io", f'server = "{server}"')
    (origin,) = policy(etc).endpoints(parse_reference("x"))
    assert (origin.base, origin.namespace) == ("https://registry-1.docker.io", "")


def test_a_file_of_the_user_comes_before_that_of_the_system(etc: Path, home: Path) -> None:
    hosts_toml(etc, "ghcr.io", '[host."https://system"]')
    hosts_toml(home / ".config", "ghcr.io", '[host."https://user"]')
    assert ask(etc, "ghcr.io/x")[0] == "https://user/v2/x"


def test_registries_conf_comes_before_hosts_toml(etc: Path) -> None:
    registries_conf(etc, '[[registry]]\nlocation = "ghcr.io"\nmirror = [{location = "first"}]')
    hosts_toml(etc, "ghcr.io", '[host."https://second"]')
    hosts_toml(etc, "quay.io", '[host."https://second"]')
    assert ask(etc, "ghcr.io/x") == ["https://first/v2/x", "https://ghcr.io/v2/x"]
    assert ask(etc, "quay.io/x") == ["https://second/v2/x", "https://quay.io/v2/x"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server = 5", "'server' must be a text"),
        ('server = "ftp://x"', "'server' must be a URL with http:// or https://"),
        ('server = "https://["', "'server' must be a URL with http:// or https://"),
        ('server = "https://x:99999"', "'server' must be a URL with http:// or https://"),
        ('server = "https://me:hunter2@x"', "without a login"),
        ('[host."https://m"]\ncapabilities = ["dance"]', """'host."https://m".capabilities' cannot be 'dance'"""),
        ('host = ["https://m"]', "'host' must be a table"),
        ('[host]\nx = "https://m"', r"'host' must be written as \[host.NAME\]"),
        ("client = [5]", "'client' must be a file, a list of files"),
        ('client = [["a", "b", "c"]]', "'client' must be a file"),
        ("ca = 5", "'ca' must be a text or a list of texts"),
        ('header = "x"', "'header' must be a table"),
        ('[header]\nx = "a\\nb"', r"'header\.x' has characters"),
        ("[[[", r"it is not TOML: .*line 1"),
    ],
)
def test_a_broken_hosts_toml_is_an_error_with_file_and_field(etc: Path, text: str, said: str) -> None:
    hosts_toml(etc, "ghcr.io", text)
    with pytest.raises(RegistryError, match=said) as caught:
        ask(etc, "ghcr.io/x")
    assert (caught.value.where or "").endswith("certs.d/ghcr.io/hosts.toml")
    assert "hunter2" not in str(caught.value)
