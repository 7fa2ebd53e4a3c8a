"""The use case that the command line and the editor share."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lkboard.app.check import check, check_text
from lkboard.errors import UsageError

GOOD = "kernel: {image: 'k:1', cmdline: console=ttyS0}\nservices: [{name: a, image: 'redis:7'}]\n"


def test_a_good_config_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    result = check([str(tmp_path / "a.yml")])
    assert result.config is not None
    assert [container.name for _section, _index, container in result.config.containers] == ["a"]
    assert result.problems == ()


def test_a_bad_config_gives_problems_and_no_config(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("services: [{name: a, image: 'redis', uid: b}]\ntrust: {}\n")
    result = check([str(tmp_path / "a.yml")])
    assert result.config is None
    assert [result.count(severity) for severity in ("error", "warning", "hint")] == [1, 1, 1]


def test_a_missing_source_is_found_where_files_can_be_seen(tmp_path: Path) -> None:
    text = f"files: [{{path: a, source: {tmp_path}/no}}]"
    (tmp_path / "a.yml").write_text(text)
    result = check([str(tmp_path / "a.yml")])
    assert result.config is None
    assert [problem.code for problem in result.problems] == ["config.missing-source"]
    assert check_text(text, "a.yml").problems == ()


def test_standard_input_is_handed_in() -> None:
    assert check(["-"], stdin=GOOD.encode()).config is not None


@pytest.mark.parametrize(("board", "codes"), [("x86-efi", []), ("rpi3", ["config.rule.board-console"])])
def test_a_board_adds_its_own_rules(board: str, codes: list[str]) -> None:
    assert [problem.code for problem in check(["-"], stdin=GOOD.encode(), board=board).problems] == codes
    assert [problem.code for problem in check_text(GOOD, "a.yml", board).problems] == codes


def test_an_unknown_board_is_not_a_problem_of_the_config() -> None:
    with pytest.raises(UsageError, match="there is no board 'rpi33'"):
        check_text(GOOD, "a.yml", "rpi33")


def test_a_text_is_checked_without_a_file_or_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("an editor's check must not leave the process")

    check_text(GOOD, "a.yml")  # what is imported lazily is loaded now
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "exists", refuse)
    text = "services: [{name: a, image: no-such-registry.example/x:1}]\nfiles: [{path: a, source: ~/x}]"
    assert check_text(text, "a.yml").config is not None


def test_templates_of_a_text_begin_where_it_will_be_saved(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "build.yml").write_text("image: tool")
    result = check_text("init: ['@pkg:pkg', '@pkg:no']", str(tmp_path / "a.yml"))
    assert [problem.path for problem in result.problems if problem.severity == "error"] == ["init.1"]
