"""Running an image on the terminal. A program stands where QEMU would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.qemu import stand_in
from support.tools import need

from lkboard.app.run import RunOptions, run_image
from lkboard.emulate.metadata import metadata_iso
from lkboard.errors import EmulationError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob


@pytest.fixture
def outputs(tmp_path: Path) -> str:
    """The base name of kernel outputs for a PC."""
    (tmp_path / "demo-kernel").write_bytes(bytes(0x202) + b"HdrS")
    return str(tmp_path / "demo")


def test_what_the_machine_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob
) -> None:
    need("qemu-img")
    arguments = stand_in(monkeypatch, tmp_path / "bin", "exit 0")
    (tmp_path / "old.img").write_bytes(b"old")
    options = RunOptions(
        image=outputs,
        memory_mib=2048,
        cpus=3,
        publish=("8080:80",),
        disks=("64M", str(tmp_path / "old.img")),
        accelerator="tcg",
    )
    run_image(options, job)
    given = arguments.read_text().splitlines()
    assert "2048M" in given
    assert given[given.index("-smp") + 1] == "3"
    assert given[given.index("-serial") + 1] == "mon:stdio"
    assert "user,id=net,hostfwd=tcp:127.0.0.1:8080-:80" in given
    assert f"if=none,id=disk1,format=raw,file={tmp_path}/old.img" in given
    assert "Ctrl-A" in job.notes[0]


@pytest.mark.parametrize("kind", ["data", "data_file"])
def test_metadata_is_a_disk_with_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob, kind: str
) -> None:
    copy = f"cp \"$(sed -n 's/^.*readonly=on,file=//p' {tmp_path}/bin/arguments)\" {tmp_path}/seen.iso"
    stand_in(monkeypatch, tmp_path / "bin", copy)
    (tmp_path / "config.json").write_text('{"a": 1}')
    value = '{"a": 1}' if kind == "data" else str(tmp_path / "config.json")
    run_image(RunOptions(image=outputs, accelerator="tcg", **{kind: value}), job)  # type: ignore[arg-type]
    assert (tmp_path / "seen.iso").read_bytes() == metadata_iso(b'{"a": 1}')


def test_a_failing_emulator_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, job: RecordingJob
) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "exit 1")
    with pytest.raises(EmulationError, match=r"demo: QEMU ended with status 1$"):
        run_image(RunOptions(image=outputs, accelerator="tcg"), job)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "x", "data_file": "y"}, "--data and --data-file cannot be used together"),
        ({"memory_mib": -4}, "--mem -4: it must be a number above 0"),
        ({"memory_mib": 0}, "--mem 0: it must be a number above 0"),
        ({"cpus": 0}, "--cpus 0: it must be a number above 0"),
        ({"publish": ("80",)}, "--publish: '80' is not a pair of ports"),
        ({"disks": ("size=big",)}, "--disk: 'big' is not a size"),
    ],
)
def test_bad_options_are_refused(outputs: str, job: RecordingJob, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run_image(RunOptions(image=outputs, **options), job)  # type: ignore[arg-type]


def test_a_missing_metadata_file_is_named(outputs: str, job: RecordingJob) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        run_image(RunOptions(image=outputs, data_file="none.json"), job)
