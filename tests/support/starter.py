"""A mirror with tiny stand-ins for all packages of the kit: the whole build in a second, without a network.

busybox is this machine's real one, because the build asks it for its applets.

from support.starter import starter_kit  # in a conftest: the store with the whole kit, as a fixture
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkboard.events import Job
from lkboard.kit.build import build_kit
from lkboard.oci.store.store import Store
from support import elf
from support.mirror import Link, Mirror
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASE = "6.1.0-9"
LOADERS = {"amd64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}


def starter_mirror(folder: Path) -> Mirror:
    """Return a published mirror with every package that the kit asks for, for both architectures."""
    need("busybox")
    mirror = Mirror(folder)
    for architecture in LOADERS:
        for name, files in packages(architecture).items():
            mirror.add(name, "1.0-1", files, architecture=architecture)
        add_kernel(mirror, architecture, RELEASE, "6.1.9-1")
    mirror.publish()
    return mirror


@pytest.fixture(scope="session")
def starter_kit(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a kit of stand-in packages for both architectures; tests only read it."""
    folder = tmp_path_factory.mktemp("starter-kit")
    mirror = starter_mirror(folder / "mirror")
    build_kit(Store(folder / "store"), ["amd64", "arm64"], Job(), host=mirror.host)
    return str(folder / "store")


def add_kernel(mirror: Mirror, architecture: str, release: str, version: str) -> None:
    """Add a kernel and the meta package that leads to it."""
    name = f"linux-image-{release}-{architecture}"
    mirror.add(name, version, kernel_files(f"{release}-{architecture}"), architecture=architecture)
    meta = f"linux-image-{architecture}"
    mirror.add(meta, version, {}, architecture=architecture, depends=f"{name} (= {version})")


def kernel_files(release: str) -> Mapping[str, bytes]:
    """Return the files of a kernel package with six modules and two device trees."""
    drivers = {
        "fs/ext4/ext4.ko": elf.module("name=ext4", "depends=jbd2,mbcache", "softdep=pre: crc32c", "alias=fs-ext4"),
        "fs/jbd2/jbd2.ko": elf.module("name=jbd2", "depends="),
        "fs/mbcache.ko": elf.module("name=mbcache", "depends="),
        "crypto/crc32c-generic.ko": elf.module("name=crc32c_generic", "depends=", "alias=crc32c"),
        "drivers/net/e1000.ko": elf.module("name=e1000", "depends=", "alias=pci:v00008086d0000100Esv*"),
        "drivers/net/unwanted.ko": elf.module("name=unwanted", "depends="),
    }
    return {
        f"boot/vmlinuz-{release}": b"kernel " + release.encode(),
        f"lib/modules/{release}/modules.builtin": b"kernel/net/packet/af_packet.ko\n",
        **{f"lib/modules/{release}/kernel/{path}": data for path, data in drivers.items()},
        f"usr/lib/linux-image-{release}/broadcom/bcm2837-rpi-3-b.dtb": b"tree b",
        f"usr/lib/linux-image-{release}/broadcom/bcm2711-rpi-4-b.dtb": b"tree 4",
    }


def packages(architecture: str) -> Mapping[str, Mapping[str, bytes | Link]]:
    """Return the files of the kit's user-space packages."""
    libraries = f"usr/lib/{TRIPLETS[architecture]}"
    loader = LOADERS[architecture]
    real_loader = f"{libraries}/{Path(loader).name}"
    busybox = shutil.which("busybox")
    assert busybox
    return {
        "busybox-static": {"bin/busybox": Path(busybox).read_bytes()},
        "runc": {"usr/sbin/runc": _program(architecture, "libseccomp.so.2", "libc.so.6")},
        "libc6": {
            f"{libraries}/libc.so.6": _library(architecture, "libc.so.6", Path(loader).name),
            real_loader: _library(architecture, Path(loader).name),
            f"{libraries}/libunused.so.1": _library(architecture, "libunused.so.1"),
        },
        "libseccomp2": _versioned(libraries, "libseccomp.so.2", _library(architecture, "libseccomp.so.2", "libc.so.6")),
        "dropbear-bin": {
            "usr/sbin/dropbear": _program(architecture, "libtomcrypt.so.1", "libcrypt.so.1", "libz.so.1", "libc.so.6"),
            "usr/bin/dropbearkey": _program(architecture, "libtomcrypt.so.1", "libc.so.6"),
        },
        "libtomcrypt1": _versioned(
            libraries, "libtomcrypt.so.1", _library(architecture, "libtomcrypt.so.1", "libtommath.so.1", "libgmp.so.10")
        ),
        "libtommath1": _versioned(libraries, "libtommath.so.1", _library(architecture, "libtommath.so.1")),
        "libgmp10": _versioned(libraries, "libgmp.so.10", _library(architecture, "libgmp.so.10")),
        "libcrypt1": _versioned(libraries, "libcrypt.so.1", _library(architecture, "libcrypt.so.1")),
        "zlib1g": _versioned(libraries, "libz.so.1", _library(architecture, "libz.so.1")),
    }


def _program(architecture: str, *needed: str) -> bytes:
    return elf.dynamic(needed, interpreter=LOADERS[architecture], salt=architecture)


def _library(architecture: str, soname: str, *needed: str) -> bytes:
    return elf.dynamic(needed, soname=soname, salt=architecture)


def _versioned(folder: str, soname: str, data: bytes) -> Mapping[str, bytes | Link]:
    """Return a library as packages have it: a file with a longer name, and the soname as a link to it."""
    return {f"{folder}/{soname}.9.9": data, f"{folder}/{soname}": Link(f"{soname}.9.9")}
