"""Old spellings are understood, with a note; everything else passes untouched."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkboard.cli import legacy
from lkboard.cli.legacy import rewrite
from lkboard.errors import UsageError


@pytest.mark.parametrize(
    ("given", "today"),
    [
        (["build", "-output", "tar", "x.yml"], ["build", "--format", "tar", "x.yml"]),
        (["build", "-format=tar", "x.yml"], ["build", "--format=tar", "x.yml"]),
        (["build", "-name", "n", "-dir", "d"], ["build", "--name", "n", "--dir", "d"]),
        (["build", "-disable-content-trust", "x.yml"], ["build", "x.yml"]),
        (["run", "-mem", "512"], ["run", "--mem", "512"]),
        (["run", "qemu", "-kvm", "-containerized", "x"], ["run", "x"]),
        (["run", "-disk-size", "512", "x"], ["run", "--disk", "512M", "x"]),
        (["run", "-disk-size=2G", "x"], ["run", "--disk=2G", "x"]),
        (["run", "hyperkit", "-cpus", "2", "x"], ["run", "--cpus", "2", "x"]),
    ],
)
def test_single_dash_options_become_todays(given: list[str], today: list[str]) -> None:
    arguments, notes = rewrite(given)
    assert arguments == today
    assert notes
    assert all(note.startswith(("-", "run ")) for note in notes)


@pytest.mark.parametrize(
    "given",
    [
        ["build", "--format", "tar", "-o", "x", "-f", "tar", "-q", "-v", "-"],
        ["build", "--", "-output"],
        ["build", "-formats", "x"],
    ],
)
def test_other_arguments_are_left_alone(given: list[str]) -> None:
    assert rewrite(given) == (given, [])


@pytest.mark.parametrize(
    ("old", "today", "more"),
    [
        ("raw", "aws", []),
        ("img", "aws", []),
        ("img-gz", "aws", ["--compress", "gz"]),
        ("qcow2", "qcow2-bios", []),
        ("qcow", "qcow2-bios", []),
        ("gcp-img", "gcp", []),
        ("gce-img", "gcp", []),
    ],
)
@pytest.mark.parametrize("option", ["-output", "-format", "--format", "-f"])
def test_old_formats_become_todays(option: str, old: str, today: str, more: list[str]) -> None:
    spelled = "-f" if option == "-f" else "--format"
    arguments, notes = rewrite(["build", option, f"tar,{old}", "x.yml"])
    assert arguments == ["build", spelled, f"tar,{today}", *more, "x.yml"]
    assert notes[-1].startswith(f"the format {old} is called {today} today")


def test_an_old_format_behind_an_equals_sign() -> None:
    assert rewrite(["build", "-output=img-gz", "x.yml"])[0] == ["build", "--format=aws", "--compress", "gz", "x.yml"]


@pytest.mark.parametrize("name", ["raw", "qcow2", "qemu"])
def test_the_same_words_elsewhere_are_left_alone(name: str) -> None:
    given = ["build", "--name", name, name, "--", "-f", name]
    assert rewrite(given) == (given, [])


@pytest.mark.parametrize("name", ["gce", "gce-storage", "gcp-storage"])
def test_formats_that_were_uploaded_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"the format '{name}' was uploaded when it was built.*--format gcp"):
        rewrite(["build", "-output", name, "x.yml"])


@pytest.mark.parametrize("backend", ["packet", "aws", "vcenter"])
def test_machines_of_a_cloud_are_refused(backend: str) -> None:
    with pytest.raises(UsageError, match=f"lkboard runs images in QEMU, not on '{backend}'"):
        rewrite(["run", backend, "x"])


def test_an_image_may_have_the_name_of_a_machine() -> None:
    assert rewrite(["run", "qemu"]) == (["run", "qemu"], [])


@pytest.mark.parametrize("name", [*legacy._FORMATS, *legacy._UPLOADS, *legacy._IGNORED, "-disk-size", "-output"])
def test_every_old_spelling_is_in_the_manual(name: str) -> None:
    rows = (Path(__file__).parents[2] / "docs/how-to/from-linuxkit.md").read_text().splitlines()
    (row,) = [
        row
        for row in rows
        if row.startswith("| ") and any(word in row.split("|")[1] for word in (f"`{name}`", f"{name} "))
    ]
    assert legacy._FORMATS.get(name, "") in row
