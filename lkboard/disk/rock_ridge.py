"""Rock Ridge: what an ISO 9660 directory record says of a POSIX file besides its place.

Sources: IEEE P1282 (RRIP 1.12) for the entries, IEEE P1281 (SUSP 1.12) for how they follow each other and go on
elsewhere. Times are those of the directory records, which every reader takes where no TF entry says otherwise.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lkboard.disk.inodes import mode_of
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkboard.model.rootfs import Entry

CONTINUATION_SIZE = 28
"""Bytes of the entry that says where the others are."""

START = b"SP\x07\x01\xbe\xef\x00"
"""The first entry of a volume: the protocol is in use."""

_ENTRY_MAX = 255
_NAME_MAX = _ENTRY_MAX - 5
_COMPONENT_MAX = _NAME_MAX - 2
_GOES_ON, _CURRENT, _PARENT, _ROOT = 1, 2, 4, 8
_SPECIAL_COMPONENTS = {b".": _CURRENT, b"..": _PARENT}
_DEVICES = {Kind.CHAR, Kind.BLOCK}
_MINOR_LIMIT = 1 << 8
_IDENTIFIER = b"IEEE_P1282"
_DESCRIPTION = b"THE IEEE P1282 PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
_SOURCE = b"PLEASE CONTACT THE IEEE STANDARDS DEPARTMENT, PISCATAWAY, NJ, USA FOR THE P1282 SPECIFICATION"


def both(value: int) -> bytes:
    """Return a 32-bit number in both byte orders (ECMA-119, section 7.3.3)."""
    return struct.pack("<I", value) + struct.pack(">I", value)


def extension() -> bytes:
    """Return the entry that names this protocol; it belongs to the root directory (IEEE P1282, section 4.3)."""
    texts = _IDENTIFIER + _DESCRIPTION + _SOURCE
    return _entry(b"ER", bytes((len(_IDENTIFIER), len(_DESCRIPTION), len(_SOURCE), 1)) + texts)


def attributes(entry: Entry, *, links: int, serial: int) -> list[bytes]:
    """Return what is said of a file under each of its names. ``serial`` is the same for hard links of one file."""
    fields = [_entry(b"PX", b"".join(map(both, (mode_of(entry), links, entry.uid, entry.gid, serial))))]
    if entry.kind in _DEVICES:
        fields.append(_entry(b"PN", b"".join(map(both, _device(*entry.device)))))
    return fields


def name(text: bytes) -> list[bytes]:
    """Return the entries of a file's name."""
    return _chain(b"NM", [text[start : start + _NAME_MAX] for start in range(0, len(text), _NAME_MAX)])


def target(text: bytes) -> list[bytes]:
    """Return the entries of a symbolic link's target."""
    pieces = [b""]
    for component in _components(text):
        if len(pieces[-1]) + len(component) > _NAME_MAX:
            pieces.append(b"")
        pieces[-1] += component
    return _chain(b"SL", pieces)


def continuation(block: int, offset: int, size: int) -> bytes:
    """Return the entry that says that others go on at an offset of a block (IEEE P1281, section 5.1)."""
    return _entry(b"CE", both(block) + both(offset) + both(size))


def split(entries: Sequence[bytes], room: int) -> tuple[bytes, Sequence[bytes]]:
    """Return the entries that fit into ``room`` bytes, joined, and the rest; with a rest there is room for its place.

    The first one of a whole continuation area always fits, as no entry has more than 255 bytes.
    """
    if sum(map(len, entries)) <= room:
        return b"".join(entries), ()
    count, size = 0, 0
    while size + len(entries[count]) + CONTINUATION_SIZE <= room:
        size += len(entries[count])
        count += 1
    return b"".join(entries[:count]), entries[count:]


def _entry(signature: bytes, body: bytes) -> bytes:
    return signature + bytes((4 + len(body), 1)) + body


def _chain(signature: bytes, pieces: Sequence[bytes]) -> list[bytes]:
    """Return one entry a piece; all but the last say that the next one goes on."""
    flags = [_GOES_ON] * (len(pieces) - 1) + [0]
    return [_entry(signature, bytes((flag,)) + piece) for flag, piece in zip(flags, pieces, strict=True)]


def _device(major: int, minor: int) -> tuple[int, int]:
    """Return the two words of a device number.

    Writers have put it into the low word in the form of old Unix; Linux takes the words for major and minor where the
    number is not in that form (fs/isofs/rock.c).
    """
    if major and minor < _MINOR_LIMIT:
        return 0, major << 8 | minor
    return major, minor


def _components(text: bytes) -> Iterator[bytes]:
    """Yield the component records of a target (IEEE P1282, section 4.1.3.1)."""
    if text.startswith(b"/"):
        yield bytes((_ROOT, 0))
    for part in filter(None, text.split(b"/")):
        if part in _SPECIAL_COMPONENTS:
            yield bytes((_SPECIAL_COMPONENTS[part], 0))
            continue
        for start in range(0, len(part), _COMPONENT_MAX):
            piece = part[start : start + _COMPONENT_MAX]
            yield bytes((_GOES_ON if start + _COMPONENT_MAX < len(part) else 0, len(piece))) + piece
