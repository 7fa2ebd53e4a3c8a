"""``docker``: the root file system as an archive that ``docker build -`` makes an image of (build.md section 6.4)."""

from __future__ import annotations

from lkboard.disk import tar
from lkboard.formats.format import BuildInput, Format, PlannedFile
from lkboard.model.extents import Content
from lkboard.model.rootfs import Entry, Kind

_PATH = "Dockerfile"
_TEXT = b"""
FROM scratch

COPY . ./

ENTRYPOINT ["/bin/rc.init"]
"""
_SECOND = 1_000_000_000


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    from lkboard.rootfs.bootparts import without
    from lkboard.rootfs.sbom import SEGMENT

    recipe = Entry(_PATH, Kind.FILE, 0o644, mtime_ns=build.epoch * _SECOND, content=Content.of(_TEXT))
    system: list[Entry] = []
    bill: list[Entry] = []
    for segment in build.rootfs.segments:
        part = bill if segment.name == SEGMENT else system
        part += (entry for entry in without(segment.entries, _is_in_the_way) if not entry.is_implied)
    if any(entry.path.startswith(f"{_PATH}/") for entry in build.rootfs.entries):
        text = f"the folder '/{_PATH}' is left out, with all that is in it: docker looks for its recipe there"
        build.job.note(text, "warning")
    return (PlannedFile(".docker", tar.plan([*system, recipe, *bill])),)


def _is_in_the_way(path: str) -> bool:
    return path == _PATH or path.startswith(f"{_PATH}/")


FORMAT = Format(
    name="docker",
    title="root file system as input of 'docker build -'",
    outputs=(".docker",),
    plan=_plan,
    is_stream=True,
)
