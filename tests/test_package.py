"""What is installed: checkout → sdist → wheel → a clean environment, without a network."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lkboard import __version__

CHECKOUT = Path(__file__).parents[1]
PACKAGES = {"lkboard": "lkboard", "gui/lkboard_gui": "lkboard_gui"}
PACKED = {**PACKAGES, "boards": "lkboard/_boards", "resources": "lkboard/_resources"}
"""Where the folders of the checkout are in a wheel."""


def run(*command: object, folder: Path | None = None, **environment: str) -> str:
    """Run a program with nothing of this process's Python settings, and return what it prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=clean | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hatch(kind: str, source: Path, target: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target, folder=source)
    (made,) = target.iterdir()
    return made


def sources(folder: str) -> set[str]:
    """Return the files of a folder of the checkout, without what running it leaves behind."""
    found = (path for path in (CHECKOUT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(CHECKOUT / folder)) for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive."""
    return hatch("sdist", CHECKOUT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the unpacked source archive."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return hatch("wheel", folder / f"lkboard-{__version__}", tmp_path_factory.mktemp("wheel"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment with lkboard in it; its libraries are those of the tests."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    def run(self, program: str, *arguments: object, **environment: str) -> str:
        """Run a program of the environment in an empty folder."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        environment |= {"PYTHONPATH": sysconfig.get_path("purelib"), "HOME": str(elsewhere)}
        return run(self.folder / "bin" / program, *arguments, folder=elsewhere, **environment)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A clean environment into which nothing but the wheel was installed."""
    environment = Environment(tmp_path_factory.mktemp("installed") / "venv")
    run(sys.executable, "-m", "venv", "--without-pip", environment.folder)
    pip = (sys.executable, "-m", "pip", "--python", environment.python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    return environment


class TestSdist:
    def test_it_has_what_the_tests_need(self, sdist: Path) -> None:
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        wanted = {f"{folder}/{name}" for folder in (*PACKED, "tests") for name in sources(folder)}
        assert wanted | {"Makefile", "LICENSE", "README.md", "pyproject.toml", ".ci/run"} <= names

    def test_it_has_nothing_that_a_run_leaves_behind(self, sdist: Path) -> None:
        with tarfile.open(sdist) as archive:
            parts = {part for name in archive.getnames() for part in Path(name).parts}
        assert parts.isdisjoint({"__pycache__", ".venv", ".mypy_cache", ".hypothesis", "demo", "dist", ".git"})


class TestWheel:
    @pytest.mark.parametrize(("folder", "packed"), PACKED.items())
    def test_it_has_the_files_of_a_folder(self, wheel: Path, folder: str, packed: str) -> None:
        with zipfile.ZipFile(wheel) as archive:
            names = {name.removeprefix(f"{packed}/") for name in archive.namelist() if name.startswith(f"{packed}/")}
        expected = sources(folder)
        assert expected
        assert {name for name in names if not name.startswith(("_boards/", "_resources/"))} == expected

    def test_it_has_nothing_else(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            tops = {name.partition("/")[0] for name in archive.namelist()}
        assert tops == {"lkboard", "lkboard_gui", f"lkboard-{__version__}.dist-info"}

    def test_it_needs_what_the_project_says(self, wheel: Path) -> None:
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
        with zipfile.ZipFile(wheel) as archive:
            metadata = message_from_string(archive.read(f"lkboard-{__version__}.dist-info/METADATA").decode())
        needed = metadata.get_all("Requires-Dist", [])
        always = {Requirement(text) for text in needed if "extra ==" not in text}
        assert always == {Requirement(text) for text in project["dependencies"]}
        assert (metadata["Version"], metadata["License-Expression"]) == (__version__, "Apache-2.0")
        assert metadata["Requires-Python"] == project["requires-python"]

    def test_it_brings_both_programs(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(f"lkboard-{__version__}.dist-info/entry_points.txt").decode()
        entry_points = configparser.ConfigParser()
        entry_points.read_string(text)
        assert dict(entry_points["console_scripts"]) == {"lkboard": "lkboard.cli.main:main"}
        assert dict(entry_points["gui_scripts"]) == {"lkboard-gui": "lkboard_gui.__main__:main"}


class TestInstalled:
    def test_it_does_not_run_from_the_checkout(self, installed: Environment) -> None:
        where = installed.run(
            "python", "-c", "import lkboard, lkboard_gui; print(lkboard.__file__, lkboard_gui.__file__)"
        )
        assert all(Path(path).is_relative_to(installed.folder) for path in where.split())

    def test_it_explains_itself(self, installed: Environment) -> None:
        assert "lkboard VERB [OPTION…]" in installed.run("lkboard", "--help")
        assert installed.run("lkboard", "--version") == f"lkboard {__version__}\n"

    def test_it_knows_the_boards(self, installed: Environment) -> None:
        shown = [json.loads(line) for line in installed.run("lkboard", "boards", "--json").splitlines()]
        names = {path.name for path in (CHECKOUT / "boards").iterdir()}
        assert names == {board["id"] for board in shown if board["event"] == "result"}

    @pytest.mark.parametrize("name", sorted(path.name for path in (CHECKOUT / "resources/examples").iterdir()))
    def test_its_examples_are_right(self, installed: Environment, name: str) -> None:
        find = f"from lkboard.resources import resource; print(resource('examples/{name}'))"
        path = installed.run("python", "-c", find).strip()
        assert Path(path).is_relative_to(installed.folder)
        installed.run("lkboard", "check", path)

    def test_it_builds(self, installed: Environment) -> None:
        (installed.folder / "x.yml").write_text('files: [{path: etc/motd, contents: hi, mode: "0644"}]\n')
        installed.run("lkboard", "build", installed.folder / "x.yml", "--no-sbom", "-o", installed.folder / "x.tar")
        with tarfile.open(installed.folder / "x.tar") as archive:
            assert "etc/motd" in archive.getnames()

    def test_its_kit_scripts_are_those_of_the_checkout(self, installed: Environment) -> None:
        listing = (
            "import hashlib; from lkboard.kit.tree import Tree; from lkboard.resources import resource;"
            "tree = Tree(); tree.resources(resource('kit'));"
            "print(hashlib.sha256(repr(tree.entries()).encode()).hexdigest())"
        )
        here = run(sys.executable, "-c", listing, PYTHONPATH=str(CHECKOUT))
        assert installed.run("python", "-c", listing) == here

    def test_its_kit_scripts_are_programs(self, installed: Environment) -> None:
        init = (CHECKOUT / "resources/kit/init").rglob("*")
        scripts = [path for path in init if path.is_file() and path.read_bytes().startswith(b"#!")]
        assert scripts
        listing = (
            "from lkboard.kit.tree import Tree; from lkboard.resources import resource;"
            "tree = Tree(); tree.resources(resource('kit/init'));"
            "print(*[entry.path for entry in tree.entries() if entry.content.size and entry.mode == 0o755], sep='\\n')"
        )
        programs = installed.run("python", "-c", listing).splitlines()
        assert set(programs) == {str(path.relative_to(CHECKOUT / "resources/kit/init")) for path in scripts}
