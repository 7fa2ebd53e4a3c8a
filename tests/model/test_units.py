"""Sizes that people write."""

from __future__ import annotations

import pytest

from lkboard.errors import UsageError
from lkboard.model.units import human_size, is_size, parse_size


@pytest.mark.parametrize(("text", "size"), [("512M", 512 << 20), ("2G", 2 << 30), ("3", 3 << 30), ("1024M", 1 << 30)])
def test_sizes(text: str, size: int) -> None:
    assert is_size(text)
    assert parse_size(text, "--size") == size


@pytest.mark.parametrize("text", ["", "M", "-1G", "1.5G", "1T", "1g", "1 G", "1GB", "0x10", "ten", "1234567890M"])
def test_what_is_not_a_size(text: str) -> None:
    assert not is_size(text)
    with pytest.raises(UsageError, match=f"'{text}' is not a size") as caught:
        parse_size(text, "--size")
    assert "512M" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["0", "0M", "00G"])
def test_nothing_is_a_size_only_where_it_means_something(text: str) -> None:
    with pytest.raises(UsageError, match=f"--size: '{text}' is too small"):
        parse_size(text, "--size")
    assert parse_size(text, "--keep-bytes", least=0) == 0


def test_more_digits_than_a_number_may_have_are_no_size() -> None:
    with pytest.raises(UsageError, match="is not a size"):
        parse_size("9" * 5000, "--size")


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (30723276, "29.3 MiB"), (1 << 40, "1.0 TiB")]
)
def test_sizes_are_written_with_units(size: int, text: str) -> None:
    assert human_size(size) == text
