"""The one way in which an image gets to any target (writer.md section 2.8).

    prepare → write all but the edges → flush → read back, compare → write the edges → flush → compare, check → commit

Whatever ends this early leaves a target that is unmistakably unfinished.
"""

from __future__ import annotations

import mmap
import time
from typing import TYPE_CHECKING

import xxhash

from lkboard.disk.window import MapReader
from lkboard.errors import VerifyFailed
from lkboard.model.target import WriteResult
from lkboard.targets.chunks import CHUNK_SIZE, plan_chunks, total

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.extents import ExtentMap
    from lkboard.model.target import Target, WriteState
    from lkboard.targets.chunks import Chunk

    Check = Callable[[Path], None]


def write_image(
    target: Target, image: ExtentMap, job: Job, *, verify: bool = True, check: Check | None = None
) -> WriteResult:
    """Write an image to a target and read it back; ``check`` may look at all that was written before it is committed.

    Raises `DeviceError` or `OutputError` when the target fails, `VerifyFailed` when it holds other bytes than were
    written, `BuildError` when the image cannot be read, and `Cancelled`; the target is unfinished then, and a warning
    says what that means for the user.
    """
    start = time.monotonic()
    with MapReader(image) as reader:
        transfer = _Transfer(target, reader, job)
        try:
            target.prepare(image.size)
            transfer.run(image, verify=verify)
            if check:
                with job.step("Check"):
                    check(target.medium)
            target.commit()
        except BaseException:
            if left := target.abort():
                job.note(left, "warning")
            raise
        finally:
            target.close()
    state: WriteState = "verified" if verify else "written-not-verified"
    return WriteResult(target.name, state, transfer.written, transfer.verified, time.monotonic() - start)


class _Transfer:
    """One run: the checksums of what was written, kept until they are compared."""

    def __init__(self, target: Target, reader: MapReader, job: Job) -> None:
        self._target = target
        self._reader = reader
        self._job = job
        self._sums: dict[int, bytes] = {}
        # memory of its own pages is aligned as direct writes need it
        self._buffer = memoryview(mmap.mmap(-1, CHUNK_SIZE))
        self.written = 0
        self.verified = 0

    def run(self, image: ExtentMap, *, verify: bool) -> None:
        plan = plan_chunks(image)
        with self._job.step("Write"):
            self._write(plan.body, "Write")
        with self._job.step("Flush"):
            self._target.flush()
        if verify:
            with self._job.step("Verify"):
                self._verify(plan.body, "Verify")
        with self._job.step("Commit"):
            self._write(plan.edges, "Commit")
            self._target.flush()
            if verify:
                self._verify(plan.edges, "Commit")

    def _write(self, chunks: Sequence[Chunk], step: str) -> None:
        done, end = 0, total(chunks)
        for chunk in chunks:
            self._job.progress(step, done, end)
            data = self._buffer[: chunk.size]
            self._reader.read_into(chunk.offset, data)
            self._sums[chunk.offset] = xxhash.xxh3_128_digest(data)
            self._target.write(chunk.offset, data)
            done += chunk.size
        self.written += done
        self._job.progress(step, done, end)

    def _verify(self, chunks: Sequence[Chunk], step: str) -> None:
        done, end = 0, total(chunks)
        for chunk in chunks:
            self._job.progress(step, done, end)
            if xxhash.xxh3_128_digest(self._target.read(chunk.offset, chunk.size)) != self._sums[chunk.offset]:
                raise VerifyFailed(
                    f"what was read back is not what was written, between bytes {chunk.offset}"
                    f" and {chunk.offset + chunk.size}",
                    where=self._target.name,
                    hint="write it again; if it fails again, replace the card or stick",
                )
            done += chunk.size
        self.verified += done
        self._job.progress(step, done, end)
