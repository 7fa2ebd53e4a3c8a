"""``lkboard build``: make the image of a board, or any output format of LinuxKit."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_lock_options, add_registry_options, lock_option, registry_options
from lkboard.cli.streams import Output, check_output, read_input
from lkboard.errors import UsageError
from lkboard.model.artifact import COMPRESSIONS
from lkboard.model.units import human_size

if TYPE_CHECKING:
    from lkboard.app.build_options import BuildOptions
    from lkboard.cli.render import Ui
    from lkboard.events import Job
    from lkboard.model.artifact import Artifact


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="config: a path, a URL, or - for standard input")
    _add_what(parser.add_argument_group("what to build"))
    _add_where(parser.add_argument_group("where to write"))
    add_lock_options(parser)
    add_registry_options(parser)


def _add_what(what: argparse._ArgumentGroup) -> None:
    what.add_argument("--board", metavar="ID", help="the board to build for (see: lkboard boards)")
    what.add_argument(
        "-f",
        "--format",
        action="append",
        default=[],
        metavar="FORMAT",
        help="an output format, or several: a,b (see: lkboard formats)",
    )
    what.add_argument("--arch", metavar="ARCH", help="architecture of the images; this machine's by default")
    what.add_argument("--decompress-kernel", action="store_true", help="unpack a compressed kernel")
    what.add_argument("--uki", action="store_true", help="let UEFI start one unified kernel image, no boot loader")
    what.add_argument(
        "--size",
        metavar="SIZE",
        help="size of disks (default: what the content needs; 1024M for formats of virtual machines)",
    )
    _add_sbom_options(what)
    what.add_argument(
        "--docker",
        action="store_true",
        help="take images that Docker or Podman of this machine has from there (see $DOCKER_HOST; not with --pull)",
    )
    what.add_argument("--dry-run", action="store_true", help="print the merged config and stop")
    what.add_argument(
        "--input-tar",
        metavar="FILE",
        help="accepted for LinuxKit's scripts: parts that have not changed are taken from the cache anyway",
    )


def _add_sbom_options(what: argparse._ArgumentGroup) -> None:
    what.add_argument("--no-sbom", action="store_true", help="put no bill of materials (SPDX) into the system")
    what.add_argument(
        "--sbom-output",
        default="sbom.spdx.json",
        metavar="NAME",
        help="where it is put in the system (default: %(default)s)",
    )
    what.add_argument("--sbom-current-time", action="store_true", help="let it bear the time of the build")


def _add_where(where: argparse._ArgumentGroup) -> None:
    where.add_argument("-o", "--o", dest="output", metavar="FILE", help="the one file to write; - for standard output")
    where.add_argument("--name", metavar="NAME", help="base name of the output files")
    where.add_argument("--dir", metavar="DIR", help="folder of the output files (must exist)")
    where.add_argument(
        "--compress",
        choices=COMPRESSIONS,
        help="compress every output file and add this to its name; with -o, its name may say so as well",
    )
    where.add_argument(
        "--record", metavar="FILE", help="write down what went into the build and came out of it, by digest (JSON)"
    )
    where.add_argument(
        "--sidecars",
        action=argparse.BooleanOptionalAction,
        help="put FILE.sha256 beside every output file, and FILE.bmap (for bmaptool) beside raw disks;"
        " disk images have them unless you say --no-sidecars",
    )


def _run(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app import build as use_case

    options = _options(args)
    stdin = read_input(job) if "-" in options.files else None
    if args.dry_run:
        text = use_case.dry_run(options, job, stdin=stdin)
        ui.result(text.rstrip("\n"), config=text)
        return 0
    if args.input_tar and args.pull:
        raise UsageError("--input-tar keeps what is there, --pull asks for what is new", hint="leave out one of them")
    if args.output == "-":
        check_output(is_json=ui.is_json)
    artifacts = use_case.build(options, job, stdin=stdin, stdout=Output(job) if args.output == "-" else None)
    for artifact in artifacts:
        ui.result(_described(artifact), **asdict(artifact))
    return 0


def _options(args: argparse.Namespace) -> BuildOptions:
    from lkboard.app.build_options import BuildOptions
    from lkboard.model.units import parse_size

    return BuildOptions(
        files=tuple(args.files),
        board=args.board or "",
        formats=tuple(name for value in args.format for name in value.split(",")),
        architecture=args.arch or "",
        output=args.output or "",
        name=args.name or "",
        directory=args.dir or "",
        cache=args.cache or "",
        decompress_kernel=args.decompress_kernel,
        unified_kernel=args.uki,
        size_bytes=parse_size(args.size, "--size") if args.size is not None else 0,
        sbom=None if args.no_sbom else args.sbom_output,
        sbom_created=int(time.time()) if args.sbom_current_time else None,
        compression=args.compress,
        has_sidecars=args.sidecars,
        registry=replace(registry_options(args), from_engine=args.docker),
        lock=lock_option(args),
        vendored=args.vendored or "",
        input_tar=args.input_tar or "",
        record=args.record or "",
    )


def _described(artifact: Artifact) -> str:
    size, mapped = human_size(artifact.size_bytes), human_size(artifact.mapped_bytes)
    if artifact.unpacked_bytes:
        return f"{artifact.path}  {size} ({human_size(artifact.unpacked_bytes)} unpacked)"
    return f"{artifact.path}  {size} ({mapped} mapped)"


COMMAND = Command(
    name="build",
    group="build",
    summary="make a bootable image, or any of LinuxKit's output formats, from config files",
    example="lkboard build --board rpi3 sshd.yml -o sshd.img",
    add_arguments=_add_arguments,
    run=_run,
)
