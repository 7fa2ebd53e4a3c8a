"""What a boot loader needs of a root: kernel, initrd, command line and microcode ("split", build.md section 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.model.extents import EMPTY
from lkboard.model.rootfs import BootParts, Kind, Rootfs
from lkboard.oci.file_tree import clean
from lkboard.rootfs.kernel import BOOT, CMDLINE, KERNEL, MICROCODE
from lkboard.rootfs.segments import build_initrd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.extents import Content
    from lkboard.model.rootfs import Entry


def boot_parts(rootfs: Rootfs, cache_dir: Path, job: Job) -> BootParts:
    """Return the boot parts of a root; ``cache_dir`` keeps compressed segments. Raises as `build_initrd` does."""
    parts, rest = split(rootfs)
    return replace(parts, initrd=build_initrd(rest, cache_dir, job))


def split(rootfs: Rootfs) -> tuple[BootParts, Rootfs]:
    """Return kernel, command line and microcode (with an empty initrd), and the root without what is below ``boot/``.

    The directory ``boot`` itself stays.
    """
    cmdline = kernel_file(rootfs, CMDLINE) or EMPTY
    parts = BootParts(
        kernel=kernel_file(rootfs, KERNEL),
        initrd=EMPTY,
        cmdline=contents.read(cmdline).decode("utf-8", "surrogateescape"),
        microcode=kernel_file(rootfs, MICROCODE),
    )
    segments = (replace(segment, entries=tuple(_without_boot(segment.entries))) for segment in rootfs.segments)
    return parts, Rootfs(tuple(segment for segment in segments if segment.entries))


def kernel_file(rootfs: Rootfs, path: str) -> Content | None:
    """Return a file of the root, such as a device tree that came with the kernel (``boot/dtb/…``), None without it."""
    wanted = clean(path)
    for segment in rootfs.segments:
        entry = next((entry for entry in segment.entries if entry.path == wanted), None)
        if entry is not None and entry.kind is Kind.HARDLINK:
            entry = next(first for first in segment.entries if first.path == entry.link)
        if entry is not None:
            return entry.content if entry.kind is Kind.FILE else None
    return None


def _without_boot(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield what is not below ``boot/``; a file that has another name outside lives on under that."""
    removed = {entry.path: entry for entry in entries if entry.path.startswith(f"{BOOT}/")}
    heirs: dict[str, str] = {}
    for entry in entries:
        if entry.path in removed:
            continue
        if entry.kind is Kind.HARDLINK and entry.link in removed:
            heir = heirs.setdefault(entry.link, entry.path)
            file = removed[entry.link]
            yield replace(file, path=entry.path) if heir == entry.path else replace(entry, link=heir)
        else:
            yield entry
