"""A blob on its way into the store: a partial file that survives interruptions (registry.md sections 8 and 11)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lkboard.oci.image_spec.digest import Digester, algorithm_of
from lkboard.oci.store.files import publish, store_errors
from lkboard.writing import write_all

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from lkboard.events import Job
    from lkboard.model.image import Descriptor

_CHUNK = 1 << 20


class Partial:
    """The bytes of a blob that are here already. Use it as a context manager, and only while holding the blob's lock.

    Raises `StoreUnusable` when the file system refuses.
    """

    def __init__(self, path: Path, descriptor: Descriptor, job: Job) -> None:
        self.descriptor = descriptor
        self._path = path
        self._job = job
        self._digester = Digester(algorithm_of(descriptor.digest))
        self.offset = 0

    def __enter__(self) -> Self:
        with store_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("r+b" if self._path.exists() else "w+b", buffering=0)
        try:
            self._resume()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are here; they may still be the wrong ones."""
        return self.offset == self.descriptor.size

    @property
    def digest(self) -> str:
        """Digest of what is here."""
        return self._digester.digest

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        with store_errors(self._path):
            write_all(self._file, data)
        self._digester.update(data)
        self.offset += len(data)

    def reset(self) -> None:
        """Forget everything that is here."""
        with store_errors(self._path):
            self._file.truncate(0)
            self._file.seek(0)
        self._digester = Digester(algorithm_of(self.descriptor.digest))
        self.offset = 0

    def publish(self, target: Path, mode: int) -> None:
        """Make the file the blob ``target``. The caller has compared the digest."""
        with store_errors(self._path):
            publish(self._file, target, mode)
        with suppress(OSError):
            self._path.parent.rmdir()

    def _resume(self) -> None:
        """Hash what an earlier run left; more than the blob has cannot belong to it."""
        with store_errors(self._path):
            while chunk := self._file.read(_CHUNK):
                self._job.check()
                self._digester.update(chunk)
                self.offset += len(chunk)
        if self.offset > self.descriptor.size:
            self.reset()
