"""``lkboard lock``, and builds that keep to it, in processes of their own."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.images import file, image, index, layer
from support.lab import IMAGES
from support.processes import ENVIRONMENT, lkboard

if TYPE_CHECKING:
    from pathlib import Path

    from support.lab import Lab

pytestmark = pytest.mark.registry


@pytest.fixture
def own(lab: Lab) -> Path:
    """A config with one service of its own."""
    lab.registry.push(index([image(layer(file("bin/x")))]), "cli-lock/x:1")
    return lab.write(f'services:\n  - {{name: x, image: "{lab.registry.host}/cli-lock/x:1"}}\n', "own.yml")


def test_the_lock_is_beside_the_config_and_its_changes_are_told(lab: Lab) -> None:
    done = lkboard("lock", lab.config(), "--arch", "amd64")
    assert (done.returncode, done.stdout) == (0, f"{lab.folder}/lkboard.lock  3 images\n")
    told = [line for line in done.stderr.splitlines() if line.startswith("locked ")]
    assert told == [
        f"locked {lab.registry.host}/lab/{name}:v1 {IMAGES[name].digest}" for name in ("init", "kernel", "web")
    ]
    again = lkboard("lock", lab.config(), "--arch", "amd64")
    assert "locked " not in again.stderr


def test_a_script_reads_what_was_locked(own: Path, lab: Lab) -> None:
    done = lkboard("lock", own, "--arch", "amd64", "--json", "-o", lab.folder / "other.lock")
    result = json.loads(done.stdout.splitlines()[-1])
    expected = {"path": f"{lab.folder}/other.lock", "images": 1, "packages": 0, "files": 0, "tools": 0}
    assert {name: result[name] for name in expected} == expected
    assert len(result["changes"]) == 1


def test_what_the_error_says_mends_it(own: Path, lab: Lab) -> None:
    output = lab.out / "x.tar"
    for reason in ("the lock cannot be read", "the lock has no image"):
        refused = lkboard("build", own, "--arch", "amd64", "--locked", "-o", output)
        assert refused.returncode == 1
        assert reason in refused.stderr
        hint = re.search(r"(lkboard lock .*)$", refused.stderr.strip().strip(")"))
        assert hint
        lkboard(*shlex.split(hint[1])[1:])
        assert lkboard("build", own, "--arch", "amd64", "--locked", "-o", output).returncode == 0
        own.write_text(own.read_text() + f'  - {{name: y, image: "{lab.registry.host}/lab/web:v1"}}\n')


def test_a_config_from_standard_input_has_its_lock_in_the_current_folder(lab: Lab) -> None:
    for verb in (["lock"], ["build", "--locked", "-o", "x.tar"]):
        done = subprocess.run(
            [sys.executable, "-m", "lkboard", *verb, "--arch", "amd64", "-"],
            input=lab.config().read_bytes(),
            cwd=lab.out,
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert lab.made() == ["lkboard.lock", "x.tar"]
