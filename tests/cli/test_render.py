"""How events look: plain lines, bars on a terminal, JSON lines."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lkboard.cli.render import Ui, human_time
from lkboard.errors import BuildError, ConfigError, Place, Problem
from lkboard.events import Note, Progress, Step

if TYPE_CHECKING:
    from lkboard.errors import Severity


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def ui(*, is_json: bool = False, quiet: bool = False, terminal: bool = False) -> Ui:
    stderr = Terminal() if terminal else io.StringIO()
    return Ui(is_json=is_json, quiet=quiet, stdout=io.StringIO(), stderr=stderr)


def output(shown: Ui) -> str:
    assert isinstance(shown.stdout, io.StringIO)
    return shown.stdout.getvalue()


def progress(shown: Ui) -> str:
    assert isinstance(shown.stderr, io.StringIO)
    return shown.stderr.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (9.96, "10.0 s"), (42.4, "42 s"), (185, "3:05 min")])
def test_durations(seconds: float, text: str) -> None:
    assert human_time(seconds) == text


def test_a_step_is_one_line_when_it_ends() -> None:
    shown = ui()
    shown.listen(Step("Pull images", "started"))
    shown.listen(Progress("Pull images", 5, 10))
    shown.listen(Step("Pull images", "done", 1.5))
    assert progress(shown) == "Pull images: 1.5 s\n"


def test_a_terminal_gets_a_bar_that_is_wiped_at_the_end() -> None:
    shown = ui(terminal=True)
    shown.listen(Step("Write", "started"))
    shown.listen(Progress("Write", 1 << 20, 2 << 20))
    assert "50 %  1.0 MiB of 2.0 MiB" in progress(shown)
    shown.listen(Step("Write", "done", 2))
    assert progress(shown).endswith("\r\x1b[2KWrite: 2.0 s\n")


def test_progress_without_a_total_shows_what_is_done() -> None:
    shown = ui(terminal=True)
    shown.listen(Progress("Read", 7, None, "files"))
    assert "Read  7 files" in progress(shown)


def test_warnings_survive_quiet_and_notes_do_not() -> None:
    shown = ui(quiet=True)
    shown.listen(Note("fine"))
    shown.listen(Note("careful", "warning"))
    shown.listen(Step("Write", "done", 1))
    assert progress(shown) == "warning: careful\n"


def test_details_need_verbose() -> None:
    shown = ui()
    shown.listen(Note("detail", "debug"))
    assert progress(shown) == ""
    shown.debug = True
    shown.listen(Note("detail", "debug"))
    assert progress(shown) == "detail\n"


def test_json_lines_carry_every_event_and_the_result_on_standard_output() -> None:
    shown = ui(is_json=True)
    shown.listen(Step("Write", "started"))
    shown.listen(Progress("Write", 1, 2))
    shown.listen(Note("n"))
    shown.result("text for people", path="x")
    lines = [json.loads(line) for line in output(shown).splitlines()]
    assert [line["event"] for line in lines] == ["step", "progress", "note", "result"]
    assert lines[-1]["path"] == "x"
    assert progress(shown) == ""


def test_an_error_is_a_line_for_people_and_an_object_for_programs() -> None:
    shown = ui(is_json=True)
    shown.error(BuildError("no room", where="x.img", hint="make some"))
    assert progress(shown) == "lkboard: x.img: no room (make some)\n"
    assert json.loads(output(shown)) == {
        "event": "error", "code": "build", "message": "no room", "where": "x.img", "hint": "make some",
    }  # fmt: skip


def test_errors_of_the_same_time_are_lines_for_people_and_in_one_object_for_programs() -> None:
    shown, error = ui(is_json=True), BuildError("no a")
    error.others = (BuildError("no b", where="x"),)
    shown.error(error)
    assert progress(shown) == "lkboard: no a\nlkboard: x: no b\n"
    found = json.loads(output(shown))
    assert (found["message"], found["others"]) == (
        "no a",
        [{"code": "build", "message": "no b", "where": "x", "hint": None}],
    )


PROBLEM = Problem(Place("a.yml", 3, 5), "files.0.mode", "wrong", "write x", "config.mode")
PROBLEM_FIELDS = {
    "event": "problem", "file": "a.yml", "line": 3, "column": 5, "path": "files.0.mode", "message": "wrong",
    "hint": "write x", "code": "config.mode", "severity": "error",
}  # fmt: skip


@pytest.mark.parametrize("severity", ["error", "warning", "hint"])
def test_a_problem_is_a_line_for_people_or_an_object_for_programs(severity: Severity) -> None:
    problem = replace(PROBLEM, severity=severity)
    shown = ui()
    shown.problem(problem)
    named = "" if severity == "error" else f"{severity}: "
    assert output(shown) == f"a.yml:3:5: {named}files.0.mode: wrong (write x)\n"
    shown = ui(is_json=True)
    shown.problem(problem)
    assert json.loads(output(shown)) == {**PROBLEM_FIELDS, "severity": severity}


def test_the_errors_of_a_config_are_an_object_each_before_the_one_that_ends_the_run() -> None:
    shown = ui(is_json=True)
    shown.error(ConfigError([PROBLEM, replace(PROBLEM, place=Place("b.yml"))]))
    assert progress(shown).splitlines() == [
        "lkboard: a.yml:3:5: files.0.mode: wrong (write x)",
        "lkboard: b.yml: files.0.mode: wrong (write x)",
    ]
    assert [json.loads(line) for line in output(shown).splitlines()] == [
        PROBLEM_FIELDS,
        {**PROBLEM_FIELDS, "file": "b.yml", "line": 0, "column": 0},
        {"event": "error", "code": "config", "message": "the config has 2 errors", "where": None, "hint": None},
    ]


def test_results_are_the_only_thing_on_standard_output() -> None:
    shown = ui()
    shown.say("working")
    shown.listen(Note("note"))
    shown.result("done")
    assert output(shown) == "done\n"


def test_nobody_can_be_asked_without_an_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    assert ui(terminal=True).is_interactive
    monkeypatch.setattr("sys.stdin", None)
    assert not ui(terminal=True).is_interactive


HOSTILE = "a\x1b[31m\x07b\u202e\udcff\rc"
SHOWN = r"a\x1b[31m\x07b\u202e\udcff\rc"


def test_a_terminal_obeys_no_name_of_an_image_or_file() -> None:
    shown = ui(terminal=True)
    shown.result(f"{HOSTILE}\tü\nnext")
    shown.error(BuildError(HOSTILE, where=HOSTILE))
    shown.listen(Note(HOSTILE, "warning"))
    assert output(shown) == f"{SHOWN}\tü\nnext\n"
    one_line = SHOWN.replace(r"\r", " ")
    assert progress(shown) == f"lkboard: {one_line}: {one_line}\nwarning: {SHOWN}\n"


def test_json_keeps_names_that_are_no_text() -> None:
    shown = ui(is_json=True)
    shown.result("", path=HOSTILE)
    output(shown).encode()
    assert json.loads(output(shown))["path"] == HOSTILE


CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
LINE_BREAKS = (0x85, 0x2028, 0x2029)


@pytest.mark.parametrize("is_json", [True, False])
def test_nothing_that_a_terminal_obeys_comes_through(is_json: bool) -> None:
    hostile = "".join(map(chr, {*CONTROLS, *DIRECTIONS, *LINE_BREAKS} - {ord("\n"), ord("\t")}))
    shown = ui(is_json=is_json)
    shown.result(hostile, path=hostile)
    assert not set(hostile) & set(output(shown))
    assert len(output(shown).splitlines()) == 1


def test_json_keeps_names_that_a_terminal_would_obey() -> None:
    name = "".join(map(chr, (*CONTROLS, *DIRECTIONS, *LINE_BREAKS))) + "ü€😀"
    shown = ui(is_json=True)
    shown.result("", path=name)
    assert json.loads(output(shown))["path"] == name
    assert "ü€😀" in output(shown)
