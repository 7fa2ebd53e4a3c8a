"""Names on a FAT file system: what may be a name, 8.3 aliases, and the entries of long names.

Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification, version 1.03 ("fatgen103"), sections
"FAT Directory Structure" and "FAT Long Directory Entries".
"""

from __future__ import annotations

import itertools
import re
import struct
from typing import TYPE_CHECKING

from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTRY_SIZE = 32
_UNITS_PER_SLOT = 13
_UNITS_MAX = 255
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|\ud800-\udfff]')
_SHORT_CHARACTERS = r"A-Z0-9!#$%&'()@^_`{}~\-"
_SHORT_NAME = re.compile(rf"([{_SHORT_CHARACTERS}]{{1,8}})(?:\.([{_SHORT_CHARACTERS}]{{1,3}}))?")
_NOT_SHORT = re.compile(rf"[^{_SHORT_CHARACTERS}]")
_LABEL = re.compile(rf"[{_SHORT_CHARACTERS} ]{{0,11}}")
_LONG_NAME_ATTRIBUTE = 0x0F
_LAST_SLOT = 0x40


def check(name: str, path: str) -> None:
    """Refuse what cannot be a name on a FAT file system; ``path`` is the whole path, for the message.

    Raises `BuildError`.
    """
    if name in {"", ".", ".."}:
        raise BuildError(f"'{path}' is not a path on a boot file system", hint="write it as folder/file")
    bad = _FORBIDDEN.search(name)
    if bad:
        raise BuildError(f"'{path}' has a {bad[0]!r} in it, which a FAT file system does not allow", hint="rename it")
    if name[-1] in " .":
        raise BuildError(f"'{path}' has a name that ends in {name[-1]!r}, which FAT readers drop", hint="rename it")
    if _units(name) > _UNITS_MAX:
        raise BuildError(f"'{path}' has a name of more than {_UNITS_MAX} characters", hint="shorten it")


def fold(name: str) -> str:
    """Return what two names have in common that a FAT file system takes for the same."""
    return "".join(upper if len(upper := character.upper()) == 1 else character for character in name)


def label_field(label: str) -> bytes:
    """Return a volume label as its 11 bytes. Raises `BuildError`."""
    text = label.upper()
    if not _LABEL.fullmatch(text):
        raise BuildError(f"'{label}' is not a volume label", hint="use up to 11 letters, digits, blanks, '-' and '_'")
    return text.encode().ljust(11)


def aliases(names: Sequence[str]) -> list[bytes]:
    """Return the 8.3 alias of each name of one folder, as the 11 bytes of a directory entry, all different.

    A name that is 8.3 but for its case keeps it; others get a numeric tail (``LONGFI~1TXT``).
    """
    exact = {name: alias for name in names if (alias := _exact_alias(name))}
    taken = set(exact.values())
    counters: dict[tuple[str, str], itertools.count[int]] = {}
    result = []
    for name in names:
        alias = exact.get(name)
        if alias is None:
            basis = _basis(name)
            counter = counters.setdefault(basis, itertools.count(1))
            alias = next(alias for number in counter if (alias := _tailed(*basis, number)) not in taken)
            taken.add(alias)
        result.append(alias)
    return result


def slots(name: str) -> int:
    """Return how many directory entries a name takes in all."""
    return 1 if _SHORT_NAME.fullmatch(name) else 1 + -(-_units(name) // _UNITS_PER_SLOT)


def long_entries(name: str, alias: bytes) -> bytes:
    """Return the entries that stand before the one of ``alias``: none when the alias says it all."""
    count = slots(name) - 1
    if not count:
        return b""
    text = name.encode("utf-16-le")
    if len(text) % (2 * _UNITS_PER_SLOT):
        text = (text + b"\0\0").ljust(count * 2 * _UNITS_PER_SLOT, b"\xff")
    checksum = _checksum(alias)
    entries = []
    for index in range(count, 0, -1):
        part = text[(index - 1) * 26 : index * 26]
        order = index | (_LAST_SLOT if index == count else 0)
        fields = (order, part[:10], _LONG_NAME_ATTRIBUTE, 0, checksum, part[10:22], 0, part[22:])
        entries.append(struct.pack("<B10sBBB12sH4s", *fields))
    return b"".join(entries)


def _units(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass")) // 2


def _exact_alias(name: str) -> bytes | None:
    match = _SHORT_NAME.fullmatch(fold(name))
    return _pad(match[1], match[2] or "") if match else None


def _basis(name: str) -> tuple[str, str]:
    """Return up to six and three legal characters that remind of a name (fatgen103, "Basis-Name Generation")."""
    stem, dot, extension = name.lstrip(". ").rpartition(".")
    if not dot:
        stem, extension = extension, ""
    legal_stem, legal_extension = (
        _NOT_SHORT.sub("_", fold(text).replace(" ", "").replace(".", "")) for text in (stem, extension)
    )
    return legal_stem[:6] or "_", legal_extension[:3]


def _tailed(stem: str, extension: str, number: int) -> bytes:
    tail = f"~{number}"
    return _pad(stem[: 8 - len(tail)] + tail, extension)


def _pad(stem: str, extension: str) -> bytes:
    return f"{stem:8}{extension:3}".encode()


def _checksum(alias: bytes) -> int:
    total = 0
    for byte in alias:
        total = ((total >> 1 | total << 7) + byte) & 0xFF
    return total
