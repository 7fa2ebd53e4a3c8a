"""``lkboard board show``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from lkboard.cli.render import Ui
    from lkboard.events import Job
    from lkboard.model.board import Board, BoardFile

_LABEL_WIDTH = 14


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("board", metavar="BOARD", help="id, alias, or the folder of a board.yml")


def show(args: argparse.Namespace, ui: Ui, _job: Job) -> int:
    """Print everything that is known about one board."""
    from lkboard.app.boards import get_board

    board = get_board(args.board)
    fields = asdict(board)
    fields["place"] = str(board.place)
    for file, record in zip((*board.files, *board.parts), (*fields["files"], *fields["parts"]), strict=True):
        record["kind"] = _kind(file)
    ui.result("\n".join(_lines(board)), **fields)
    return 0


def _kind(file: BoardFile) -> str:
    return type(file.source).__name__.removesuffix("Source").lower()


def _lines(board: Board) -> Iterator[str]:
    yield f"{board.title} ({board.id})"
    rows = (
        ("vendor", board.vendor),
        ("aliases", ", ".join(board.aliases)),
        ("support", board.support),
        ("architecture", board.architecture),
        ("boot chain", board.boot_chain),
        ("format", f"{board.format} ({board.suffix})"),
        ("consoles", " ".join(board.console)),
        ("arguments", " ".join(board.arguments)),
        ("device tree", board.device_tree),
        ("modules", " ".join(board.modules)),
        ("documentation", board.docs),
        ("read from", str(board.place)),
    )
    yield from (f"  {label:<{_LABEL_WIDTH}}{value}" for label, value in rows if value)
    yield from _layout_lines(board)
    yield "  files"
    yield from (f"    {line}" for line in _file_lines(board))
    if board.parts:
        yield "  parts of other formats"
        yield from (f"    {line}" for line in _columns([_row(part) for part in board.parts]))
    yield from _emulation_lines(board)


def _layout_lines(board: Board) -> Iterator[str]:
    yield f"  {'partitions':<{_LABEL_WIDTH}}{board.layout.table.upper()}"
    for number, rule in enumerate(board.layout.partitions, start=1):
        size = f"{rule.size_bytes >> 20} MiB" if rule.size_bytes else "as large as its content"
        start = f"from {rule.start_bytes >> 10} KiB"
        yield f"    {number}  {rule.name}, {rule.filesystem}, type {rule.type}, {start}, {size}"


def _file_lines(board: Board) -> Iterator[str]:
    rows = [(board.kernel_path, "kernel of the config", ""), (board.initrd_path, "made of the config", "")]
    rows += [_row(file) for file in board.files]
    rows += [(text.to, "generated", "") for text in board.text]
    return _columns(rows)


def _row(file: BoardFile) -> tuple[str, str, str]:
    return file.to, _origin(file), _licence(file)


def _columns(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    to_width, origin_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for to, origin, licence in rows:
        yield f"{to:<{to_width}}  {origin:<{origin_width}}  {licence}".rstrip()


def _origin(file: BoardFile) -> str:
    source = asdict(file.source)
    name = source.get("package") or source.get("reference") or source.get("url") or source.get("path")
    optional = ", if it is there" if file.is_optional else ""
    return f"{_kind(file)} {name}{optional}"


def _licence(file: BoardFile) -> str:
    spread = "may be redistributed" if file.is_redistributable else "not for redistribution"
    return f"{file.licence or 'licence not known'}, {spread}"


def _emulation_lines(board: Board) -> Iterator[str]:
    emulation = board.emulation
    if emulation is None:
        yield "  emulation     none: this board cannot be tested with 'lkboard test'"
        return
    yield f"  {'emulation':<{_LABEL_WIDTH}}QEMU {emulation.machine}, {emulation.cpus} CPUs, {emulation.memory_mib} MiB"
    yield "  not covered by the emulation"
    yield from (f"    - {item}" for item in emulation.not_covered)


_SHOW = Command(
    name="show",
    group="boards and images",
    summary="show one board: files and their licences, partitions, consoles, what its emulation does not cover",
    example="lkboard board show rpi3",
    add_arguments=_add_arguments,
    run=show,
)

COMMAND = Command(
    name="board",
    group="boards and images",
    summary="look at one board",
    example="lkboard board show rpi3",
    children=(_SHOW,),
)
