"""What the kernel says about an open loop device."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.loops import attached, device_at, sparse_file
from support.maps import MIB

from lkboard.devices import ioctls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.device


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Path]:
    with attached(sparse_file(tmp_path / "card", 8 * MIB)) as path:
        yield path


@pytest.fixture
def descriptor(loop: Path) -> Iterator[int]:
    number = os.open(loop, os.O_RDWR)
    yield number
    os.close(number)


def test_facts_agree_with_sysfs(loop: Path, descriptor: int) -> None:
    device = device_at(loop)
    assert ioctls.size_bytes(descriptor) == device.size_bytes == 8 * MIB
    assert ioctls.diskseq(descriptor) == device.diskseq > 0


def test_what_a_file_does_not_tell(tmp_path: Path) -> None:
    with sparse_file(tmp_path / "file", MIB).open("rb") as file:
        assert ioctls.diskseq(file.fileno()) == 0
        assert not ioctls.reread_partitions(file.fileno())
        with pytest.raises(OSError, match="ioctl"):
            ioctls.size_bytes(file.fileno())


def test_a_dropped_cache_is_read_again(tmp_path: Path, loop: Path, descriptor: int) -> None:
    assert os.pread(descriptor, 4096, 0) == bytes(4096)
    with (tmp_path / "card").open("r+b") as backing:
        backing.write(b"new")
    assert os.pread(descriptor, 3, 0) == b"\0\0\0"
    ioctls.drop_cache(descriptor)
    assert os.pread(descriptor, 3, 0) == b"new"
