"""Images from the whole pipeline boot in QEMU: one for every board, and some that must fail with the right hint."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.kit import kit_store
from support.tools import need

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.events import Job
from lkboard.resources import resource

if TYPE_CHECKING:
    from lkboard.model.verdict import Verdict

pytestmark = [pytest.mark.boot, pytest.mark.kit]

TIME_LIMIT = 400.0  # many times what an idle machine takes (boot.md section 1)
SOON = 120.0


class Images:
    """Images of the demo config, built when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = str(kit_store())

    def of(self, board: str) -> Path:
        """Return the demo's image for a board."""
        path = self._folder / f"demo-{board}.img"
        return path if path.exists() else self._build(BuildOptions(files=(self._demo(),), board=board))

    def kernel_and_initrd(self, architecture: str) -> Path:
        """Return the base name of the demo's kernel and initrd."""
        base = self._folder / architecture
        if not Path(f"{base}-kernel").exists():
            formats = ("kernel+initrd",)
            self._build(
                BuildOptions(files=(self._demo(),), formats=formats, architecture=architecture, name=architecture)
            )
        return base

    def test(self, image: Path, board: str = "", **options: object) -> Verdict:
        """Boot an image."""
        given = {"timeout": TIME_LIMIT, "accelerator": "tcg", "cache": self._store, **options}
        return boot_test(TestOptions(image=str(image), board=board, **given), Job())  # type: ignore[arg-type]

    def _build(self, options: BuildOptions) -> Path:
        options = replace(options, directory=str(self._folder), cache=self._store)
        return Path(build(options, Job())[0].path)

    def _demo(self) -> str:
        path = self._folder / "demo.yml"
        if not path.exists():
            path.write_text(resource("examples/demo.yml").read_text())
        return str(path)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Images of the demo config, shared by the tests of a run."""
    need("qemu-system-x86_64", "qemu-system-aarch64", "qemu-img")
    return Images(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize("board", ["x86-efi", "arm64-efi", "rpi3"])
def test_the_web_service_of_the_demo_answers(images: Images, board: str) -> None:
    verdict = images.test(images.of(board), board, expect_http=("80",))
    assert verdict.passed, "\n".join((verdict.reason, *verdict.console))
    assert verdict.stages[-1].evidence.startswith("HTTP 200")


def test_the_pi_card_boots_through_u_boot(images: Images) -> None:
    """Another program reads our partition table and file system through the emulated SD controller."""
    verdict = images.test(images.of("rpi3"), "rpi3", via_u_boot=True, expect=("lkb: userspace up",))
    assert verdict.passed, "\n".join((verdict.reason, *verdict.console))
    assert verdict.stages[0].evidence.startswith("U-Boot 20")


def test_a_disk_without_a_boot_loader_fails_soon(images: Images, tmp_path: Path) -> None:
    need("mdel")
    disk = shutil.copy(images.of("x86-efi"), tmp_path / "broken.img")
    subprocess.run(["mdel", "-i", f"{disk}@@1M", "::EFI/BOOT/BOOTX64.EFI"], check=True)
    verdict = images.test(disk, "x86-efi", timeout=SOON)
    assert not verdict.passed
    assert verdict.seconds < SOON
    assert verdict.hint.startswith("the firmware found nothing to boot")


def test_a_kernel_without_an_initrd_fails_soon(images: Images, tmp_path: Path) -> None:
    shutil.copy(f"{images.kernel_and_initrd('amd64')}-kernel", tmp_path / "x-kernel")
    (tmp_path / "x-cmdline").write_text("console=ttyS0 panic=-1")
    verdict = images.test(tmp_path / "x", timeout=SOON)
    assert verdict.reason.startswith("kernel panic: VFS: Unable to mount root fs")
    assert verdict.hint.startswith("no initrd reached the kernel")


def test_a_damaged_initrd_fails_soon(images: Images, tmp_path: Path) -> None:
    base = images.kernel_and_initrd("amd64")
    shutil.copy(f"{base}-kernel", tmp_path / "x-kernel")
    data = bytearray(Path(f"{base}-initrd.img").read_bytes())
    data[1000:2000] = bytes(1000)
    (tmp_path / "x-initrd.img").write_bytes(data)
    (tmp_path / "x-cmdline").write_text("console=ttyS0 panic=-1")
    verdict = images.test(tmp_path / "x", timeout=SOON)
    assert verdict.reason.startswith("kernel panic")
    assert verdict.hint.startswith("the initrd is damaged")


@pytest.mark.nightly
def test_an_init_of_another_architecture_fails_soon(images: Images, tmp_path: Path) -> None:
    shutil.copy(f"{images.kernel_and_initrd('amd64')}-kernel", tmp_path / "x-kernel")
    shutil.copy(f"{images.kernel_and_initrd('arm64')}-initrd.img", tmp_path / "x-initrd.img")
    (tmp_path / "x-cmdline").write_text("console=ttyS0 panic=-1")
    verdict = images.test(tmp_path / "x", timeout=SOON)
    assert verdict.reason.startswith("kernel panic")
    assert verdict.hint.startswith("the init program crashed or is missing")
