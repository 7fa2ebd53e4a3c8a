"""The same config gives the same bytes, wherever, whenever and by whomever it is built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from support.kit import kit_store
from support.lab import FILES, Lab, config
from support.loops import need_root
from support.processes import ENVIRONMENT, ROOT
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.registry import Registry

AS_NOBODY = [
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    # the folders of this test run, and perhaps Python itself, are closed to strangers
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
]
DEMO = ROOT / "resources/examples/demo.yml"


@dataclass(frozen=True)
class Place:
    """Circumstances of a build. ``prefix`` is put before the command."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    umask: int = 0o022
    prefix: tuple[str, ...] = ()
    folder: str = "."

    def __str__(self) -> str:
        return self.name


HERE = Place("here", {"TZ": "UTC", "LC_ALL": "C.UTF-8"})
PLACES = [
    Place("time zone", {"TZ": "Pacific/Kiritimati"}),
    Place("locale", {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    Place("umask", umask=0o077),
    Place("hash seed", {"PYTHONHASHSEED": "12345"}),
    Place("folder", folder="deeply/nested größe"),
    Place("home", {"HOME": "/nonexistent", "USER": "somebody", "LOGNAME": "somebody"}),
    Place("user", prefix=tuple(AS_NOBODY)),
    Place("one processor", prefix=("taskset", "--cpu-list", "0")),
    Place("clock", prefix=("faketime", "2001-01-01 00:00:00")),  # it goes on from there: waits have an end
]
"""Circumstances that must not matter."""

ELSEWHERE = Place(
    "elsewhere",
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": "/nonexistent", "PYTHONHASHSEED": "7"},
    umask=0o077,
    prefix=tuple(AS_NOBODY),
    folder="deeply/nested",
)


def build(place: Place, folder: Path, *arguments: object, cache: Path) -> dict[str, str]:
    """Build in a folder under the circumstances, and return the digests of what is in its ``out`` then."""
    need(*place.prefix[:1])
    if place.prefix[:1] == ("setpriv",):
        need_root()
    out = folder / "out"
    for path in (folder / place.folder, out):
        path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*place.prefix, sys.executable, "-m", "lkboard", "build", *map(str, arguments), "--dir", out],
        env={**ENVIRONMENT, **place.environment, "LKBOARD_CACHE": str(cache)},
        cwd=folder / place.folder,
        umask=place.umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}


@pytest.mark.registry
class TestFormats:
    @staticmethod
    def build(place: Place, folder: Path, config: Path, *, cache: Path | None = None) -> dict[str, str]:
        """Build every format that takes no board's files."""
        need("mksquashfs")
        cache = cache or folder / "cache"
        build(place, folder, "--arch", "arm64", "--format", "kernel+initrd,tar-kernel-initrd", config, cache=cache)
        for other in ("kernel+squashfs", "kernel+erofs", "kernel+iso", "docker"):
            build(place, folder, "--arch", "arm64", "--format", other, config, cache=cache)
        return build(place, folder, "--arch", "arm64", "--format", "tar", config, cache=cache)

    @pytest.fixture(scope="class")
    @classmethod
    def here(cls, lab_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
        """A config, and the digests of what it gives in ordinary circumstances."""
        folder = tmp_path_factory.mktemp("here")
        file = folder / "x.yml"
        file.write_text(config(lab_registry.host, FILES))
        digests = cls.build(HERE, folder, file)
        assert sorted(digests) == [
            *("x-cmdline", "x-erofs.img", "x-initrd.img", "x-initrd.tar", "x-kernel", "x-squashfs.img"),
            *("x.docker", "x.iso", "x.tar"),
        ]
        return file, digests

    @pytest.mark.parametrize("place", PLACES, ids=str)
    def test_circumstances_do_not_matter(self, tmp_path: Path, here: tuple[Path, dict[str, str]], place: Place) -> None:
        file, expected = here
        assert self.build(place, tmp_path, file) == expected

    def test_a_cache_that_is_warm_does_not_matter(self, lab: Lab, here: tuple[Path, dict[str, str]]) -> None:
        file, expected = here
        assert self.build(HERE, lab.folder / "cold", file, cache=lab.cache) == expected
        assert self.build(HERE, lab.folder / "warm", file, cache=lab.cache) == expected

    def test_the_config_matters(self, lab: Lab, here: tuple[Path, dict[str, str]]) -> None:
        _file, digests = here
        other = self.build(HERE, lab.folder, lab.config(FILES.replace("willkommen", "hello")))
        assert {name for name in digests if digests[name] != other[name]} == {
            *("x-erofs.img", "x-initrd.img", "x-initrd.tar", "x-squashfs.img"),
            *("x.docker", "x.iso", "x.tar"),
        }


@pytest.mark.kit
class TestBoards:
    """Images of real boards, with firmware from Debian packages."""

    @pytest.fixture
    def stores(self, tmp_path: Path) -> tuple[Path, Path]:
        """Two stores with the kit, at different places; what was derived from its images is only in the first."""
        for name, ignored in (("first", ()), ("second", ("layers", "segments"))):
            shutil.copytree(
                kit_store(),
                tmp_path / name,
                copy_function=os.link,
                ignore=shutil.ignore_patterns(*ignored),
                symlinks=True,
            )
        return tmp_path / "first", tmp_path / "second"

    @pytest.mark.parametrize("board", ["rpi3", "x86-bios", "x86-efi", "arm64-efi"])
    def test_circumstances_do_not_matter(self, tmp_path: Path, stores: tuple[Path, Path], board: str) -> None:
        need_root()
        expected = build(HERE, tmp_path / "here", "--board", board, DEMO, cache=stores[0])
        image = f"demo-{board}.img"
        assert set(expected) == {image, f"{image}.sha256", f"{image}.bmap"}
        assert build(ELSEWHERE, tmp_path / "there", "--board", board, DEMO, cache=stores[1]) == expected

    @pytest.mark.parametrize(
        "formats",
        ["qcow2-efi,qcow2-bios,dynamic-vhd,vmdk", "aws,gcp,vhd", "uki,iso-efi", "iso-bios,iso-efi-initrd"],
        ids=["sparse", "whole", "for UEFI", "discs"],
    )
    def test_nor_do_they_for_disks_of_other_formats(
        self, tmp_path: Path, stores: tuple[Path, Path], formats: str
    ) -> None:
        need_root()
        arguments = ("--arch", "amd64", "--format", formats, "--size", "200M", DEMO)
        expected = build(HERE, tmp_path / "here", *arguments, cache=stores[0])
        assert len([name for name in expected if not name.endswith((".sha256", ".bmap"))]) == formats.count(",") + 1
        assert build(ELSEWHERE, tmp_path / "there", *arguments, cache=stores[1]) == expected
