"""``lkboard run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.command import Command

if TYPE_CHECKING:
    import argparse

    from lkboard.cli.render import Ui
    from lkboard.events import Job


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a disk image, or the base name of kernel+initrd outputs")
    parser.add_argument("--board", default="", metavar="B", help="the board to play; needed for a disk image")
    parser.add_argument(
        "--arch", default="", metavar="A", help="architecture of kernel+initrd outputs (default: the kernel's)"
    )
    parser.add_argument("--mem", type=int, metavar="MB", help="memory (default: the board's)")
    parser.add_argument("--cpus", type=int, metavar="N", help="processors (default: the board's)")
    parser.add_argument(
        "--publish",
        action="append",
        default=[],
        metavar="HOST:GUEST[/udp]",
        help="make a port of the guest a port of this machine (loopback only); repeatable",
    )
    parser.add_argument(
        "--disk",
        action="append",
        default=[],
        metavar="SIZE|FILE",
        help="add a disk: 512M or 2G for one that is thrown away, FILE, or FILE,size=2G[,format=raw]; repeatable",
    )
    parser.add_argument("--data", metavar="TEXT", help="metadata for the guest (a disk with the file 'config')")
    parser.add_argument("--data-file", metavar="FILE", help="the same from a file")
    parser.add_argument(
        "--accel", choices=("auto", "kvm", "tcg"), default="auto", help="default: what is found to work"
    )


def run(args: argparse.Namespace, _ui: Ui, job: Job) -> int:
    """Run the image with its console on this terminal."""
    from lkboard.app.run import RunOptions, run_image

    options = RunOptions(
        image=args.image,
        board=args.board,
        architecture=args.arch,
        memory_mib=args.mem,
        cpus=args.cpus,
        publish=tuple(args.publish),
        disks=tuple(args.disk),
        data=args.data,
        data_file=args.data_file,
        accelerator=args.accel,
    )
    run_image(options, job)
    return 0


COMMAND = Command(
    name="run",
    group="run and test",
    summary="run an image in QEMU, with its console on this terminal",
    example="lkboard run sshd-x86-efi.img --board x86-efi --publish 8080:80",
    add_arguments=_add_arguments,
    run=run,
)
