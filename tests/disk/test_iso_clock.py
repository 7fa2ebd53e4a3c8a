from __future__ import annotations

import time

import pytest
from pycdlib import dates, headervd, pycdlib

from lkboard.disk.iso_clock import standing_clock


def test_the_library_sees_a_time_that_stands_still_in_utc() -> None:
    with standing_clock(1_700_000_000):
        stamps = [module.time.time() for module in (dates, headervd, pycdlib)]
        zone = dates.time.localtime(0)
    assert stamps == [1_700_000_000.0] * 3
    assert (zone.tm_hour, zone.tm_gmtoff) == (0, 0)


def test_others_keep_their_clock() -> None:
    with standing_clock(0):
        assert time.time() > 1_000_000_000


def test_the_library_gets_its_clock_back_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="no"), standing_clock(0):
        raise ValueError("no")
    assert [module.time for module in (dates, headervd, pycdlib)] == [time] * 3
