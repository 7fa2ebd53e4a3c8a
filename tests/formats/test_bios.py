"""The disk of a PC with a BIOS, and GRUB on it, judged by GRUB's own tool."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.fat import extracted
from support.grub import FILES, read_core
from support.jobs import RecordingJob
from support.kit import kit_store
from support.layouts import MIB
from support.plans import map_bytes, save
from support.roots import IMAGE, bios_board, build_input, rootfs
from support.tables import sfdisk
from support.tools import need

from lkboard.board.catalogue import find_board
from lkboard.disk import content, grub
from lkboard.errors import TooSmall
from lkboard.formats import boot_disk, catalogue
from lkboard.oci.store.store import Store
from lkboard.sources import SourceContext, fetch
from lkboard.sources.apt.packages import DebianPackages

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs(), bios_board())


def disk(build: BuildInput) -> bytes:
    (planned,) = catalogue()["raw-bios"].plan(build)
    return map_bytes(planned.extents)


def test_the_partition_is_active_fat_at_1_mib(build: BuildInput, tmp_path: Path) -> None:
    table = sfdisk(save(boot_disk.plan(build), tmp_path / "disk.img"))
    (boot,) = table["partitions"]
    assert (table["label"], boot["type"], boot["bootable"], boot["start"]) == ("dos", "c", True, 2048)


def test_everything_grub_reads_is_on_the_partition(build: BuildInput, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    files = extracted(save(boot_disk.plan(build), tmp_path / "disk.img"), tmp_path / "out", MIB)
    assert files["kernel"] == IMAGE
    assert files["grub/grub.cfg"].startswith(b"linux /kernel quiet console=ttyS0\n")
    assert "initrd.img" in files


def test_grub_is_in_front_of_the_partition(build: BuildInput) -> None:
    made = disk(build)
    modules = read_core(made[512:MIB], program_size=len(FILES["lzma_decompress.img"])).modules
    assert [data.rstrip(b"\0") for _kind, data in modules] == [
        FILES["fat.mod"],
        FILES["linux.mod"],
        grub.PREFIX.encode(),
    ]


def test_a_disk_can_be_larger_than_its_content(build: BuildInput, tmp_path: Path) -> None:
    plain, larger = boot_disk.plan(build), boot_disk.plan(build, usual_size=1 << 30)
    assert larger.size == 1 << 30
    assert larger.extents == plain.extents
    assert sfdisk(save(larger, tmp_path / "disk.img"))["partitions"][0]["start"] == 2048


def test_a_size_that_is_too_small_names_the_one_that_is_needed(build: BuildInput) -> None:
    needed = boot_disk.plan(build).size
    with pytest.raises(TooSmall) as caught:
        boot_disk.plan(build, usual_size=MIB)
    assert str(caught.value) == (
        f"the disk needs {needed // MIB} MiB, it is given 1 MiB (give it more: --size {needed // MIB}M)"
    )
    assert boot_disk.plan(build, usual_size=caught.value.needed).size == needed


@pytest.mark.kit
@pytest.mark.parametrize(
    ("target", "prefix", "front"), [("i386-pc", grub.PREFIX, 0), ("i386-pc-eltorito", grub.DISC_PREFIX, 2048)]
)
def test_the_core_image_unpacks_to_what_grub_mkimage_makes(
    tmp_path: Path, target: str, prefix: str, front: int
) -> None:
    """With Debian's own files; only the LZMA streams differ, as the compressors do."""
    need("grub-mkimage")
    files = fetched_parts()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    modules = [name.removesuffix(".mod") for name in files if name.endswith(".mod")]
    (tmp_path / "moddep.lst").write_text("".join(f"{name}:\n" for name in modules))
    made = tmp_path / "core.img"
    subprocess.run(["grub-mkimage", "-O", target, "-d", tmp_path, "-p", prefix, "-o", made, *modules], check=True)
    parts = grub.Parts(
        boot=files["boot.img"],
        diskboot=files["diskboot.img"],
        decompressor=files["lzma_decompress.img"],
        kernel=files["kernel.img"],
        modules=tuple(data for name, data in files.items() if name.endswith(".mod")),
        cdboot=files["cdboot.img"],
    )
    ours = grub.disc_program(parts, 0) if front else content.read(grub.raw_blobs(parts)[1].content)
    theirs = made.read_bytes()
    cores = [read_core(core[front:], program_size=len(parts.decompressor)) for core in (ours, theirs)]
    assert cores[0].payload == cores[1].payload
    # behind the boot info table, which is blank in theirs
    assert ours[64:front] == theirs[64:front]


@pytest.mark.kit
def test_every_module_comes_behind_those_that_it_needs() -> None:
    store = Store(kit_store())
    packages = DebianPackages(store, RecordingJob())
    (package,) = packages.newest(["grub-pc-bin"], "amd64")
    packages.fetch([package])
    entry = packages.open(package).find("usr/lib/grub/i386-pc/moddep.lst")
    assert entry is not None
    needs = dict(line.split(":") for line in content.read(entry.content).decode().splitlines())
    names = [part.to.removesuffix(".mod") for part in find_board("x86-bios", extra=()).parts if ".mod" in part.to]
    for index, name in enumerate(names):
        assert {*needs[name].split()} <= {*names[:index]}, name


def fetched_parts() -> dict[str, bytes]:
    store = Store(kit_store())
    job = RecordingJob()
    context = SourceContext(store=store, job=job, packages=DebianPackages(store, job))
    parts = {}
    for part in find_board("x86-bios", extra=()).parts:
        found = fetch(part, architecture="amd64", context=context)
        assert found is not None
        parts[part.to] = content.read(found)
    return parts
