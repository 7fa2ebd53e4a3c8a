"""``lkboard registry``: what is the matter with a registry."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_way_options, registry_options

if TYPE_CHECKING:
    import argparse

    from lkboard.cli.render import Ui
    from lkboard.events import Job
    from lkboard.model.finding import Finding

_MARKS = {"good": "ok", "warning": "note", "bad": "FAILED"}


def _add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF", help="an image as a config names it: ghcr.io/team/web:v1")
    parser.add_argument(
        "--arch", metavar="ARCH", default="", help="look for this architecture (default: this machine's)"
    )
    add_way_options(parser)


def _doctor(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.registry_doctor import NEEDED, examine

    is_pullable = False
    for number, finding in enumerate(examine(args.reference, args.arch, registry_options(args), job), 1):
        ui.result(_text(number, finding), number=number, **asdict(finding))
        is_pullable = is_pullable or (finding.step == NEEDED and finding.state != "bad")
    ui.result("a pull works" if is_pullable else "a pull does not work", pull=is_pullable)
    return 0 if is_pullable else 1


def _text(number: int, finding: Finding) -> str:
    first = f"{number}. {finding.step}: {_MARKS[finding.state]} ({finding.seconds * 1000:.0f} ms): {finding.text}"
    hint = [f"     hint: {finding.hint}"] if finding.hint else []
    return "\n".join([first, *(f"     {detail}" for detail in finding.details), *hint])


COMMAND = Command(
    name="registry",
    group="boards and images",
    summary="find out what is the matter with a registry",
    children=(
        Command(
            name="doctor",
            group="boards and images",
            summary="go through the steps of a pull, and say where it fails and why",
            example="lkboard registry doctor ghcr.io/team/web:v1",
            add_arguments=_add_doctor_arguments,
            run=_doctor,
        ),
    ),
)
