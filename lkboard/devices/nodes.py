"""The block devices in sysfs and how they stack: disk → partitions → device mapper, RAID, bcache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.devices.machine import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lkboard.devices.machine import Machine


@dataclass(frozen=True, slots=True)
class Node:
    """One block device: ``name`` as in sysfs (``sda1``), its resolved folder there, its number (major, minor).

    ``parent`` is the disk of a partition, ``mapper_name`` the name of a device-mapper volume, ``holders`` the devices
    that are stacked on this one.
    """

    name: str
    folder: Path
    number: tuple[int, int]
    parent: str = ""
    mapper_name: str = ""
    holders: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The device node (sysfs writes ``!`` for a slash in a name)."""
        return "/dev/" + self.name.replace("!", "/")

    @property
    def title(self) -> str:
        """The name for people: ``dm-0 (cryptroot)``."""
        return f"{self.name} ({self.mapper_name})" if self.mapper_name else self.name


Nodes = dict[str, Node]


def read_nodes(machine: Machine) -> Nodes:
    """Return all block devices by name, in the order of their names."""
    folder = machine.sys / "class" / "block"
    nodes = (_read_node(name, (folder / name).resolve()) for name in _names(folder))
    return {node.name: node for node in nodes if node is not None}


def _read_node(name: str, folder: Path) -> Node | None:
    major, colon, minor = read_text(folder / "dev").partition(":")
    if not colon:
        return None  # hidden (a path of a multipath device), or gone in this moment
    return Node(
        name=name,
        folder=folder,
        number=(int(major), int(minor)),
        parent=folder.parent.name if (folder / "partition").exists() else "",
        mapper_name=read_text(folder / "dm" / "name"),
        holders=_names(folder / "holders"),
    )


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else ()


def partitions(nodes: Nodes, disk: Node) -> tuple[Node, ...]:
    """Return the partitions of a disk in the order of their start."""
    found = [node for node in nodes.values() if node.parent == disk.name]
    return tuple(sorted(found, key=lambda node: int(read_text(node.folder / "start") or 0)))


def stacked_on(nodes: Nodes, bottom: Node) -> tuple[Node, ...]:
    """Return the device, its partitions, and everything that is built on them, however deep."""
    found: dict[str, Node] = {}
    rest = [bottom]
    while rest:
        node = rest.pop()
        if node.name not in found:
            found[node.name] = node
            rest += partitions(nodes, node)
            rest += [nodes[holder] for holder in node.holders if holder in nodes]
    return tuple(found.values())


def by_source(nodes: Nodes) -> Mapping[str, Node]:
    """Return the nodes by the names that mount tables use: ``/dev/sda1``, ``/dev/mapper/root``."""
    found: dict[str, Node] = {}
    for node in nodes.values():
        found[node.path] = node
        if node.mapper_name:
            found[f"/dev/mapper/{node.mapper_name}"] = node
    return found
