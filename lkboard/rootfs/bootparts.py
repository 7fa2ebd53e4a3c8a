"""What a boot loader needs of a root: kernel, initrd, command line and microcode ("split", build.md section 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.model.extents import EMPTY
from lkboard.model.rootfs import BootParts, Kind, Rootfs
from lkboard.oci.layers.file_tree import clean
from lkboard.rootfs.kernel import BOOT, CMDLINE, KERNEL, MICROCODE
from lkboard.rootfs.segments import build_initrd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
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

    The directory ``boot`` itself stays; with a kernel it is an empty one of our own making.
    """
    cmdline = _find(rootfs, CMDLINE)
    parts = BootParts(
        kernel=kernel_file(rootfs, KERNEL),
        initrd=EMPTY,
        cmdline=contents.read(cmdline.content).decode("utf-8", "surrogateescape") if cmdline else "",
        microcode=kernel_file(rootfs, MICROCODE),
    )
    segments = (replace(segment, entries=tuple(_without_boot(segment.entries, cmdline))) for segment in rootfs.segments)
    return parts, Rootfs(tuple(segment for segment in segments if segment.entries))


def kernel_file(rootfs: Rootfs, path: str) -> Content | None:
    """Return a file of the root, such as a device tree that came with the kernel (``boot/dtb/…``), None without it."""
    entry = _find(rootfs, clean(path) or "")
    return entry.content if entry is not None and entry.kind is Kind.FILE else None


def _find(rootfs: Rootfs, path: str) -> Entry | None:
    """Return the entry at a path; of a hard link the one that it repeats."""
    for segment in rootfs.segments:
        entry = next((entry for entry in segment.entries if entry.path == path), None)
        if entry is not None and entry.kind is Kind.HARDLINK:
            return next(first for first in segment.entries if first.path == entry.link)
        if entry is not None:
            return entry
    return None


def without(entries: Sequence[Entry], is_removed: Callable[[str], bool]) -> Iterator[Entry]:
    """Yield entries but those whose path is removed; a file that has another name as well lives on under that."""
    removed = {entry.path: entry for entry in entries if is_removed(entry.path)}
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


def _without_boot(entries: Sequence[Entry], cmdline: Entry | None) -> Iterator[Entry]:
    """Yield what is not below ``boot/``."""
    for entry in without(entries, lambda path: path.startswith(f"{BOOT}/")):
        if cmdline and entry.path == BOOT:
            yield replace(entry, mode=0o755, uid=0, gid=0, mtime_ns=cmdline.mtime_ns)
        else:
            yield entry
