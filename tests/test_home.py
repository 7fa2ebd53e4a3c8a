"""Users that have a home directory, and users that have none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.images import multi_arch, write_layout
from support.pulls import pull

from lkboard.board.catalogue import find_board, read_catalogue, user_boards_root
from lkboard.config.host_files import host_path
from lkboard.errors import BoardError, StoreUnusable
from lkboard.home import home, user_folder
from lkboard.oci.servers.credentials import find_credential
from lkboard.oci.store.store import Store, open_store

if TYPE_CHECKING:
    from support.jobs import RecordingJob

VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LKBOARD_CACHE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose id is in no passwd, without $HOME. ``tmp_path`` is made before, for the real one."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)


def test_a_folder_is_where_its_variable_says_else_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert (home(), user_folder("XDG_CACHE_HOME", ".cache")) == (Path("/h"), Path("/h/.cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert user_folder("XDG_CACHE_HOME", ".cache") == Path("/c")


@pytest.mark.usefixtures("homeless")
def test_some_users_have_no_home() -> None:
    assert (home(), user_folder("XDG_CACHE_HOME", ".cache"), user_boards_root()) == (None, None, None)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_cache_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable) as caught:
        open_store(None)
    assert "--cache DIR" in (caught.value.hint or "")
    assert open_store(str(tmp_path)).root == tmp_path


@pytest.mark.usefixtures("homeless")
def test_without_a_home_there_are_still_boards() -> None:
    assert read_catalogue().boards
    with pytest.raises(BoardError):
        find_board("~/no-board")


@pytest.mark.usefixtures("homeless")
def test_without_a_home_there_are_no_logins(tmp_path: Path, job: RecordingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_credential("example.com", "lab/x", job) is None
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"auths": {"example.com": {"auth": "YTpi"}}}')
    assert find_credential("example.com", "lab/x", job)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_an_image_of_the_cache_can_be_used(tmp_path: Path, job: RecordingJob) -> None:
    store = Store(write_layout(tmp_path, {"example.com/lab/x:v1": multi_arch("homeless")}))
    assert pull(store, "example.com/lab/x:v1", job).layers


@pytest.mark.usefixtures("homeless")
def test_without_a_home_a_tilde_is_an_ordinary_character() -> None:
    assert host_path("~/key") == Path("~/key")
