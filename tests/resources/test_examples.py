"""The sample configs are valid, are what their comments say, and build."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.kit import kit_store

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.config.parse import parse_config
from lkboard.events import Job

if TYPE_CHECKING:
    from lkboard.model.config import Config

EXAMPLES = sorted((Path(__file__).parents[2] / "resources/examples").glob("*.yml"))
KIT = {f"docker.io/lkboard/{name}:kit" for name in ("kernel", "init", "runc", "dhcp", "sshd", "web")}


def _config(path: Path) -> Config:
    config, problems = parse_config(path.read_text(), path.name)
    assert problems == ()
    assert config is not None
    return config


def test_all_of_them_are_there() -> None:
    assert [path.stem for path in EXAMPLES] == ["demo", "minimal", "sshd", "web"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_images_are_those_of_the_starter_kit(path: Path) -> None:
    config = _config(path)
    images = [*config.init, *(container.image for _section, _index, container in config.containers)]
    assert config.kernel.image
    assert {str(image.reference) for image in (config.kernel.image, *images)} <= KIT


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_console_is_left_to_the_board(path: Path) -> None:
    assert "console=" not in _config(path).kernel.cmdline.replace("lkb.console=", "")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_says_first_what_it_is(path: Path) -> None:
    assert path.read_text().startswith("# ")


def test_the_demo_has_ssh_and_a_web_service() -> None:
    path = next(path for path in EXAMPLES if path.stem == "demo")
    assert [service.name for service in _config(path).services] == ["sshd", "web"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the kit that a build may add to."""
    copy = tmp_path_factory.mktemp("kit") / "store"
    shutil.copytree(kit_store(), copy)
    return copy


@pytest.mark.kit
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_builds(store: Path, tmp_path: Path, path: Path) -> None:
    options = BuildOptions(
        files=(str(path),),
        formats=("kernel+initrd",),
        architecture="arm64",
        directory=str(tmp_path),
        cache=str(store),
    )
    artifacts = build(options, Job())
    assert [Path(artifact.path).name for artifact in artifacts] == [
        f"{path.stem}{suffix}" for suffix in ("-kernel", "-initrd.img", "-cmdline")
    ]
