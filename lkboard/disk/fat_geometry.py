"""How a FAT32 file system divides its sectors (fatgen103, "FAT Data Structure" and "FAT Volume Initialization")."""

from __future__ import annotations

from dataclasses import dataclass

from lkboard.model.disk import SECTOR_SIZE

CLUSTERS_MIN = 65_525 + 16
"""With fewer clusters strict readers take it for FAT16 (mtools, firmware); fatgen103: stay 16 away from the limit."""

FAT_COUNT = 2
ROOT_CLUSTER = 2
"""The first cluster: numbers 0 and 1 mean something else."""

_RESERVED_SECTORS = 32
_ALIGNMENT_SECTORS = 8
# fatgen103, "DskTableFAT32": volumes of at least so many sectors have clusters of so many sectors
_CLUSTER_SECTORS = ((1 << 26, 64), (1 << 25, 32), (1 << 24, 16), (0, 8))


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the parts of a file system are, in sectors of 512 bytes."""

    total_sectors: int
    cluster_sectors: int
    reserved_sectors: int
    fat_sectors: int

    @property
    def data_sector(self) -> int:
        """First sector of the first cluster."""
        return self.reserved_sectors + FAT_COUNT * self.fat_sectors

    @property
    def cluster_size(self) -> int:
        """Bytes of a cluster."""
        return self.cluster_sectors * SECTOR_SIZE

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return (self.total_sectors - self.data_sector) // self.cluster_sectors

    def offset(self, cluster: int) -> int:
        """Return where a cluster starts, in bytes."""
        return self.data_sector * SECTOR_SIZE + (cluster - ROOT_CLUSTER) * self.cluster_size

    def clusters_for(self, size: int) -> int:
        """Return how many clusters hold ``size`` bytes."""
        return -(-size // self.cluster_size)


def choose(total_sectors: int) -> Geometry | None:
    """Return the geometry with the largest usual clusters that still is FAT32; None if the volume is too small."""
    cluster_sectors = next(sectors for limit, sectors in _CLUSTER_SECTORS if total_sectors >= limit)
    while cluster_sectors:
        geometry = _divide(total_sectors, cluster_sectors)
        if geometry.clusters >= CLUSTERS_MIN:
            return geometry
        cluster_sectors //= 2
    return None


def _divide(total_sectors: int, cluster_sectors: int) -> Geometry:
    """Return the geometry with the smallest table that has an entry for every cluster, and data at 4 KiB."""
    # entries = (total - reserved - 2 * table) / cluster + 2 <= 128 * table
    rest = total_sectors - _RESERVED_SECTORS
    fat_sectors = -(-(rest + 2 * cluster_sectors) // (SECTOR_SIZE // 4 * cluster_sectors + FAT_COUNT))
    padding = -(_RESERVED_SECTORS + FAT_COUNT * fat_sectors) % _ALIGNMENT_SECTORS
    return Geometry(total_sectors, cluster_sectors, _RESERVED_SECTORS + padding, fat_sectors)
