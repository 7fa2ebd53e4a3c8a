"""What happens around the programs that make file systems; what they make is looked at in the tests of the formats."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import pytest
from support.plans import map_bytes
from support.roots import build_input, rootfs
from support.writes import cancel, job_that_acts_at

from lkboard.disk.content import concatenate
from lkboard.errors import BuildError, Cancelled, MissingTool
from lkboard.formats.external_tool import installed, pack
from lkboard.formats.format import Tool
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lkboard.formats.format import BuildInput

TOOL = Tool("packer", "packer-tools", "--version", (1, 7))
MIB = 1 << 20
ARCHIVE = concatenate([Content.of(bytes(range(256)) * (12 * MIB // 256))])
VERSION = '[ "$1" = --version ] && { echo "packer 1.8"; exit; }\n'


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a program of the name into the search path."""

    def write(script: str) -> None:
        program = tmp_path / "bin" / TOOL.name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return write


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs())


def left_behind(build: BuildInput) -> list[str]:
    return sorted(path.name for path in build.cache_dir.iterdir())


def test_the_output_is_kept_under_its_digest(install: Callable[[str], None], build: BuildInput) -> None:
    install(f'{VERSION}cat > "$2"')
    made = pack(TOOL, ARCHIVE, ("-o", "{output}"), build)
    assert map_bytes(concatenate([made])) == map_bytes(ARCHIVE)
    (span,) = made.parts
    assert left_behind(build) == [f"{span.digest.removeprefix('sha256:')}.packer"]  # type: ignore[union-attr]


def test_the_program_speaks_english_and_cuts_no_times(
    install: Callable[[str], None], build: BuildInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    install(f'{VERSION}cat > /dev/null; echo "$LC_ALL$SOURCE_DATE_EPOCH" > "$1"')
    assert map_bytes(concatenate([pack(TOOL, ARCHIVE, ("{output}",), build)])) == b"C\n"


def test_the_output_may_be_finished_before_it_is_kept(install: Callable[[str], None], build: BuildInput) -> None:
    def cut(file: BinaryIO) -> None:
        file.truncate(3)

    install(f'{VERSION}cat > /dev/null; echo made > "$1"')
    assert map_bytes(concatenate([pack(TOOL, ARCHIVE, ("{output}",), build, finish=cut)])) == b"mad"


def test_a_missing_program_is_named_with_its_package_and_version(
    build: BuildInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingTool, match="'packer' is not installed") as caught:
        pack(TOOL, ARCHIVE, (), build)
    assert caught.value.hint == "install version 1.7 or newer: apt install packer-tools"


@pytest.mark.parametrize(("printed", "version"), [("packer 1.6.9", "1.6.9"), ("packer (unknown)", "0.0")])
def test_a_program_that_is_too_old(install: Callable[[str], None], printed: str, version: str) -> None:
    install(f"echo '{printed}'")
    with pytest.raises(BuildError, match=f"'packer' is version {version}, which") as caught:
        installed(TOOL)
    assert caught.value.hint == "install packer-tools 1.7 or newer"


@pytest.mark.parametrize("printed", ["packer 1.7", "packer version 1.10.2 (2022/03/17)", "2.0"])
def test_a_program_that_is_new_enough(install: Callable[[str], None], printed: str) -> None:
    install(f"echo '{printed}' >&2; exit 1")
    assert installed(TOOL).path.endswith("/bin/packer")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("cat > /dev/null; echo 'first'; echo 'no room'; echo; exit 1", "the program 'packer' failed: no room"),
        ("cat > /dev/null; exit 3", "the program 'packer' failed: status 3"),
        ("echo 'bad header' >&2; exit 1", "the program 'packer' failed: bad header"),
        ("exec < /dev/null; exit 0", "the program 'packer' failed: status 0"),
    ],
)
def test_a_program_that_fails(install: Callable[[str], None], build: BuildInput, script: str, message: str) -> None:
    install(VERSION + script)
    with pytest.raises(BuildError, match=message):
        pack(TOOL, ARCHIVE, ("{output}",), build)
    assert left_behind(build) == []


@pytest.mark.parametrize("script", ["cat > /dev/null", "cat > /dev/null; exec tail -f /dev/null"])
def test_a_cancelled_build_ends_the_program(install: Callable[[str], None], build: BuildInput, script: str) -> None:
    install(VERSION + script)
    with pytest.raises(Cancelled):
        pack(TOOL, ARCHIVE, ("{output}",), replace(build, job=job_that_acts_at(11, cancel)))
    assert left_behind(build) == []
