"""Options that several verbs share."""

from __future__ import annotations

import pytest

from lkboard.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["build", "x.yml", "--lock", ""], "--lock"),
        (["build", "x.yml", "--locked", "--lock="], "--lock"),
        (["build", "x.yml", "--vendored", ""], "--vendored"),
        (["write", "x.yml", "--to", "card", "--lock", ""], "--lock"),
        (["write", "x.yml", "--to", "card", "--vendored="], "--vendored"),
        (["explain", "x.yml", "--lock", ""], "--lock"),
        (["diff", "x.yml", "y.yml", "--vendored", ""], "--vendored"),
        (["lock", "x.yml", "-o", ""], "-o/--output"),
        (["vendor", "vendored", "x.yml", "--lock", ""], "--lock"),
        (["vendor", "", "x.yml"], "DIR"),
    ],
)
def test_nothing_is_no_file(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = (
        f"lkboard: argument {named}: it is empty, and must name a file or a folder (see: lkboard {arguments[0]} --help)"
    )
    assert capsys.readouterr().err == f"{said}\n"
