"""Without a network: not a single socket is made, and what is missing is told with what to do about it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from support.damage import spoil
from support.lab import IMAGES
from support.offline import ALARM, lkboard_without_sockets
from support.processes import lkboard
from support.web import Answer, running_web_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from support.lab import Lab

pytestmark = pytest.mark.registry

FLAG: tuple[tuple[str, ...], Mapping[str, str]] = ("--offline",), {}
VARIABLE: tuple[tuple[str, ...], Mapping[str, str]] = (), {"LKBOARD_OFFLINE": "1"}
BOTH_WAYS = pytest.mark.parametrize(("flags", "environment"), [FLAG, VARIABLE], ids=["flag", "variable"])


def arguments(lab: Lab, config: object, arch: str = "amd64") -> tuple[object, ...]:
    return "build", config, "--format", "tar", "--arch", arch, "--dir", lab.out


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return the lines that a failed command says."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("lkboard:")]
    return "\n".join(line.removeprefix("lkboard: ") for line in lines)


def test_the_alarm_works(lab: Lab) -> None:
    """Otherwise none of these tests would prove anything."""
    assert lkboard_without_sockets(*arguments(lab, lab.config())).returncode == ALARM


@BOTH_WAYS
def test_a_build_needs_nothing_but_the_store(lab: Lab, flags: tuple[str, ...], environment: Mapping[str, str]) -> None:
    assert lkboard(*arguments(lab, lab.config())).returncode == 0
    first = (lab.out / "x.tar").read_bytes()
    (lab.out / "x.tar").unlink()
    done = lkboard_without_sockets(*arguments(lab, lab.config()), *flags, **environment)
    assert done.returncode == 0, done.stderr
    assert (lab.out / "x.tar").read_bytes() == first


ASKING = {
    "lock": ("lock", "{config}", "--format", "tar", "-o", "{out}/x.lock"),
    "explain": ("explain", "{config}", "/bin"),
    "diff": ("diff", "{config}", "{config}"),
    "vendor": ("vendor", "{out}/vendored", "{config}", "--format", "tar"),
}
"""Verbs that ask for images of a config as a build does."""


def asking(verb: str, lab: Lab) -> tuple[str, ...]:
    config = lab.config()
    return *(word.format(config=config, out=lab.out) for word in ASKING[verb]), "--arch", "amd64"


@pytest.mark.parametrize("verb", ASKING)
def test_the_alarm_hears_every_verb_that_asks_for_images(lab: Lab, verb: str) -> None:
    assert lkboard_without_sockets(*asking(verb, lab)).returncode == ALARM


@pytest.mark.parametrize("verb", ASKING)
def test_no_verb_needs_more_than_the_store(lab: Lab, verb: str) -> None:
    assert lkboard(*arguments(lab, lab.config())).returncode == 0
    done = lkboard_without_sockets(*asking(verb, lab), LKBOARD_OFFLINE="1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", ASKING)
def test_every_verb_names_a_missing_image(lab: Lab, verb: str) -> None:
    said = told(lkboard_without_sockets(*asking(verb, lab), "--offline"))
    assert f"{lab.registry.host}/lab/" in said
    assert ": the image is not in the store, and lkboard may not use the network (pull it" in said
    assert lab.made() == []


@BOTH_WAYS
def test_all_missing_images_are_named(lab: Lab, flags: tuple[str, ...], environment: Mapping[str, str]) -> None:
    config = lab.config()
    done = lkboard_without_sockets(*arguments(lab, config), *flags, **environment)
    for line, name in zip(told(done).splitlines(), ("kernel", "init", "web"), strict=True):
        image = f"{lab.registry.host}/lab/{name}:v1"
        place, _, said = line.partition(": ")
        assert place.startswith(f"{config}:")
        assert said == (
            f"{image}: the image is not in the store, and lkboard may not use the network"
            f" (pull it while there is one: lkboard cache pull {image})"
        )
    assert lab.made() == []


def test_a_missing_platform_is_named(lab: Lab) -> None:
    assert lkboard(*arguments(lab, lab.config())).returncode == 0
    said = told(lkboard_without_sockets(*arguments(lab, lab.config(), "arm64"), "--offline"))
    assert f"{lab.registry.host}/lab/kernel:v1: its manifest sha256:" in said
    assert "lkboard cache pull" in said


def test_a_missing_layer_is_named(lab: Lab) -> None:
    assert lkboard(*arguments(lab, lab.config())).returncode == 0
    (layer,) = [name for name in IMAGES["web"].blobs if len(IMAGES["web"].blobs[name]) > 1_000_000]
    (lab.cache / "blobs" / layer.replace(":", "/")).unlink()
    said = told(lkboard_without_sockets(*arguments(lab, lab.config()), "--offline"))
    assert said.startswith(f"{lab.registry.host}/lab/web:v1: its blob {layer} is not in the store")


def test_a_damaged_layer_is_named_with_how_to_find_more(lab: Lab) -> None:
    assert lkboard(*arguments(lab, lab.config())).returncode == 0
    (layer,) = [name for name in IMAGES["web"].blobs if len(IMAGES["web"].blobs[name]) > 1_000_000]
    path = lab.cache / "blobs" / layer.replace(":", "/")
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    said = told(lkboard_without_sockets(*arguments(lab, lab.config()), "--offline"))
    assert f"the blob {layer} in the store was damaged, and cannot be fetched again" in said
    assert "lkboard cache pull" in said
    assert "lkboard cache verify" in said


@pytest.mark.parametrize("verb", [("build", "--dry-run"), ("build", "--format", "tar", "-o", "x.tar"), ("check",)])
def test_a_config_is_not_fetched(tmp_path: Path, verb: tuple[str, ...]) -> None:
    name, *more = verb
    with running_web_server(**{"x.yml": Answer(b"init: [lab/x:v1]\n")}) as server:
        url = f"{server.url}/x.yml"
        done = lkboard_without_sockets(name, url, *more, LKBOARD_OFFLINE="1", LKBOARD_CACHE=str(tmp_path))
    assert done.returncode == 1
    assert f"{url}: may not be fetched: lkboard is to work offline" in done.stdout + done.stderr
    assert server.asked == []


@pytest.mark.parametrize("verb", [("build", "--dry-run"), ("build", "-o", "x.tar"), ("explain",)])
def test_with_a_vendored_folder_a_config_is_not_fetched_either(tmp_path: Path, verb: tuple[str, ...]) -> None:
    name, *more = verb
    with running_web_server(**{"x.yml": Answer(b"init: [lab/x:v1]\n")}) as server:
        url = f"{server.url}/x.yml"
        done = lkboard_without_sockets(name, url, *more, "--vendored", tmp_path / "v", LKBOARD_CACHE=str(tmp_path))
    assert done.returncode == 1
    assert f"{url}: may not be fetched: lkboard is to work offline" in done.stderr
    assert server.asked == []


def test_a_kit_is_not_pushed(lab: Lab, tmp_path: Path) -> None:
    done = lkboard_without_sockets("kit", "push", lab.registry.host, LKBOARD_OFFLINE="1")
    assert done.returncode == 1
    assert "the store has no kit" in told(done)


@pytest.mark.parametrize("value", ["", "0"])
def test_the_variable_may_say_no(lab: Lab, value: str) -> None:
    done = lkboard(*arguments(lab, lab.config()), LKBOARD_OFFLINE=value)
    assert done.returncode == 0, done.stderr


@BOTH_WAYS
def test_asking_the_registry_offline_is_a_usage_error(
    lab: Lab, flags: tuple[str, ...], environment: Mapping[str, str]
) -> None:
    done = lkboard_without_sockets(*arguments(lab, lab.config()), "--pull", *flags, **environment)
    assert done.returncode == 2
    assert "--pull asks the registry, which --offline forbids" in done.stderr


@BOTH_WAYS
def test_an_engine_elsewhere_is_a_usage_error(lab: Lab, flags: tuple[str, ...], environment: Mapping[str, str]) -> None:
    command = (*arguments(lab, lab.config()), "--docker", *flags)
    done = lkboard_without_sockets(*command, DOCKER_HOST="tcp://127.0.0.1:9", **environment)
    assert done.returncode == 2, done.stderr
    assert "DOCKER_HOST is 'tcp://127.0.0.1:9', a way through the network, which may not be used" in done.stderr
    assert "unix://PATH" in done.stderr


def test_an_engine_elsewhere_is_asked_with_a_network(lab: Lab) -> None:
    """Otherwise the refusal would prove nothing."""
    command = (*arguments(lab, lab.config()), "--docker")
    assert lkboard_without_sockets(*command, DOCKER_HOST="tcp://127.0.0.1:9").returncode == ALARM


def test_a_write_works_offline(lab: Lab) -> None:
    said = told(
        lkboard_without_sockets("write", lab.config(), "--board", "x86-efi", "--to", lab.out / "x", "--offline")
    )
    assert "the image is not in the store" in said


def test_a_missing_package_of_a_board_is_named(lab: Lab) -> None:
    assert lkboard(*arguments(lab, lab.config())).returncode == 0
    command = ("build", lab.config(), "--board", "x86-efi", "-o", lab.out / "x.img", "--offline")
    said = told(lkboard_without_sockets(*command))
    assert "the Debian package 'systemd-boot-efi' for amd64 is not in the store" in said
    assert said.endswith("(build once with a network)")
    assert lab.made() == ["x.tar"]


def test_a_pull_says_whether_all_is_there(lab: Lab) -> None:
    name = f"{lab.registry.host}/lab/web:v1"
    assert "the image is not in the store" in told(lkboard_without_sockets("cache", "pull", name, "--offline"))
    assert lkboard("cache", "pull", name).returncode == 0
    assert lkboard_without_sockets("cache", "pull", name, "--offline").returncode == 0


def _let_the_large_layer_rot(lab: Lab) -> str:
    """Build once; then the layer goes bad, and its unpacked form is gone."""
    assert lkboard(*arguments(lab, lab.config())).returncode == 0
    shutil.rmtree(lab.cache / ".lkboard" / "layers")
    (digest,) = [name for name in IMAGES["web"].blobs if len(IMAGES["web"].blobs[name]) > 1_000_000]
    spoil(lab.cache / "blobs" / digest.replace(":", "/"))
    return digest


def test_a_layer_that_went_bad_unnoticed_is_named(lab: Lab) -> None:
    digest = _let_the_large_layer_rot(lab)
    said = told(lkboard_without_sockets(*arguments(lab, lab.config()), "--offline"))
    assert digest in said
    assert "lkboard cache verify" in said


def test_with_a_network_a_build_fetches_it_again(lab: Lab) -> None:
    digest = _let_the_large_layer_rot(lab)
    first = (lab.out / "x.tar").read_bytes()
    done = lkboard(*arguments(lab, lab.config()))
    assert done.returncode == 0, done.stderr
    assert f"{digest}: the store's copy of it is damaged" in done.stderr
    assert (lab.out / "x.tar").read_bytes() == first
