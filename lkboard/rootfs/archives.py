"""Archives of whole roots as trees, whoever made them: tars (build.md section 5.1) and initrds (section 6.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.model.extents import Content, FileSpan
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.layers.advice import advising
from lkboard.oci.layers.file_tree import FileTree, clean, entries_of, walk
from lkboard.oci.layers.flatten import archive_tree, tar_tree
from lkboard.rootfs.kernel import CMDLINE, KERNEL, MICROCODE
from lkboard.rootfs.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lkboard.events import Job

_SOURCE, _LOCATION = "LINUXKIT.source", "LINUXKIT.location"
_INITRD_SUFFIX = "-initrd.img"
_MICROCODE_FOLDER = "kernel/x86/microcode"
_HINT = "make it anew with lkboard build, or give its config"
_BESIDE = {KERNEL: "-kernel", CMDLINE: "-cmdline"}


def tar_root(name: str, path: Path, job: Job) -> Tree:
    """Return the root in a tar that is not compressed. Raises `LayerInvalid` and `Cancelled`."""
    span = FileSpan(str(path), 0, path.stat().st_size)
    with advising(_HINT):
        tree = tar_tree(span, where=name, origin=Origin("", ""), job=job)
    return Tree(name, {entry.path: _with_origin(entry) for entry in _entries(tree)}, {})


def initrd_root(name: str, archived: Sequence[Entry], boot_files: Mapping[str, Content], job: Job) -> Tree:
    """Return the root in an initrd with these entries; ``boot_files`` belong into it, but are kept elsewhere.

    Raises `LayerInvalid` and `Cancelled`.
    """
    with advising(_HINT):
        tree = archive_tree(archived, where=name, job=job)
    beside = {path: Entry(path, Kind.FILE, 0o644, content=content) for path, content in boot_files.items()}
    entries = {entry.path: entry for entry in _entries(tree)} | beside
    return Tree(name, entries, {}, boot_files=frozenset([*beside, MICROCODE]), has_attributes=False)


def is_microcode(archived: Sequence[Entry]) -> bool:
    """Return whether an archive at the start of an initrd has nothing else than what the kernel takes for microcode.

    Documentation/arch/x86/microcode.rst in the kernel.
    """
    folders = {clean(entry.path) for entry in archived if entry.kind is Kind.DIRECTORY}
    files = [clean(entry.path) or "" for entry in archived if entry.kind is not Kind.DIRECTORY]
    return (
        bool(files)
        and all(path.startswith(f"{_MICROCODE_FOLDER}/") for path in files)
        and all(f"{_MICROCODE_FOLDER}/".startswith(f"{path}/") for path in folders if path)
    )


def beside_initrd(path: Path) -> dict[str, Content]:
    """Return kernel and command line that were made with an initrd, by their paths in a root."""
    if not path.name.endswith(_INITRD_SUFFIX):
        return {}
    base = path.name.removesuffix(_INITRD_SUFFIX)
    found = {place: path.with_name(base + suffix) for place, suffix in _BESIDE.items()}
    return {place: _whole(file) for place, file in found.items() if file.is_file()}


def _entries(tree: FileTree) -> Iterator[Entry]:
    if tree.has_root_entry:
        yield replace(tree.root.entry, path=".")
    yield from entries_of(walk(tree.root.children or {}))


def _with_origin(entry: Entry) -> Entry:
    """Return an entry with the origin that LinuxKit's records give it."""
    records = dict(entry.pax)
    source, location = (records.pop(key, b"").decode("utf-8", "replace") for key in (_SOURCE, _LOCATION))
    return replace(entry, origin=Origin(source, location), pax=tuple(records.items()))


def _whole(path: Path) -> Content:
    return Content((FileSpan(str(path), 0, path.stat().st_size),))
