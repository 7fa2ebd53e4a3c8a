"""Errors: what a user reads, and the exit status of each."""

from __future__ import annotations

import pytest

from lkboard import errors
from lkboard.errors import BuildError, ConfigError, LkboardError, Place, Problem


@pytest.mark.parametrize(
    ("place", "text"),
    [(Place("a.yml"), "a.yml"), (Place("a.yml", 3), "a.yml:3"), (Place("a.yml", 3, 7), "a.yml:3:7")],
)
def test_a_place_shows_what_it_knows(place: Place, text: str) -> None:
    assert str(place) == text


def test_a_problem_is_one_line_with_place_path_and_hint() -> None:
    problem = Problem(Place("a.yml", 13, 11), "files.0.mode", "expected text, got int 0600", 'write "0600"')
    assert str(problem) == 'a.yml:13:11: files.0.mode: expected text, got int 0600 (write "0600")'


def test_a_problem_of_the_whole_document_has_no_path() -> None:
    assert str(Problem(Place("a.yml"), "", "the file is empty")) == "a.yml: the file is empty"


def test_a_config_error_lists_every_problem() -> None:
    error = ConfigError([Problem(Place("a", 1, 1), "x", "one"), Problem(Place("a", 2, 1), "y", "two")])
    assert str(error).splitlines() == ["a:1:1: x: one", "a:2:1: y: two"]
    assert error.message == "the config has 2 errors"


def test_an_error_is_one_line_with_where_and_hint() -> None:
    assert str(BuildError("it is full", where="/tmp/x", hint="make room")) == "/tmp/x: it is full (make room)"


def test_an_error_is_one_line_whatever_is_in_its_names() -> None:
    assert str(BuildError("no 'a\nb'", where="x\r\ny", hint="look\u2028here")) == "x y: no 'a b' (look here)"


def test_a_line_stays_readable_whatever_it_quotes() -> None:
    long = "x" * 1_000_000
    for line in (str(BuildError(f"no '{long}'", hint="go")), str(Problem(Place("a.yml", 3), "", f"no '{long}'", "go"))):
        assert len(line) < 2100
        assert "no 'xxx" in line
        assert line.endswith("xxx' (go)")


def test_others_that_failed_at_the_same_time_are_further_lines() -> None:
    error = BuildError("no a")
    error.others = (BuildError("no b", hint="make it"),)
    assert str(error).splitlines() == ["no a", "no b (make it)"]


EXIT_STATUSES = {
    "UsageError": 2,
    "SafetyRefused": 3,
    "DeviceError": 4,
    "Vanished": 4,
    "VerifyFailed": 5,
    "PermissionNeeded": 8,
    "InternalError": 70,
}


def subclasses(base: type[LkboardError]) -> list[type[LkboardError]]:
    found = []
    for cls in base.__subclasses__():
        found += [cls, *subclasses(cls)]
    return found


@pytest.mark.parametrize("cls", subclasses(LkboardError), ids=lambda cls: cls.__name__)
def test_every_error_has_its_exit_status(cls: type[LkboardError]) -> None:
    assert cls.exit_status == EXIT_STATUSES.get(cls.__name__, 1)


def test_being_cancelled_is_status_6_and_not_an_error() -> None:
    assert errors.Cancelled.exit_status == 6
    assert not issubclass(errors.Cancelled, LkboardError)


def test_codes_are_unique() -> None:
    # a room may have kinds of its own that it tells apart, and users do not
    codes = [cls.code for cls in subclasses(LkboardError) if cls.__module__ == errors.__name__]
    assert len(set(codes)) == len(codes)
