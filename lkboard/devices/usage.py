"""What is mounted, swapped on, or a member of a mounted multi-device file system (proc(5), btrfs in sysfs)."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from lkboard.devices.machine import read_text, udev_properties
from lkboard.devices.nodes import by_source
from lkboard.model.device import SWAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.devices.machine import Machine
    from lkboard.devices.nodes import Node, Nodes

ROOT = "/"
Usage = dict[str, list[str]]
"""Mount points by the name of the device that carries them."""

_ESCAPE = re.compile(r"\\([0-7]{3})")
_ROOT_TAGS = {
    "UUID": "ID_FS_UUID",
    "LABEL": "ID_FS_LABEL",
    "PARTUUID": "ID_PART_ENTRY_UUID",
    "PARTLABEL": "ID_PART_ENTRY_NAME",
}


def read_usage(machine: Machine, nodes: Nodes) -> Usage:
    """Return every use of every block device by mounts and swap."""
    usage: Usage = defaultdict(list)
    for name, place in (*_mounts(machine, nodes), *_swaps(machine, nodes), *_root_argument(machine, nodes)):
        if place not in usage[name]:
            usage[name].append(place)
    _spread_over_btrfs_members(machine, usage)
    return dict(usage)


def _mounts(machine: Machine, nodes: Nodes) -> Iterator[tuple[str, str]]:
    by_number = {node.number: node.name for node in nodes.values()}
    sources = by_source(nodes)
    # process 1 may see mounts that our own namespace (a container, a confined application) does not
    # (and not splitlines: a path may hold all line ends but the one that the kernel escapes)
    lines = {line: None for pid in ("self", "1") for line in read_text(machine.proc / pid / "mountinfo").split("\n")}
    for line in lines:
        before, _dash, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5:
            continue
        place = _unescape(fields[4])
        major, _colon, minor = fields[2].partition(":")
        name = by_number.get((int(major), int(minor)))
        if name is not None:
            yield name, place
        elif len(after.split()) > 1:
            # btrfs and bcachefs have anonymous numbers; the latter names all its devices, with colons between
            parts = _unescape(after.split()[1]).split(":")
            yield from ((sources[part].name, place) for part in parts if part in sources)


def _swaps(machine: Machine, nodes: Nodes) -> Iterator[tuple[str, str]]:
    sources = by_source(nodes)
    for line in filter(None, read_text(machine.proc / "swaps").split("\n")[1:]):
        node = sources.get(_unescape(line.split(maxsplit=1)[0]))
        if node is not None:
            yield node.name, SWAP


def _root_argument(machine: Machine, nodes: Nodes) -> Iterator[tuple[str, str]]:
    """Find the device of the kernel's ``root=``: an overlay over it, or a container, can hide its mount."""
    words = read_text(machine.proc / "cmdline").split()
    root = next((word.removeprefix("root=") for word in reversed(words) if word.startswith("root=")), "")
    tag, equals, value = root.partition("=")
    if not equals:
        node = by_source(nodes).get(root)
        if node is not None:
            yield node.name, ROOT
    elif tag in _ROOT_TAGS:
        yield from ((node.name, ROOT) for node in nodes.values() if _udev(machine, node, _ROOT_TAGS[tag]) == value)


def _udev(machine: Machine, node: Node, name: str) -> str:
    return (udev_properties(machine, node.number) or {}).get(name, "")


def _spread_over_btrfs_members(machine: Machine, usage: Usage) -> None:
    """Give every member of a btrfs its mount points: a mount table names one device only."""
    folder = machine.sys / "fs" / "btrfs"
    for devices in sorted(folder.glob("*/devices")) if folder.is_dir() else ():
        members = sorted(member.name for member in devices.iterdir())
        places = {place: None for member in members for place in usage.get(member, ())}
        for member in members:
            usage[member] = list(places) or [f"btrfs {devices.parent.name}"]


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
