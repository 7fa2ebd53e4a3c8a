"""Every format that wraps a disk boots: QEMU's own reader unpacks it, then the demo's web service must answer."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from support.kit import kit_store
from support.tools import need
from support.virtual_disks import qemu_img

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.app.build import build
from lkboard.app.build_plan import BuildOptions
from lkboard.events import Job
from lkboard.resources import resource

pytestmark = [pytest.mark.boot, pytest.mark.kit, pytest.mark.nightly]

TIME_LIMIT = 400.0  # many times what an idle machine takes (boot.md section 1)


def built(name: str, folder: Path) -> Path:
    """Return the demo in a format."""
    (folder / "demo.yml").write_text(resource("examples/demo.yml").read_text())
    options = BuildOptions(
        files=(str(folder / "demo.yml"),),
        formats=(name,),
        architecture="amd64",
        directory=str(folder),
        cache=str(kit_store()),
    )
    return Path(build(options, Job())[0].path)


def unpacked(image: Path, qemu_name: str, folder: Path) -> Path:
    """Return the raw disk in an image."""
    if qemu_name == "raw":
        return image
    if qemu_name == "tar":
        with tarfile.open(image) as archive:
            archive.extractall(folder, filter="data")
        return folder / "disk.raw"
    qemu_img("convert", "-f", qemu_name, "-O", "raw", str(image), str(folder / "raw.img"))
    return folder / "raw.img"


@pytest.mark.parametrize(
    ("name", "qemu_name", "board"),
    [
        ("raw-bios", "raw", "x86-bios"),
        ("aws", "raw", "x86-bios"),
        ("gcp", "tar", "x86-bios"),
        ("qcow2-bios", "qcow2", "x86-bios"),
        ("qcow2-efi", "qcow2", "x86-efi"),
        ("vhd", "vpc", "x86-bios"),
        ("dynamic-vhd", "vpc", "x86-bios"),
        ("vmdk", "vmdk", "x86-bios"),
    ],
)
def test_the_web_service_of_the_demo_answers(name: str, qemu_name: str, board: str, tmp_path: Path) -> None:
    need("qemu-system-x86_64", "qemu-img")
    disk = unpacked(built(name, tmp_path), qemu_name, tmp_path)
    options = TestOptions(
        image=str(disk), board=board, timeout=TIME_LIMIT, accelerator="tcg", expect_http=("80",), cache=str(kit_store())
    )
    verdict = boot_test(options, Job())
    assert verdict.passed, "\n".join((verdict.reason, *verdict.console))
    assert verdict.stages[-1].evidence.startswith("HTTP 200")
