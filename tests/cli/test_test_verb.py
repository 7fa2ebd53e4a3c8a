"""``lkboard test`` and ``lkboard run``, as a user sees them. A program stands where QEMU would."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest
from support.qemu import stand_in

from lkboard.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = bytes(0x202) + b"HdrS"
DIGEST = hashlib.sha256(KERNEL).hexdigest()


@pytest.fixture
def base(tmp_path: Path) -> str:
    """The base name of kernel outputs for a PC."""
    (tmp_path / "demo-kernel").write_bytes(KERNEL)
    return str(tmp_path / "demo")


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, with all times replaced."""
    return re.sub(r"\d+\.\d s", "0.0 s", capsys.readouterr().out)


def test_a_good_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "echo 'Linux version 6'; echo 'lkb: userspace up'; echo 'lkb: ready'")
    assert main(["test", base, "--accel", "tcg"]) == 0
    assert shown(capsys) == (
        f"PASSED {base} after 0.0 s (QEMU q35, tcg)\n"
        "  firmware     cannot be told\n"
        "  kernel       0.0 s           Linux version 6\n"
        "  user space   0.0 s           lkb: userspace up\n"
        "  ready        0.0 s           lkb: ready\n"
        "  reason: the system is ready\n"
        f"  sha256: {DIGEST}\n"
    )


def test_a_bad_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(
        monkeypatch, tmp_path / "bin", "echo 'Linux version 6'; echo 'Kernel panic - not syncing: No working init'"
    )
    assert main(["test", base, "--accel", "tcg", "--expect", "login:"]) == 1
    assert shown(capsys) == (
        f"FAILED {base} after 0.0 s (QEMU q35, tcg)\n"
        "  firmware     cannot be told\n"
        "  kernel       0.0 s           Linux version 6\n"
        "  user space   not seen\n"
        "  ready        not seen\n"
        "  expectation  not seen        the text 'login:'\n"
        "  reason: kernel panic: No working init\n"
        "  hint: the kernel stopped by itself: the lines above say why\n"
        "  last lines of the console:\n"
        "    | Linux version 6\n"
        "    | Kernel panic - not syncing: No working init\n"
        f"  sha256: {DIGEST}\n"
    )


def test_a_verdict_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "echo 'lkb: ready'")
    assert main(["test", base, "--accel", "tcg", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"event": "line", "text": "lkb: ready"} in events
    verdict = events[-1]
    assert (verdict["event"], verdict["passed"], verdict["image_sha256"]) == ("result", True, DIGEST)
    assert verdict["stages"][-1]["name"] == "ready"


def test_a_card_without_a_board_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.img").write_bytes(bytes(510) + b"\x55\xaa")
    assert main(["test", str(tmp_path / "a.img")]) == 2
    assert "a disk image needs a board (add --board; 'lkboard boards' lists them)" in capsys.readouterr().err


def test_run_takes_linuxkits_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    arguments = stand_in(monkeypatch, tmp_path / "bin", "exit 0")
    assert main(["run", "-mem", "256", "-cpus", "2", "--publish", "2222:22", "--accel", "tcg", base]) == 0
    assert {"256M", "2", "user,id=net,hostfwd=tcp:127.0.0.1:2222-:22"} <= set(arguments.read_text().splitlines())


def test_run_fails_with_the_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "exit 1")
    assert main(["run", "--accel", "tcg", base]) == 1
