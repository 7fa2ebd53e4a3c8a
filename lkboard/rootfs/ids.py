"""Users and groups by the names of containers (build.md section 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.config.values import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.model.config import Config, Id

_FIRST = 100
_RANGE = 1 << 32
_ROOT = frozenset(["", "root"])


def container_ids(config: Config) -> dict[str, int]:
    """Return the number that each container's name stands for; of equal names the last one counts."""
    return {container.name: number for number, (_, _, container) in enumerate(config.containers, start=_FIRST)}


def resolve_id(value: Id | None, ids: Mapping[str, int]) -> int:
    """Return the number of a user or group; nothing is root. Raises `InvalidValue` for an unknown name."""
    if value is None or value in _ROOT:
        return 0
    if isinstance(value, int):
        return value % _RANGE
    if value not in ids:
        hint = (
            f"write the number without quotes: {value}" if value.isdigit() else "write a number, or a container's name"
        )
        raise InvalidValue(f"cannot find the user or group '{value}'", hint)
    return ids[value]
