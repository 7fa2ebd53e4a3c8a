"""``lkboard lock``: write down by digest what a build uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_registry_options, add_target_options, lock_options
from lkboard.cli.streams import read_input

if TYPE_CHECKING:
    import argparse

    from lkboard.cli.render import Ui
    from lkboard.events import Job


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="config, as of a build: a path, a URL, or - for standard input"
    )
    add_target_options(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="the lock (default: lkboard.lock beside the config)")
    add_registry_options(parser)


def _run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.lock import make_lock

    stdin = read_input(job) if "-" in args.files else None
    result = make_lock(lock_options(args, args.output), job, stdin=stdin)
    for change in result.changes:
        ui.say(f"locked {change}")
    used = result.used
    sections = {"images": used.images, "packages": used.packages, "files": used.files, "tools": used.tools}
    counts = {name: len(items) for name, items in sections.items()}
    text = ", ".join(f"{count} {name if count > 1 else name[:-1]}" for name, count in counts.items() if count)
    ui.result(f"{used.place}  {text}", path=used.place, changes=list(result.changes), **counts)
    return 0


COMMAND = Command(
    name="lock",
    group="build",
    summary="write down what a build uses by digest, for: build --locked",
    example="lkboard lock --board rpi3 --board x86-efi sshd.yml",
    add_arguments=_add_arguments,
    run=_run,
)
