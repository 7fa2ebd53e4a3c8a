"""The lock as a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.errors import BuildError, OutputError
from lkboard.kit.lock import format_lock, read_lock, write_lock
from lkboard.sources.apt.shelf import Package

if TYPE_CHECKING:
    from pathlib import Path

RUNC = Package("runc", "1.1.5+ds1-1", "amd64", 64 * "a", 2709960, "bookworm/main")
KERNEL = Package("linux-image-6.1.0-9-arm64", "6.1.9-1", "arm64", 64 * "b", 70550672, "bookworm-security/main")
LOCK = {("arm64", "linux-image-arm64"): KERNEL, ("amd64", "runc"): RUNC}
WORDS = st.text(max_size=8)
PACKAGES = st.builds(Package, WORDS, WORDS, st.just("amd64"), WORDS, st.integers(0), WORDS)


def test_a_lock_has_one_package_a_line_in_a_fixed_order() -> None:
    lines = format_lock(LOCK).splitlines()
    assert lines[0:3] == ["{", '  "version": 1,', '  "packages": [']
    assert lines[3] == (
        '    {"architecture": "amd64", "name": "runc", "sha256": "' + 64 * "a" + '", "size": 2709960, '
        '"suite": "bookworm/main", "version": "1.1.5+ds1-1", "wanted": "runc"},'
    )
    assert lines[5:] == ["  ]", "}"]
    assert format_lock(dict(reversed(LOCK.items()))) == format_lock(LOCK)


def test_a_lock_is_read_back(tmp_path: Path) -> None:
    write_lock(tmp_path / "kit.lock", LOCK)
    assert read_lock(tmp_path / "kit.lock") == LOCK


@given(st.dictionaries(st.tuples(st.just("amd64"), WORDS), PACKAGES))
def test_any_lock_is_json_that_says_the_same(lock: dict[tuple[str, str], Package]) -> None:
    entries = json.loads(format_lock(lock))["packages"]
    assert {(entry["architecture"], entry["wanted"]): entry["version"] for entry in entries} == {
        key: package.version for key, package in lock.items()
    }


def test_writing_replaces_the_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "kit.lock"
    path.write_text("old")
    write_lock(path, LOCK)
    assert read_lock(path) == LOCK
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none/kit.lock"
    with pytest.raises(OutputError, match="cannot be written: No such file") as caught:
        write_lock(path, LOCK)
    assert caught.value.where == str(path)


def test_a_missing_lock_says_how_to_make_it(tmp_path: Path) -> None:
    path = tmp_path / "kit.lock"
    with pytest.raises(BuildError, match="cannot be read") as caught:
        read_lock(path)
    assert str(caught.value.hint) == f"make one: lkboard kit build --lock {path}"


def entry(**changes: object) -> str:
    """Return a lock with one entry, changed; a value None removes the field."""
    document = json.loads(format_lock({("amd64", "runc"): RUNC}))
    fields = {**document["packages"][0], **changes}
    document["packages"] = [{name: value for name, value in fields.items() if value is not None}]
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "its version is not 1"),
        ('{"version": 2, "packages": []}', "its version is not 1"),
        ('{"version": 1}', "no list 'packages'"),
        ('{"version": 1, "packages": ["runc"]}', r"packages\[0\]: 'name' is missing"),
        (entry(sha256=None), r"packages\[0\]: 'sha256' is missing"),
        (entry(size="2709960"), r"packages\[0\]: 'size' is missing or of the wrong type"),
        (entry(wanted=None), r"packages\[0\]: 'wanted' is missing"),
    ],
)
def test_what_is_no_lock_is_refused_with_its_place(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "kit.lock"
    path.write_text(text)
    with pytest.raises(BuildError, match=reason) as caught:
        read_lock(path)
    assert caught.value.where == str(path)
