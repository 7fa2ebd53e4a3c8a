"""Standard input and output that are not there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.images import file, image, layer, write_layout
from support.processes import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

NAME = "docker.io/lab/x:v1"


def lkboard_with(redirection: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with a redirection of a shell."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "lkboard", *arguments],
        env={**ENVIRONMENT, "LKBOARD_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "command", [("build", "-", "--dry-run"), ("check", "-"), ("cache", "import", "-")], ids=lambda words: words[0]
)
def test_a_closed_input_is_a_usage_error(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = lkboard_with("<&-", tmp_path, *command)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "lkboard: standard input is closed (redirect it, or name a file in the place of -)"
    )


@pytest.mark.parametrize(
    "command", [("build", "{config}", "--format", "tar", "-o", "-"), ("cache", "export", NAME, "-o", "-")]
)
def test_a_closed_output_takes_no_artifact(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "x.yml").write_text("init: ['lab/x:v1']\n")
    write_layout(tmp_path / "cache", {NAME: image(layer(file("a")))})
    done = lkboard_with(">&-", tmp_path, *(word.format(config=tmp_path / "x.yml") for word in command))
    assert (done.returncode, done.stderr) == (
        2,
        "lkboard: standard output is closed (redirect it, or name a file: -o FILE)\n",
    )
