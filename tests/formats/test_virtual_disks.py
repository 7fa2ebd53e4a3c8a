"""Formats that wrap a raw disk: QEMU reads from them what the raw format writes."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.jobs import RecordingJob
from support.plans import map_bytes, save
from support.roots import DISK_SIZE, bios_board, build_input, efi_board, rootfs
from support.tables import sgdisk
from support.virtual_disks import assert_same_disk, assert_sound, info

from lkboard.errors import Cancelled, StoreUnusable, TooSmall
from lkboard.formats import boot_disk, catalogue
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput
    from lkboard.model.extents import ExtentMap

MIB, GIB = 1 << 20, 1 << 30
SIZED = ("aws", "gcp", "qcow2-bios", "vhd", "vmdk")
BOARDS = {"bios": bios_board(), "efi": efi_board()}


@pytest.fixture(params=list(BOARDS))
def build(request: pytest.FixtureRequest, tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs(), BOARDS[request.param], size_bytes=DISK_SIZE)


def made(name: str, build: BuildInput) -> ExtentMap:
    (planned,) = catalogue()[name].plan(build)
    return planned.extents


def test_qcow2_efi_is_the_disk_of_raw_efi(build: BuildInput, tmp_path: Path) -> None:
    assert_sound(assert_same_disk(made("raw-efi", build), made("qcow2-efi", build), "qcow2", tmp_path), "qcow2")


def test_qcow2_efi_leaves_out_what_is_free(build: BuildInput) -> None:
    assert made("qcow2-efi", build).size < boot_disk.plan(build).size / 10


@pytest.mark.parametrize(("name", "qemu_name"), [("qcow2-bios", "qcow2"), ("vmdk", "vmdk"), ("aws", "raw")])
def test_it_is_the_disk_of_the_wanted_size(name: str, qemu_name: str, build: BuildInput, tmp_path: Path) -> None:
    raw = boot_disk.plan(build)
    found = assert_same_disk(raw, made(name, build), qemu_name, tmp_path)
    if qemu_name != "raw":
        assert_sound(found, qemu_name)


def test_vhd_is_the_disk_of_the_wanted_size(build: BuildInput, tmp_path: Path) -> None:
    assert_same_disk(boot_disk.plan(build), made("vhd", build), "vpc", tmp_path)
    assert made("vhd", build).size == DISK_SIZE + 512


@pytest.mark.parametrize(("name", "size"), [("aws", GIB), ("vhd", GIB + 512)])
def test_the_usual_size_is_a_gibibyte(name: str, size: int, build: BuildInput) -> None:
    assert made(name, replace(build, size_bytes=0)).size == size


def test_dynamic_vhd_is_a_disk_of_25_gib_in_a_small_file(build: BuildInput, tmp_path: Path) -> None:
    path = save(made("dynamic-vhd", replace(build, size_bytes=0)), tmp_path / "disk.vhd")
    assert info(path, "vpc")["virtual-size"] == 25 * GIB
    assert path.stat().st_size < 16 * MIB


def test_gcp_is_an_archive_with_the_raw_disk(build: BuildInput) -> None:
    data = gzip.decompress(map_bytes(made("gcp", build)))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        (member,) = archive.getmembers()
        disk = archive.extractfile(member)
        assert disk is not None
        assert (member.name, member.mtime, member.pax_headers) == ("disk.raw", EPOCH, {})
        assert disk.read() == map_bytes(boot_disk.plan(build))


def test_the_table_at_the_end_of_an_enlarged_gpt_disk_is_at_its_end(tmp_path: Path) -> None:
    build = build_input(tmp_path / "cache", rootfs(), efi_board(), size_bytes=DISK_SIZE)
    assert "No problems found" in sgdisk(save(made("aws", build), tmp_path / "disk.raw"), "-v")


@pytest.mark.parametrize("name", SIZED)
def test_a_size_that_is_too_small_is_refused(name: str, build: BuildInput) -> None:
    with pytest.raises(TooSmall, match=r"the disk needs \d+ MiB, it is given 2 MiB \(give it more: --size \d+M\)"):
        catalogue()[name].plan(replace(build, size_bytes=2 * MIB))


@pytest.mark.parametrize("name", SIZED)
def test_the_size_can_be_chosen(name: str, build: BuildInput) -> None:
    assert made(name, build) != made(name, replace(build, size_bytes=2 * DISK_SIZE))


@pytest.mark.parametrize("name", ["vmdk", "gcp"])
class TestWhatIsMadeInTheCache:
    def test_it_is_one_file_of_known_content(self, name: str, build: BuildInput) -> None:
        planned = made(name, build)
        (extent,) = planned.extents
        digest = f"sha256:{hashlib.sha256(map_bytes(planned)).hexdigest()}"
        assert extent.source.digest == digest  # type: ignore[union-attr]

    def test_no_other_file_is_left(self, name: str, build: BuildInput) -> None:
        made(name, build)
        assert not list(build.cache_dir.glob("new-*"))

    def test_it_can_be_stopped(self, name: str, build: BuildInput) -> None:
        made(name, build)
        before = sorted(build.cache_dir.iterdir())
        job = RecordingJob()
        job.cancel()
        with pytest.raises(Cancelled):
            made(name, replace(build, job=job))
        assert sorted(build.cache_dir.iterdir()) == before

    def test_a_cache_that_cannot_be_written_is_named(self, name: str, build: BuildInput, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreUnusable, match="--cache DIR"):
            made(name, replace(build, cache_dir=tmp_path / "file" / "cache"))
