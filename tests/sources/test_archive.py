"""Files by path, through links."""

from __future__ import annotations

import pytest

from lkboard.model.extents import Content
from lkboard.model.rootfs import Entry, Kind
from lkboard.sources.archive import Archive


def archive(*entries: Entry) -> Archive:
    return Archive("test", entries)


def link(path: str, target: str, kind: Kind = Kind.SYMLINK) -> Entry:
    return Entry(path, kind, 0o777, link=target)


TARGET = Entry("usr/lib/real", Kind.FILE, 0o644, content=Content.of(b"x"))


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(link("usr/lib/name", "real"), id="beside"),
        pytest.param(link("usr/lib/name", "../lib/real"), id="upwards"),
        pytest.param(link("name", "/usr/lib/real"), id="absolute"),
        pytest.param(link("a/b", "../../../../usr/lib/real"), id="above the root"),
        pytest.param(link("name", "usr/lib/real", Kind.HARDLINK), id="hard"),
    ],
)
def test_a_link_is_followed(entry: Entry) -> None:
    assert archive(TARGET, entry).find(entry.path) == TARGET


def test_a_chain_of_links_is_followed() -> None:
    assert archive(TARGET, link("a", "b"), link("b", "usr/lib/real")).find("a") == TARGET


def test_the_old_name_leads_into_a_merged_usr() -> None:
    assert archive(TARGET).find("lib/real") == TARGET


def test_a_file_of_the_old_name_comes_before_the_merged_one() -> None:
    old = Entry("lib/real", Kind.FILE, 0o644)
    assert archive(TARGET, old).find("lib/real") == old


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([link("a", "a")], id="loop"),
        pytest.param([link("a", "nowhere")], id="dangling"),
        pytest.param([Entry("a", Kind.DIRECTORY, 0o755)], id="directory"),
        pytest.param([], id="missing"),
    ],
)
def test_what_is_no_file_is_not_found(entries: list[Entry]) -> None:
    assert archive(*entries).find("a") is None


def test_an_archive_is_a_mapping_in_order() -> None:
    paths = ["z", "a", "m"]
    made = archive(*(Entry(path, Kind.FILE, 0o644) for path in paths))
    assert (list(made), len(made), "a" in made) == (paths, 3, True)
