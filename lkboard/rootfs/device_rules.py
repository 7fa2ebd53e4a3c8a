"""Which devices the rules of a container let it use (runtime-spec, config-linux.md, "Allowed Device list")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Record = dict[str, Any]
Numbers = tuple[str, str, str]
"""Type, major and minor of devices; ``a`` or ``*`` where it may be any."""

EVERY: Numbers = ("a", "*", "*")
ACCESS = "rwm"
_ANY_TYPE, _ANY = EVERY[:2]
_UNBUFFERED = "u"


def numbers_of(device: Record) -> Numbers:
    """Return what a rule or a node is about; what a rule leaves open, or has as -1, may be any."""
    kind = device.get("type") or _ANY_TYPE
    if kind == _ANY_TYPE:
        return EVERY
    major, minor = (_ANY if device.get(name) in (None, -1) else f"{device[name]}" for name in ("major", "minor"))
    return ("c" if kind == _UNBUFFERED else f"{kind}"), major, minor


class DeviceRules:
    """The rules of a container, of which later ones replace earlier ones; without one there is no access."""

    def __init__(self, rules: Sequence[Record]) -> None:
        self._last: dict[Numbers, dict[str, tuple[int, bool]]] = {}
        for index, rule in enumerate(rules):
            found = self._last.setdefault(numbers_of(rule), {})
            found |= dict.fromkeys(_letters(rule), (index, rule.get("allow") is True))

    def access_to(self, numbers: Numbers) -> frozenset[str]:
        """Return which of `ACCESS` the container has to devices."""
        said = [self._last[one] for one in (numbers, *_wider(numbers)) if one in self._last]
        return frozenset(
            letter for letter in ACCESS if max((one[letter] for one in said if letter in one), default=(-1, False))[1]
        )

    def by_rule(self) -> Iterator[tuple[Numbers, frozenset[str], frozenset[str]]]:
        """Yield what rules are about, the access to it, and the access that wider rules give to more than that."""
        for numbers in self._last:
            wide: frozenset[str] = frozenset().union(
                *(self.access_to(one) for one in _wider(numbers) if one in self._last)
            )
            yield numbers, self.access_to(numbers), wide


def _wider(numbers: Numbers) -> set[Numbers]:
    kind, major, minor = numbers
    return {EVERY, (kind, _ANY, _ANY), (kind, major, _ANY), (kind, _ANY, minor)} - {numbers}


def _letters(rule: Record) -> set[str]:
    access = rule.get("access")
    return set(access if isinstance(access, str) and access else ACCESS)
