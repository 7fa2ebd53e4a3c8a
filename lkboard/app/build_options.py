"""What a build is asked to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import UsageError
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from lkboard.model.artifact import Compression
    from lkboard.model.web import WebAccess

STDOUT = "-"
DEFAULT_SBOM = "sbom.spdx.json"
_EARLIEST, _LATEST = 315_532_800, (1 << 32) - 1
_SECONDS = re.compile("[0-9]{9,10}")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a user asks of a build. Empty texts are options that were not given.

    ``files`` are config files, URLs or ``-``; ``output`` is one exact file, or ``-`` for standard output; otherwise
    files are named after ``name`` and put into ``directory``. ``sbom`` is where in the system the bill of materials
    goes, None for none; ``sbom_created`` is the time that it bears, in Unix seconds (None: the epoch). ``size_bytes``
    is the size of disks, 0 for what is usual for the format. ``compression`` None leaves it to the name of
    ``output``, ``has_sidecars`` None to the format. ``lock`` is the file that says what may be used, empty for the one
    beside the first config; None allows everything. ``vendored`` is a folder that holds its lock
    and all that the lock names. ``input_tar`` is an earlier output, which must stay as it is. ``record`` is where it is
    written down what the build was made of. ``target`` is the file that becomes what ``output`` is, when that is only
    on the way to it.
    """

    files: tuple[str, ...]
    board: str = ""
    formats: tuple[str, ...] = ()
    architecture: str = ""
    output: str = ""
    name: str = ""
    directory: str = ""
    cache: str = ""
    decompress_kernel: bool = False
    unified_kernel: bool = False
    size_bytes: int = 0
    sbom: str | None = DEFAULT_SBOM
    sbom_created: int | None = None
    compression: Compression | None = None
    has_sidecars: bool | None = None
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    lock: str | None = None
    vendored: str = ""
    input_tar: str = ""
    record: str = ""
    target: str = ""

    @property
    def web(self) -> WebAccess:
        """How configs at addresses are read: as images are, and not at all when everything is in a folder."""
        return replace(self.registry, offline=self.registry.offline or bool(self.vendored)).web


def epoch_of(text: str) -> int:
    """Return the time of everything that a build makes up, in Unix seconds: ``SOURCE_DATE_EPOCH``, or lkboard's own.

    Raises `UsageError` for what is no time that every format can hold (1980 to 2106: FAT and cpio).
    """
    if not text:
        return EPOCH
    if not _SECONDS.fullmatch(text) or not _EARLIEST <= int(text) <= _LATEST:
        raise UsageError(
            f"'{text}' is no time in Unix seconds between 1980 and 2106",
            where="SOURCE_DATE_EPOCH",
            hint="unset SOURCE_DATE_EPOCH, or set it to such a number",
        )
    return int(text)
