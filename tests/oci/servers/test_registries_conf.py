"""Where registries.conf is looked for, and what is wrong with a broken one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkboard.errors import RegistryError
from lkboard.oci.servers.registries_conf import read_registries_conf

if TYPE_CHECKING:
    from pathlib import Path

NAME = "containers/registries.conf"
CONTRADICTION = """
[[registry]]
location = "x"
mirror-by-digest-only = true
mirror = [{location = "m", pull-from-mirror = "all"}]
"""
DROP_IN = "containers/registries.conf.d/{}.conf"


def write(folder: Path, name: str, location: str, prefix: str = "ghcr.io") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'[[registry]]\nprefix = "{prefix}"\nlocation = "{location}"\n')
    return path


def location(system: Path, image: str = "ghcr.io/x") -> str | None:
    found = read_registries_conf(system).find(image)
    return found.location.name if found else None


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return tmp_path / "etc"


def test_without_files_nothing_is_said(system: Path) -> None:
    assert read_registries_conf(system).entries == ()


def test_the_file_of_the_system_is_read(system: Path) -> None:
    write(system, NAME, "system")
    assert location(system) == "system"


def test_the_file_of_the_user_replaces_all_of_the_system(system: Path, home: Path) -> None:
    write(system, NAME, "system", prefix="quay.io")
    write(system, DROP_IN.format("a"), "drop-in", prefix="docker.io")
    write(home / ".config", NAME, "user")
    assert location(system) == "user"
    assert location(system, "quay.io/x") is None
    assert location(system, "docker.io/x") is None


def test_a_named_file_replaces_that_of_user_and_system(
    system: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(system, NAME, "system")
    write(home / ".config", NAME, "user")
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(write(tmp_path, "mine.conf", "named")))
    assert location(system) == "named"


def test_drop_ins_replace_entries_in_the_order_of_their_names(system: Path, home: Path) -> None:
    write(system, NAME, "system")
    write(system, DROP_IN.format("10-b"), "late")
    write(system, DROP_IN.format("05-a"), "early")
    write(system, "containers/registries.conf.d/99.txt", "no drop-in")
    assert location(system) == "late"
    write(home / ".config", DROP_IN.format("00"), "user")
    assert location(system) == "user"


def test_the_config_folder_may_be_elsewhere(system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    write(tmp_path / "xdg", NAME, "user")
    assert location(system) == "user"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('unqualified-search-registries = ["evil.example"]', "'unqualified-search-registries' is not used"),
        ('[registries.search]\nregistries = ["x"]', "is the old format, which is not read"),
    ],
)
def test_what_is_not_used_is_remarked(system: Path, text: str, said: str) -> None:
    path = write(system, NAME, "x")
    path.write_text(text)
    (remark,) = read_registries_conf(system).remarks
    assert str(path) in remark
    assert said in remark


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[registry]]", r"'registry\[0\]\.location' is missing, and 'prefix' as well"),
        ('[[registry]]\nprefix = "x"', r"'registry\[0\]\.location' is missing for the prefix 'x'"),
        ('[[registry]]\nlocation = "https://x"', r"must be written as host"),
        ('[[registry]]\nlocation = "me:secret@x"', r"must be written as host"),
        ('[[registry]]\nlocation = "x"\ninsecure = "yes"', r"'registry\[0\]\.insecure' must be true or false"),
        ('[[registry]]\nprefix = "a.*.b"\nlocation = "x"', "a wildcard is only possible as in"),
        ('[[registry]]\nprefix = "*.b/c"\nlocation = "x"', "a wildcard is only possible as in"),
        ('[[registry]]\nprefix = "*b"\nlocation = "x"', "a wildcard is only possible as in"),
        ('[registry]\nlocation = "x"', r"'registry' must be written as \[\[registry\]\]"),
        ('[[registry]]\nlocation = "x"\nmirror = ["m"]', r"must be written as \[\[mirror\]\]"),
        ('[[registry]]\nlocation = "x"\nmirror = [{}]', r"'registry\[0\]\.mirror\[0\]\.location' is missing"),
        (
            '[[registry]]\nlocation = "x"\nmirror = [{location = "m", pull-from-mirror = "some"}]',
            r"'registry\[0\]\.mirror\[0\]\.pull-from-mirror' is 'some'",
        ),
        (
            CONTRADICTION,
            "cannot be used together with 'mirror-by-digest-only'",
        ),
        ("[[registry", "it is not TOML"),
        ("\xff", "it is not TOML"),
        pytest.param("a = " + "[" * 4000, "it is not TOML", id="nested"),
        pytest.param("[a" + ".t" * 100_000 + "]", "more than 4096 bytes in a line", id="many names"),
        pytest.param("#\n" * 200_000, "it has more than 256 KiB", id="large"),
    ],
)
def test_a_broken_file_is_an_error_with_file_and_field(system: Path, text: str, said: str) -> None:
    path = write(system, NAME, "x")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RegistryError, match=said) as caught:
        read_registries_conf(system)
    assert caught.value.where == str(path)
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(system: Path) -> None:
    (system / NAME).mkdir(parents=True)
    with pytest.raises(RegistryError, match="it cannot be read: Is a directory"):
        read_registries_conf(system)
