"""Run an image in the emulator with its console on the terminal."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lkboard.errors import EmulationError, UsageError
from lkboard.regular_files import check_regular

if TYPE_CHECKING:
    from lkboard.events import Job


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run, and on what.

    ``image`` is a disk image, or the base name of kernel+initrd outputs (which need no board). None and empty leave a
    choice to the board. ``publish`` are ``HOST:GUEST[/tcp|udp]``, ``disks`` as LinuxKit's ``--disk`` (cli.md section
    1.5). ``data`` and ``data_file`` are metadata for the guest (cli.md section 1.6), at most one of them.
    """

    image: str
    board: str = ""
    architecture: str = ""
    memory_mib: int | None = None
    cpus: int | None = None
    publish: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    data: str | None = None
    data_file: str | None = None
    accelerator: Literal["auto", "kvm", "tcg"] = "auto"


def run_image(options: RunOptions, job: Job) -> None:
    """Run until the guest stops or the user ends it. The image is never changed, files given as disks are.

    Raises `BoardError`, `EmulationError`, `UsageError` and `Cancelled`.
    """
    from lkboard.board.catalogue import find_board
    from lkboard.emulate.disks import make_disks, parse_disk
    from lkboard.emulate.guest import run_on_terminal
    from lkboard.emulate.machine import command
    from lkboard.emulate.medium import find_medium
    from lkboard.emulate.prepare import Wish, prepare
    from lkboard.emulate.publish import parse_publish

    _check_number("--mem", options.memory_mib, "the memory in MiB, such as 1024")
    _check_number("--cpus", options.cpus, "how many processors the machine has, such as 2")
    data = _data(options)
    disks = tuple(parse_disk(disk) for disk in options.disks)
    forwards = tuple(parse_publish(rule) for rule in options.publish)
    board = find_board(options.board) if options.board else None
    medium = find_medium(options.image)
    with tempfile.TemporaryDirectory(prefix="lkboard-") as name:
        folder = Path(name)
        wish = Wish(
            board=board,
            architecture=options.architecture,
            memory_mib=options.memory_mib or 0,
            cpus=options.cpus or 0,
            accelerator=options.accelerator,
            forwards=forwards,
            drives=make_disks(disks, folder),
            metadata_iso="" if data is None else _write_metadata(data, folder),
            is_interactive=True,
        )
        machine = prepare(medium, wish, folder, job)
        job.note("the machine starts; Ctrl-A, then X ends it, Ctrl-C goes to the guest")
        status = run_on_terminal(command(machine), job)
    if status:
        raise EmulationError(f"QEMU ended with status {status}", where=options.image)


def _check_number(option: str, number: int | None, meaning: str) -> None:
    if number is not None and number < 1:
        raise UsageError(f"{option} {number}: it must be a number above 0", hint=f"write {meaning}")


def _data(options: RunOptions) -> bytes | None:
    if options.data is not None and options.data_file is not None:
        raise UsageError("--data and --data-file cannot be used together", hint="leave one of them out")
    if options.data_file is not None:
        check_regular(Path(options.data_file))
        return Path(options.data_file).read_bytes()
    return None if options.data is None else options.data.encode()


def _write_metadata(data: bytes, folder: Path) -> str:
    from lkboard.emulate.metadata import metadata_iso

    path = folder / "data.iso"
    path.write_bytes(metadata_iso(data))
    return str(path)
