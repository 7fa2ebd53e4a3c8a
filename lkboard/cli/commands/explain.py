"""``lkboard explain``: why something is in a system, and what it costs."""

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
    parser.add_argument("config", metavar="CONFIG", help="a path, a URL, or - for standard input")
    parser.add_argument(
        "more",
        nargs="*",
        metavar="CONFIG|PATH",
        help="more configs (.yml, URLs), then paths or patterns in the system; without one: what the system is made of",
    )
    parser.add_argument(
        "--path", action="append", default=[], metavar="PATH", help="a path that looks like a config: /etc/x.yml"
    )
    add_system_options(parser)


def _run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app import explain as use_case
    from lkboard.cli import explanations as texts

    files, paths = use_case.split_arguments([args.config, *args.more])
    paths += tuple(args.path)
    options = system_options(args, *files)
    stdin = read_input(job) if "-" in files else None
    if not paths:
        made_of = use_case.makeup(options, job, stdin=stdin)
        ui.result(texts.makeup_table(made_of), **asdict(made_of))
        return 0
    answer = use_case.explain(options, paths, job, stdin=stdin, every_cost=ui.is_json)
    if len(answer.found) > len(paths) and not ui.is_json:
        ui.result(texts.explanations_table(answer.found))
    else:
        for index, one in enumerate(answer.found):
            ui.result("\n" * bool(index) + texts.explanation_text(one), **asdict(one))
    for error in answer.missing:
        ui.error(error)
    return 1 if answer.missing else 0


COMMAND = Command(
    name="explain",
    group="build",
    summary="say why something is in a system and what it costs, or what the system is made of",
    example="lkboard explain sshd.yml /usr/sbin/sshd",
    add_arguments=_add_arguments,
    run=_run,
)
