"""``lkboard check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_certificate_option
from lkboard.cli.streams import read_input

if TYPE_CHECKING:
    import argparse

    from lkboard.app.check import CheckResult
    from lkboard.cli.render import Ui
    from lkboard.events import Job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``check`` takes."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="config: a path, - for standard input, or a URL")
    parser.add_argument("--board", metavar="BOARD", help="check for this board as well: a name or a folder")
    add_certificate_option(parser)


def run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    """Print every problem and a summary; return 1 if one of the problems is an error."""
    from lkboard.app.check import check

    stdin = read_input(job) if "-" in args.files else None
    result = check(args.files, board=args.board, stdin=stdin, job=job, ca_files=args.cert_file)
    for problem in result.problems:
        ui.problem(problem)
    errors = result.count("error")
    ui.result(_summary(result), errors=errors, warnings=result.count("warning"), hints=result.count("hint"))
    return 1 if errors else 0


def _summary(result: CheckResult) -> str:
    counts = [_counted(result.count(severity), severity) for severity in ("error", "warning", "hint")]
    found = ", ".join(text for text in counts if text) or "no problems"
    if result.config is None:
        return found
    containers = _counted(len(result.config.containers), "container") or "no containers"
    return f"the config is valid: {containers}; {found}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""


COMMAND = Command(
    name="check",
    group="build",
    summary="find what is wrong with a config",
    example="lkboard check --board rpi3 sshd.yml",
    add_arguments=add_arguments,
    run=run,
)
