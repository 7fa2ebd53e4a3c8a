"""What a root is made of: what belongs to which entry of the config, and how much that is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.model.explanation import Maker, Makeup, Share
from lkboard.model.rootfs import Kind
from lkboard.rootfs.bootparts import split
from lkboard.rootfs.cost import packed_sizes
from lkboard.rootfs.kernel import BOOT
from lkboard.rootfs.merge import SHARED
from lkboard.rootfs.sbom import SEGMENT as SBOM

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.rootfs import Entry, Rootfs
    from lkboard.rootfs.makers import Makers

_FILES = "files"
_JOINT = frozenset([_FILES, SHARED, SBOM])


def makeup(rootfs: Rootfs, makers: Makers, cache_dir: Path, job: Job) -> Makeup:
    """Return what a whole root is made of; ``cache_dir`` keeps what is compressed on the way.

    Raises as `build_initrd` does.
    """
    groups, boot = _grouped(split(rootfs)[1]), _grouped(rootfs, below=BOOT)
    packed = dict(zip(groups, packed_sizes(tuple(groups.values()), cache_dir, job), strict=True))
    shares = [
        _share(maker_of(name, either, makers), groups.get(name, []), boot.get(name, []), packed.get(name, 0))
        for name, either in {**groups, **boot}.items()
    ]
    return Makeup(
        shares=tuple(sorted(shares, key=lambda share: -share.size_bytes)),
        files=sum(share.files for share in shares),
        size_bytes=sum(share.size_bytes for share in shares),
        boot_bytes=sum(share.boot_bytes for share in shares),
        initrd_bytes=sum(share.initrd_bytes for share in shares),
    )


def group_of(entry: Entry) -> str:
    """Return what an entry is counted with: its entry of the config; the section ``files`` counts as one."""
    location = entry.origin.location
    return _FILES if location.startswith(_FILES) else location or SBOM


def maker_of(group: str, entries: list[Entry], makers: Makers) -> Maker:
    """Return who a group is by one of its entries; some groups are several makers together."""
    return Maker(group) if group in _JOINT else replace(makers.of(entries[0]), layer=None, made="")


def size_of(entries: Iterable[Entry]) -> int:
    """Return the bytes of all contents."""
    return sum(entry.content.size for entry in entries)


def files_in(entries: Iterable[Entry]) -> int:
    """Return how many entries are no folders."""
    return sum(entry.kind is not Kind.DIRECTORY for entry in entries)


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is in a folder; everything is in the root, whose path is empty."""
    return not folder or path.startswith(f"{folder}/")


def _grouped(rootfs: Rootfs, below: str = "") -> dict[str, list[Entry]]:
    """Return the entries below a path by what they belong to in the config.

    Segments are only divided, never joined, so that what was compressed for a build is found again.
    """
    groups: dict[str, list[Entry]] = {}
    for segment in rootfs.segments:
        for entry in segment.entries:
            if is_below(entry.path, below):
                name = SHARED if segment.name == SHARED else group_of(entry)
                groups.setdefault(name, []).append(entry)
    return groups


def _share(maker: Maker, entries: list[Entry], boot: list[Entry], packed: int) -> Share:
    return Share(
        maker=maker,
        files=files_in(entries) + files_in(boot),
        size_bytes=size_of(entries) + size_of(boot),
        boot_bytes=size_of(boot),
        initrd_bytes=packed,
    )
