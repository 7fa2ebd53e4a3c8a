"""Names of architectures."""

from __future__ import annotations

import platform

import pytest

from lkboard.model.architecture import go_name, host_architecture

NAMES = [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv7l", "arm"), ("i686", "386"), ("riscv64", "riscv64")]


@pytest.mark.parametrize(("machine", "name"), NAMES)
def test_the_machines_own_architecture(monkeypatch: pytest.MonkeyPatch, machine: str, name: str) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert host_architecture() == name


@pytest.mark.parametrize("name", [name for _machine, name in NAMES])
def test_gos_names_stay(name: str) -> None:
    assert go_name(name) == name
