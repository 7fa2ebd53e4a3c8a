"""The files that a board brings to a build: firmware, boot loaders, device trees, and parts that formats ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.errors import BoardError, LockMismatch
from lkboard.model.board import KernelSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.app.assembly import Surroundings
    from lkboard.model.board import Board, BoardFile
    from lkboard.model.disk import BootFile
    from lkboard.model.extents import Content
    from lkboard.model.lock import Lock
    from lkboard.model.rootfs import Rootfs
    from lkboard.sources import SourceContext


def source_context(around: Surroundings, rootfs: Rootfs | None = None) -> SourceContext:
    """Return what the sources of a board's files need; ``rootfs`` has the files of the config's kernel image."""
    from lkboard.sources import SourceContext
    from lkboard.sources.apt.packages import DebianPackages

    return SourceContext(
        store=around.store,
        job=around.job,
        packages=DebianPackages(around.store, around.job, offline=around.settings.offline),
        kernel_files=_kernel_files(rootfs) if rootfs else {},
        registry=around.settings,
        lock=around.lock,
    )


def _kernel_files(rootfs: Rootfs) -> Mapping[str, Content]:
    from lkboard.model.rootfs import Kind
    from lkboard.rootfs.kernel import BOOT

    files = (entry for entry in rootfs.entries if entry.kind is Kind.FILE)
    return {entry.path: entry.content for entry in files if entry.path.startswith(f"{BOOT}/")}


def board_files(board: Board, context: SourceContext) -> tuple[BootFile, ...]:
    """Return the files that a board puts beside kernel and initrd.

    Raises as `lkboard.sources.fetch` does, and `LockMismatch`.
    """
    from lkboard.model.disk import BootFile

    with context.job.step("Collect board files"):
        found = ((file, _fetch(board, file, context)) for file in board.files)
        return tuple(BootFile(file.to, content) for file, content in found if content is not None)


def board_part(board: Board, context: SourceContext, name: str) -> Content:
    """Return a part of a board that a format is built from, such as its boot loader's stub.

    Raises `BoardError` when the board has none of that name, else as `board_files` does.
    """
    file = next((part for part in board.parts if part.to == name), None)
    content = _fetch(board, file, context) if file else None
    if content is None:
        raise BoardError(
            f"the board '{board.id}' has no part '{name}', which this format is built from",
            where=board.place,
            hint="add it to 'parts' as docs/reference/board.md shows",
        )
    return content


def _fetch(board: Board, file: BoardFile, context: SourceContext) -> Content | None:
    from lkboard.sources import fetch

    content = fetch(file, architecture=board.architecture, context=context)
    if context.lock is not None and not isinstance(file.source, KernelSource):  # the kernel's image is locked itself
        _check_locked(board, file.to, content, context.lock)
    return content


def _check_locked(board: Board, to: str, content: Content | None, lock: Lock) -> None:
    """Raise `LockMismatch` when the lock has other bytes for a file, or only one of them has it at all."""
    from lkboard.disk.content import digest

    locked = lock.sha256s_of(board.id, to)
    found = digest(content).removeprefix("sha256:") if content is not None else ""
    if found in (locked or ("",)):
        return
    said = f"the lock has sha256:{locked[0]}" if locked else "the lock does not have it"
    raise LockMismatch(
        f"'{to}' of the board '{board.id}' is {f'sha256:{found}' if found else 'missing'}, and {said}",
        where=board.place,
        hint=f"find out why, then lock it: {lock.remake}",
    )
