"""Whether the processor's own virtualization can be used."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.tools import need

from lkboard.emulate import accelerator
from lkboard.emulate.accelerator import choose_accelerator, probe

if TYPE_CHECKING:
    from support.jobs import RecordingJob

HALTS = "exit 33"
HANGS = "exec sleep 60"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An amd64 host with a /dev/kvm, that booted just now."""
    (tmp_path / "kvm").touch()
    (tmp_path / "boot_id").write_text("first\n")
    monkeypatch.setattr(accelerator, "_KVM", tmp_path / "kvm")
    monkeypatch.setattr(accelerator, "_BOOT_ID", tmp_path / "boot_id")
    monkeypatch.setattr(accelerator, "PROBE_SECONDS", 30.0)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def emulator(folder: Path, script: str) -> str:
    """A program in place of QEMU that behaves as one of the hosts that were met."""
    path = folder / "qemu-system-x86_64"
    path.write_text(f"#!/bin/sh\necho >> {folder}/runs\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def runs(folder: Path) -> int:
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_host_where_a_guest_halts_uses_kvm(host: Path, job: RecordingJob) -> None:
    assert choose_accelerator(emulator(host, HALTS), "amd64", job) == "kvm"
    assert job.notes == []


@pytest.mark.parametrize("script", [HANGS, "exit 0", "exit 1"])
def test_a_host_where_no_guest_halts_says_so_and_emulates(
    host: Path, job: RecordingJob, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(accelerator, "PROBE_SECONDS", 0.3)
    assert choose_accelerator(emulator(host, script), "amd64", job) == "tcg"
    assert "no guest runs with it" in job.notes[0]


def test_the_answer_is_remembered(host: Path, job: RecordingJob) -> None:
    program = emulator(host, HALTS)
    assert [choose_accelerator(program, "amd64", job) for _ in range(3)] == ["kvm"] * 3
    assert runs(host) == 1


def test_the_answer_is_forgotten_when_the_host_boots(host: Path, job: RecordingJob) -> None:
    program = emulator(host, HALTS)
    choose_accelerator(program, "amd64", job)
    (host / "boot_id").write_text("second\n")
    choose_accelerator(program, "amd64", job)
    assert runs(host) == 2


@pytest.mark.parametrize("remains", ["", "[1]", "{}"])
def test_a_damaged_memory_is_as_good_as_none(host: Path, job: RecordingJob, remains: str) -> None:
    memory = host / "state" / "lkboard" / "accelerator.json"
    memory.parent.mkdir(parents=True)
    memory.write_text(remains)
    assert choose_accelerator(emulator(host, HALTS), "amd64", job) == "kvm"
    assert json.loads(memory.read_text()) == {"boot_id": "first", "kvm": True}


def test_without_a_place_to_remember_it_still_works(host: Path, job: RecordingJob) -> None:
    (host / "state").touch()
    assert choose_accelerator(emulator(host, HALTS), "amd64", job) == "kvm"


def test_without_the_device_nothing_is_probed(host: Path, job: RecordingJob) -> None:
    (host / "kvm").unlink()
    assert choose_accelerator(emulator(host, HALTS), "amd64", job) == "tcg"
    assert runs(host) == 0


def test_a_guest_of_another_architecture_is_emulated_without_a_word(host: Path, job: RecordingJob) -> None:
    assert choose_accelerator(emulator(host, HALTS), "arm64", job) == "tcg"
    assert (runs(host), job.notes) == (0, [])


def test_other_guests_than_x86_have_no_probe(host: Path) -> None:
    assert not probe("/bin/true", "kvm", 30.0)


def test_the_probe_guest_really_halts() -> None:
    need("qemu-system-x86_64")
    path = next(
        candidate
        for folder in os.environ["PATH"].split(os.pathsep)
        if (candidate := Path(folder) / "qemu-system-x86_64").exists()
    )
    assert probe(str(path), "tcg", 120.0)
