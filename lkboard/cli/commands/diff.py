"""``lkboard diff``: what two systems do not have in common."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_system_options, system_options
from lkboard.cli.streams import read_input

if TYPE_CHECKING:
    import argparse

    from lkboard.cli.render import Ui
    from lkboard.events import Job


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, what in (("before", "a config, a tar or an initrd"), ("after", "another one")):
        parser.add_argument(name, metavar=name.upper(), help=what)
    parser.add_argument(
        "--exit-code", action="store_true", help="end with status 1 if the two are not the same, as git diff does"
    )
    parser.add_argument("--all-files", action="store_true", help="list every file, not only the first of each part")
    add_system_options(parser)


def _run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.diff import diff
    from lkboard.cli.differences import difference_text

    stdin = read_input(job) if "-" in {args.before, args.after} else None
    found = diff(args.before, args.after, system_options(args), job, stdin=stdin)
    ui.result(difference_text(found, all_files=args.all_files), equal=found.is_equal, **asdict(found))
    return 1 if args.exit_code and not found.is_equal else 0


COMMAND = Command(
    name="diff",
    group="build",
    summary="compare two configs, or what was built of them: rights, services, files and sizes",
    example="lkboard diff old.yml new.yml",
    add_arguments=_add_arguments,
    run=_run,
)
