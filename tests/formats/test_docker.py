from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from support.entries import file, folder, hard_link
from support.plans import map_bytes
from support.roots import build_input, rootfs

from lkboard.formats.docker import FORMAT
from lkboard.model.rootfs import EPOCH, Entry, Rootfs, Segment
from lkboard.rootfs.sbom import SEGMENT

if TYPE_CHECKING:
    from pathlib import Path


def archive(cache: Path, root: Rootfs) -> tarfile.TarFile:
    (planned,) = FORMAT.plan(build_input(cache, root))
    assert planned.suffix == ".docker"
    return tarfile.open(fileobj=io.BytesIO(map_bytes(planned.extents)))


def root(*entries: Entry) -> Rootfs:
    return Rootfs((Segment("init", entries),))


def test_it_is_the_root_with_a_recipe_at_its_end(tmp_path: Path) -> None:
    with archive(tmp_path, rootfs()) as found:
        names = found.getnames()
        recipe = found.extractfile("Dockerfile")
        assert recipe is not None
        assert recipe.read() == b'\nFROM scratch\n\nCOPY . ./\n\nENTRYPOINT ["/bin/rc.init"]\n'
        member = found.getmember("Dockerfile")
    assert names == [*(entry.path for entry in rootfs().entries), "Dockerfile"]
    assert (member.mode, member.uid, member.mtime, member.pax_headers) == (0o644, 0, EPOCH, {})


def test_the_bill_of_materials_stays_last(tmp_path: Path) -> None:
    bill = Segment(SEGMENT, (file("sbom.spdx.json"),))
    with archive(tmp_path, Rootfs((*rootfs().segments, bill))) as found:
        assert found.getnames()[-2:] == ["Dockerfile", "sbom.spdx.json"]


def test_a_recipe_of_the_system_is_replaced(tmp_path: Path) -> None:
    with archive(tmp_path, root(file("Dockerfile", b"old"), file("a"))) as found:
        assert found.getnames() == ["a", "Dockerfile"]


def test_other_names_of_a_recipe_live_on(tmp_path: Path) -> None:
    system = root(file("Dockerfile", b"old"), hard_link("one", "Dockerfile"), hard_link("two", "Dockerfile"))
    with archive(tmp_path, system) as found:
        assert [(member.name, member.linkname) for member in found] == [("one", ""), ("two", "one"), ("Dockerfile", "")]
        kept = found.extractfile("two")
        assert kept is not None
        assert kept.read() == b"old"


def test_a_folder_where_the_recipe_must_be_is_left_out_with_a_warning(tmp_path: Path) -> None:
    below = [folder("Dockerfile"), folder("Dockerfile/x"), file("Dockerfile/x/y", b"kept"), file("Dockerfile/z")]
    build = build_input(tmp_path, root(*below, hard_link("other", "Dockerfile/x/y"), file("Dockerfile.d")))
    (planned,) = FORMAT.plan(build)
    with tarfile.open(fileobj=io.BytesIO(map_bytes(planned.extents))) as found:
        assert found.getnames() == ["other", "Dockerfile.d", "Dockerfile"]
        kept = found.extractfile("other")
        assert kept is not None
        assert kept.read() == b"kept"
    assert build.job.notes == [  # type: ignore[attr-defined]
        "the folder '/Dockerfile' is left out, with all that is in it: docker looks for its recipe there"
    ]


@pytest.mark.parametrize("name", ["x/Dockerfile", "Dockerfile.old"])
def test_other_files_are_left_alone(name: str, tmp_path: Path) -> None:
    with archive(tmp_path, root(folder("x", is_implied=True), file(name))) as found:
        assert found.getnames() == [name, "Dockerfile"]
