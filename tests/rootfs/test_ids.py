from __future__ import annotations

import pytest
from support.stored import configured

from lkboard.config.values import InvalidValue
from lkboard.rootfs.ids import container_ids, resolve_id

IDS = {"a": 100, "b": 101}


def test_containers_are_numbered_over_all_sections() -> None:
    config = configured(
        """
        services: [{name: s, image: i}]
        onshutdown: [{name: d, image: i}]
        onboot: [{name: a, image: i}, {name: b, image: i}, {name: s, image: i}]
        """
    )
    assert container_ids(config) == {"a": 100, "b": 101, "d": 103, "s": 104}


@pytest.mark.parametrize(
    ("value", "number"),
    [(None, 0), ("", 0), ("root", 0), (0, 0), (7, 7), (-1, 4294967295), (4294967296, 0), ("a", 100), ("b", 101)],
)
def test_ids_are_numbers_or_names_of_containers(value: int | str | None, number: int) -> None:
    assert resolve_id(value, IDS) == number


def test_root_is_zero_even_if_a_container_has_that_name() -> None:
    assert resolve_id("root", {"root": 100}) == 0


@pytest.mark.parametrize(("value", "hint"), [("nobody", "a container's name"), ("1000", "without quotes: 1000")])
def test_an_unknown_name_is_refused_with_a_hint(value: str, hint: str) -> None:
    with pytest.raises(InvalidValue, match=f"cannot find the user or group '{value}'") as caught:
        resolve_id(value, IDS)
    assert hint in caught.value.hint
