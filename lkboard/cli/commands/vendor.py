"""``lkboard vendor``: a folder with everything that a build reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_registry_options, add_target_options, lock_options
from lkboard.cli.streams import read_input
from lkboard.model.units import human_size

if TYPE_CHECKING:
    import argparse

    from lkboard.cli.render import Ui
    from lkboard.events import Job


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="the folder: a new one, or one that was made by this command")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="config, as of a build: a path, a URL, or - for standard input"
    )
    add_target_options(parser)
    parser.add_argument("--lock", metavar="FILE", help="the lock to keep to (default: lkboard.lock beside the config)")
    add_registry_options(parser)


def _run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.vendor import vendor

    stdin = read_input(job) if "-" in args.files else None
    result = vendor(args.directory, lock_options(args, args.lock), job, stdin=stdin)
    ui.result(
        f"{result.path}  {result.blobs} blobs, {human_size(result.size_bytes)}",
        path=result.path,
        blobs=result.blobs,
        size_bytes=result.size_bytes,
    )
    return 0


COMMAND = Command(
    name="vendor",
    group="build",
    summary="put everything that a build reads into a folder, for: build --vendored DIR",
    example="lkboard vendor vendored --board rpi3 sshd.yml",
    add_arguments=_add_arguments,
    run=_run,
)
