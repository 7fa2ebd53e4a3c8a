"""The fields of tar headers: numbers, texts, times and the records of pax headers (POSIX.1-2017, pax)."""

from __future__ import annotations

import re

BLOCK_SIZE = 512

_TIME = re.compile(rb"(-?)(\d+)(?:\.(\d*))?")
_BASE_256 = 0x80
_QUOTED = 40


def padded(size: int) -> int:
    """Return a size in bytes rounded up to whole blocks."""
    return -(-size // BLOCK_SIZE) * BLOCK_SIZE


def text(field: bytes) -> bytes:
    """Return a field up to its NUL."""
    return field.partition(b"\0")[0]


def number(field: bytes) -> int:
    """Read an octal number, or GNU's base-256 with the highest bit set (two's complement). Raises ValueError."""
    digits = field.partition(b"\0")[0].strip()
    if digits.isdigit():
        return int(digits, 8)
    if field[0] & _BASE_256:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        return value - (1 << bits) if field[0] & 0x40 else value
    if digits:
        raise ValueError(f"has no number in {quoted(field)}")
    return 0


def decimal(value: bytes) -> int:
    """Read the number in a record of a pax header. Raises ValueError."""
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"has no number in {quoted(value)}") from None


def quoted(field: bytes) -> str:
    """Return the beginning of a field for people."""
    return repr(field[:_QUOTED])[1:]


def records_of(body: bytes) -> dict[str, bytes]:
    """Return the records ``LENGTH KEY=VALUE`` of a pax header. Raises ValueError."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(body):
        digits, _, _ = body[at : at + 20].partition(b" ")
        end = at + int(digits) if digits.isdigit() else 0
        key, equals, value = body[at + len(digits) + 1 : end].partition(b"=")
        if not equals or end > len(body) or not value.endswith(b"\n"):
            raise ValueError("has a broken attribute")
        records[key.decode("utf-8", "surrogateescape")] = value[:-1]
        at = end
    return records


def seconds(value: bytes) -> int:
    """Return nanoseconds of a decimal time in seconds; digits beyond nanoseconds are dropped. Raises ValueError."""
    match = _TIME.fullmatch(value)
    if match is None:
        raise ValueError(f"has no time in {quoted(value)}")
    sign, whole, fraction = match.groups()
    nanoseconds = int(whole) * 1_000_000_000 + int((fraction or b"0")[:9].ljust(9, b"0"))
    return -nanoseconds if sign else nanoseconds
