"""A small operating system that is not meant to boot: kernel, init and a service for two architectures, and its config.

from support.lab import lab, lab_registry  # in a conftest

def test(lab: Lab) -> None:
    lkboard("build", lab.config(FILES), "-o", lab.out / "x.tar")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.faults import FaultProxy
from support.home import empty_home
from support.images import Image, Layer, character, directory, file, hardlink, image, index, layer, noise, symlink, tar
from support.processes import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.registry import Registry

ARCHITECTURES = ("amd64", "arm64")
CMDLINE = "console=ttyS0 panic=-1"
SEED_SIZE = 3_000_000
"""Bytes of the largest file, which do not compress: enough for a download that is cut in the middle."""


def kernel_of(architecture: str) -> bytes:
    """Return the bytes of the kernel: with the magic number of a raw arm64 kernel there."""
    return bytes(56) + b"ARM\x64" + noise(100_000, f"kernel {architecture}")


def tool_of(architecture: str) -> bytes:
    """Return the bytes of the service's program."""
    return noise(20_000, f"tool {architecture}")


SEED = file("srv/seed", noise(SEED_SIZE, "seed"), 0o640, uid=7, gid=8)
DATA: Layer = layer(directory("srv"), SEED)


def kernel_image(architecture: str) -> Image:
    """Return a kernel image as LinuxKit's are: the kernel, and its modules in a tar."""
    modules = tar(directory("lib"), directory("lib/modules"), file("lib/modules/net.ko", b"module " + noise(5000)))
    return image(layer(file("kernel", kernel_of(architecture)), file("kernel.tar", modules)), architecture=architecture)


def init_image(architecture: str) -> Image:
    """Return an init image with every kind of file."""
    shell = layer(
        directory("bin"),
        file("bin/busybox", tool_of(architecture), 0o4755),
        symlink("bin/sh", "busybox"),
        hardlink("bin/ls", "bin/busybox"),
        file("init", b"#!/bin/sh\n", 0o755),
        directory("dev"),
        character("dev/console", 5, 1),
        directory("etc", 0o700),
        file("etc/größe", "naïve\n".encode()),
    )
    return image(shell, architecture=architecture)


def web_image(architecture: str) -> Image:
    """Return the image of a service: two layers, of which the upper one, with the large file, is for all the same."""
    lower = layer(directory("bin"), file("bin/web", tool_of(architecture), 0o755))
    settings = {
        "Entrypoint": ["/bin/web"],
        "Cmd": ["--port", "80"],
        "Env": ["PATH=/bin", "LANG=C"],
        "WorkingDir": "/srv",
    }
    return image(lower, DATA, architecture=architecture, config=settings)


IMAGES = {
    name: index([make(architecture) for architecture in ARCHITECTURES])
    for name, make in (("kernel", kernel_image), ("init", init_image), ("web", web_image))
}


def push_lab(registry: Registry) -> None:
    """Push the images as ``lab/kernel:v1``, ``lab/init:v1`` and ``lab/web:v1``."""
    for name, one in IMAGES.items():
        registry.push(one, f"lab/{name}:v1")


def config(host: str, more: str = "") -> str:
    """Return the config that names all of them at a registry; ``more`` is appended."""
    return f"""\
kernel: {{image: "{host}/lab/kernel:v1", cmdline: "{CMDLINE}"}}
init: ["{host}/lab/init:v1"]
services:
  - {{name: web, image: "{host}/lab/web:v1", capabilities: [CAP_NET_BIND_SERVICE], binds: ["/etc/motd:/motd"]}}
{more}"""


FILES = """\
files:
  - {path: etc/motd, contents: "willkommen\\n", mode: "0644"}
  - {path: var/lib/web, directory: true, mode: "0750", uid: web, gid: 5}
"""
"""A section to be appended: a text file, and a folder owned by the service."""


@dataclass(frozen=True)
class Lab:
    """A folder for a test with a config in it, and the registry that has the images.

    Commands keep their images in ``cache`` and find no logins; ``out`` is an empty folder for what they make.
    """

    folder: Path
    registry: Registry

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def config(self, more: str = "", *, host: str = "", name: str = "x.yml") -> Path:
        """Write the config, with images of the registry or of another host, and return its path."""
        return self.write(config(host or self.registry.host, more), name)

    def write(self, text: str, name: str = "x.yml") -> Path:
        """Write any config."""
        path = self.folder / name
        path.write_text(text)
        return path

    def made(self) -> list[str]:
        """Return the names of all files in ``out``, also hidden ones."""
        return sorted(path.name for path in self.out.iterdir())


@pytest.fixture(scope="session")
def lab_registry(registry: Registry) -> Registry:
    """A registry that has the images."""
    push_lab(registry)
    return registry


@pytest.fixture
def lab(tmp_path: Path, lab_registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """See `Lab`."""
    empty_home(tmp_path / "home", monkeypatch)
    (tmp_path / "out").mkdir()
    monkeypatch.setenv("LKBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ENVIRONMENT, "LKBOARD_CACHE", str(tmp_path / "cache"))
    return Lab(tmp_path, lab_registry)


@pytest.fixture
def proxy(lab_registry: Registry) -> Iterator[FaultProxy]:
    """A way to the registry that makes mistakes on request."""
    with FaultProxy(lab_registry.host) as running:
        yield running
