"""``lkboard test``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_cache_option
from lkboard.cli.render import human_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lkboard.cli.render import Ui
    from lkboard.events import Job
    from lkboard.model.verdict import Stage, Verdict

_MARKS = {"seen": "ok", "not seen": "not seen", "unknown": "cannot be told"}
_NAME_WIDTH = max(map(len, ("user space", "expectation")))
_TIME_WIDTH = max(map(len, _MARKS.values()))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a disk image, or the base name of kernel+initrd outputs")
    parser.add_argument("--board", default="", metavar="B", help="the board to play; needed for a disk image")
    parser.add_argument(
        "--arch", default="", metavar="A", help="architecture of kernel+initrd outputs (default: the kernel's)"
    )
    parser.add_argument(
        "--expect", action="append", default=[], metavar="TEXT", help="pass when the console shows TEXT"
    )
    parser.add_argument(
        "--expect-http",
        action="append",
        default=[],
        metavar="PORT[/PATH]",
        help="pass when a web server on this port of the guest answers",
    )
    parser.add_argument(
        "--timeout", type=float, default=180, metavar="S", help="give up after S seconds (default: %(default)s)"
    )
    parser.add_argument("--via", choices=("u-boot",), help="let this boot loader read the card, instead of the tester")
    parser.add_argument(
        "--accel", choices=("auto", "kvm", "tcg"), default="auto", help="default: what is found to work"
    )
    parser.add_argument("--console", default="", metavar="FILE", help="write everything the console shows to FILE")
    add_cache_option(parser)


def run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    """Boot the image, print the verdict, return 0 if it passed and 1 if not."""
    from lkboard.app.boot_test import TestOptions, boot_test

    options = TestOptions(
        image=args.image,
        board=args.board,
        architecture=args.arch,
        expect=tuple(args.expect),
        expect_http=tuple(args.expect_http),
        timeout=args.timeout,
        via_u_boot=args.via == "u-boot",
        accelerator=args.accel,
        console=args.console,
        cache=args.cache,
    )
    verdict = boot_test(options, job)
    ui.result("\n".join(_lines(verdict)), **asdict(verdict))
    return 0 if verdict.passed else 1


def _lines(verdict: Verdict) -> Iterator[str]:
    subject = f"{verdict.image} on {verdict.board}" if verdict.board else verdict.image
    played = f" (QEMU {verdict.machine}, {verdict.accelerator})" if verdict.machine else ""
    yield f"{'PASSED' if verdict.passed else 'FAILED'} {subject} after {human_time(verdict.seconds)}{played}"
    yield from (f"  {_stage_line(stage)}" for stage in verdict.stages)
    yield f"  reason: {verdict.reason}"
    if verdict.hint:
        yield f"  hint: {verdict.hint}"
    if verdict.console and not verdict.passed:
        yield "  last lines of the console:"
        yield from (f"    | {line}" for line in verdict.console)
    if verdict.not_covered:
        yield "  not covered by the emulation:"
        yield from (f"    - {item}" for item in verdict.not_covered)
    yield f"  sha256: {verdict.image_sha256}"


def _stage_line(stage: Stage) -> str:
    mark = human_time(stage.seconds) if stage.seconds is not None else _MARKS[stage.state]
    return f"{stage.name:<{_NAME_WIDTH}}  {mark:<{_TIME_WIDTH}}  {stage.evidence}".rstrip()


COMMAND = Command(
    name="test",
    group="run and test",
    summary="boot an image in QEMU and judge how far it comes",
    example="lkboard test sshd-x86-efi.img --board x86-efi --expect-http 80",
    add_arguments=_add_arguments,
    run=run,
)
