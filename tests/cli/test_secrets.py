"""Nothing that a command prints or writes holds a secret: all kinds of them at once, one for each source."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from support.commands import run_command
from support.faults import FaultProxy, Redirect, Status
from support.home import empty_home
from support.images import multi_arch
from support.pulls import log_in
from support.registry import TokenServer, running_registry
from support.squid import Squid, running_squid
from support.web import Answer, WebServer, running_web_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.registry import Registry

pytestmark = pytest.mark.registry

ADDRESS, QUERY, IDENTITY, HEADER, PROXY, SIGNATURE = (
    f"hunter2-{place}" for place in ("ADDRESS", "QUERY", "IDENTITY", "HEADER", "PROXY", "SIGNATURE")
)
PLAIN = (ADDRESS, QUERY, IDENTITY, HEADER, PROXY, SIGNATURE)
LOGINS = [f"{user}:{secret}" for user in ("alice", "<token>", "<token>:alice") for secret in PLAIN]
SECRETS = (*PLAIN, *(base64.b64encode(login.encode()).decode() for login in LOGINS), "eyJ")


class Place:
    """A folder to work in, and the config's address with all its secrets."""

    def __init__(
        self, folder: Path, web: WebServer, images: tuple[str, ...], header: FaultProxy, storage: FaultProxy
    ) -> None:
        self.folder = folder
        self.web = web
        self.images = images
        self.header = header
        self.storage = storage

    def address(self, name: str = "x.yml") -> str:
        scheme, _, rest = self.web.url.partition("://")
        return f"{scheme}://alice:{ADDRESS}@{rest}/{name}?key={QUERY}"

    def told(self, *texts: str) -> list[str]:
        """Return the secrets that texts hold, or any file that was made."""
        made = [path for path in self.folder.rglob("*") if path.is_file() and self.folder / "home" not in path.parents]
        assert made
        written = [f"{path} {path.read_bytes().decode('latin-1')}" for path in made]
        return [secret for secret in SECRETS if any(secret in text for text in (*texts, *written))]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry whose token server trades identity tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    with TokenServer(folder, {"alice": IDENTITY}) as tokens, running_registry(folder, tokens=tokens) as running:
        running.push(multi_arch("behind a token"), "priv/x:v1")
        yield running


@pytest.fixture(scope="module")
def squid() -> Iterator[Squid]:
    """A proxy that wants a password, and is the only one to know the host lab.test."""
    with running_squid(["lab.test"], {"alice": PROXY}) as running:
        yield running


@pytest.fixture
def place(
    tmp_path: Path, guarded: Registry, registry: Registry, squid: Squid, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """One image behind an identity token, one behind a header and a signed redirect, one behind a proxy's password."""
    home = empty_home(tmp_path / "home", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LKBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    # images without common blobs: each has to be fetched from its own server
    registry.push(multi_arch("behind a header"), "cli-secrets/header:v1")
    registry.push(multi_arch("behind a proxy"), "cli-secrets/proxy:v1")
    with FaultProxy(registry.host) as header, FaultProxy(registry.host) as storage:
        log_in(home, guarded.host, identitytoken=f"alice:{IDENTITY}")
        hosts = home / f".config/containerd/certs.d/{header.host}"
        hosts.mkdir(parents=True)
        (hosts / "hosts.toml").write_text(f'server = "{header.url}"\nheader = {{x-key = "{HEADER}"}}\n')
        header.add(Redirect(f"http://alice:{SIGNATURE}@{storage.host}"), path="/blobs/")
        monkeypatch.setenv("HTTP_PROXY", squid.url(f"alice:{PROXY}"))
        monkeypatch.setenv("HTTPS_PROXY", squid.url(f"alice:{PROXY}"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        images = (
            f"{guarded.host}/priv/x:v1",
            f"{header.host}/cli-secrets/header:v1",
            f"lab.test:{registry.host.rpartition(':')[2]}/cli-secrets/proxy:v1",
        )
        services = [{"name": f"s{number}", "image": name} for number, name in enumerate(images[1:])]
        text = json.dumps({"init": images[:1], "services": services}).encode()
        missing = json.dumps({"init": [f"{name}0" for name in images]}).encode()
        answers = {"x.yml": Answer(text), "missing.yml": Answer(missing)}
        with running_web_server(**answers) as web:
            yield Place(tmp_path, web, images, header, storage)
        assert not any("x-key" in seen.headers for seen in storage.requests)


def run(place: Place, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Run a command that reaches registries; return its status and all that it printed."""
    insecure = place.images[-1].partition("/")[0]
    done = run_command(capsys, *words, "--insecure-registry", insecure)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("how", ["--json", "--verbose"])
def test_no_secret_is_in_what_a_build_prints_and_makes(
    place: Place, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    address = place.address()
    commands = {
        "lock": ("lock", address, "--arch", "amd64"),
        "build": ("build", address, "--arch", "amd64", "--locked", "--sidecars", "-o", "x.tar"),
        "vendor": ("vendor", "vendored", address, "--arch", "amd64"),
    }
    texts = []
    for verb, words in commands.items():
        status, text = run(place, capsys, *words, how)
        assert status == 0, f"{verb}: {text}"
        texts.append(text)
    assert place.told(*texts) == []
    assert {"x.tar", "x.tar.sha256", "lkboard.lock", "vendored", "cache"} <= {
        one.name for one in place.folder.iterdir()
    }
    assert base64.b64encode(f"alice:{ADDRESS}".encode()).decode() in place.web.logins[0]
    assert {seen.headers.get("x-key") for seen in place.header.requests} == {HEADER}


@pytest.mark.parametrize("how", ["--json", "--verbose"])
def test_no_secret_is_in_what_the_doctor_says(place: Place, capsys: pytest.CaptureFixture[str], how: str) -> None:
    texts = []
    for name in place.images:
        status, text = run(place, capsys, "registry", "doctor", name, "--arch", "amd64", how)
        assert status == 0, text
        texts.append(text)
    assert [secret for secret in SECRETS if any(secret in text for text in texts)] == []


@pytest.mark.parametrize("how", ["--json", "--verbose"])
@pytest.mark.parametrize(
    ("config", "fault", "said"),
    [
        ("missing.yml", "", "not found at"),
        ("no.yml", "", "404"),
        ("x.yml", "/manifests/", "answered 418"),
        ("x.yml", "/blobs/", "denies access"),
    ],
    ids=["images", "config", "manifest", "blob"],
)
def test_no_secret_is_in_errors(
    place: Place, capsys: pytest.CaptureFixture[str], config: str, fault: str, said: str, how: str
) -> None:
    if fault:
        server, status = (place.storage, 403) if fault == "/blobs/" else (place.header, 418)
        server.add(Status(status), path=fault)
    status, text = run(place, capsys, "build", place.address(config), "--arch", "amd64", "-o", "x.tar", how)
    assert status == 1
    assert said in text
    assert [secret for secret in SECRETS if secret in text] == []


def test_a_config_that_is_elsewhere_is_asked_for_without_the_login(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_web_server(**{"y.yml": Answer(b"files: []\n")}) as other:
        place.web.answers["/moved.yml"] = Answer(status=302, location=f"{other.url}/y.yml")
        done = run_command(capsys, "check", place.address("moved.yml"))
    assert done.returncode == 0, done.stderr
    assert other.asked == ["/y.yml"]
    assert other.logins == []
    assert [secret for secret in SECRETS if secret in done.stdout + done.stderr] == []
