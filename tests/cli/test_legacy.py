"""Old spellings are understood, with a note; everything else passes untouched."""

from __future__ import annotations

import pytest

from lkboard.cli.legacy import rewrite


@pytest.mark.parametrize(
    ("given", "today"),
    [
        (["build", "-output", "tar", "x.yml"], ["build", "--format", "tar", "x.yml"]),
        (["build", "-format=tar", "x.yml"], ["build", "--format=tar", "x.yml"]),
        (["build", "-name", "n", "-dir", "d"], ["build", "--name", "n", "--dir", "d"]),
        (["build", "-disable-content-trust", "x.yml"], ["build", "x.yml"]),
        (["run", "-mem", "512"], ["run", "--mem", "512"]),
    ],
)
def test_single_dash_options_become_todays(given: list[str], today: list[str]) -> None:
    arguments, notes = rewrite(given)
    assert arguments == today
    assert notes
    assert all(note.startswith("-") for note in notes)


@pytest.mark.parametrize(
    "given",
    [
        ["build", "--format", "tar", "-o", "x", "-f", "tar", "-q", "-v", "-"],
        ["build", "--", "-output"],
        ["build", "-formats", "x"],
    ],
)
def test_other_arguments_are_left_alone(given: list[str]) -> None:
    assert rewrite(given) == (given, [])
