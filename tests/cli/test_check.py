"""``lkboard check`` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

GOOD = "kernel: {image: 'k:1', cmdline: console=ttyS0}\nservices: [{name: a, image: 'redis:7'}]\n"
BAD = "trust: {}\nservices:\n  - {name: a, image: redis, uid: b}\n  - {name: a, image: 'redis:7', env: [5]}\n"


def lkboard(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lkboard", "check", *arguments]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(cwd)}
    return subprocess.run(
        command, cwd=cwd, input=stdin, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_good_config_is_status_0_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    done = lkboard("a.yml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the config is valid: 1 container; no problems\n"


def test_a_bad_config_is_status_1_and_a_line_for_every_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(BAD)
    done = lkboard("a.yml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    twin = "it is at a.yml:3:12 already; give one of them another name"
    assert done.stdout.splitlines() == [
        "a.yml:1:1: warning: trust: has no effect (content trust no longer exists; pin images by digest instead)",
        "a.yml:3:22: hint: services.0.image: 'redis' changes without notice (give a tag with a version, or a digest)",
        "a.yml:3:34: services.0.uid: no container is named 'b' (write a number; the image's passwd is not read)",
        f"a.yml:4:12: services.1.name: duplicate service name 'a' ({twin})",
        'a.yml:4:39: services.1.env.0: expected text, got the number 5 (put it in quotes: "5")',
        "3 errors, 1 warning, 1 hint",
    ]


def test_warnings_alone_are_status_0(tmp_path: Path) -> None:
    done = lkboard("-", cwd=tmp_path, stdin="trust: {}")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "the config is valid: no containers; 1 warning"


def test_json_gives_an_object_for_every_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(BAD)
    done = lkboard("--json", "a.yml", cwd=tmp_path)
    assert done.returncode == 1
    *problems, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert problems[0] == {
        "event": "problem",
        "file": "a.yml",
        "line": 1,
        "column": 1,
        "path": "trust",
        "message": "has no effect",
        "hint": "content trust no longer exists; pin images by digest instead",
        "code": "config.retired",
        "severity": "warning",
    }
    assert [problem["code"] for problem in problems[1:]] == [
        "config.rule.unpinned-image",
        "config.rule.unknown-id",
        "config.rule.duplicate-service",
        "config.type",
    ]
    assert summary == {"event": "result", "errors": 3, "warnings": 1, "hints": 1}


def test_a_board_is_checked_as_well(tmp_path: Path) -> None:
    done = lkboard("-", "--board", "rpi3", cwd=tmp_path, stdin=GOOD)
    assert done.returncode == 0
    assert "the board rpi3 has no console ttyS0" in done.stdout


def test_an_unknown_board_is_an_error_of_its_own(tmp_path: Path) -> None:
    done = lkboard("-", "--board", "rpi33", cwd=tmp_path, stdin=GOOD)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lkboard: there is no board 'rpi33'")


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    done = lkboard("no.yml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "no.yml: cannot be read: No such file or directory (give the path of a config file)",
        "1 error",
    ]


def test_hostile_nesting_does_not_end_the_process(tmp_path: Path) -> None:
    done = lkboard("-", cwd=tmp_path, stdin="[" * 1_000_000)
    assert done.returncode == 1
    assert "nested more than 100 deep" in done.stdout
