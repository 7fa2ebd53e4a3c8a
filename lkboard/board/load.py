"""``board.yml`` to `Board`. Each field is explained in docs/reference/board.md."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from lkboard.board.document import Record, Value, parse
from lkboard.board.text import check_template
from lkboard.errors import BoardError, Place
from lkboard.model.board import (
    Board,
    BoardFile,
    DebianSource,
    Emulation,
    FileSource,
    ImageSource,
    KernelSource,
    LayoutRule,
    LocalSource,
    PartitionRule,
    TextFile,
    UrlSource,
)
from lkboard.regular_files import check_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable

FILE_NAME = "board.yml"

_ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"  # UEFI specification, section 5.3.3
_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_FIELDS = (
    "id", "title", "vendor", "aliases", "support", "arch", "boot_chain", "format", "suffix", "docs", "kernel", "initrd",
    "device_tree", "console", "arguments", "modules", "layout", "files", "parts", "text", "emulate",
)  # fmt: skip
_ARCHITECTURES = ("amd64", "arm64", "riscv64")
_SUPPORT = ("hardware", "emulated", "untested")
_KERNEL_FORMS: tuple[Literal["as-is", "image"], ...] = ("as-is", "image")
_BOOT_CHAINS: tuple[Literal["rpi", "uefi", "bios", "u-boot"], ...] = ("rpi", "uefi", "bios", "u-boot")
_TABLES: tuple[Literal["mbr", "gpt"], ...] = ("mbr", "gpt")
_FILE_SYSTEMS: tuple[Literal["fat32"], ...] = ("fat32",)
_BOOTS: tuple[Literal["firmware", "kernel"], ...] = ("firmware", "kernel")
_DISKS: tuple[Literal["virtio-blk", "sd", "cd"], ...] = ("virtio-blk", "sd", "cd")
_NETWORKS: tuple[Literal["virtio-net", "usb-net"], ...] = ("virtio-net", "usb-net")
_FIRMWARE = ("ovmf", "aavmf")
# the name of a partition is also the label of its file system: fatgen103, sections 3.3 and 6.2
_PARTITION_NAME = r"[A-Za-z0-9!#$%&'()@^_`{}~ -]{0,36}"
# the table is in front of it: a GPT (UEFI specification, section 5.3.1) with 128 entries, or the one sector of an MBR
_FIRST_SECTORS = {"mbr": 1, "gpt": 34}


def load_board(folder: Traversable) -> Board:
    """Read the board in a folder. Raises `BoardError` with file, line, column and field."""
    file = folder / FILE_NAME
    try:
        if isinstance(file, Path):
            check_regular(file)
        data = file.read_bytes()
        text = io.StringIO(data.decode("utf-8"), newline=None).read()
    except UnicodeDecodeError as error:
        raise BoardError("the file is not UTF-8 text", where=Place(str(file))) from error
    except OSError as error:
        hint = f"a board is a folder that holds a {FILE_NAME}"
        raise BoardError(error.strerror or "cannot be read", where=Place(str(file)), hint=hint) from error
    return replace(_board(parse(text, str(file)), folder), sha256=hashlib.sha256(data).hexdigest())


def _board(root: Value, folder: Traversable) -> Board:
    record = root.record(*_FIELDS)
    kernel = record["kernel"].record("path", "form")
    initrd = record["initrd"].record("path")
    emulate = record.get("emulate")
    form = kernel.get("form")
    boot_chain = record["boot_chain"].choice(_BOOT_CHAINS)
    destinations, part_names = _Once(_path), _Once(_id)
    return Board(
        id=_id(record["id"]),
        title=record["title"].text(),
        vendor=record["vendor"].text(),
        aliases=tuple(_id(item) for item in record.items("aliases")),
        support=record["support"].choice(_SUPPORT),
        architecture=record["arch"].choice(_ARCHITECTURES),
        boot_chain=boot_chain,
        format=_id(record["format"]),
        suffix=_suffix(record.get("suffix")),
        docs=record.text("docs"),
        kernel_path=destinations.take(kernel["path"]),
        kernel_form="as-is" if form is None else form.choice(_KERNEL_FORMS),
        initrd_path=destinations.take(initrd["path"]),
        device_tree=record.text("device_tree"),
        console=tuple(item.word(r"\S+", "a console: write it as ttyS0,115200") for item in record.items("console")),
        arguments=tuple(item.word(r"\S+", "one argument") for item in record.items("arguments")),
        modules=tuple(item.word(r"[\w-]+", "the name of a kernel module") for item in record.items("modules")),
        layout=_layout(record["layout"]),
        files=tuple(_file(item, folder, "to", destinations) for item in record.items("files")),
        parts=tuple(_file(item, folder, "name", part_names) for item in record.items("parts")),
        text=tuple(_text(item, folder, destinations) for item in record.items("text")),
        emulation=None if emulate is None else _emulation(emulate, boot_chain),
        place=root.place,
    )


def _id(value: Value) -> str:
    return value.word(r"[a-z0-9]+([._-][a-z0-9]+)*", "a name: write lower-case letters, digits, '-', '_'")


def _suffix(value: Value | None) -> str:
    return ".img" if value is None else value.word(r"[A-Za-z0-9._-]*", "the end of a file name: write it as .img")


class _Once:
    """Names of one kind that are in use. FAT does not tell upper from lower case."""

    def __init__(self, read: Callable[[Value], str]) -> None:
        self._read = read
        self._taken: set[str] = set()

    def take(self, value: Value) -> str:
        name = self._read(value)
        if name.lower() in self._taken:
            value.fail(f"'{name}' is written twice")
        self._taken.add(name.lower())
        return name


def _path(value: Value) -> str:
    """Read a path from the root of a file system or package, without a slash at its beginning."""
    path = value.text()
    if not path or path != str(PurePosixPath(path)) or path.startswith("/") or {"..", "."} & set(path.split("/")):
        value.fail(f"'{path}' is not a relative path", "write it as EFI/BOOT/BOOTX64.EFI")
    return path


def _layout(value: Value) -> LayoutRule:
    record = value.record("table", "partitions")
    table = record["table"].choice(_TABLES)
    partitions = record["partitions"].items()
    if not partitions:
        record["partitions"].fail("at least one partition is expected here")
    return LayoutRule(table, tuple(_partition(item, table) for item in partitions))


def _partition(value: Value, table: str) -> PartitionRule:
    record = value.record("name", "type", "filesystem", "start", "size", "slack", "slack_percent", "active")
    start = record["start"].size()
    if start % 512 or start < 512:
        record["start"].fail("a partition starts at a multiple of 512 bytes", "write 1 MiB")
    if start < _FIRST_SECTORS[table] * 512:
        record["start"].fail("a partition starts behind the partition table", "write 1 MiB")
    return PartitionRule(
        name=record["name"].word(_PARTITION_NAME, "a volume label: use up to 36 letters, digits, blanks, '-' and '_'"),
        type=_partition_type(record["type"], table),
        filesystem=record["filesystem"].choice(_FILE_SYSTEMS),
        start_bytes=start,
        size_bytes=record.size("size"),
        slack_percent=record.integer("slack_percent"),
        slack_bytes=record.size("slack"),
        is_active=record.boolean("active"),
    )


def _partition_type(value: Value, table: str) -> str:
    if table == "mbr":
        return value.word(r"[0-9A-Fa-f]{2}", "a partition type of an MBR: write two hexadecimal digits").lower()
    if value.text() == "esp":
        return _ESP
    return value.word(_GUID, "a partition type of a GPT: write a GUID, or esp").upper()


def _file(value: Value, folder: Traversable, key: str, names: _Once) -> BoardFile:
    """Read a file whose name is under ``key``."""
    kinds = ("debian", "image", "url", "local", "kernel")
    record = value.record(key, *kinds, "sha256", "licence", "redistributable", "optional")
    kind = record.only(*kinds)
    sha256 = record.get("sha256")
    if kind == "url" and sha256 is None:
        value.fail("a file from a URL needs its sha256")
    return BoardFile(
        to=names.take(record[key]),
        source=_source(kind, record, folder),
        sha256="" if sha256 is None else sha256.word(r"[0-9a-f]{64}", "a sha256: write 64 hexadecimal digits"),
        licence=record.text("licence"),
        is_redistributable=record.boolean("redistributable"),
        is_optional=record.boolean("optional"),
    )


def _source(kind: str, record: Record, folder: Traversable) -> FileSource:
    value = record[kind]
    match kind:
        case "debian":
            return _debian(value)
        case "image":
            fields = value.record("reference", "path")
            return ImageSource(fields["reference"].text(), fields["path"].text())
        case "url":
            return UrlSource(value.word(r"https?://\S+", "a URL: it begins with https://"))
        case "local":
            return LocalSource(_local(value, folder))
        case _:
            return KernelSource(_path(value))


def _debian(value: Value) -> DebianSource:
    fields = value.record("package", "path", "architecture")
    return DebianSource(
        package=fields["package"].word(r"[a-z0-9][a-z0-9+.-]+", "the name of a Debian package"),
        path=_path(fields["path"]),
        architecture=fields.text("architecture"),
    )


def _local(value: Value, folder: Traversable) -> str:
    """Return the absolute path of a file beside ``board.yml``; a board must not reach outside of its folder."""
    home = os.path.realpath(str(folder))
    path = Path(os.path.realpath(Path(home, value.text())))  # Path.resolve fails on links in a circle
    if not path.is_relative_to(home):
        value.fail(f"'{value.text()}' is outside of the board's folder")
    if not path.is_file():
        value.fail(f"there is no file '{value.text()}' in the board's folder")
    return str(path)


def _text(value: Value, folder: Traversable, destinations: _Once) -> TextFile:
    record = value.record("to", "template")
    name = record["template"].word(r"[\w.-]+", f"the name of a file beside {FILE_NAME}")
    # in a zip file there are no links to follow, and nothing that a build could replace
    path = _local(record["template"], folder) if isinstance(folder, Path) else ""
    file: Traversable = Path(path) if path else folder / name
    try:
        template = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        record["template"].fail(f"'{name}' cannot be read as UTF-8 text")
    check_template(template, str(folder / name))
    return TextFile(destinations.take(record["to"]), template, path)


def _emulation(value: Value, boot_chain: str) -> Emulation:
    known = ("machine", "boot", "cpu", "memory", "cpus", "firmware", "disk", "network", "serial", "u_boot")
    record = value.record(*known, "not_covered")
    boot = record["boot"].choice(_BOOTS)
    if boot == "kernel" and boot_chain != "rpi":
        record["boot"].fail("only a Raspberry Pi's way to load a kernel is known", "write firmware")
    disk, network, u_boot, firmware = (record.get(name) for name in ("disk", "network", "u_boot", "firmware"))
    return Emulation(
        machine=record["machine"].word(r"[\w.,=-]+", "a QEMU machine"),
        boot=boot,
        cpu=record.text("cpu"),
        memory_mib=record.integer("memory", 512),
        cpus=record.integer("cpus", 2),
        firmware="" if firmware is None else firmware.choice(_FIRMWARE),
        disk="virtio-blk" if disk is None else disk.choice(_DISKS),
        network="virtio-net" if network is None else network.choice(_NETWORKS),
        serial=record.integer("serial"),
        u_boot=None if u_boot is None else _debian(u_boot),
        not_covered=record.texts("not_covered"),
    )
