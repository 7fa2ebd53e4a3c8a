"""No write ends early without an error. A limit for files makes the kernel write less than it was given."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from lkboard.writing import pwrite_all, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO
    from pathlib import Path

DATA = bytes(range(256)) * 64
LIMIT = 10_000
START = 100


@pytest.fixture
def file(tmp_path: Path) -> Iterator[FileIO]:
    with (tmp_path / "file").open("w+b", buffering=0) as opened:
        yield opened


def _write_at_start(file: FileIO, data: bytes | memoryview) -> None:
    file.seek(START)
    write_all(file, data)


def _pwrite_at_start(file: FileIO, data: bytes | memoryview) -> None:
    pwrite_all(file.fileno(), data, START)


each_way = pytest.mark.parametrize("write", [_write_at_start, _pwrite_at_start])


@each_way
@pytest.mark.parametrize("data", [b"", DATA, memoryview(DATA)[1:]], ids=["nothing", "bytes", "view"])
def test_all_of_it_is_there(
    file: FileIO, write: Callable[[FileIO, bytes | memoryview], None], data: bytes | memoryview
) -> None:
    write(file, data)
    file.seek(START)
    assert file.read() == data


@each_way
def test_what_does_not_fit_is_an_error(file: FileIO, write: Callable[[FileIO, bytes | memoryview], None]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(file, DATA)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    file.seek(START)
    assert file.read() == DATA[: LIMIT - START]


def test_writing_at_an_offset_leaves_the_position_alone(file: FileIO) -> None:
    pwrite_all(file.fileno(), DATA, START)
    assert file.tell() == 0
