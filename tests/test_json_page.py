"""docs/reference/json.md names the fields that ``--json`` prints."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.images import file, image, layer, write_layout

from lkboard.app.cache import Freed
from lkboard.cli.main import main
from lkboard.model.difference import (
    Difference,
    FileChange,
    PrivilegeChange,
    ServiceChange,
    SettingChange,
    SizeChange,
)
from lkboard.model.explanation import Explanation, LayerUse, Maker, Makeup, Part, Replaced, Share
from lkboard.model.finding import Finding
from lkboard.model.stored import Damage, Gap, StoredImage, StoredPlatform

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parents[1] / "docs/reference/json.md"
NAME = "docker.io/lab/x:v1"
IMAGE = image(layer(file("a")))

OBJECTS = {
    "explanation": Explanation,
    "maker": Maker,
    "layer": LayerUse,
    "replaced": Replaced,
    "part": Part,
    "share": Share,
    "difference": Difference,
    "one of `privileges`": PrivilegeChange,
    "one of `services`": ServiceChange,
    "one of `settings`": SettingChange,
    "one of `files`": FileChange,
    "one of `sizes`": SizeChange,
    "stored image": StoredImage,
    "one of `platforms`": StoredPlatform,
    "freed": Freed,
    "damage": Damage,
    "gap": Gap,
    "finding": Finding,
}


def promised(first: str, *, then: int = 0) -> set[str]:
    """Return the fields in the row that begins with a cell, or in the one ``then`` rows below it."""
    lines = PAGE.read_text().splitlines()
    (index,) = [index for index, line in enumerate(lines) if line.startswith(f"| {first} |")]
    last = lines[index + then].rstrip(" |").rpartition(" | ")[2]
    return set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", last)))


def printed(capsys: pytest.CaptureFixture[str], *command: str) -> list[set[str]]:
    """Return the fields of each result of a command."""
    main([*command, "--json"])
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [set(event) - {"event"} for event in events if event["event"] == "result"]


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_exactly_the_fields_of_the_page(name: str) -> None:
    assert promised(name) == {field.name for field in fields(OBJECTS[name])}


def test_a_makeup_has_exactly_the_fields_of_the_page() -> None:
    assert promised("`explain CONFIG`") == {field.name for field in fields(Makeup)}


@pytest.mark.parametrize(
    ("verb", "rows"),
    [
        (("ls",), [("stored image", 0)]),
        (("gc",), [("freed", 0), ("`cache gc`", 1)]),
        (("gc", "--dry-run"), [("freed", 0), ("`cache gc`", 1)]),
        (("verify",), [("damage", 0), ("gap", 0), ("`cache verify`", 2)]),
        (("export", NAME, "-o", "x.tar"), [("`cache export`", 0)]),
        (("rm", NAME), [("`cache rm`", 0)]),
    ],
)
def test_a_cache_verb_prints_the_fields_of_the_page(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: Sequence[str],
    rows: Sequence[tuple[str, int]],
) -> None:
    monkeypatch.chdir(tmp_path)
    cache = write_layout(tmp_path / "cache", {NAME: IMAGE})
    if verb[0] in {"gc", "verify"}:
        spoilt = cache / "blobs/sha256" / ("0" * 64)
        spoilt.write_bytes(b"x")
        os.utime(spoilt, (1, 1))
    if verb[0] == "verify":
        (cache / "blobs/sha256" / next(iter(IMAGE.blobs)).removeprefix("sha256:")).unlink()
    assert printed(capsys, "cache", *verb, "--cache", str(cache)) == [
        promised(first, then=then) for first, then in rows
    ]


def test_an_import_prints_the_fields_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_layout(tmp_path / "source", {NAME: IMAGE})
    command = ("cache", "import", str(source), "--cache", str(tmp_path / "cache"))
    assert printed(capsys, *command) == [promised("`cache import`")]


def test_a_check_prints_the_fields_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.yml").write_text("init: ['lab/x:v1']\n")
    assert printed(capsys, "check", str(tmp_path / "x.yml")) == [promised("`check`")]
    assert printed(capsys, "build", "--dry-run", str(tmp_path / "x.yml")) == [promised("`build --dry-run`")]
