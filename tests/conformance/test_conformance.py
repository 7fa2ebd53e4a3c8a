"""What LinuxKit's own tool made of some hundred configs, and what lkboard makes of them.

The suite is not part of this repository: it lies beside it, with a program that builds every case and compares. What
differs is either a bug or listed in deviations.yml.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from support.processes import ENVIRONMENT, ROOT
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUITE = ROOT.parent / "shared" / "conformance"
DEVIATIONS = Path(__file__).with_name("deviations.yml")
BUILD = "-m lkboard build --mirror {mirror} --cache {cache} --arch {arch} --format {format} {out} {flags} {yamls}"
SPEC = re.compile(r"\d+\.\d+|decisions\.md")


class Difference(NamedTuple):
    """A class of differences in a variant (``amd64/tar``) of a case."""

    case: str
    variant: str
    kind: str


@dataclass(frozen=True)
class Deviation:
    """An entry of the file."""

    case: str
    variant: str
    kinds: tuple[str, ...]
    why: str
    spec: str
    level: str = "tree"

    def covers(self, found: Difference) -> bool:
        """Return whether the entry explains a difference."""
        patterns = zip((found.case, found.variant), (self.case, self.variant), strict=True)
        return found.kind in self.kinds and all(fnmatchcase(text, pattern) for text, pattern in patterns)


def load(path: Path = DEVIATIONS) -> list[Deviation]:
    entries = yaml.safe_load(path.read_text())
    return [deviation(**entry) for entry in entries]


def deviation(*, case: str, variant: str, why: str, spec: str, level: str = "tree", **more: Any) -> Deviation:
    kinds = more.pop("class")
    assert not more, f"unknown fields: {more}"
    assert level in {"tree", "exact"}
    return Deviation(case, variant, (kinds,) if isinstance(kinds, str) else tuple(kinds), why, spec, level)


def judged(found: Sequence[Difference], allowed: Sequence[Deviation], known: Sequence[Deviation] = ()) -> list[str]:
    """Return what is wrong: differences that nothing covers, and allowed entries that cover nothing.

    What a ``known`` entry covers is left aside first.
    """
    found = [one for one in found if not any(entry.covers(one) for entry in known)]
    unexplained = [" ".join(one) for one in found if not any(entry.covers(one) for entry in allowed)]
    unused = [
        f"unused: {entry.case} {entry.variant} {kind}"
        for entry in allowed
        for kind in entry.kinds
        if not any(entry.covers(one) for one in found if one.kind == kind)
    ]
    return unexplained + unused


def differences(results: Iterable[dict[str, Any]]) -> list[Difference]:
    return [Difference(one["case"], one["variant"], kind) for one in results for kind in one["classes"]]


def run(folder: Path, *options: str) -> tuple[list[dict[str, Any]], str]:
    """Build all cases that the options choose and return the results, and what the suite has to say."""
    environment = {**ENVIRONMENT, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    results = folder / "results.json"
    tool = f"{shlex.quote(sys.executable)} {BUILD}"
    command = [sys.executable, "run_conformance.py", "--tool", tool, "-j", "2", "--json", str(results), *options]
    done = subprocess.run(command, cwd=SUITE, env=environment, capture_output=True, text=True, check=False)
    assert results.exists(), done.stderr
    return json.loads(results.read_text())["results"], done.stdout


@pytest.fixture
def suite() -> None:
    if not SUITE.is_dir():
        assert not os.environ.get("CI"), f"{SUITE} is missing"
        pytest.skip(f"{SUITE} is not there")
    need("git")


@pytest.mark.conformance
@pytest.mark.usefixtures("suite")
def test_every_difference_in_the_tree_is_deliberate(tmp_path: Path) -> None:
    results, report = run(tmp_path, "--level", "tree")
    assert len(results) > 500
    allowed = [entry for entry in load() if entry.level == "tree"]
    assert judged(differences(results), allowed) == [], report


@pytest.mark.conformance
@pytest.mark.usefixtures("suite")
def test_every_difference_in_form_is_deliberate(tmp_path: Path) -> None:
    """One architecture is enough: which one it is changes what is in the archives, not their form."""
    results, report = run(tmp_path, "--level", "exact", "--arch", "amd64")
    assert len(results) > 250
    known = [entry for entry in load() if entry.level == "tree"]
    allowed = [entry for entry in load() if entry.level == "exact"]
    assert judged(differences(results), allowed, known) == [], report


# the file


def test_every_deviation_has_a_reason_and_a_place_where_it_was_decided() -> None:
    for entry in load():
        assert len(entry.why) > 10
        assert SPEC.fullmatch(entry.spec), entry


ENTRIES = [
    Deviation("layers-*", "*/tar", ("mode", "size"), "because", "10.1"),
    Deviation("volumes", "amd64/*", ("json",), "because", "10.1"),
]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["layers-a amd64/tar mode", "layers-b arm64/tar size", "volumes amd64/docker json"], []),
        (
            ["layers-a amd64/tar mode", "layers-a amd64/tar size"],
            ["unused: volumes amd64/* json"],
        ),
        (
            ["layers-a amd64/tar mode", "volumes amd64/tar json", "volumes arm64/tar json"],
            ["volumes arm64/tar json", "unused: layers-* */tar size"],
        ),
        (
            ["layers amd64/tar mode", "layers-a amd64/tar@x mode"],
            [
                *("layers amd64/tar mode", "layers-a amd64/tar@x mode"),
                *("unused: layers-* */tar mode", "unused: layers-* */tar size", "unused: volumes amd64/* json"),
            ],
        ),
    ],
)
def test_differences_are_judged_by_the_file(found: list[str], expected: list[str]) -> None:
    assert judged([Difference(*text.split()) for text in found], ENTRIES) == expected


def test_what_is_known_from_another_level_is_left_aside() -> None:
    found = [Difference("layers-a", "amd64/tar", "mode"), Difference("volumes", "amd64/tar", "json")]
    assert judged(found, ENTRIES[1:], ENTRIES[:1]) == []
    assert judged(found[:1], ENTRIES[1:], ENTRIES[:1]) == ["unused: volumes amd64/* json"]
