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
        (["build", "x.yml", "--board", ""], "--board"),
        (["build", "--dir=", "x.yml"], "--dir"),
        (["build", "x.yml", "-o", ""], "-o/--o"),
        (["build", "x.yml", "-name", ""], "--name"),
        (["build", "x.yml", ""], "FILE"),
        (["build", "--", "x.yml", ""], "FILE"),
        (["build", "x.yml", "-f", "tar", "--format="], "-f/--format"),
        (["run", "x.img", "--data", ""], "--data"),
        (["cache", "export", "x", "-o", ""], "-o/--o/--outfile"),
    ],
)
def test_no_argument_is_empty(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    verb = " ".join(arguments[: 2 if arguments[0] == "cache" else 1])
    said = f"lkboard: argument {named}: it is empty, and must name something (see: lkboard {verb} --help)\n"
    assert capsys.readouterr().err.endswith(said)
