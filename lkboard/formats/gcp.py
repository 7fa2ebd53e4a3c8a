"""``gcp``: a disk of a given size in a compressed archive, as Google's cloud imports it (build.md section 6.11)."""

from __future__ import annotations

from lkboard.disk import ids, packed, tar
from lkboard.disk.content import as_content
from lkboard.formats import boot_disk
from lkboard.formats.encoded import encoded
from lkboard.formats.format import BuildInput, Format, PlannedFile
from lkboard.model.rootfs import Entry, Kind

_SECOND = 1_000_000_000


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    disk = as_content(boot_disk.plan(build, usual_size=boot_disk.VIRTUAL_SIZE))
    archive = tar.plan([Entry("disk.raw", Kind.FILE, 0o644, mtime_ns=build.epoch * _SECOND, content=disk)])
    name = f"{ids.map_seed(archive, build.job.check).hex()}.gz"
    members = packed.pieces(archive, "gz", on_bytes=lambda _done: build.job.check())
    return (PlannedFile(".img.tar.gz", encoded(build, name, members)),)


FORMAT = Format(
    name="gcp",
    title="disk image in an archive, for Google's cloud",
    outputs=(".img.tar.gz",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-bios", "arm64": "arm64-efi"},
    sidecars=("sha256",),
    is_disk=True,
)
