"""Outputs in the place of what a build reads: refused before anything is replaced."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.app.build_options import STDOUT
from lkboard.errors import UsageError
from lkboard.model.board import LocalSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.app.build_options import BuildOptions
    from lkboard.app.build_plan import BuildPlan
    from lkboard.model.board import Board
    from lkboard.model.config import Config

_LAYOUT_FILES = ("oci-layout", "index.json")  # OCI image layout specification, sections "oci-layout file", "index.json"


def refuse_given(plan: BuildPlan, options: BuildOptions) -> None:
    """Raise `UsageError` when a build would replace or remove a file that its options or its boards name."""
    boards = (planned.board for planned in plan.formats if planned.board)
    _refuse(plan, [*_given(options), *itertools.chain.from_iterable(map(_of_board, boards))])


def refuse_sources(plan: BuildPlan, config: Config) -> None:
    """Raise `UsageError` when a build would replace or remove a file that becomes part of the system."""
    from lkboard.config.host_files import host_path

    sources = (file.source for file in config.files if file.source)
    _refuse(plan, [(host_path(source), "a source of 'files'") for source in sources])


def _given(options: BuildOptions) -> Iterator[tuple[Path, str]]:
    from lkboard.app.locked import LOCK_NAME, lock_path

    yield from ((Path(file), "the config") for file in options.files if file != STDOUT)
    if options.input_tar:
        yield Path(options.input_tar), "--input-tar"
    if options.lock is not None:
        yield lock_path(options.files, options.lock), "the lock"
    if options.vendored:
        yield from ((Path(options.vendored, name), "a file of --vendored") for name in (LOCK_NAME, *_LAYOUT_FILES))
    yield from ((Path(file), "--cert-file") for file in options.registry.ca_files)


def _of_board(board: Board) -> Iterator[tuple[Path, str]]:
    sources = (file.source for file in (*board.files, *board.parts))
    paths = [source.path for source in sources if isinstance(source, LocalSource)]
    paths += [text.file for text in board.text if text.file]
    if board.place is not None:
        paths.append(board.place.file)
    yield from ((Path(path), f"a file of the board '{board.id}'") for path in paths)


def _refuse(plan: BuildPlan, inputs: list[tuple[Path, str]]) -> None:
    if plan.to_stdout:
        return
    for path, role in _touched(plan):
        for given, what in inputs:
            if _is_same(path, given):
                raise UsageError(f"{role} is {what} itself", where=path, hint="name another file")


def _touched(plan: BuildPlan) -> Iterator[tuple[Path, str]]:
    """Yield all files that are replaced or removed: older sidecars as well, of a link and of what it leads to."""
    from lkboard.disk.sidecars import sidecar_paths

    if plan.target is not None:
        yield plan.target, "the target"
        return
    if plan.record is not None:
        yield plan.record, "the record"
    for path in (path for planned in plan.formats for path in planned.paths):
        yield path, "the output"
        for beside in (*sidecar_paths(path), *sidecar_paths(Path(os.path.realpath(path)))):
            yield beside, "a sidecar of the output"


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there, or is an address
        return False
