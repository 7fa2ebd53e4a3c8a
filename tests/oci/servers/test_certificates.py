"""Where the certificates of a registry are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkboard.errors import RegistryError
from lkboard.oci.servers.certificates import certificates_of
from lkboard.oci.servers.endpoint import Trust

if TYPE_CHECKING:
    from pathlib import Path

HOST = "registry.example:5000"


def folder(base: Path, program: str, host: str = HOST, *names: str) -> Path:
    path = base / program / "certs.d" / host
    path.mkdir(parents=True)
    for name in names:
        (path / name).touch()
    return path


@pytest.mark.parametrize("program", ["docker", "containers", "containerd"])
def test_certificates_are_known_by_their_names(tmp_path: Path, program: str) -> None:
    path = folder(tmp_path, program, HOST, "b.crt", "a.crt", "me.cert", "me.key", "README", "other.key")
    assert certificates_of(HOST, tmp_path) == Trust(
        (str(path / "a.crt"), str(path / "b.crt")), ((str(path / "me.cert"), str(path / "me.key")),)
    )


@pytest.mark.parametrize("host", ["registry.example", "other.example:5000", "..", ""])
def test_another_host_has_no_certificates(tmp_path: Path, host: str) -> None:
    folder(tmp_path, "docker", HOST, "ca.crt")
    (tmp_path / "docker" / "stray.crt").touch()
    (tmp_path / "docker" / "certs.d" / "stray.crt").touch()
    assert certificates_of(host, tmp_path) == Trust()


def test_the_first_folder_counts_and_no_other(tmp_path: Path, home: Path) -> None:
    folder(tmp_path, "docker", HOST, "docker.crt")
    folder(tmp_path, "containers", HOST, "containers.crt")
    assert certificates_of(HOST, tmp_path).ca_files[0].endswith("/containers.crt")
    folder(home / ".config", "docker", HOST, "user.crt")
    assert [name.rpartition("/")[2] for name in certificates_of(HOST, tmp_path).ca_files] == ["user.crt"]


def test_a_folder_with_hosts_toml_says_itself_what_counts(tmp_path: Path) -> None:
    folder(tmp_path, "containerd", HOST, "ca.crt", "hosts.toml")
    assert certificates_of(HOST, tmp_path) == Trust()


def test_a_certificate_without_its_key_is_an_error_that_names_both(tmp_path: Path) -> None:
    path = folder(tmp_path, "docker", HOST, "me.cert")
    with pytest.raises(RegistryError, match="the key of this certificate is missing") as caught:
        certificates_of(HOST, tmp_path)
    assert caught.value.where == str(path / "me.cert")
    assert "me.key" in (caught.value.hint or "")
