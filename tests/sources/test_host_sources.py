"""Which entries of the host's package sources count as Debian's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkboard.errors import BuildError
from lkboard.sources.apt.host import host_sources

if TYPE_CHECKING:
    from pathlib import Path

KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"


def sources(folder: Path, **files: str) -> list[tuple[str, str]]:
    """Return (URI, suite) of what is read from a sources folder with these files."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        target = "sources.list" if name == "main" else f"sources.list.d/{name.replace('_', '.')}"
        (folder / target).write_text(text)
    return [(source.uri, source.suite) for source in host_sources(folder)]


def test_one_line_entries_of_all_suites_are_read(tmp_path: Path) -> None:
    text = (
        "# comment\n"
        "deb http://mirror.example/debian bookworm main contrib # trailing\n"
        "deb http://mirror.example/debian bookworm-updates main\n"
        f"deb [signed-by={KEY} arch=amd64] http://security.example/debian-security bookworm-security main\n"
        "deb-src http://mirror.example/debian bookworm main\n"
    )
    assert sources(tmp_path, main=text) == [
        ("http://mirror.example/debian", "bookworm"),
        ("http://mirror.example/debian", "bookworm-updates"),
        ("http://security.example/debian-security", "bookworm-security"),
    ]


def test_deb822_entries_are_read(tmp_path: Path) -> None:
    text = (
        "Types: deb deb-src\n# http://snapshot.example/debian\nURIs: http://one.example/debian http://two.example/debian\n"
        f"Suites: bookworm bookworm-updates\nComponents: main\nSigned-By:\n {KEY}\n\n"
        "types: deb\nuris: http://sec.example/debian-security\nsuites: bookworm-security\ncomponents: main\n"
        f"signed-by: {KEY}\n"
    )
    assert sources(tmp_path, debian_sources=text) == [
        ("http://one.example/debian", "bookworm"),
        ("http://one.example/debian", "bookworm-updates"),
        ("http://two.example/debian", "bookworm"),
        ("http://two.example/debian", "bookworm-updates"),
        ("http://sec.example/debian-security", "bookworm-security"),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("deb https://apt.example/debian bookworm stable", id="another component"),
        pytest.param(
            "deb [signed-by=/usr/share/keyrings/vendor.gpg] https://v.example/debian bookworm main", id="another key"
        ),
        pytest.param("deb https://apt.example/chrome/deb stable main", id="another path"),
        pytest.param("deb http://mirror.example/debian bookworm-backports main", id="backports"),
        pytest.param("deb http://mirror.example/debian/ ./", id="flat repository"),
        pytest.param("deb-src http://mirror.example/debian bookworm main", id="sources only"),
        pytest.param("deb broken", id="cut off"),
    ],
)
def test_other_entries_are_left_out(tmp_path: Path, entry: str) -> None:
    text = f"{entry}\ndeb http://mirror.example/debian bookworm main\n"
    assert sources(tmp_path, main=text) == [("http://mirror.example/debian", "bookworm")]


def test_disabled_entries_are_left_out(tmp_path: Path) -> None:
    entry = "Types: deb\nURIs: http://{}.example/debian\nSuites: bookworm\nComponents: main\n{}\n"
    text = entry.format("off", "Enabled: no") + "\n" + entry.format("on", "Enabled: yes")
    assert sources(tmp_path, a_sources=text) == [("http://on.example/debian", "bookworm")]


def test_files_with_other_suffixes_are_left_out(tmp_path: Path) -> None:
    entry = "deb http://{}.example/debian bookworm main\n"
    found = sources(tmp_path, main=entry.format("a"), b_list=entry.format("b"), c_save=entry.format("c"))
    assert [uri for uri, _suite in found] == ["http://a.example/debian", "http://b.example/debian"]


def test_an_entry_that_occurs_twice_counts_once(tmp_path: Path) -> None:
    assert len(sources(tmp_path, main=2 * "deb http://mirror.example/debian bookworm main\n")) == 1


def test_the_line_asks_for_firmware_and_keeps_the_key(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "deb [signed-by=/k/debian-archive-x.gpg] http://m.example/debian trixie main\n"
    )
    (source,) = host_sources(tmp_path)
    assert (
        str(source) == "deb [signed-by=/k/debian-archive-x.gpg] http://m.example/debian trixie main non-free-firmware"
    )


@pytest.mark.parametrize("text", ["", "deb http://archive.example/ubuntu jammy main\n"])
def test_no_debian_mirror_is_a_clear_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(BuildError, match="no Debian mirror") as caught:
        sources(tmp_path, main=text)
    assert caught.value.where == str(tmp_path)
    assert "Debian 12" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a_sources", "Types: deb\nURIs: http://m.example/debian\nComponents: main\n", "it has no Suites"),
        ("a_list", 'deb [signed-by="/k] http://m.example/debian trixie main\n', "No closing quotation"),
        ("a_list", "deb http://[m.example/debian trixie main\n", "Invalid IPv6 URL"),
    ],
)
def test_a_malformed_entry_is_named_with_its_file(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(BuildError, match=f"an entry cannot be read: {reason}") as caught:
        sources(tmp_path, **{name: text})
    assert str(caught.value.where).endswith(name.replace("_", "."))
