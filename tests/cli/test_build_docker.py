"""``build --docker``: images that only a container engine of this machine has."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
from support.engines import Engine, running_engine
from support.lab import IMAGES
from support.processes import lkboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.lab import Lab

pytestmark = pytest.mark.registry


@pytest.fixture
def engine(lab: Lab) -> Iterator[Engine]:
    with running_engine(lab.folder) as running:
        yield running


def build(lab: Lab, engine: Engine, *options: str) -> tuple[int, str]:
    """Build from a host that does not exist, without a network, which a socket of this machine is none of.

    Return the status and what was said.
    """
    done = lkboard(
        *("build", lab.config(host="docker.io"), "--arch", "amd64", "--offline", "-o", lab.out / "x.tar", *options),
        DOCKER_HOST=engine.address,
    )
    return done.returncode, done.stderr


def test_a_system_is_built_of_images_of_the_engine(lab: Lab, engine: Engine) -> None:
    for name, one in IMAGES.items():
        engine.add(f"docker.io/lab/{name}:v1", one)
    status, said = build(lab, engine, "--docker")
    assert status == 0, said
    with tarfile.open(lab.out / "x.tar") as archive:
        assert any(name.endswith("/bin/web") for name in archive.getnames())


def test_without_it_the_engine_is_not_asked(lab: Lab, engine: Engine) -> None:
    for name, one in IMAGES.items():
        engine.add(f"docker.io/lab/{name}:v1", one)
    assert build(lab, engine)[0] == 1
    assert engine.requests == []


def test_an_image_that_the_engine_does_not_have_is_looked_for_elsewhere(lab: Lab, engine: Engine) -> None:
    engine.add("docker.io/lab/init:v1", IMAGES["init"])
    status, said = build(lab, engine, "--docker")
    assert status == 1
    assert "docker.io/lab/kernel:v1" in said
