"""An independent reader of newc archives, as strict as the kernel's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    name: str
    inode: int
    mode: int
    uid: int
    gid: int
    links: int
    mtime: int
    device: tuple[int, int]
    rdev: tuple[int, int]
    data: bytes


def members(archive: bytes) -> list[Member]:
    """Return what is in one or several archives that follow one another, zeros between them skipped."""
    found, position = [], 0
    while position < len(archive):
        if archive[position] == 0:
            position += 1
            continue
        assert position % 4 == 0
        assert archive[position : position + 6] == b"070701"
        field = [int(archive[position + 6 + 8 * i : position + 14 + 8 * i], 16) for i in range(13)]
        start = position + 110
        end = start + field[11]
        name = archive[start : end - 1]
        assert archive[end - 1] == 0
        assert field[12] == 0
        start = -(-end // 4) * 4
        position = start + field[6]
        data = archive[start:position]
        assert len(data) == field[6]
        padding = -position % 4
        assert not any(archive[position : position + padding])
        position += padding
        if name != b"TRAILER!!!":
            found.append(
                Member(
                    name.decode("utf-8", "surrogateescape"),
                    *field[:6],
                    (field[7], field[8]),
                    (field[9], field[10]),
                    data,
                )
            )
    return found
