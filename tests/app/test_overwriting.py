"""A build never replaces or removes what it reads, under whatever name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.boards import BOARD, write_board

from lkboard.app.build_options import BuildOptions
from lkboard.app.overwriting import refuse_sources
from lkboard.app.planning import plan_build
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import UsageError
from lkboard.model.config import Config, FileEntry

if TYPE_CHECKING:
    from lkboard.app.build_plan import BuildPlan


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that commands are given in, with a file under some more names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("there/real")
    os.link(tmp_path / "there" / "real", tmp_path / "hard")
    return tmp_path


def options(*files: str, **fields: object) -> BuildOptions:
    return BuildOptions(files or ("x.yml",), **{"architecture": "amd64", **fields})  # type: ignore[arg-type]


NAMES = ["there/real", "./there/../there/real", "link", "hard"]


@pytest.mark.parametrize("output", NAMES)
@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"files": ("x.yml", "there/real")}, "the config"),
        ({"input_tar": "there/real"}, "--input-tar"),
        ({"lock": "there/real"}, "the lock"),
        ({"registry": RegistryOptions(ca_files=("other.pem", "there/real"))}, "--cert-file"),
    ],
)
def test_an_output_is_nothing_that_the_options_name(output: str, given: dict[str, object], what: str) -> None:
    files = given.get("files", ("x.yml",))
    assert isinstance(files, tuple)
    rest = {name: value for name, value in given.items() if name != "files"}
    with pytest.raises(UsageError, match=f"the output is {what} itself") as caught:
        plan_build(options(*files, output=output, **rest))
    assert caught.value.where == str(Path(output))
    assert caught.value.hint


def test_the_lock_beside_the_config_is_kept_as_well(folder: Path) -> None:
    (folder / "lkboard.lock").touch()
    with pytest.raises(UsageError, match="the output is the lock itself"):
        plan_build(options(output="lkboard.lock", lock=""))


@pytest.mark.parametrize("name", ["lkboard.lock", "index.json", "oci-layout"])
def test_a_vendored_folder_is_kept_as_well(folder: Path, name: str) -> None:
    (folder / "vendored").mkdir()
    (folder / "vendored" / name).touch()
    with pytest.raises(UsageError, match="the output is a file of --vendored itself"):
        plan_build(options(output=f"vendored/{name}", vendored="vendored"))


@pytest.mark.parametrize("name", ["board.yml", "cmdline.txt", "logo.bmp", "stub.efi"])
@pytest.mark.parametrize("role", ["output", "record"])
def test_the_files_of_a_board_are_kept_as_well(folder: Path, name: str, role: str) -> None:
    board = write_board(folder / "toy", f"{BOARD}parts:\n  - {{name: uki-stub, local: stub.efi}}\n")
    (board / "stub.efi").touch()
    given = {"output": "x.img", "architecture": "", "board": "./toy", role: f"toy/./{name}"}
    with pytest.raises(UsageError, match=f"the {role} is a file of the board 'toy' itself"):
        plan_build(options(**given))


def test_other_files_in_the_folder_of_a_board_are_replaced(folder: Path) -> None:
    (write_board(folder / "toy") / "old.img").touch()
    assert plan_build(options(output="toy/old.img", architecture="", board="./toy"))


def test_only_the_target_counts_where_the_output_is_on_the_way_to_it(folder: Path) -> None:
    (folder / "x.yml").touch()
    assert plan_build(options(output="x.yml", target="y.img"))
    with pytest.raises(UsageError, match="the target is the config itself"):
        plan_build(options(output="y.img", target="x.yml"))


def test_an_output_that_is_named_after_the_config_is_not_it(folder: Path) -> None:
    (folder / "x-kernel").touch()
    with pytest.raises(UsageError, match="x-kernel: the output is the config itself"):
        plan_build(options("x-kernel", name="x"))


@pytest.mark.parametrize("kind", ["sha256", "bmap"])
@pytest.mark.parametrize("has_sidecars", [True, False, None])
def test_an_older_sidecar_that_goes_is_no_input(folder: Path, kind: str, has_sidecars: bool | None) -> None:
    (folder / f"x.img.{kind}").write_bytes(b"mine")
    wanted = options(f"x.img.{kind}", output="x.img", formats=("raw-efi",), has_sidecars=has_sidecars)
    with pytest.raises(UsageError, match=f"x.img.{kind}: a sidecar of the output is the config itself"):
        plan_build(wanted)


def test_a_sidecar_of_what_a_link_leads_to_is_no_input(folder: Path) -> None:
    (folder / "there" / "real.bmap").write_bytes(b"mine")
    with pytest.raises(UsageError, match="a sidecar of the output is --input-tar itself"):
        plan_build(options(output="link", input_tar="there/real.bmap"))


def sources(*names: str) -> Config:
    return Config(files=tuple(FileEntry(f"etc/{number}", source=name) for number, name in enumerate(names)))


@pytest.fixture
def plan() -> BuildPlan:
    """A build that makes ``there/real``."""
    return plan_build(options(output="there/real", formats=("tar",)))


@pytest.mark.parametrize("source", NAMES)
def test_an_output_is_no_source(plan: BuildPlan, source: str) -> None:
    with pytest.raises(UsageError, match="there/real: the output is a source of 'files' itself"):
        refuse_sources(plan, sources("other", source))


def test_a_source_in_the_home(folder: Path, monkeypatch: pytest.MonkeyPatch, plan: BuildPlan) -> None:
    monkeypatch.setenv("HOME", str(folder))
    with pytest.raises(UsageError, match="the output is a source of 'files' itself"):
        refuse_sources(plan, sources("~/there/real"))


def test_other_files_are_no_matter(folder: Path, plan: BuildPlan) -> None:
    (folder / "other").write_bytes(b"mine")
    refuse_sources(plan, sources("other", "gone", "n" * 300, ""))


def test_an_address_is_no_file(folder: Path) -> None:
    (folder / "y.tar").touch()
    assert plan_build(options(f"http://h/{'n' * 300}.yml", output="y.tar"))


def test_standard_input_is_no_file(folder: Path) -> None:
    (folder / "-").touch()
    assert plan_build(options("-", output="./-"))


def test_standard_output_replaces_nothing(folder: Path) -> None:
    (folder / "-").write_bytes(b"mine")
    plan = plan_build(options("-", output="-"))
    refuse_sources(plan, sources("-"))
