"""Files of this machine that a config names."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkboard.config.host_files import host_path, missing_sources
from lkboard.config.parse import parse_config


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")


def missing(entry: str) -> list[str]:
    config, problems = parse_config(f"files: [{{path: a, {entry}}}]", "f.yml")
    assert config is not None, problems
    return [str(problem) for problem in missing_sources(config)]


def test_a_relative_source_is_below_the_current_directory() -> None:
    Path("there.txt").touch()
    assert missing("source: there.txt") == []
    assert missing("source: ./there.txt") == []


def test_a_tilde_is_the_home_directory() -> None:
    (Path.home() / "key").touch()
    assert missing("source: ~/key") == []


@pytest.mark.parametrize("source", ["~", "~/", "~user/x", "a/~/b"])
def test_any_other_tilde_is_an_ordinary_character(source: str) -> None:
    assert host_path(source) == Path(source)


def test_a_source_that_does_not_exist_is_an_error_at_its_place() -> None:
    (message,) = missing("source: no.txt")
    assert message == (
        "f.yml:1:27: files.0.source: 'no.txt' does not exist "
        "(paths are relative to the current directory; give another one, or set optional: true)"
    )


def test_a_folder_is_no_source() -> None:
    Path("folder").mkdir()
    (message,) = missing("source: folder, optional: true")
    assert "'folder' is no regular file" in message


@pytest.mark.parametrize("more", ["", ", optional: true"])
def test_a_source_with_a_name_that_cannot_be_is_an_error_at_its_place(more: str) -> None:
    (message,) = missing(f"source: {'x' * 300}{more}")
    assert message.startswith(f"f.yml:1:27: files.0.source: '{'x' * 300}' cannot be read: File name too long")


def test_an_optional_source_may_be_missing() -> None:
    assert missing("source: no.txt, optional: true") == []


def test_a_link_to_a_file_is_a_file() -> None:
    Path("there.txt").touch()
    Path("link").symlink_to("there.txt")
    assert missing("source: link") == []


def test_a_symlink_entry_needs_no_source() -> None:
    assert missing("symlink: x, source: no.txt") == []
