"""Every verb that talks to a registry honours the same options: a real one with TLS and an authority of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.authority import Authority
from support.commands import run_command
from support.faults import FaultProxy
from support.home import empty_home
from support.images import multi_arch
from support.registry import running_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from support.registry import Registry

pytestmark = pytest.mark.registry

READING = {
    "doctor": ("registry", "doctor", "{image}", "--arch", "amd64"),
    "cache pull": ("cache", "pull", "{image}", "--arch", "amd64"),
    "lock": ("lock", "x.yml", "--arch", "amd64"),
    "vendor": ("vendor", "vendored", "x.yml", "--arch", "amd64"),
    "build": ("build", "x.yml", "--arch", "amd64", "-o", "x.tar"),
    "explain": ("explain", "x.yml", "--arch", "amd64"),
}
WRITING = {"kit push": ("kit", "push", "{host}/team", "--cache", "{kit}")}
ALL = READING | WRITING


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("secure"), authority=authority) as running:
        running.push(multi_arch("options"), "options/x:v1")
        yield running


@pytest.fixture
def run(
    tmp_path: Path,
    starter_kit: str,
    secure: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    empty_home(tmp_path / "home", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LKBOARD_CACHE", str(tmp_path / "cache"))
    return Run(tmp_path, starter_kit, secure.host, capsys)


class Run:
    """Runs verbs in a folder with a config that names the image of a registry."""

    def __init__(self, folder: Path, kit: str, host: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._kit = kit
        self._host = host
        self._capsys = capsys

    def __call__(self, verb: str, *options: object, host: str = "") -> CompletedProcess[str]:
        host = host or self._host
        image = f"{host}/options/x:v1"
        (self.folder / "x.yml").write_text(f'init: ["{image}"]\n')
        words = [word.format(image=image, host=host, kit=self._kit) for word in ALL[verb]]
        return run_command(self._capsys, *words, *options)


@pytest.mark.parametrize("verb", ALL)
def test_an_authority_that_nobody_knows_is_refused_with_what_to_do(verb: str, run: Run) -> None:
    done = run(verb)
    assert done.returncode == 1
    assert "its certificate is not trusted" in done.stdout + done.stderr
    assert "--cert-file FILE" in done.stdout + done.stderr
    assert "--insecure-registry" in done.stdout + done.stderr


@pytest.mark.parametrize("how", ["--cert-file", "two --cert-file", "SSL_CERT_FILE", "--insecure-registry"])
@pytest.mark.parametrize("verb", ALL)
def test_every_verb_can_be_told_whom_to_trust(
    verb: str, how: str, run: Run, secure: Registry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: tuple[object, ...] = ()
    match how:
        case "--cert-file":
            options = ("--cert-file", authority.ca_file)
        case "two --cert-file":
            (run.folder / "other").mkdir()
            options = ("--cert-file", authority.ca_file, "--cert-file", Authority(run.folder / "other").ca_file)
        case "--insecure-registry":
            options = ("--insecure-registry", secure.host)
        case _:
            monkeypatch.setenv(how, str(authority.ca_file))
    done = run(verb, *options)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("verb", ALL)
def test_an_authority_that_cannot_be_read_is_named(verb: str, run: Run) -> None:
    (run.folder / "no.pem").write_text("none\n")
    done = run(verb, "--cert-file", "no.pem")
    assert done.returncode == 1
    assert "the certificates cannot be read: not a PEM file" in done.stdout + done.stderr


@pytest.fixture
def mirror(registry: Registry, authority: Authority) -> Iterator[FaultProxy]:
    """A mirror with TLS that has the image."""
    registry.push(multi_arch("options"), "options/x:v1")
    with FaultProxy(registry.host, authority.server_certificate()) as running:
        yield running


@pytest.mark.parametrize("verb", READING)
def test_verbs_that_read_ask_mirrors_with_the_same_trust(
    verb: str, run: Run, mirror: FaultProxy, authority: Authority
) -> None:
    """The registry itself cannot be found."""
    mirrors = ("--mirror", f"nowhere.test={mirror.url}", "--mirror-only")
    refused = run(verb, *mirrors, host="nowhere.test")
    assert refused.returncode == 1
    assert "its certificate is not trusted" in refused.stdout + refused.stderr
    done = run(verb, *mirrors, "--cert-file", authority.ca_file, host="nowhere.test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert mirror.seen("/blobs/")


@pytest.mark.parametrize("verb", READING)
def test_the_mirrors_of_the_environment_count_as_well(
    verb: str, run: Run, mirror: FaultProxy, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINUXKIT_MIRROR", f"nowhere.test={mirror.url}")
    done = run(verb, "--mirror-only", "--cert-file", authority.ca_file, host="nowhere.test")
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_pushed_to_a_mirror(
    run: Run, mirror: FaultProxy, secure: Registry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINUXKIT_MIRROR", mirror.url)
    done = run("kit push", "--cert-file", authority.ca_file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert mirror.requests == []
    assert f"pushed {secure.host}/team/kernel:kit" in done.stdout


@pytest.mark.parametrize("verb", ALL)
def test_no_verb_asks_anybody_offline(
    verb: str, run: Run, mirror: FaultProxy, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LKBOARD_OFFLINE", "1")
    monkeypatch.setenv("LINUXKIT_MIRROR", mirror.url)
    done = run(verb, "--cert-file", authority.ca_file)
    assert done.returncode in {1, 2}
    assert "network" in done.stderr
    assert mirror.requests == []
