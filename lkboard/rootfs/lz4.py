"""Unpack LZ4 in the legacy frame format, which is the only one that Linux uses for itself.

Formats: lz4_Frame_format.md ("Legacy frame") and lz4_Block_format.md of the LZ4 project. A kernel takes a few seconds;
that is seldom needed and saves a dependency.
"""

from __future__ import annotations

import struct

MAGIC = b"\x02\x21\x4c\x18"

_MORE = 15
_MORE_STILL = 255
_SHORTEST_MATCH = 4


def unpack(data: bytes) -> bytes:
    """Return the plain bytes of a legacy frame; what follows its last block is ignored. Raises ValueError."""
    output = bytearray()
    at = len(MAGIC)
    while at + 4 <= len(data):
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        if size == 0 or at + size > len(data):
            break
        output += _block(data[at : at + size])
        at += size
    return bytes(output)


def _block(source: bytes) -> bytearray:
    try:
        return _sequences(source)
    except IndexError as error:
        raise ValueError("an LZ4 block is cut") from error


def _sequences(source: bytes) -> bytearray:
    """Copy literals and repeat what was there before, in turns, until the literals that end the block."""
    output = bytearray()
    at = 0
    while True:
        token = source[at]
        literals, at = _length(source, at + 1, token >> 4)
        output += source[at : at + literals]
        at += literals
        if at >= len(source):
            return output
        distance = source[at] | source[at + 1] << 8
        if not 0 < distance <= len(output):
            raise ValueError("an LZ4 block refers to what is not there")
        match, at = _length(source, at + 2, token & _MORE)
        match += _SHORTEST_MATCH
        start = len(output) - distance
        if distance >= match:
            output += output[start : start + match]
        else:
            output += (output[start:] * (match // distance + 1))[:match]


def _length(source: bytes, at: int, length: int) -> tuple[int, int]:
    """Return a length, of which the token has the first part, and where it ends."""
    if length == _MORE:
        while True:
            length += source[at]
            at += 1
            if source[at - 1] != _MORE_STILL:
                break
    return length, at
