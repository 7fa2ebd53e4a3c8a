"""GRUB 2 for the BIOS, installed by writing bytes: no program of GRUB's is run, so every host makes the same disk.

Sources: GRUB 2.06 to 2.14, ``util/mkimage.c`` (what ``grub-mkimage -O i386-pc`` and ``i386-pc-eltorito`` make),
``util/setup.c`` (what ``grub-bios-setup`` writes), ``include/grub/offsets.h`` and ``include/grub/kernel.h``; boot.md
section 2.3.

The BIOS runs the boot code in sector 0. That loads ``diskboot.img`` from sector 1, which loads the rest of the core
image behind it: a small program that unpacks (LZMA) the kernel of GRUB, the modules and the prefix, which says where
the configuration is.

On a disc the core image is a file, behind ``cdboot.img``. The BIOS loads the latter from a CD, and that the rest; from
a USB stick the boot code loads ``diskboot.img`` out of the same file.
"""

from __future__ import annotations

import lzma
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.disk import el_torito, mbr
from lkboard.disk.iso_folder import BLOCK_SIZE
from lkboard.errors import BuildError
from lkboard.model.disk import SECTOR_SIZE, RawBlob
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIX = "(,msdos1)/grub"
"""Where GRUB looks for ``grub.cfg``: on the first partition of the disk that the BIOS has booted from."""

DISC_PREFIX = "/grub"
"""The same on a disc: the file system begins where CD or stick begin."""

_CORE_SECTOR = 1
_CORE_SECTOR_OFFSET = 0x5C
# setup.c: a BIOS may give a wrong drive number; two nops in place of the jump that would trust it
_DRIVE_CHECK_OFFSET, _NOPS = 0x66, b"\x90\x90"
_BLOCK_LIST_OFFSET = SECTOR_SIZE - 12
# above the 512 bytes of diskboot.img at 0x8000
_LOAD_SEGMENT = 0x0820
_SIZES_OFFSET = 0x08
_MODULES_MAGIC = 0x676D696D
_MODULE, _PREFIX_MODULE = 0, 3
_MODULES_HEADER, _MODULE_HEADER = "<III", "<II"
_ELF_32 = b"\x7fELF\x01\x01\x01"
# the properties that lzma_decompress.img is made for (mkimage.c, compress_kernel_lzma)
_LZMA = {"id": lzma.FILTER_LZMA1, "preset": 6, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 2}


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of ``grub-pc-bin``; each module comes behind those that it needs (``moddep.lst``).

    ``cdboot`` is needed for discs only.
    """

    boot: bytes
    diskboot: bytes
    decompressor: bytes
    kernel: bytes
    modules: tuple[bytes, ...]
    cdboot: bytes = b""


def raw_blobs(parts: Parts) -> tuple[RawBlob, ...]:
    """Return boot code and core image at their places before the first partition of a disk with an MBR.

    Raises `BuildError` when the parts are not those of GRUB.
    """
    with _uncut():
        boot_code, core_image = _boot_code(parts.boot, _CORE_SECTOR), _core_image(parts, PREFIX, _CORE_SECTOR)
    return RawBlob(0, Content.of(boot_code)), RawBlob(_CORE_SECTOR * SECTOR_SIZE, Content.of(core_image))


def disc_program(parts: Parts, block: int) -> bytes:
    """Return the boot image of a disc whose file starts at ``block``; its size is the same at every place.

    Raises `BuildError` when the parts are not those of GRUB.
    """
    if len(parts.cdboot) != BLOCK_SIZE:
        raise BuildError("GRUB's cdboot.img does not have 2048 bytes", hint="take it from grub-pc-bin, i386-pc")
    with _uncut():
        core_image = _core_image(parts, DISC_PREFIX, _disc_core_sector(block))
    return el_torito.with_info_table(parts.cdboot + core_image, block)


def disc_boot_code(parts: Parts, block: int) -> bytes:
    """Return the boot code for sector 0 of a disc on a USB stick. Raises `BuildError` as `disc_program` does."""
    with _uncut():
        return _boot_code(parts.boot, _disc_core_sector(block))


def _disc_core_sector(block: int) -> int:
    """Return where on a disc the core image starts: behind the one block of ``cdboot.img``."""
    return (block + 1) * BLOCK_SIZE // SECTOR_SIZE


@contextmanager
def _uncut() -> Iterator[None]:
    try:
        yield
    except struct.error as error:
        raise BuildError("a part of GRUB is cut", hint="take the parts from grub-pc-bin, i386-pc") from error


def _boot_code(image: bytes, core_sector: int) -> bytes:
    code = bytearray(image[: mbr.TABLE_OFFSET])
    struct.pack_into("<Q", code, _CORE_SECTOR_OFFSET, core_sector)
    code[_DRIVE_CHECK_OFFSET : _DRIVE_CHECK_OFFSET + len(_NOPS)] = _NOPS
    return bytes(code)


def _core_image(parts: Parts, prefix: str, sector: int) -> bytes:
    """Return the core image of the file or gap that starts at ``sector``."""
    payload = b"".join(_payload(parts, prefix))
    packed = lzma.compress(payload, lzma.FORMAT_RAW, filters=[_LZMA])
    program = bytearray(parts.decompressor)
    struct.pack_into("<II", program, _SIZES_OFFSET, len(packed), len(payload))
    body = bytes(program) + packed
    first = bytearray(parts.diskboot)
    blocks = (sector + 1, -(-len(body) // SECTOR_SIZE), _LOAD_SEGMENT)
    struct.pack_into("<QHH", first, _BLOCK_LIST_OFFSET, *blocks)
    return bytes(first) + body


def _payload(parts: Parts, prefix: str) -> Iterator[bytes]:
    """Yield what the core image unpacks: GRUB's kernel and, right behind it, the modules."""
    modules = [_module(_MODULE, data) for data in parts.modules]
    modules.append(_module(_PREFIX_MODULE, prefix.encode("ascii") + b"\0"))
    header_size = struct.calcsize(_MODULES_HEADER)
    yield _loaded(parts.kernel)
    yield struct.pack(_MODULES_HEADER, _MODULES_MAGIC, header_size, header_size + _total(modules))
    yield from modules


def _module(kind: int, data: bytes) -> bytes:
    body = data.ljust(-(-len(data) // 4) * 4, b"\0")
    return struct.pack(_MODULE_HEADER, kind, struct.calcsize(_MODULE_HEADER) + len(body)) + body


def _total(pieces: Iterable[bytes]) -> int:
    return sum(map(len, pieces))


def _loaded(kernel: bytes) -> bytes:
    """Return the one segment of ``kernel.img`` (an ELF file) as it is in memory, without its uninitialised end."""
    if not kernel.startswith(_ELF_32):
        raise BuildError("GRUB's kernel.img is not a 32-bit ELF program", hint="take it from grub-pc-bin, i386-pc")
    (headers,) = struct.unpack_from("<I", kernel, 28)
    offset, size = struct.unpack_from("<I8xI", kernel, headers + 4)
    return kernel[offset : offset + size]
