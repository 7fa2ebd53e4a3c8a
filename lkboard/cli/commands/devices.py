"""``lkboard devices``: what is plugged in, and whether it may be written."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.model.units import human_size

if TYPE_CHECKING:
    import argparse

    from lkboard.app.devices import ListedDevice
    from lkboard.cli.render import Ui
    from lkboard.events import Job

_VERDICTS = {"allowed": "can be written", "needs_override": "only with", "refused": "refused"}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="also partitions, virtual devices, and readers without a medium"
    )


def _run(args: argparse.Namespace, ui: Ui, _job: Job) -> int:
    from lkboard.app.devices import list_devices

    listed = list_devices(include_all=args.all)
    for item in listed:
        ui.result(_text(item), **asdict(item.device), **asdict(item.assessment))
    if not listed:
        ui.say("no devices; plug in a card or a stick" + ("" if args.all else ", or see: lkboard devices --all"))
    return 0


def _text(item: ListedDevice) -> str:
    device, assessment = item.device, item.assessment
    verdict = " ".join(filter(None, (_VERDICTS[assessment.verdict], assessment.override)))
    title = "" if device.title == device.path else device.title
    size = human_size(device.size_bytes) if device.size_bytes else "empty"
    facts = "  ".join(filter(None, (device.path, size, title, device.transport, device.id and f"id {device.id}")))
    lines = [f"{facts}  [{verdict}]"]
    lines += [f"    {reason}" for reason in assessment.reasons]
    for volume in device.contents:
        texts = (volume.path, human_size(volume.size_bytes), volume.filesystem, volume.label)
        lines.append("    " + "  ".join(filter(None, texts)))
    return "\n".join(lines)


COMMAND = Command(
    name="devices",
    group="write",
    summary="list cards, sticks and disks, and say which may be written",
    example="lkboard devices",
    add_arguments=_add_arguments,
    run=_run,
)
