"""What git says about a folder, asked of real repositories."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from support.repositories import commit, git, repository

from lkboard.config.git import content_hash, is_dirty, is_tracked, tree_hash
from lkboard.config.values import InvalidValue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo", {"pkg/a/x": "1", "pkg/a/sub/y": "2", "pkg/b/x": "3", ".gitignore": "*.o\n"})


def test_a_folder_in_a_repository_is_tracked(repo: Path, tmp_path: Path) -> None:
    assert is_tracked(repo)
    assert is_tracked(repo / "pkg/a/sub")
    assert not is_tracked(tmp_path)


def test_the_tree_of_a_folder_is_git_s(repo: Path) -> None:
    listed = git(repo, "ls-tree", "--full-tree", "HEAD", "--", "pkg/a").split()
    assert tree_hash(repo / "pkg/a") == listed[2]
    assert tree_hash(repo) == git(repo, "show", "-s", "--format=%T", "HEAD").strip()


def test_the_tree_is_that_of_the_last_commit(repo: Path) -> None:
    before = tree_hash(repo / "pkg/a")
    (repo / "pkg/a/x").write_text("other")
    assert tree_hash(repo / "pkg/a") == before
    commit(repo)
    assert tree_hash(repo / "pkg/a") != before


@pytest.mark.parametrize("folder", ["new", "."])
def test_what_was_never_committed_has_no_tree(folder: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "new").mkdir()
    with pytest.raises(InvalidValue, match="is not in the last commit"):
        tree_hash(tmp_path / folder)


CHANGES = {
    "changed": ("pkg/a/x", "other", True),
    "new": ("pkg/a/sub/new", "new", True),
    "ignored": ("pkg/a/new.o", "new", False),
    "elsewhere": ("pkg/b/x", "other", False),
    "new elsewhere": ("pkg/b/new", "new", False),
    "written again": ("pkg/a/x", "1", False),
}


@pytest.mark.parametrize(("path", "text", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_folder_is_dirty_when_it_is_not_as_committed(path: str, text: str, expected: bool, repo: Path) -> None:
    assert not is_dirty(repo / "pkg/a")
    (repo / path).write_text(text)
    assert is_dirty(repo / "pkg/a") is expected


def test_a_staged_or_removed_file_makes_a_folder_dirty(repo: Path) -> None:
    (repo / "pkg/b/new").write_text("new")
    git(repo, "add", "-A")
    (repo / "pkg/a/x").unlink()
    assert is_dirty(repo / "pkg/a")
    assert is_dirty(repo / "pkg/b")


def test_contents_are_hashed_in_git_s_order(repo: Path) -> None:
    folder = repo / "pkg/a"
    (folder / "a-new").write_text("new")
    (folder / "left-out.o").write_text("ignored")
    (folder / "link").symlink_to("x")
    assert content_hash(folder) == hashlib.sha256(b"2" + b"1" + b"new").hexdigest()


def test_what_is_gone_or_has_a_quoted_name_is_left_out(repo: Path) -> None:
    (repo / "pkg/a/x").unlink()
    (repo / "pkg/a/ü").write_text("quoted")
    assert content_hash(repo / "pkg/a") == hashlib.sha256(b"2").hexdigest()


def test_git_may_be_missing(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo))
    with pytest.raises(InvalidValue) as caught:
        is_tracked(repo)
    assert (caught.value.message, caught.value.hint) == (
        "the program 'git' is not installed",
        "install it: apt install git",
    )


def test_a_git_that_is_broken_is_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = repo / "bin"
    broken.mkdir()
    (broken / "git").write_text("#!/bin/sh\necho 'fatal: no more disk' >&2\nexit 128\n")
    (broken / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(broken))
    folder = repo / "my package"
    folder.mkdir()
    for question in (is_tracked, is_dirty, content_hash):
        with pytest.raises(InvalidValue, match=f"git cannot read '{folder}': fatal: no more disk") as caught:
            question(folder)
        assert caught.value.hint == f"try: git -C '{folder}' status"


def test_a_program_that_is_none_is_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "git").write_bytes(b"\x7fELF")
    (repo / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(repo))
    with pytest.raises(InvalidValue, match="git does not work"):
        is_tracked(repo)


def test_the_user_s_settings_do_not_matter(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    git(repo, "config", "diff.external", "/bin/false")
    assert not is_dirty(repo / "pkg/a")
