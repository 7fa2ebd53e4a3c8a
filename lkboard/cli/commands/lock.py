"""``lkboard lock``: write down by digest what a build uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_registry_options, registry_options
from lkboard.cli.streams import read_input

if TYPE_CHECKING:
    import argparse

    from lkboard.app.lock import LockOptions
    from lkboard.cli.render import Ui
    from lkboard.events import Job


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="config, as of a build: a path, a URL, or - for standard input"
    )
    add_target_options(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="the lock (default: lkboard.lock beside the config)")
    add_registry_options(parser)


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add what says for which builds a lock is, and what of it is to be made anew."""
    what = parser.add_argument_group("what to lock")
    what.add_argument(
        "--board", action="append", default=[], metavar="ID", help="a board that is built for; may be repeated"
    )
    what.add_argument(
        "-f", "--format", action="append", default=[], metavar="FORMAT", help="an output format, or several: a,b"
    )
    what.add_argument(
        "--arch",
        action="append",
        default=[],
        metavar="ARCH",
        help="an architecture for the formats; may be repeated (default: this machine's)",
    )
    what.add_argument(
        "--update",
        action="append",
        default=[],
        metavar="NAME",
        help="lock this image or Debian package anew, and keep the others; may be repeated (all: --pull)",
    )


def lock_options(args: argparse.Namespace, lock: str) -> LockOptions:
    """Return what the options added here ask for."""
    from lkboard.app.lock import LockOptions

    return LockOptions(
        files=tuple(args.files),
        boards=tuple(args.board),
        architectures=tuple(args.arch),
        formats=tuple(name for value in args.format for name in value.split(",")),
        output=lock,
        update=tuple(args.update),
        cache=args.cache or "",
        registry=registry_options(args),
    )


def _run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.lock import make_lock

    stdin = read_input(job) if "-" in args.files else None
    result = make_lock(lock_options(args, args.output or ""), job, stdin=stdin)
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
