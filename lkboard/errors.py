"""Every failure a user can see, as a type: what happened, where, and what to do.

    LkboardError
    ├─ UsageError 2
    ├─ ConfigError 1 (several problems at once)     ├─ BoardError 1
    ├─ OciError 1: ReferenceInvalid, NotFound, AuthNeeded, RegistryError (TlsError), DigestMismatch,
    │               PlatformMissing, ManifestInvalid, ArchiveInvalid, StoreCorrupt, StoreUnusable, Offline
    ├─ BuildError 1: ImageConflict, LayerInvalid, PathMissing, TooSmall, LockMismatch, MissingTool, OutputError
    ├─ DiskInvalid 1
    ├─ EmulationError 1: NoEmulator, BootFailed
    ├─ DeviceError 4: SafetyRefused 3, VerifyFailed 5, PermissionNeeded 8, Vanished 4
    └─ InternalError 70     Cancelled 6 (not an error)

Library code raises these and never prints or exits; only the command line's ``main`` knows what an exit status is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Severity = Literal["error", "warning", "hint"]

_LONGEST_LINE = 2000
"""Characters. What a message quotes may be any text of a config or image; its ends say what is wrong."""


def _line(text: str) -> str:
    """Return a text as one line that can be read."""
    line = " ".join(text.splitlines())
    half = _LONGEST_LINE // 2
    return line if len(line) <= _LONGEST_LINE else f"{line[:half]} … {line[-half:]}"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a text file. ``line`` and ``column`` count from 1; 0 means that the position is not known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return ``file``, ``file:line`` or ``file:line:column``, as far as it is known."""
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth knowing, in a config.

    ``path`` names the field from the root of the document (``services.0.image``; empty for the document itself),
    ``code`` is stable and names the rule (``config.unknown-field``).
    """

    place: Place
    path: str
    message: str
    hint: str = ""
    code: str = "config.invalid"
    severity: Severity = "error"

    def __str__(self) -> str:
        """Return ``file:line:column: path: what is wrong (hint)``, on one line whatever the config contains."""
        path = f"{self.path}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return _line(f"{self.place}: {path}{self.message}{hint}")


class LkboardError(Exception):
    """A failure that the user can understand and act on.

    ``message`` is one sentence, ``where`` the thing it happened to (file:line:column, device, URL, image), ``hint`` an
    imperative with the exact command or value to use. ``others`` failed at the same time, such as further images.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, where: object = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = None if where is None else str(where)
        self.hint = hint
        self.others: tuple[LkboardError, ...] = ()

    def __str__(self) -> str:
        """Return ``where: message (hint)`` on one line, whatever files and images are called; ``others`` below it."""
        where = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return "\n".join((_line(f"{where}{self.message}{hint}"), *map(str, self.others)))


class UsageError(LkboardError):
    """The command line was used in a way that cannot work."""

    code = "usage"
    exit_status = 2


class ConfigError(LkboardError):
    """A config has errors; ``problems`` lists all of them in file order, ``message`` only counts them."""

    code = "config"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"the config has {count} error{'' if count == 1 else 's'}")

    def __str__(self) -> str:
        """Return the problems, one on each line."""
        return "\n".join(str(problem) for problem in self.problems)


class BoardError(LkboardError):
    """A board does not exist, or its ``board.yml`` is broken."""

    code = "board"


class OciError(LkboardError):
    """Something about an image, a registry or the store."""

    code = "oci"


class ReferenceInvalid(OciError):
    """A text is not an image reference."""

    code = "oci.reference"


class NotFound(OciError):
    """The registry has no such repository, tag, manifest or blob."""

    code = "oci.not-found"


class AuthNeeded(OciError):
    """The registry wants a login, or refused the one it was given."""

    code = "oci.auth"


class RegistryError(OciError):
    """The registry cannot be reached, or answered with an error or with nonsense."""

    code = "oci.registry"


class TlsError(RegistryError):
    """A registry cannot prove who it is, or does not accept how we do."""

    code = "oci.tls"


class DigestMismatch(OciError):
    """Bytes do not have the digest by which they were asked for."""

    code = "oci.digest"


class PlatformMissing(OciError):
    """The image exists, but not for the wanted platform; ``available`` lists those that it has."""

    code = "oci.platform"

    def __init__(
        self, message: str, *, available: Sequence[str] = (), where: object = None, hint: str | None = None
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.available = tuple(available)


class ManifestInvalid(OciError):
    """A manifest, an index or an image configuration is not what the image specification asks for."""

    code = "oci.manifest"


class StoreCorrupt(OciError):
    """The local store holds a damaged blob that could not be fetched again."""

    code = "oci.store"


class ArchiveInvalid(OciError):
    """An archive or folder of images is damaged, or is none."""

    code = "oci.archive"


class Offline(OciError):
    """What is needed is not in the store, and the network may not be used."""

    code = "oci.offline"


class StoreUnusable(OciError):
    """The local store cannot be read or written (disk full, not permitted)."""

    code = "oci.store-unusable"


class BuildError(LkboardError):
    """The images cannot be turned into the wanted artifact."""

    code = "build"


class ImageConflict(BuildError):
    """What an image contains does not fit the place where the config puts it."""

    code = "build.image"


class LayerInvalid(BuildError):
    """A layer is damaged, or holds an entry that leaves the root."""

    code = "build.layer"


class PathMissing(BuildError):
    """A path that was asked for is not in the system."""

    code = "build.path-missing"


class TooSmall(BuildError):
    """A given size cannot hold the content. Both sizes are in bytes."""

    code = "build.too-small"

    def __init__(self, message: str, *, needed: int, given: int, where: object = None, hint: str | None = None) -> None:
        super().__init__(message, where=where, hint=hint)
        self.needed = needed
        self.given = given


class LockMismatch(BuildError):
    """A build that must keep to a lock needs something that the lock does not name, or names with other bytes."""

    code = "build.lock"


class MissingTool(BuildError):
    """An external program is not installed; ``package`` names the Debian package that has it.

    ``oldest`` is the first version that will do, if not all of them do.
    """

    code = "build.missing-tool"

    def __init__(self, name: str, package: str, oldest: Sequence[int] = ()) -> None:
        what = f"version {'.'.join(map(str, oldest))} or newer" if oldest else "it"
        super().__init__(f"the program '{name}' is not installed", hint=f"install {what}: apt install {package}")
        self.name = name
        self.package = package


class OutputError(BuildError):
    """An output file cannot be written (no such folder, disk full, not permitted)."""

    code = "build.output"


class DiskInvalid(LkboardError):
    """A disk image or device has no partition table or file system that can be read, or a damaged one."""

    code = "disk"


class EmulationError(LkboardError):
    """The emulator could not do its work."""

    code = "emulate"


class NoEmulator(EmulationError):
    """The emulator or its firmware is not installed."""

    code = "emulate.missing"


class BootFailed(EmulationError):
    """An image did not boot as far as it was expected to; ``console`` holds its last lines."""

    code = "emulate.boot"

    def __init__(self, message: str, *, console: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.console = tuple(console)


class DeviceError(LkboardError):
    """A device or target failed while it was used."""

    code = "device"
    exit_status = 4


class SafetyRefused(DeviceError):
    """Writing was refused before anything was changed."""

    code = "device.refused"
    exit_status = 3


class VerifyFailed(DeviceError):
    """What was read back is not what was written."""

    code = "device.verify"
    exit_status = 5


class PermissionNeeded(DeviceError):
    """The user may not open the device."""

    code = "device.permission"
    exit_status = 8


class Vanished(DeviceError):
    """The device went away while it was used."""

    code = "device.vanished"


class InternalError(LkboardError):
    """A bug in lkboard."""

    code = "internal"
    exit_status = 70


class Cancelled(Exception):
    """The user stopped the job."""

    exit_status: ClassVar[int] = 6
