"""The kernel section: ``boot/`` and the kernel's modules (build.md section 5.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.errors import LayerInvalid
from lkboard.model.extents import FileSpan, Inline
from lkboard.model.rootfs import Kind, Origin
from lkboard.oci.layers.advice import BROKEN_IMAGE, advising
from lkboard.oci.layers.file_tree import clean, walk
from lkboard.oci.layers.flatten import tar_tree
from lkboard.rootfs.effective import config_fault
from lkboard.rootfs.kernel_payload import unwrap_kernel

if TYPE_CHECKING:
    from lkboard.errors import ConfigError
    from lkboard.model.config import Kernel
    from lkboard.model.extents import Content
    from lkboard.model.rootfs import Entry, Rootfs
    from lkboard.oci.layers.file_tree import FileTree
    from lkboard.rootfs.images import ImageFiles
    from lkboard.rootfs.merge import Root

BOOT = "boot"
KERNEL, CMDLINE, MICROCODE = "boot/kernel", "boot/cmdline", "boot/ucode.cpio"

_SECTION = "kernel"
_DEFAULT_BINARY = "kernel"
_NO_TAR = frozenset(["", "none"])
_OPTIONAL = "ucode"
_LISTED = 8
_PIECES_LIMIT = 64 << 20
"""Bytes of an archive of modules that is in pieces (a sparse file), which has to be put together in memory."""


def add_kernel(root: Root, kernel: Kernel, files: ImageFiles) -> None:
    """Add kernel, command line, modules and microcode as a segment, in the order in which the image has them.

    Raises `ConfigError` when the image lacks a file, `ImageConflict`, `LayerInvalid` and `Cancelled`.
    """
    if kernel.image is None:
        return
    origin = Origin(str(kernel.image.reference), _SECTION)
    root.begin_segment(f"kernel {origin.source}")
    tree = files.plain(kernel.image, origin.location)
    parts = _parts(kernel, tree)
    has_boot = False
    for field, entry in parts.items():
        if field == "tar":
            where = f"{origin.source}, {kernel.tar}"
            unpacked = replace(entry.origin, made=f"unpacked from the image's '{kernel.tar}'")
            archive = _source(entry.content, where)
            with advising(BROKEN_IMAGE):
                root.graft("", tar_tree(archive, where=where, origin=unpacked, job=files.job, epoch=files.epoch))
            continue
        if not has_boot:
            root.put_directory(BOOT, replace(origin, made="the folder of what boot loaders load"))
            has_boot = True
        copied = replace(entry.origin, made=f"a copy of the image's '{getattr(kernel, field) or _DEFAULT_BINARY}'")
        if field == "binary":
            root.put_file(CMDLINE, kernel.cmdline.encode(), replace(origin, made="the config's 'kernel.cmdline'"))
            root.put_made(KERNEL, Kind.FILE, entry.mode, entry.content, copied)
        else:
            root.put_made(MICROCODE, Kind.FILE, entry.mode, entry.content, copied)


def with_plain_kernel(rootfs: Rootfs) -> Rootfs:
    """Return the root with the kernel taken out of a compressed one; a file that the config has put there stays.

    Raises as `unwrap_kernel` does.
    """
    segments = (replace(segment, entries=tuple(map(_plain, segment.entries))) for segment in rootfs.segments)
    return replace(rootfs, segments=tuple(segments))


def _plain(entry: Entry) -> Entry:
    is_kernel = entry.path == KERNEL and entry.origin.location == _SECTION and entry.kind is Kind.FILE
    return replace(entry, content=unwrap_kernel(entry.content)) if is_kernel else entry


def _parts(kernel: Kernel, tree: FileTree) -> dict[str, Entry]:
    """Return the wanted files of a kernel image by the config's names for them, in the image's order."""
    names = {"binary": kernel.binary or _DEFAULT_BINARY, "tar": kernel.tar, _OPTIONAL: kernel.ucode}
    if kernel.tar in _NO_TAR:
        del names["tar"]
    fields = {clean(name): field for field, name in names.items() if name}
    found = {
        fields[path]: node.entry
        for path, node in walk(tree.root.children or {})
        if path in fields and node.entry.kind is Kind.FILE
    }
    for field, name in names.items():
        if field not in found and field != _OPTIONAL:
            raise _missing(kernel, field, name, tree)
    return found


def _missing(kernel: Kernel, field: str, name: str, tree: FileTree) -> ConfigError:
    available = [path for path, node in walk(tree.root.children or {}) if node.entry.kind is Kind.FILE]
    more = ", …" if len(available) > _LISTED else ""
    hint = f"it has: {', '.join(available[:_LISTED])}{more}"
    image = kernel.image.reference if kernel.image else ""
    message = f"the kernel image '{image}' has no file '{name}'"
    return config_fault(kernel.places, _SECTION, field, message, hint + ("; or write tar: none" * (field == "tar")))


def _source(content: Content, where: str) -> FileSpan | Inline:
    """Return a content as one piece. Raises `LayerInvalid`."""
    if len(content.parts) == 1 and isinstance(content.parts[0], FileSpan | Inline):
        return content.parts[0]
    if content.size > _PIECES_LIMIT:
        raise LayerInvalid(f"a sparse archive may have {_PIECES_LIMIT >> 20} MiB", where=where, hint=BROKEN_IMAGE)
    return Inline(contents.read(content))
