"""Unpack LZ4 in the legacy frame format, which is the only one that Linux uses for itself.

Formats: lz4_Frame_format.md ("Legacy frame") and lz4_Block_format.md of the LZ4 project. A kernel takes a few seconds;
that is seldom needed and saves a dependency.
"""

from __future__ import annotations

MAGIC = b"\x02\x21\x4c\x18"

_MORE = 15
_MORE_STILL = 255
_SHORTEST_MATCH = 4
_BLOCK_SIZE = 8 << 20
"""Plain bytes of a block, at most."""


def unpack(data: bytes, limit: int) -> bytes:
    """Return the plain bytes of a legacy frame, and no block after more than ``limit`` of them. Raises ValueError.

    The frame has no end of its own: it ends with the data, or with the plain size that the kernel's build appends.
    """
    output = bytearray()
    at = len(MAGIC)
    while at < len(data) and len(output) <= limit:
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4
        if size == 0 or (at == len(data) and size == len(output)):
            break
        if at + size > len(data):
            raise ValueError("an LZ4 block is cut")
        output += _block(data[at : at + size])
        at += size
    if not output:
        raise ValueError("it is cut")
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
        if len(output) + match > _BLOCK_SIZE:
            raise ValueError("an LZ4 block has more than 8 MiB")
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
