"""From what a build is asked to do to what it will do: everything that can be wrong with a command."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.app.build_options import DEFAULT_SBOM, STDOUT, BuildOptions
from lkboard.app.build_plan import BuildPlan, PlannedFormat
from lkboard.app.finishing import choose_compression, choose_sidecars, with_compression
from lkboard.app.overwriting import refuse_given
from lkboard.errors import UsageError
from lkboard.model.architecture import go_name, host_architecture

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkboard.formats.format import Format

_NO_NAMES = {"", ".", ".."}
BOARD_FORMATS = ("rpi3",)
"""Formats of LinuxKit that are boards here (decisions, "Command line")."""
DISK_LIMIT = 2 << 40
"""Bytes of the largest disk: what the tables of a BIOS address."""


def plan_build(options: BuildOptions) -> BuildPlan:
    """Check the options against each other, name every output file, and look whether it can be made.

    Raises as `plan_outputs` does, and `OutputError`.
    """
    plan = plan_outputs(options)
    if not plan.to_stdout:
        _check_places(plan)
        refuse_given(plan, options)
    return plan


def plan_outputs(options: BuildOptions) -> BuildPlan:
    """Check the options against each other and name every output file. Raises `UsageError` and `BoardError`."""
    from lkboard.oci.layers.file_tree import clean

    if options.output and (options.name or options.directory):
        raise UsageError("-o does not go with --name or --dir", hint="give the whole path to -o")
    for option, value in (("-o", options.output), ("--name", options.name)):
        if value and Path(value).name in _NO_NAMES:
            raise UsageError(f"'{value}' names no file", where=option, hint=f"{option} NAME")
    if options.sbom is not None and not clean(options.sbom):
        raise UsageError(f"'{options.sbom}' is no place for the bill of materials", hint=f"write {DEFAULT_SBOM}")
    is_board = len(options.formats) == 1 and options.formats[0] in BOARD_FORMATS
    board_id = options.board or (options.formats[0] if is_board else "")
    plan = _plan_board(board_id, options) if board_id else _plan_formats(options)
    _check_formats(plan, options)
    target = Path(options.target) if options.target else None
    record = _record_path(plan, options.record)
    return replace(plan, decompresses_kernel=options.decompress_kernel, record=record, target=target)


def _record_path(plan: BuildPlan, given: str) -> Path | None:
    if not given:
        return None
    if given == STDOUT:
        raise UsageError(
            "the record is a file that is kept, not for standard output", hint="name a file: --record FILE"
        )
    if plan.to_stdout:
        raise UsageError("what goes to standard output is not recorded", hint="name a file: -o FILE")
    return Path(given)


def _plan_board(board_id: str, options: BuildOptions) -> BuildPlan:
    from lkboard.board.catalogue import find_board

    board = find_board(board_id)
    if not {*options.formats} <= {board.format, board.id}:
        raise UsageError(
            f"the board '{board.id}' is written as '{board.format}', not '{','.join(options.formats)}'",
            hint="leave out --format",
        )
    architecture = go_name(options.architecture)
    if architecture and architecture != board.architecture:
        raise UsageError(
            f"the board '{board.id}' is {board.architecture}, not '{options.architecture}'", hint="leave out --arch"
        )
    name = options.name or _base_name(options.files[0])
    format_ = _find_format(board.format)
    compression = choose_compression(format_, options.output, options.compression)
    path = with_compression(Path(options.directory) / f"{name}-{board.id}{board.suffix}", compression)
    planned = PlannedFormat(
        format_,
        board,
        Path(options.output or path),
        is_exact=True,
        compression=compression,
        sidecars=choose_sidecars(format_, options.has_sidecars),
    )
    return BuildPlan(
        board.architecture,
        (planned,),
        to_stdout=options.output == STDOUT,
        is_unified=options.unified_kernel,
        size_bytes=options.size_bytes,
    )


def _plan_formats(options: BuildOptions) -> BuildPlan:
    architecture = go_name(options.architecture) or host_architecture()
    default = ("tar",) if options.output else ("kernel+initrd",)
    found = [_find_format(name) for name in options.formats or default]
    base = Path(options.directory) / (options.name or _base_name(options.files[-1]))
    return BuildPlan(
        architecture,
        _sharing(_plan_format(format_, architecture, base, options) for format_ in found),
        to_stdout=options.output == STDOUT,
        is_unified=options.unified_kernel,
        size_bytes=options.size_bytes,
    )


def _sharing(formats: Iterable[PlannedFormat]) -> tuple[PlannedFormat, ...]:
    """Let only the first format make an output that is the same in several."""
    made: set[str] = set()
    result = []
    for planned in formats:
        shared = planned.format.shared
        result.append(replace(planned, left_out=tuple(suffix for suffix in shared if suffix in made)))
        made.update(shared)
    return tuple(result)


def _plan_format(format_: Format, architecture: str, base: Path, options: BuildOptions) -> PlannedFormat:
    board = None
    if format_.architectures and architecture not in format_.architectures:
        known = " and ".join(format_.architectures)
        raise UsageError(
            f"the format '{format_.name}' is for {known}, not for {architecture}",
            hint=f"add --arch {format_.architectures[0]}, or choose another: lkboard formats",
        )
    if format_.boards is not None:
        from lkboard.board.catalogue import find_board

        board_id = format_.boards.get(architecture)
        if board_id is None:
            raise UsageError(
                f"the format '{format_.name}' for {architecture} needs a board",
                hint="name it: --board ID (see: lkboard boards)",
            )
        board = find_board(board_id)
    return PlannedFormat(
        format_,
        board,
        Path(options.output) if options.output else base,
        is_exact=bool(options.output),
        compression=choose_compression(format_, options.output, options.compression),
        sidecars=choose_sidecars(format_, options.has_sidecars),
    )


def _check_formats(plan: BuildPlan, options: BuildOptions) -> None:
    formats = [planned.format for planned in plan.formats]
    if len(formats) > 1 and any(format_.is_stream for format_ in formats):
        stream = next(format_.name for format_ in formats if format_.is_stream)
        raise UsageError(f"the format '{stream}' must be the only one", hint="build it by itself")
    if options.output and (len(formats) > 1 or len(formats[0].outputs) > 1):
        raise UsageError("-o names one file, but several would be made", hint="use --name and --dir")
    if plan.to_stdout and not formats[0].is_stream:
        raise UsageError(f"the format '{formats[0].name}' cannot go to standard output", hint="name a file: -o FILE")
    if plan.to_stdout and options.has_sidecars:
        raise UsageError("standard output has no sidecars", hint="leave out --sidecars, or name a file: -o FILE")
    if plan.size_bytes > DISK_LIMIT and any(format_.is_disk for format_ in formats):
        raise UsageError(
            f"--size: a disk can have {DISK_LIMIT >> 40} TiB",
            hint=f"write {DISK_LIMIT >> 30}G or less; the system can use what is behind it",
        )
    for planned in plan.formats:
        if plan.is_unified and (planned.board is None or planned.board.boot_chain != "uefi"):
            raise UsageError(f"the format '{planned.format.name}' is not started by UEFI", hint="leave out --uki")


def _check_places(plan: BuildPlan) -> None:
    """Find out now, not after a long build, that an output file cannot be made."""
    from lkboard.disk.output import check_place

    counts = Counter(path for planned in plan.formats for path in (*planned.paths, *planned.sidecar_paths))
    for path, count in counts.items():
        if count > 1:
            raise UsageError(f"two formats would both write '{path}'", hint="build them one after the other")
        check_place(path)
    if plan.record is not None:
        if os.path.realpath(plan.record) in map(os.path.realpath, counts):
            raise UsageError("the record would replace an output", where=plan.record, hint="name another file")
        check_place(plan.record)


def _find_format(name: str) -> Format:
    from lkboard.formats import catalogue

    known = catalogue()
    if name not in known:
        raise UsageError(f"there is no output format '{name}'", hint=_hint_for(name, {*known, *BOARD_FORMATS}))
    return known[name]


def _hint_for(name: str, formats: Iterable[str]) -> str:
    from lkboard.board.catalogue import read_catalogue
    from lkboard.model.suggest import suggest

    return f"it is a board: --board {name}" if name in read_catalogue().names() else suggest(name, sorted(formats))


def _base_name(file: str) -> str:
    """Return the name that outputs get from a config's file name or URL (build.md section 1, rule 1).

    Login and query of a URL, which may be secret, are no part of it. What has none, as standard input and ``.``, is
    called as LinuxKit calls standard input.
    """
    from lkboard.config.sources import HIDDEN, shown

    name = shown(file).rstrip("/").rsplit("/", 1)[-1]
    stem, dot, _extension = name.rpartition(".")
    base = stem if dot and stem else name
    return "moby" if file == STDOUT or base in {*_NO_NAMES, HIDDEN} else base
