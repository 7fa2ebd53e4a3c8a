"""A board: the hardware profile that ``boards/<id>/board.yml`` describes. Data only, never code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lkboard.errors import Place
    from lkboard.model.disk import TableKind


@dataclass(frozen=True, slots=True)
class DebianSource:
    """A file of a Debian package. An empty ``architecture`` is the board's own."""

    package: str
    path: str
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A file of an OCI image."""

    reference: str
    path: str


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file on a web server; its ``sha256`` is mandatory."""

    url: str


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A file beside ``board.yml``; ``path`` is absolute once the board is loaded."""

    path: str


@dataclass(frozen=True, slots=True)
class KernelSource:
    """A file that comes with the config's own kernel: ``path`` in the kernel's tar (``boot/dtb/broadcom/x.dtb``)."""

    path: str


FileSource = DebianSource | ImageSource | UrlSource | LocalSource | KernelSource


@dataclass(frozen=True, slots=True)
class BoardFile:
    """A file for the boot file system, or a part from which an output format builds one.

    ``to`` is its path there, of a part its name. ``sha256`` is what its bytes must have (empty: trusted as its source
    is, and recorded), ``licence`` an SPDX expression. An optional file may be missing at its source.
    """

    to: str
    source: FileSource
    sha256: str = ""
    licence: str = ""
    is_redistributable: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class TextFile:
    """A generated text: ``{kernel} {initrd} {cmdline} {device_tree} {title}`` are filled in.

    ``file`` is where the template was read, empty if nowhere.
    """

    to: str
    template: str
    file: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PartitionRule:
    """How one partition is made. ``size_bytes`` 0 means as large as its content, plus the slack."""

    name: str
    type: str
    filesystem: Literal["fat32"]
    start_bytes: int
    size_bytes: int = 0
    slack_percent: int = 2
    slack_bytes: int = 0
    is_active: bool = False


@dataclass(frozen=True, slots=True)
class LayoutRule:
    """How the disk of a board is laid out."""

    table: TableKind
    partitions: tuple[PartitionRule, ...]


@dataclass(frozen=True, slots=True)
class Emulation:
    """How QEMU plays the board (boot.md section 2).

    ``boot`` is ``firmware`` when the emulated firmware reads the medium, ``kernel`` when the tester reads kernel,
    initrd, device tree and command line out of the image, as the board's own firmware would. ``serial`` counts the
    machine's serial ports from 0 and names the one that is the console. ``firmware`` is one of the names that
    `lkboard.emulate` knows (``ovmf``, ``aavmf``). ``u_boot`` is the program for ``--via u-boot``, where there is one.
    """

    machine: str
    boot: Literal["firmware", "kernel"]
    cpu: str = ""
    memory_mib: int = 512
    cpus: int = 2
    firmware: str = ""
    disk: Literal["virtio-blk", "sd", "cd"] = "virtio-blk"
    network: Literal["virtio-net", "usb-net"] = "virtio-net"
    serial: int = 0
    u_boot: DebianSource | None = None
    not_covered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """A hardware profile.

    ``kernel_path`` and ``initrd_path`` are where the boot parts go on the boot file system; ``kernel_form`` is
    ``image`` where the loader needs the kernel unwrapped (raw arm64 ``Image``). ``console`` and ``arguments`` are added
    to the command line as decided: consoles only when the config names none, arguments always. ``parts`` are fetched by
    the formats that build something from them, and are not on the boot file system themselves. ``sha256`` is the sum of
    ``board.yml`` in hex.
    """

    id: str
    title: str
    vendor: str
    architecture: str
    boot_chain: Literal["rpi", "uefi", "bios", "u-boot"]
    format: str
    support: str
    kernel_path: str
    initrd_path: str
    layout: LayoutRule
    kernel_form: Literal["as-is", "image"] = "as-is"
    aliases: tuple[str, ...] = ()
    suffix: str = ".img"
    files: tuple[BoardFile, ...] = ()
    parts: tuple[BoardFile, ...] = ()
    text: tuple[TextFile, ...] = ()
    console: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    device_tree: str = ""
    emulation: Emulation | None = None
    docs: str = ""
    place: Place | None = field(default=None, compare=False)
    sha256: str = field(default="", compare=False)
