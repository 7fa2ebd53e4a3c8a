"""The command line's frame: help, usage errors, exit statuses, interruption. All through real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from lkboard import __version__
from lkboard.cli.main import build_parser, commands


def lkboard(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lkboard", *arguments],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        encoding=encoding,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_verb_under_a_known_heading() -> None:
    done = lkboard("--help")
    assert done.returncode == 0
    for command in commands():
        assert f"\n  {command.name} " in done.stdout


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_every_verb_explains_itself(command: object) -> None:
    name = command.name  # type: ignore[attr-defined]
    done = lkboard(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: lkboard {name} ")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_characters_gets_them_escaped(encoding: str) -> None:
    done = lkboard("--help", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: lkboard VERB [OPTION\\u2026]")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_lines_say_the_same_in_every_encoding(encoding: str) -> None:
    name = "höhe \N{SLICE OF PIZZA}.yml"
    problem, _summary = lkboard("check", "--json", name, encoding=encoding).stdout.splitlines()
    assert json.loads(problem)["file"] == name


@pytest.mark.parametrize("options", ["", "--json"])
def test_a_closed_standard_output_is_no_failure(options: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m lkboard version {options} >&-"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lkboard.cli.main import build_parser, commands; build_parser(commands()).format_help();"
        "print([m for m in ('yaml', 'requests', 'zstandard', 'isal', 'deflate', 'pyfatfs', 'ssl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_packages() -> None:
    assert lkboard("--version").stdout == f"lkboard {__version__}\n"
    assert lkboard("version").stdout == f"lkboard {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bild", "x.yml"), "there is no verb 'bild' (did you mean 'build'?)"),
        (("cache", "verfy"), "there is no verb 'verfy' (did you mean 'verify'?)"),
        (("build", "x.yml", "--compress", "zstd"), "--compress: there is no 'zstd' (did you mean 'zst'?)"),
        (("build", "x.yml", "--format", "raw-eif"), "there is no output format 'raw-eif' (did you mean 'raw-efi'?)"),
        (("build", "x.yml", "--board", "rpi33"), "there is no board 'rpi33' (did you mean 'rpi3'?)"),
    ],
)
def test_what_is_misspelt_is_bad_usage_with_a_proposal(arguments: tuple[str, ...], said: str) -> None:
    done = lkboard(*arguments)
    assert (done.returncode, done.stderr) == (2, f"lkboard: {said}\n")


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("version", "--nonsense"), ("check",), ("kit",)])
def test_bad_usage_is_status_2_without_a_traceback(arguments: tuple[str, ...]) -> None:
    done = lkboard(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "lkboard" in done.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("build a.yml --arch amd64 b.yml", {"files": ["a.yml", "b.yml"], "arch": "amd64"}),
        ("build --arch amd64 -- -a.yml b.yml", {"files": ["-a.yml", "b.yml"], "arch": "amd64"}),
        ("build -- -a.yml --arch", {"files": ["-a.yml", "--arch"]}),
        ("explain x.yml --arch amd64 /etc/x", {"config": "x.yml", "more": ["/etc/x"], "arch": "amd64"}),
        ("diff a -q b --exit-code", {"before": "a", "after": "b", "quiet": True, "exit_code": True}),
        ("--json registry doctor -q x", {"reference": "x", "json": True, "quiet": True}),
        ("cache ls -q", {"quiet": True}),
    ],
)
def test_options_may_stand_between_arguments(line: str, expected: dict[str, object]) -> None:
    args = vars(build_parser(commands()).parse_args(line.split()))
    assert {name: args[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("build a.yml --nonsense b.yml", "unrecognized arguments: --nonsense (see: lkboard build --help)"),
        ("diff a b --exit-code c", "unrecognized arguments: c (see: lkboard diff --help)"),
        ("diff a --exit-code", "the following arguments are required: AFTER (see: lkboard diff --help)"),
    ],
)
def test_what_is_too_much_or_missing_is_named(line: str, message: str) -> None:
    done = lkboard(*line.split())
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"lkboard: {message}")


def test_options_are_not_abbreviated() -> None:
    assert lkboard("version", "--js").returncode == 2


def test_shared_options_go_before_or_behind_the_verb() -> None:
    parser = build_parser(commands())
    assert parser.parse_args(["--json", "version"]).json
    assert parser.parse_args(["version", "--json"]).json


def test_json_output_is_one_object() -> None:
    assert lkboard("version", "--json").stdout == f'{{"event": "result", "version": "{__version__}"}}\n'


def test_a_closed_pipe_is_not_a_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lkboard", "version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    text = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert "Traceback" not in text
