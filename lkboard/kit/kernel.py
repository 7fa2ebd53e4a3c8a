"""The kernel image: ``kernel`` and ``kernel.tar`` as LinuxKit's kernel images have them (build.md section 5.4)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lkboard.disk import tar
from lkboard.disk.content import as_content, read
from lkboard.errors import BuildError
from lkboard.kit.modules import SUFFIXES, Catalogue, index_files, read_catalogue
from lkboard.kit.recipe import Ingredients, Recipe, file_of
from lkboard.kit.tree import Tree
from lkboard.model.board import KernelSource

if TYPE_CHECKING:
    from lkboard.sources.archive import Archive

BASE_MODULES = (
    "virtio_pci", "virtio_mmio", "virtio_net", "virtio_blk", "virtio_scsi", "virtio_rng", "virtio_console",
    "e1000", "e1000e", "nvme", "ahci", "sd_mod", "sr_mod",
    "usb_storage", "uas", "usbhid", "hid_generic", "xhci_pci", "ehci_pci",
    "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8", "isofs", "ext4", "squashfs", "erofs", "overlay",
    "efivarfs", "tun", "veth", "bridge", "dummy", "af_packet", "binfmt_misc",
)  # fmt: skip
"""What the kit's own user space, ordinary machines and QEMU's need, whatever the boards ask for in addition."""
_DEVICE_TREES = "boot/dtb/"


def _make(tree: Tree, given: Ingredients) -> None:
    archive = given.archives[f"linux-image-{given.architecture}"]
    release = _release(archive)
    given.install(tree, f"linux-image-{given.architecture}", f"boot/vmlinuz-{release}", "kernel")
    inner = Tree()
    _add_modules(inner, archive, release, given)
    _add_device_trees(inner, archive, release, given)
    tree.file("kernel.tar", as_content(tar.plan(inner.entries(), with_origin=False)))


def _release(archive: Archive) -> str:
    """Return the kernel's release (``uname -r``): what follows ``vmlinuz-``."""
    prefix = "boot/vmlinuz-"
    found = [path.removeprefix(prefix) for path in archive if path.startswith(prefix)]
    if len(found) != 1:
        raise BuildError(f"a kernel package must have one kernel, this one has {len(found)}", where=archive.name)
    return found[0]


def _add_modules(tree: Tree, archive: Archive, release: str, given: Ingredients) -> None:
    root = f"lib/modules/{release}/"
    # packages of a merged /usr have them below usr/; in the image they are where every kernel tar has them
    source = root if any(path.startswith(root) for path in archive) else f"usr/{root}"
    catalogue = _catalogue(archive, source)
    wanted = {*BASE_MODULES, *(name for board in given.boards for name in board.modules)}
    if unknown := catalogue.unknown(sorted(wanted - {*BASE_MODULES})):
        given.job.note(f"the kernel {release} has no module named: {', '.join(unknown)}", "warning")
    closure = catalogue.closure(sorted(wanted))
    for module in closure:
        tree.file(root + module.path, archive[source + module.path].content)
    for name, text in index_files(closure).items():
        tree.file(root + name, text)
    tree.file(f"{root}modules.builtin", file_of(archive, f"{source}modules.builtin"))


def _catalogue(archive: Archive, source: str) -> Catalogue:
    paths = [path.removeprefix(source) for path in archive if path.startswith(source) and path.endswith(SUFFIXES)]
    builtin = read(file_of(archive, f"{source}modules.builtin")).decode().split()
    return read_catalogue(paths, lambda path: read(archive[source + path].content), builtin)


def _add_device_trees(tree: Tree, archive: Archive, release: str, given: Ingredients) -> None:
    """Add the device trees that boards name; one that this kernel does not have is the board's problem, not ours."""
    sources = {file.source for board in given.boards for file in board.files if isinstance(file.source, KernelSource)}
    for source in sorted(sources, key=lambda item: item.path):
        name = PurePosixPath(source.path)
        if not source.path.startswith(_DEVICE_TREES):
            continue
        entry = archive.find(f"usr/lib/linux-image-{release}/{name.relative_to(_DEVICE_TREES)}")
        if entry is not None:
            tree.file(source.path, entry.content)


KERNEL = Recipe(
    name="kernel",
    title="Linux kernel of Debian with the modules that lkboard's boards need",
    packages={"linux-image-{architecture}": "GPL-2.0-only WITH Linux-syscall-note"},
    make=_make,
)
