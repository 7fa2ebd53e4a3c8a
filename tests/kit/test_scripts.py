"""The shell scripts of the kit's containers are sound."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.tools import need

KIT = Path(__file__).parents[2] / "resources/kit"
SCRIPTS = sorted(
    path
    for name in ("dhcp", "sshd", "web")
    for path in (KIT / name).rglob("*")
    if path.is_file() and path.read_bytes().startswith(b"#!")
)


def name(path: Path) -> str:
    return str(path.relative_to(KIT))


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    need("shellcheck")
    # dash is the dialect next to busybox's ash
    result = subprocess.run(["shellcheck", "-s", "dash", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_busybox_can_parse_it(script: Path) -> None:
    need("busybox")
    result = subprocess.run(["busybox", "sh", "-n", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_there_are_scripts_in_every_container() -> None:
    assert {name(script).split("/")[0] for script in SCRIPTS} == {"dhcp", "sshd", "web"}
