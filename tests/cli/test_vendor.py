"""``lkboard vendor``, and builds of its folder with the network unplugged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.processes import ENVIRONMENT, ROOT, lkboard
from support.unplugged import run_unplugged, unplugged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.lab import Lab

FORMATS = ("x-kernel", "x-initrd.img", "x-cmdline")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.registry
def test_the_registry_cannot_be_reached_without_a_network(lab: Lab) -> None:
    """The lab's registry is on loopback: what the other tests unplug is really gone."""
    host, _, port = lab.registry.host.partition(":")
    done = run_unplugged("-c", f"import socket; socket.create_connection(('{host}', {port}))", environment=ENVIRONMENT)
    assert "Network is unreachable" in done.stderr


@pytest.mark.registry
def test_kernel_and_initrd_are_the_same_without_a_network(lab: Lab, tmp_path: Path) -> None:
    config = lab.config()
    done = lkboard("vendor", tmp_path / "vendored", config, "--arch", "arm64")
    assert (done.returncode, done.stderr.count("Copy into the folder")) == (0, 1)
    assert lkboard("build", config, "--arch", "arm64", "--dir", lab.out).returncode == 0
    (tmp_path / "offline").mkdir()
    options = ("--vendored", tmp_path / "vendored", "--arch", "arm64", "--dir", tmp_path / "offline")
    done = unplugged(tmp_path / "new", "build", config, *options)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "offline") == contents(lab.out)
    assert sorted(contents(lab.out)) == sorted(FORMATS)


@pytest.mark.registry
def test_the_folder_is_a_store_for_other_tools_and_options(lab: Lab, tmp_path: Path) -> None:
    config = lab.config()
    lkboard("vendor", tmp_path / "vendored", config, "--arch", "arm64")
    options = ("--cache", tmp_path / "vendored", "--offline", "--locked", "--arch", "arm64", "-o", tmp_path / "x.tar")
    done = unplugged(tmp_path / "new", "build", config, *options)
    assert done.returncode == 0, done.stderr
    lkboard("build", config, "--arch", "arm64", "-o", tmp_path / "y.tar")
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()


@pytest.mark.registry
def test_a_script_reads_what_was_copied(lab: Lab, tmp_path: Path) -> None:
    done = lkboard("vendor", tmp_path / "vendored", lab.config(), "--arch", "amd64", "--json")
    result = json.loads(done.stdout.splitlines()[-1])
    blobs = list((tmp_path / "vendored").glob("blobs/*/*"))
    assert result["path"] == str(tmp_path / "vendored")
    assert (result["blobs"], result["size_bytes"]) == (len(blobs), sum(blob.stat().st_size for blob in blobs))


@pytest.mark.registry
def test_a_folder_that_may_only_be_read_is_enough(lab: Lab, tmp_path: Path) -> None:
    """Mounted read-only: root may write into folders of any mode."""
    config = lab.config()
    lkboard("vendor", tmp_path / "vendored", config, "--arch", "amd64")
    script = 'mount --bind -o ro "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    build = ["build", config, "--vendored", tmp_path / "vendored", "--arch", "amd64", "-o", tmp_path / "x.tar"]
    command = ["unshare", "--mount", "sh", "-c", script, "sh", tmp_path / "vendored", sys.executable, "-m", "lkboard"]
    unplugged(tmp_path / "new", "--version")  # skips, or fails on CI, where namespaces are not allowed
    done = subprocess.run(
        [str(word) for word in (*command, *build)], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.registry
def test_folders_of_others_beside_it_stay(lab: Lab, tmp_path: Path) -> None:
    other = tmp_path / ".vendored.new"
    other.mkdir()
    (other / "notes").write_text("of somebody")
    assert lkboard("vendor", tmp_path / "vendored", lab.config(), "--arch", "amd64").returncode == 0
    assert (other / "notes").read_text() == "of somebody"
    assert not (tmp_path / "vendored/notes").exists()


# the kit's images on real boards


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, kit_store: Path) -> Path:
    """A folder with the demo's config, and in ``vendored`` what its builds read."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(ROOT / "resources/examples/demo.yml", folder / "demo.yml")
    targets = ("--board", "rpi3", "--board", "x86-efi", "--format", "kernel+initrd", "--arch", "amd64")
    done = lkboard("vendor", folder / "vendored", folder / "demo.yml", *targets, "--cache", kit_store)
    assert done.returncode == 0, done.stderr
    return folder


def target(name: str) -> Sequence[str]:
    return ("--arch", "amd64") if name == "kernel+initrd" else ("--board", name)


@pytest.mark.kit
@pytest.mark.parametrize("name", ["rpi3", "x86-efi", "kernel+initrd"])
def test_systems_of_the_kit_are_the_same_without_a_network(
    demo: Path, kit_store: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "online").mkdir()
    (tmp_path / "offline").mkdir()
    config = demo / "demo.yml"
    online = lkboard("build", config, *target(name), "--dir", tmp_path / "online", "--cache", kit_store)
    options = ("--vendored", demo / "vendored", "--dir", tmp_path / "offline")
    offline = unplugged(tmp_path / "new", "build", config, *target(name), *options)
    assert (online.returncode, offline.returncode) == (0, 0), online.stderr + offline.stderr
    assert contents(tmp_path / "offline") == contents(tmp_path / "online") != {}


@pytest.mark.kit
def test_the_images_of_the_kit_are_locked_by_their_digests_in_the_store(demo: Path, kit_store: Path) -> None:
    locked = {item["reference"]: item["digest"] for item in json.loads((demo / "lkboard.lock").read_text())["images"]}
    names = json.loads((kit_store / "index.json").read_text())["manifests"]
    stored = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in names}
    assert len(locked) == 6
    assert locked == {name: stored[name] for name in locked}


@pytest.mark.kit
def test_boot_loaders_and_firmware_are_locked_with_their_licences(demo: Path) -> None:
    document = json.loads((demo / "lkboard.lock").read_text())
    files = {(item["board"], item["to"]): item["licence"] for item in document["files"]}
    assert files["rpi3", "start.elf"] == "LicenseRef-Broadcom"
    assert files["x86-efi", "EFI/BOOT/BOOTX64.EFI"] == "LGPL-2.1-or-later"
    assert {item["name"] for item in document["packages"]} == {"raspi-firmware", "systemd-boot-efi"}
