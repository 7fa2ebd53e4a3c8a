"""The use case "diff": what two systems do not have in common, be they configs or what was built of them."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.app.image_source import compression_of, is_config, is_text, size_of, unpack
from lkboard.app.planning import plan_outputs
from lkboard.app.system import make_system
from lkboard.errors import BuildError, UsageError
from lkboard.model.extents import Content, FileSpan

if TYPE_CHECKING:
    from lkboard.app.build_options import BuildOptions
    from lkboard.events import Job
    from lkboard.model.difference import Difference
    from lkboard.rootfs.trees import Tree

_HEAD_SIZE = 512
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257


def diff(before: str, after: str, options: BuildOptions, job: Job, *, stdin: bytes | None = None) -> Difference:
    """Compare two systems: configs of any name, tars, or initrds, the latter two compressed or not.

    ``options`` are for the configs, whatever their files; ``stdin`` is the one that is ``-``. Raises `UsageError` for
    what is none of these, and what a build raises.
    """
    from lkboard.oci.store.scratch import scratch_folder
    from lkboard.oci.store.store import open_store
    from lkboard.rootfs.diff import compare

    if before == after == "-":
        raise UsageError("only one of the two can be on standard input", hint="name a file")
    with scratch_folder(open_store(options.cache or None).derived_dir("diff"), job) as scratch:
        one, other = (
            _config_tree(source, options, job, stdin)
            if is_config(source) or is_text(Path(source))
            else _archive_tree(source, scratch / side, job)
            for source, side in ((before, "before"), (after, "after"))
        )
        with job.step("Compare"):
            return compare(one, other, job)


def _config_tree(source: str, options: BuildOptions, job: Job, stdin: bytes | None) -> Tree:
    from lkboard.rootfs.trees import Tree

    options = replace(options, files=(source,))
    system = make_system(options, plan_outputs(options), job, stdin=stdin)
    images = system.images.by_reference.items()
    digests = {name: (image.index or image.manifest).digest for name, image in images}
    return Tree(source, {entry.path: entry for entry in system.rootfs.entries}, digests)


def _archive_tree(source: str, scratch: Path, job: Job) -> Tree:
    from lkboard.disk.cpio_reader import MAGICS
    from lkboard.oci.layers.unpack import size_limit
    from lkboard.rootfs.archives import tar_root

    scratch.mkdir()
    limit = size_limit(size_of(Path(source)))
    path = unpack(Path(source), scratch, job, limit=limit)
    head = _head(path)
    if head.startswith(_TAR_MAGIC, _TAR_MAGIC_AT):
        return tar_root(source, path, job)
    if head.startswith(MAGICS):
        return _initrd_tree(source, path, scratch / "packed", limit, job)
    _refuse_packed(source, path, 0)
    raise UsageError(
        "this is no root that can be compared: neither a config nor a tar nor an initrd",
        where=source,
        hint="name a config, or a tar that was built of one: lkboard build --format tar CONFIG.yml",
    )


def _initrd_tree(source: str, path: Path, scratch: Path, limit: int, job: Job) -> Tree:
    """Return what is in an initrd, which may begin with archives that are not compressed, the first of microcode."""
    from lkboard.disk.cpio_reader import read_cpio
    from lkboard.rootfs.archives import beside_initrd, initrd_root, is_microcode
    from lkboard.rootfs.kernel import MICROCODE

    boot_files, archives = beside_initrd(Path(source)), read_cpio(path, job.check)
    entries, first = archives.entries, archives.parts[0]
    if is_microcode(first.entries):
        boot_files[MICROCODE] = Content((FileSpan(str(path), 0, first.end),))
        entries = entries[len(first.entries) :]
    if compression_of(path, archives.end):
        scratch.mkdir()
        path = unpack(path, scratch, job, offset=archives.end, limit=limit)
        archives = read_cpio(path, job.check)
        entries += archives.entries
    if archives.end < path.stat().st_size:
        _refuse_packed(source, path, archives.end)
        raise BuildError(
            f"the initrd is damaged: it ends with something else than an archive, at byte {archives.end}",
            where=source,
            hint="build it or get it again",
        )
    return initrd_root(source, entries, boot_files, job)


def _refuse_packed(source: str, path: Path, offset: int) -> None:
    """Raise `UsageError` when a root that is read from ``path`` goes on with data that only other programs unpack."""
    from lkboard.disk.decompress import other_unpacker

    if program := other_unpacker(_head(path, offset)):
        command = f"tail -c +{offset + 1} {shlex.quote(source)} | {program} -dc > root"
        raise UsageError(
            f"from byte {offset} on this is packed by {program}, which lkboard cannot unpack",
            where=source,
            hint=f"unpack it: {command}" if path == Path(source) else "pack it with gzip, xz or zstd",
        )


def _head(path: Path, offset: int = 0) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(_HEAD_SIZE)
