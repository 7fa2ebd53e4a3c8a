"""``lkboard write``: put an image, or what a config builds, on a card, a stick or into a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_lock_options, add_registry_options, lock_option, registry_options
from lkboard.cli.render import human_time
from lkboard.cli.streams import read_input
from lkboard.errors import SafetyRefused, UsageError
from lkboard.model.units import human_size

if TYPE_CHECKING:
    import argparse

    from lkboard.app.write import WriteOptions
    from lkboard.cli.render import Ui
    from lkboard.events import Job
    from lkboard.model.target import WritePlan, WriteResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="X", help="an image (.img, also .gz, .zst, .xz), or a config (.yml, a URL of one, -)"
    )
    parser.add_argument(
        "--to", action="append", required=True, metavar="TARGET", help="a file, or a device (see: lkboard devices)"
    )
    parser.add_argument("--board", metavar="ID", help="the board to build a config for")
    safety = parser.add_argument_group("safety")
    safety.add_argument(
        "--yes-erase", metavar="ID", help="erase the device with this serial number without asking (for scripts)"
    )
    safety.add_argument("--allow-fixed", action="store_true", help="allow built-in, very large and RAID or LUKS disks")
    safety.add_argument("--allow-loop", action="store_true", help="allow loop devices; their ID is their path")
    safety.add_argument("--force", action="store_true", help="replace an existing file; write an image of unknown kind")
    safety.add_argument("--no-verify", action="store_true", help="do not read back; the result is not called verified")
    add_lock_options(parser)
    add_registry_options(parser)


def _run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app import write as use_case

    options = _options(args)
    stdin = read_input(job) if options.source == "-" else None
    plan = use_case.plan_write(options)
    if plan.device is not None:
        _confirm_device(plan, args.yes_erase, ui, job)
    elif plan.replaces and not args.force:
        _confirm_file(plan, ui, job)
    result = use_case.write(options, plan, job, stdin=stdin)
    _print(result, ui)
    return 0


def _options(args: argparse.Namespace) -> WriteOptions:
    from lkboard.app.write import WriteOptions

    if len(args.to) > 1:
        raise UsageError("one target at a time", hint="repeat the command for each --to")
    return WriteOptions(
        source=args.source,
        target=args.to[0],
        board=args.board or "",
        allow_loop=args.allow_loop,
        allow_fixed=args.allow_fixed,
        force=args.force,
        verify=not args.no_verify,
        cache=args.cache or "",
        registry=registry_options(args),
        lock=lock_option(args),
        vendored=args.vendored or "",
    )


def _confirm_device(plan: WritePlan, yes_erase: str | None, ui: Ui, job: Job) -> None:
    from lkboard.app.write import check_erase_id, confirmations, describe
    from lkboard.cli.prompt import ask

    device = plan.device
    assert device is not None
    answers = confirmations(device)
    if yes_erase is not None or not ui.is_interactive:
        check_erase_id(plan, yes_erase or "")
        return
    question = (*describe(plan), f"To go on, type {' or '.join(answers)}:")
    if ask("\n".join(question), ui, job) not in answers:
        raise SafetyRefused("not confirmed; nothing was changed", where=device.path)


def _confirm_file(plan: WritePlan, ui: Ui, job: Job) -> None:
    from lkboard.app.write import describe
    from lkboard.cli.prompt import ask

    if not ui.is_interactive:
        raise SafetyRefused("the file exists", where=plan.target, hint="to replace it, add: --force")
    if ask("\n".join((*describe(plan), "Replace it? (yes/no)")), ui, job).lower() not in {"y", "yes"}:
        raise SafetyRefused("not confirmed; nothing was changed", where=plan.target)


def _print(result: WriteResult, ui: Ui) -> None:
    amount = human_size(result.bytes_written)
    rate = human_size(result.bytes_written / max(result.seconds, 0.001))
    ui.result(
        f"{result.target}  {result.state}  {amount} in {human_time(result.seconds)} ({rate}/s)",
        target=result.target,
        state=result.state,
        bytes_written=result.bytes_written,
        bytes_verified=result.bytes_verified,
        seconds=round(result.seconds, 3),
    )


COMMAND = Command(
    name="write",
    group="write",
    summary="write an image or a config to a card, a stick or a file, and read it back",
    example="lkboard write --board rpi3 sshd.yml --to /dev/sdX",
    add_arguments=_add_arguments,
    run=_run,
)
