"""``--uki`` goes with what UEFI starts, and with nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkboard.app.build_options import BuildOptions
from lkboard.app.planning import plan_build
from lkboard.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def options(folder: Path, **fields: object) -> BuildOptions:
    given = {"directory": str(folder), "unified_kernel": True, **fields}
    return BuildOptions(("x.yml",), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields", [{"board": "arm64-efi"}, {"formats": ("raw-efi",), "architecture": "amd64"}], ids=["board", "format"]
)
def test_what_uefi_starts_can_have_one(tmp_path: Path, fields: dict[str, object]) -> None:
    assert plan_build(options(tmp_path, **fields)).is_unified


def test_it_is_not_the_default(tmp_path: Path) -> None:
    assert not plan_build(options(tmp_path, board="x86-efi", unified_kernel=False)).is_unified


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"board": "rpi3"}, "sdcard"),
        ({"formats": ("kernel+initrd",)}, "kernel+initrd"),
        ({"formats": ("raw-efi", "kernel+initrd"), "architecture": "amd64"}, "kernel+initrd"),
    ],
)
def test_nothing_else_can(tmp_path: Path, fields: dict[str, object], name: str) -> None:
    with pytest.raises(UsageError, match=rf"the format '{name.replace('+', '.')}' is not started by UEFI") as caught:
        plan_build(options(tmp_path, **fields))
    assert caught.value.hint == "leave out --uki"
