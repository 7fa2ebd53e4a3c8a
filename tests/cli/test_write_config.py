"""``lkboard write CONFIG``: build and write in one go."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.cards import files_of
from support.loops import attached, filled_file, run
from support.maps import MIB, NOISE
from support.processes import ENVIRONMENT, lkboard
from support.toy import CONFIG, toy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["toy"]


def test_a_config_to_a_file(toy: Path) -> None:
    done = lkboard("write", toy / "x.yml", "--board", toy / "toy", "--to", toy / "out.img")
    assert done.returncode == 0, done.stderr
    assert sorted(files_of(toy / "out.img").split()) == ["::/initrd.img", "::/kernel"]
    assert list((toy / "cache/.lkboard/write").iterdir()) == []


def test_it_is_the_image_that_build_makes(toy: Path) -> None:
    assert lkboard("build", toy / "x.yml", "--board", toy / "toy", "-o", toy / "built.img").returncode == 0
    assert lkboard("write", toy / "x.yml", "--board", toy / "toy", "--to", toy / "out.img").returncode == 0
    assert (toy / "out.img").read_bytes() == (toy / "built.img").read_bytes()


def test_a_config_from_standard_input(toy: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lkboard", "write", "-", "--board", toy / "toy", "--to", toy / "out.img"],
        input=CONFIG, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "::/kernel" in files_of(toy / "out.img")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("x.yml", "the config"),
        ("lkboard.lock", "the lock"),
        ("toy/board.yml", "a file of the board 'toy'"),
        ("source.txt", "a source of 'files'"),
    ],
)
def test_what_it_is_built_of_is_not_replaced(toy: Path, name: str, what: str) -> None:
    (toy / "source.txt").write_text("mine\n")
    with (toy / "x.yml").open("a") as config:
        config.write(f"files: [{{path: etc/x, source: {toy}/source.txt}}]\n")
    assert lkboard("lock", toy / "x.yml", "--board", toy / "toy").returncode == 0
    before = (toy / name).read_bytes()
    done = lkboard("write", toy / "x.yml", "--locked", "--board", toy / "toy", "--to", toy / name, "--force")
    assert (done.returncode, f"{toy / name}: the target is {what} itself" in done.stderr) == (2, True), done.stderr
    assert (toy / name).read_bytes() == before


@pytest.mark.device
def test_a_config_to_a_device(toy: Path) -> None:
    card = filled_file(toy / "card", 64 * MIB)
    with attached(card) as path:
        done = lkboard(
            "write", toy / "x.yml", "--board", toy / "toy", "--to", path, "--allow-loop", "--yes-erase", path
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        run("mcopy", "-i", f"{path}@@1M", "::/kernel", str(toy / "back"))
    assert (toy / "back").read_bytes() == NOISE


@pytest.mark.device
@pytest.mark.parametrize(
    ("config", "message"),
    [("kernel: [\n", "x.yml:"), ("kernel:\n  image: lab/kernel:v1\n  command: x\n", "command"), (None, "x.yml")],
)
def test_a_config_that_cannot_be_built_leaves_the_device_alone(toy: Path, config: str | None, message: str) -> None:
    (toy / "x.yml").unlink()
    if config is not None:
        (toy / "x.yml").write_text(config)
    card = filled_file(toy / "card", 64 * MIB)
    with attached(card) as path:
        done = lkboard(
            "write", toy / "x.yml", "--board", toy / "toy", "--to", path, "--allow-loop", "--yes-erase", path
        )  # fmt: skip
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert card.read_bytes() == b"\xa5" * (64 * MIB)


@pytest.mark.device
def test_a_device_that_must_not_be_written_is_refused_before_the_build(toy: Path) -> None:
    with attached(filled_file(toy / "card", 64 * MIB), "--read-only") as path:
        done = lkboard("write", toy / "x.yml", "--board", toy / "toy", "--to", path, "--allow-loop")
    assert done.returncode == 3
    assert "Resolve images" not in done.stderr
