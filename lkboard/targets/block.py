"""A block device as a target: exclusive, direct, and blank until the last moment."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.devices import ioctls
from lkboard.devices.identity import check_open
from lkboard.errors import DeviceError, PermissionNeeded, SafetyRefused, Vanished
from lkboard.targets.chunks import ALIGNMENT, CHUNK_SIZE, EDGE_SIZE
from lkboard.targets.kind import TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkboard.model.device import BlockDevice
    from lkboard.model.target import WritePlan

_GONE = (errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM)
_LOCK_SECONDS = 1.0
"""How long udev may still look at a device that was just plugged in."""


class BlockTarget:
    """Writes to the device that was assessed and chosen, and to no other."""

    def __init__(self, device: BlockDevice) -> None:
        self._device = device
        self._descriptor = -1
        self._is_changed = self._has_edges = False
        self._tail_start = max(0, device.size_bytes - EDGE_SIZE) // ALIGNMENT * ALIGNMENT
        # one chunk, and room to round its end up to any sector size
        self._buffer = memoryview(mmap.mmap(-1, CHUNK_SIZE + max(ALIGNMENT, device.sector_size)))

    @property
    def name(self) -> str:
        """The path of the device."""
        return self._device.path

    @property
    def medium(self) -> Path:
        """The device itself."""
        return Path(self._device.path)

    def prepare(self, size_bytes: int) -> None:
        """Open the device for us alone, make sure that it is the chosen one, and blank its edges.

        Raises `SafetyRefused` before anything is changed, `PermissionNeeded`, `DeviceError`.
        """
        if size_bytes > self._device.size_bytes:
            raise SafetyRefused("the device is smaller than the image", where=self.name)
        self._open()
        with self._explained("open the device"):
            check_open(self._descriptor, self._device)
            self._lock()
        self._blank_edges()

    def write(self, offset: int, data: memoryview) -> None:
        """Write to the medium, past the page cache; zeros fill up the last sector. Raises `DeviceError`."""
        self._is_changed = True
        self._has_edges |= offset < EDGE_SIZE or offset + len(data) > self._tail_start
        size = self._round_up(len(data))
        if size != len(data):
            self._buffer[: len(data)] = data
            self._buffer[len(data) : size] = bytes(size - len(data))
            data = self._buffer[:size]
        with self._explained(f"write at byte {offset}"):
            while data:
                count = self._direct(lambda: os.pwrite(self._descriptor, data, offset))  # noqa: B023 - called at once
                data, offset = data[count:], offset + count

    def flush(self) -> None:
        """Empty the device's own cache and the kernel's. Raises `DeviceError`."""
        with self._explained("flush the device's cache"):
            os.fdatasync(self._descriptor)
            ioctls.drop_cache(self._descriptor)

    def read(self, offset: int, size: int) -> memoryview:
        """Read from the medium; the result is valid until the next call. Raises `DeviceError`."""
        done, end = 0, self._round_up(size)
        with self._explained(f"read at byte {offset}"):
            while done < end:
                view = self._buffer[done:end]
                count = self._direct(lambda: os.preadv(self._descriptor, [view], offset + done))  # noqa: B023 - as above
                if not count:
                    raise DeviceError(f"the device ends at byte {offset + done}", where=self.name)
                done += count
        return self._buffer[:size]

    def commit(self) -> None:
        """Let the kernel see the new partitions, where it can."""
        ioctls.reread_partitions(self._descriptor)

    def abort(self) -> str:
        """Blank the edges again if they were written, so that nothing boots from or recognises a failed image.

        Returns that the device has lost what it held, once anything was written.
        """
        if self._has_edges:
            # the device may be what failed
            with contextlib.suppress(DeviceError):
                self._blank_edges()
        return f"{self.name} is unfinished and what it held is lost: write it again" if self._is_changed else ""

    def close(self) -> None:
        """Let go of the device, and of the lock with it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        # O_EXCL on a device: refused while it or a partition is mounted or held, and keeps everybody else out
        flags = os.O_RDWR | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with self._explained("open the device"):
            try:
                self._descriptor = os.open(self.name, flags | os.O_DIRECT)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._descriptor = os.open(self.name, flags)

    def _lock(self) -> None:
        """Take the lock that keeps udev from probing what we write (systemd, "Locking Block Device Access")."""
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise SafetyRefused("another program has locked the device", where=self.name) from error
                time.sleep(0.1)
            else:
                return

    def _blank_edges(self) -> None:
        """Zero the first and the last MiB: tables, boot code, and the backup of an older GPT."""
        size = self._device.size_bytes
        zeros = memoryview(mmap.mmap(-1, EDGE_SIZE + ALIGNMENT))
        for start, end in ((0, min(EDGE_SIZE, size)), (self._tail_start, size)):
            self.write(start, zeros[: end - start])
        self.flush()
        self._has_edges = False

    def _round_up(self, size: int) -> int:
        sector = self._device.sector_size
        return -(-size // sector) * sector

    def _direct(self, call: Callable[[], int]) -> int:
        """Run one transfer; a driver that refuses direct ones gets it, and all after it, through the page cache."""
        try:
            return call()
        except OSError as error:
            flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
            if error.errno != errno.EINVAL or not flags & os.O_DIRECT:
                raise
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~os.O_DIRECT)
            return call()

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise PermissionNeeded(
                "you may not write to this device", where=self.name, hint="run the command with sudo"
            ) from error
        except OSError as error:
            raise self._device_error(doing, error) from error

    def _device_error(self, doing: str, error: OSError) -> DeviceError:
        if error.errno == errno.EBUSY:
            return SafetyRefused(
                "another program uses the device or one of its partitions",
                where=self.name,
                hint="close that program, unmount the partitions, then repeat the command",
            )
        if error.errno == errno.EROFS:
            return SafetyRefused("the device is read-only", where=self.name)
        if error.errno in _GONE or not self.medium.exists():
            return Vanished("the device is not there any more", where=self.name, hint="plug it in again and start over")
        return DeviceError(
            f"cannot {doing}: {error.strerror}", where=self.name, hint="try another card, stick, reader or port"
        )


def _accepts(plan: WritePlan) -> bool:
    return plan.device is not None


def _make(plan: WritePlan) -> BlockTarget:
    assert plan.device is not None
    return BlockTarget(plan.device)


TARGET = TargetKind(name="block", title="a card, stick or disk", accepts=_accepts, make=_make)
