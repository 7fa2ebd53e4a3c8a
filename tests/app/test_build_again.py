"""A build in the place of an earlier one: nothing of the older one is taken for a part of the newer one."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from support.toy import CONFIG, toy
from support.writes import job_that_cancels

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import Cancelled, LkboardError
from lkboard.events import Job, Step

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.events import Event

__all__ = ["toy"]

WITHOUT_CMDLINE = CONFIG.replace("  cmdline: console=ttyS0\n", "")
WITHOUT_KERNEL = "init: [lab/init:v1]\n"


def built(toy: Path, config: str, *formats: str, job: Job | None = None, **options: object) -> set[str]:
    """Build a config as ``x``, beside other files, and return the names of what is there then."""
    (toy / "x.yml").write_text(config)
    folder = toy / "out"
    folder.mkdir(exist_ok=True)
    wanted = {"architecture": "amd64", "cache": str(toy / "cache"), "directory": str(folder), **options}
    build(BuildOptions((str(toy / "x.yml"),), formats=formats, **wanted), job or Job())  # type: ignore[arg-type]
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["kernel+initrd", "kernel+iso"])
def test_parts_that_are_not_made_any_more_are_gone(toy: Path, name: str) -> None:
    root = {"kernel+initrd": "x-initrd.img", "kernel+iso": "x.iso"}[name]
    assert built(toy, CONFIG, name) == {"x-kernel", "x-cmdline", root}
    assert built(toy, WITHOUT_CMDLINE, name) == {"x-kernel", root}
    assert built(toy, WITHOUT_KERNEL, name) == {root}


def test_their_sidecars_go_with_them(toy: Path) -> None:
    built(toy, CONFIG, "kernel+initrd", has_sidecars=True)
    names = built(toy, WITHOUT_KERNEL, "kernel+initrd", has_sidecars=False)
    assert names == {"x-initrd.img"}


def test_parts_that_several_formats_share_stay(toy: Path) -> None:
    shared = {"x-kernel", "x-initrd.img", "x-cmdline", "x.iso"}
    assert built(toy, CONFIG, "kernel+initrd", "kernel+iso") == shared
    assert built(toy, CONFIG, "kernel+initrd", "kernel+iso") == shared


@pytest.mark.parametrize("step", ["Lay out {}", "Write {}"])
@pytest.mark.parametrize(
    ("formats", "last"),
    [
        (("kernel+initrd", "kernel+iso"), ("kernel+iso", "x.iso")),
        (("kernel+iso", "tar-kernel-initrd", "kernel+initrd"), ("kernel+initrd", "x-initrd.img")),
    ],
)
def test_a_new_kernel_is_never_beside_the_root_of_an_earlier_build(
    toy: Path, formats: tuple[str, ...], last: tuple[str, str], step: str
) -> None:
    """The build is stopped in the last of the formats that share the kernel; its command line is another one."""
    names = built(toy, CONFIG, *formats)
    before = {name: (toy / "out" / name).read_bytes() for name in names}
    name, file = last
    job = job_that_cancels(step.format(name if step.startswith("Lay") else toy / "out" / file), "started")
    with pytest.raises(Cancelled):
        built(toy, CONFIG.replace("ttyS0", "ttyS1"), *formats, job=job)
    assert {path.name: path.read_bytes() for path in (toy / "out").iterdir()} == before


def test_files_of_formats_that_share_a_kernel_keep_their_permissions(toy: Path) -> None:
    built(toy, CONFIG, "kernel+iso", "kernel+initrd")
    (toy / "out" / "x-initrd.img").chmod(0o600)
    built(toy, CONFIG, "kernel+iso", "kernel+initrd")
    assert stat.S_IMODE((toy / "out" / "x-initrd.img").stat().st_mode) == 0o600


def test_other_outputs_stay(toy: Path) -> None:
    built(toy, CONFIG, "kernel+initrd", name="y")
    assert built(toy, WITHOUT_CMDLINE, "tar") >= {"y-cmdline", "x.tar"}


def test_a_record_is_never_beside_the_files_of_another_build(toy: Path) -> None:
    record = toy / "record.json"
    built(toy, CONFIG, "kernel+initrd", "tar-kernel-initrd", record=str(record))
    record.chmod(0o600)
    seen = []

    def look(event: Event) -> None:
        if isinstance(event, Step) and event.name == "Lay out tar-kernel-initrd" and event.state == "started":
            seen.append(record.exists())

    names = built(toy, WITHOUT_CMDLINE, "kernel+initrd", "tar-kernel-initrd", record=str(record), job=Job(look))
    assert "x-cmdline" not in names
    assert seen == [False]
    assert b"x-cmdline" not in record.read_bytes()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_a_build_that_fails_before_it_replaces_anything_keeps_the_record(toy: Path) -> None:
    record = toy / "record.json"
    built(toy, CONFIG, "kernel+initrd", record=str(record))
    before = record.read_bytes()
    with pytest.raises(LkboardError):
        built(toy, "init: [lab/none:v1]\n", record=str(record), registry=RegistryOptions(offline=True))
    assert record.read_bytes() == before
