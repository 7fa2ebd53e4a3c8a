"""The boot test as both front ends call it. A program stands where QEMU would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.qemu import stand_in

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.errors import EmulationError, OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob


@pytest.fixture
def outputs(tmp_path: Path) -> str:
    """The base name of kernel+initrd outputs for a PC."""
    (tmp_path / "demo-kernel").write_bytes(bytes(0x202) + b"HdrS")
    (tmp_path / "demo-initrd.img").write_bytes(b"i")
    (tmp_path / "demo-cmdline").write_text("console=ttyS0\n")
    return str(tmp_path / "demo")


def test_kernel_and_initrd_are_booted_without_a_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob
) -> None:
    arguments = stand_in(monkeypatch, tmp_path / "bin", "echo 'lkb: ready'; exec sleep 60")
    verdict = boot_test(TestOptions(image=outputs, accelerator="tcg"), job)
    assert (verdict.passed, verdict.board, verdict.machine) == (True, "", "q35")
    assert f"{outputs}-initrd.img" in arguments.read_text().splitlines()


def test_every_text_must_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob
) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "echo one")
    verdict = boot_test(TestOptions(image=outputs, expect=("one", "two"), accelerator="tcg"), job)
    assert verdict.reason == "the machine stopped, without the text 'two'"


def test_the_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "exec sleep 60")
    verdict = boot_test(TestOptions(image=outputs, timeout=0.2, accelerator="tcg"), job)
    assert verdict.reason == "time limit of 0.2 s, without becoming ready"


def test_the_console_is_kept_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob
) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "echo 'lkb: ready'")
    boot_test(TestOptions(image=outputs, accelerator="tcg", console=str(tmp_path / "console.txt")), job)
    assert (tmp_path / "console.txt").read_text().endswith("] lkb: ready\n")


def test_throw_away_files_are_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    stand_in(monkeypatch, tmp_path / "bin", f"ls {tmp_path}/tmp; echo 'lkb: ready'")
    verdict = boot_test(TestOptions(image=outputs, accelerator="tcg"), job)
    assert verdict.console[0].startswith("lkboard-")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"board": "rpi9"}, UsageError, r"there is no board 'rpi9'"),
        ({"image": "none.img"}, EmulationError, "there is no such image"),
        ({"expect_http": ("web",)}, UsageError, "'web' is not a port with a path"),
        ({"expect": ("ready", "")}, UsageError, "--expect needs a text"),
        *(
            ({"timeout": float(text)}, UsageError, f"--timeout {text}: it must be a number of seconds above 0")
            for text in ("nan", "inf", "-inf", "-1", "0")
        ),
        ({"console": "none/console.txt"}, OutputError, "none/console.txt: No such file or directory"),
        ({"via_u_boot": True}, UsageError, "--via u-boot needs a board that U-Boot is known for"),
        ({"via_u_boot": True, "board": "x86-efi"}, UsageError, "--via u-boot needs a board that U-Boot is known for"),
        ({"via_u_boot": True, "expect_http": ("80",)}, UsageError, "there is no network behind U-Boot"),
    ],
)
def test_what_cannot_be_tested(
    outputs: str, job: RecordingJob, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        boot_test(TestOptions(**{"image": outputs, "accelerator": "tcg", **options}), job)  # type: ignore[arg-type]
