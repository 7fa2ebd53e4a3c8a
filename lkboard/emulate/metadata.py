"""The metadata disk: an ISO 9660 image with the one file ``config`` (cli.md section 1.6).

It is found at boot because it appears as ``/dev/sr0``. Field offsets are those of ECMA-119, sections 8.4 (volume
descriptor), 9.1 (directory record) and 9.4 (path table). There is no clock in it: the date is that of the epoch.
"""

from __future__ import annotations

import struct
import time

from lkboard.model.rootfs import EPOCH

_SECTOR = 2048
_PATH_TABLE_LITTLE, _PATH_TABLE_BIG, _ROOT, _FILE = 18, 19, 20, 21  # after the system area and two descriptors
_VOLUME_ID = b"config"
_FILE_ID = b"CONFIG.;1"  # Linux shows it as "config"
_IS_DIRECTORY = 2


def metadata_iso(config: bytes) -> bytes:
    """Return the image of a disk that holds ``config``."""
    root = b"".join(
        (
            _record(b"\0", _ROOT, _SECTOR, _IS_DIRECTORY),
            _record(b"\1", _ROOT, _SECTOR, _IS_DIRECTORY),
            _record(_FILE_ID, _FILE, len(config), 0),
        )
    )
    sectors = [
        bytes(16 * _SECTOR),
        _descriptor(_FILE + -(-len(config) // _SECTOR)),
        b"\xffCD001\x01",
        struct.pack("<BBIH2x", 1, 0, _ROOT, 1),
        struct.pack(">BBIH2x", 1, 0, _ROOT, 1),
        root,
        config,
    ]
    return b"".join(_padded(sector) for sector in sectors)


def _descriptor(total_sectors: int) -> bytes:
    """Return the primary volume descriptor."""
    data = bytearray(_SECTOR)
    data[0:7] = b"\x01CD001\x01"
    data[8:72] = bytes(b" " * 32 + _VOLUME_ID.ljust(32))
    data[80:88] = _both(total_sectors)
    data[120:124] = data[124:128] = struct.pack("<H", 1) + struct.pack(">H", 1)
    data[128:132] = struct.pack("<H", _SECTOR) + struct.pack(">H", _SECTOR)
    data[132:140] = _both(10)  # size of a path table with the root alone
    data[140:144] = struct.pack("<I", _PATH_TABLE_LITTLE)
    data[148:152] = struct.pack(">I", _PATH_TABLE_BIG)
    data[156:190] = _record(b"\0", _ROOT, _SECTOR, _IS_DIRECTORY)
    data[190:813] = b" " * 623  # names of set, publisher, preparer, application and files
    data[813:830] = data[830:847] = time.strftime("%Y%m%d%H%M%S00", time.gmtime(EPOCH)).encode() + b"\0"
    data[847:864] = data[864:881] = b"0" * 16 + b"\0"
    data[881] = 1
    return bytes(data)


def _record(name: bytes, sector: int, size: int, flags: int) -> bytes:
    """Return a directory record, padded to an even length."""
    year, *rest = time.gmtime(EPOCH)[:6]
    padding = b"" if len(name) % 2 else b"\0"
    body = _both(sector) + _both(size) + bytes([year - 1900, *rest, 0, flags, 0, 0])
    body += struct.pack("<H", 1) + struct.pack(">H", 1) + bytes([len(name)]) + name + padding
    return bytes([len(body) + 2, 0]) + body


def _both(number: int) -> bytes:
    """Return a 32-bit number in both byte orders."""
    return struct.pack("<I", number) + struct.pack(">I", number)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _SECTOR)
