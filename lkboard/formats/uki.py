"""``uki``: kernel, initrd and command line as one program that UEFI starts and that can be signed as a whole."""

from __future__ import annotations

from lkboard.formats import unified_kernel
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    assert build.board is not None, "the app chooses a board for every format that has boards"
    return (PlannedFile(".efi", unified_kernel.plan(build, build.board)),)


FORMAT = Format(
    name="uki",
    title="unified kernel image: one file for UEFI",
    outputs=(".efi",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-efi", "arm64": "arm64-efi"},
)
