"""``lkboard kit`` from the command line."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.tools import need

from lkboard.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from support.registry import Registry


def test_the_images_are_listed(starter_kit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kit", "ls", "--cache", starter_kit]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["lkboard/kernel:kit", "amd64"],
        ["lkboard/kernel:kit", "arm64"],
        ["lkboard/init:kit", "amd64"],
    ]
    assert lines[0].endswith("linux-image-6.1.0-9-amd64 6.1.9-1")
    assert len(lines) == 12


def test_the_list_is_there_for_machines(starter_kit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kit", "ls", "--json", "--cache", starter_kit]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (found[0]["event"], found[0]["name"]) == ("result", "docker.io/lkboard/kernel:kit")
    assert found[0]["packages"] == [["linux-image-6.1.0-9-amd64", "6.1.9-1"]]
    assert found[0]["licences"].startswith("GPL-2.0-only")


def test_an_empty_store_says_how_to_make_the_kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kit", "ls", "--cache", str(tmp_path / "none")]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "there is no kit in the store; make it: lkboard kit build\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "riscv64"], "there is no kit for 'riscv64' (one of: amd64, arm64)"),
        (["--locked"], "--locked needs the lock (--lock kit.lock)"),
    ],
)
def test_wrong_options_are_usage_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["kit", "build", "--cache", str(tmp_path), *arguments]) == 2
    assert capsys.readouterr().err == f"lkboard: {message}\n"


def test_a_missing_lock_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "kit.lock"
    assert main(["kit", "build", "--cache", str(tmp_path / "store"), "--locked", "--lock", str(lock)]) == 1
    assert capsys.readouterr().err.startswith(f"lkboard: {lock}: the lock cannot be read: No such file")


def test_a_store_without_a_kit_cannot_be_pushed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kit", "push", "localhost:1", "--cache", str(tmp_path)]) == 1
    assert "the store has no kit (build it first: lkboard kit build)" in capsys.readouterr().err


@pytest.mark.parametrize("destination", ["http://localhost:5000", "localhost:5000/UPPER", "a b"])
def test_a_wrong_destination_is_a_usage_error(
    starter_kit: str, capsys: pytest.CaptureFixture[str], destination: str
) -> None:
    assert main(["kit", "push", destination, "--cache", starter_kit]) == 2
    assert f"'{destination}' is no place to push to (write REGISTRY" in capsys.readouterr().err


@pytest.mark.registry
@pytest.mark.parametrize(("prefix", "repository"), [("", "lkboard"), ("/team/kits", "team/kits")])
def test_the_kit_is_pushed_for_all_architectures(
    starter_kit: str, registry: Registry, capsys: pytest.CaptureFixture[str], prefix: str, repository: str
) -> None:
    need("skopeo")
    assert main(["kit", "push", f"{registry.host}{prefix}", "--cache", starter_kit]) == 0
    assert f"pushed {registry.host}/{repository}/kernel:kit\n" in capsys.readouterr().out
    image = f"docker://{registry.host}/{repository}/web:kit"
    command = ["skopeo", "inspect", "--raw", "--tls-verify=false", image]
    index = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    architectures = [one["platform"]["architecture"] for one in index["manifests"]]
    assert architectures == ["amd64", "arm64", "unknown", "unknown"]


def test_offline_a_kit_is_not_made_from_mirrors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LKBOARD_OFFLINE", "1")
    assert main(["kit", "build", "--arch", "amd64", "--cache", str(tmp_path)]) == 1
    assert "is not in the store, and lkboard may not use the network" in capsys.readouterr().err


def test_offline_a_kit_is_not_pushed(
    starter_kit: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LKBOARD_OFFLINE", "1")
    assert main(["kit", "push", "localhost:1", "--cache", starter_kit]) == 1
    assert "lkboard may not use the network (push without $LKBOARD_OFFLINE)" in capsys.readouterr().err
