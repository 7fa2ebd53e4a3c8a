"""Logins in the files and helper programs of docker, podman and skopeo."""

from __future__ import annotations

import base64
import json
import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from support.waiting import wait_until

from lkboard.errors import Cancelled, UsageError
from lkboard.events import Event, Job
from lkboard.oci.registry.workers import run_all
from lkboard.oci.servers.credential import Credential
from lkboard.oci.servers.credentials import find_credential

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.jobs import RecordingJob


def encoded(login: str) -> dict[str, str]:
    return {"auth": base64.b64encode(login.encode()).decode()}


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def find(host: str = "ghcr.io", path: str = "lab/x") -> Credential | None:
    return find_credential(host, path, Job(fail))


def fail(event: Event | str) -> NoReturn:
    raise AssertionError(event)


def docker(home: Path, **document: Any) -> None:
    write(home / ".docker" / "config.json", document)


@pytest.mark.parametrize(
    ("entry", "username", "password"),
    [
        (encoded("alice:s3cret"), "alice", "s3cret"),
        (encoded("alice:s3:cr:et"), "alice", "s3:cr:et"),
        (encoded("alice:s3cret\0\0"), "alice", "s3cret"),
        (encoded("älice:gehéim"), "älice", "gehéim"),
        ({"username": "alice", "password": "s3cret"}, "alice", "s3cret"),
        ({"username": "other", "password": "other"} | encoded("alice:s3cret"), "alice", "s3cret"),
    ],
)
def test_a_password_is_read(home: Path, entry: dict[str, str], username: str, password: str) -> None:
    docker(home, auths={"ghcr.io": entry})
    found = find()
    assert found
    assert (found.username, found.password) == (username, password)
    assert base64.b64decode(found.basic.removeprefix("Basic ")).decode() == f"{username}:{password}"


def test_tokens_are_read(home: Path) -> None:
    docker(home, auths={"ghcr.io": {"identitytoken": "idt"}, "quay.io": {"registrytoken": "rgt"}})
    assert (find("ghcr.io") or fail("none")).identity_token == "idt"
    assert (find("quay.io") or fail("none")).registry_token == "rgt"


@pytest.mark.parametrize("entry", [{}, {"auth": ""}, encoded("x:"), {"email": "x"}, None])
def test_an_entry_without_a_login_is_none(home: Path, entry: object) -> None:
    docker(home, auths={"ghcr.io": entry})
    assert find() is None


@pytest.mark.parametrize(
    ("key", "host", "path"),
    [
        ("ghcr.io", "ghcr.io", "lab/x"),
        ("ghcr.io/lab", "ghcr.io", "lab/x"),
        ("ghcr.io/lab/x", "ghcr.io", "lab/x"),
        ("https://ghcr.io", "ghcr.io", "lab/x"),
        ("https://ghcr.io/v1/", "ghcr.io", "lab/x"),
        ("http://ghcr.io/v2/", "ghcr.io", "lab/x"),
        ("ghcr.io/", "ghcr.io", "lab/x"),
        ("localhost:5000", "localhost:5000", "x"),
        ("https://index.docker.io/v1/", "registry-1.docker.io", "library/x"),
        ("docker.io", "registry-1.docker.io", "library/x"),
        ("index.docker.io", "docker.io", "library/x"),
        ("docker.io/library", "registry-1.docker.io", "library/x"),
    ],
)
def test_a_key_is_recognised(home: Path, key: str, host: str, path: str) -> None:
    docker(home, auths={key: encoded("a:b")})
    assert find(host, path)


@pytest.mark.parametrize("key", ["ghcr.io/other", "ghcr.io/la", "ghcr.io/lab/x/y", "hcr.io", "ghcr.io:443", ""])
def test_a_key_of_another_place_is_not_taken(home: Path, key: str) -> None:
    docker(home, auths={key: encoded("a:b")})
    assert find() is None


def test_the_longest_key_wins(home: Path) -> None:
    docker(home, auths={"ghcr.io": encoded("host:x"), "ghcr.io/lab": encoded("lab:x")})
    assert (find("ghcr.io", "lab/x") or fail("none")).username == "lab"
    assert (find("ghcr.io", "other/x") or fail("none")).username == "host"


def test_files_are_asked_in_order(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "LKBOARD_REGISTRY_AUTH": tmp_path / "own.json",
        "REGISTRY_AUTH_FILE": tmp_path / "skopeo.json",
        "DOCKER_CONFIG": tmp_path / "docker" / "config.json",
        "XDG_RUNTIME_DIR": tmp_path / "run" / "containers" / "auth.json",
        "XDG_CONFIG_HOME": tmp_path / "config" / "containers" / "auth.json",
        "": home / ".dockercfg",
    }
    for variable, file in files.items():
        write(file, {"auths": {"ghcr.io": encoded(f"{variable}:x")}})
    write(home / ".dockercfg", {"ghcr.io": encoded(":x")})
    monkeypatch.setenv("LKBOARD_REGISTRY_AUTH", str(files["LKBOARD_REGISTRY_AUTH"]))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(files["REGISTRY_AUTH_FILE"]))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    order = []
    for variable, file in files.items():
        found = find()
        assert found
        order.append(found.username)
        file.unlink()
        monkeypatch.delenv(variable, raising=False)
    assert order == list(files)
    assert find() is None


@pytest.mark.parametrize("variable", ["LKBOARD_REGISTRY_AUTH", "REGISTRY_AUTH_FILE"])
@pytest.mark.parametrize(
    ("text", "reason"), [(None, "No such file or directory"), ("{", "it is no JSON at line 1, column 2"),
     (b"\xff", "it is no JSON"), ("[]", "it is no JSON object")],
)  # fmt: skip
def test_a_file_that_a_variable_names_must_be_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str | bytes | None, reason: str
) -> None:
    docker(home, auths={"ghcr.io": encoded("alice:s3cret")})
    file = home / "logins.json"
    if text is not None:
        file.write_bytes(text.encode() if isinstance(text, str) else text)
    monkeypatch.setenv(variable, str(file))
    with pytest.raises(UsageError) as caught:
        find()
    assert str(caught.value).startswith(f"{variable}={file}: the file with logins cannot be read: {reason} (")


def test_an_empty_variable_names_no_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(home, auths={"ghcr.io": encoded("alice:s3cret")})
    monkeypatch.setenv("LKBOARD_REGISTRY_AUTH", "")
    assert (find() or fail("none")).username == "alice"


def test_a_file_without_an_entry_does_not_end_the_search(home: Path) -> None:
    docker(home, auths={"quay.io": encoded("a:b")})
    write(home / ".config" / "containers" / "auth.json", {"auths": {"ghcr.io": encoded("podman:x")}})
    assert (find() or fail("none")).username == "podman"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("broken", "cannot be read: it is no JSON at line 1, column 1 (mend it, or remove it and log in again)"),
        (
            '{"auths":\n  {]',
            "cannot be read: it is no JSON at line 2, column 4 (mend it, or remove it and log in again)",
        ),
        ("", "cannot be read: it is no JSON at line 1, column 1 (mend it, or remove it and log in again)"),
        ("[" * 100_000, "cannot be read: it is no JSON (mend it, or remove it and log in again)"),
        ("[]", "cannot be read: it is no JSON object (mend it, or remove it and log in again)"),
        ('{"auths": []}', ": 'auths' must be an object (mend it, or log in again)"),
        ('{"auths": {"ghcr.io": "x"}}', ": 'ghcr.io' must be an object (mend it, or log in again)"),
        ('{"auths": {"https://ghcr.io/v1/": {"auth": 5}}}', ": 'auth' must be a text (mend it, or log in again)"),
        ('{"credHelpers": "x"}', ": 'credHelpers' must be an object (mend it, or log in again)"),
        ('{"credsStore": ["x"]}', ": 'credsStore' must be a text (mend it, or log in again)"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_wrong_in_a_file_is_told_once_and_passed_over(
    home: Path, job: RecordingJob, text: str, reason: str
) -> None:
    file = home / ".docker" / "config.json"
    write(file, text)
    write(home / ".dockercfg", {"ghcr.io": encoded("last:x")})
    for path in ("x", "y"):
        assert (find_credential("ghcr.io", path, job) or fail("none")).username == "last"
    assert job.notes == [f"the logins in '{file}'{'' if reason[0] == ':' else ' '}{reason}"]


@pytest.mark.parametrize("auth", ["!!!", "?", "////", "bm9jb2xvbg==", "YTpi!"])
def test_an_entry_that_cannot_be_decoded_is_told_once(home: Path, job: RecordingJob, auth: str) -> None:
    docker(home, auths={"ghcr.io": {"auth": auth}})
    for path in ("x", "y"):
        assert find_credential("ghcr.io", path, job) is None
    reason = "'auth' of 'ghcr.io' is not USER:PASSWORD in base64 (log in again: docker login ghcr.io)"
    assert job.notes == [f"the logins in '{home}/.docker/config.json': {reason}"]


def test_a_login_may_be_broken_into_lines(home: Path) -> None:
    auth = encoded("alice:s3cret")["auth"]
    docker(home, auths={"ghcr.io": {"auth": f"{auth[:4]}\r\n{auth[4:]}\n"}})
    assert (find() or fail("none")).password == "s3cret"


def helper(home: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


ANSWER = (
    """read server; echo "$1 $server" >>"$HOME/asked"; echo '{"ServerURL":"x","Username":"%s","Secret":"s3cret"}'"""
)


@pytest.mark.parametrize(
    ("host", "server"),
    [("ghcr.io", "ghcr.io"), ("registry-1.docker.io", "https://index.docker.io/v1/"), ("localhost:5", "localhost:5")],
)
def test_a_helper_is_asked_for_the_server(home: Path, monkeypatch: pytest.MonkeyPatch, host: str, server: str) -> None:
    helper(home, monkeypatch, "safe", ANSWER % "alice")
    docker(home, credsStore="safe", auths={host: {}})
    found = find(host)
    assert found
    assert (found.username, found.password) == ("alice", "s3cret")
    assert (home / "asked").read_text() == f"get {server}\n"


def test_a_helper_may_give_an_identity_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, "safe", ANSWER % "<token>")
    docker(home, credsStore="safe")
    found = find()
    assert found
    assert (found.identity_token, found.password) == ("s3cret", "")


def test_the_helper_of_a_host_comes_before_the_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, "one", ANSWER % "one")
    helper(home, monkeypatch, "all", ANSWER % "all")
    docker(home, credHelpers={"ghcr.io": "one"}, credsStore="all", auths={"ghcr.io": encoded("file:x")})
    assert (find("ghcr.io") or fail("none")).username == "one"
    assert (find("quay.io") or fail("none")).username == "all"


def test_a_helper_without_the_login_leaves_it_to_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, "safe", "echo 'credentials not found in native keychain'; exit 1")
    docker(home, credsStore="safe", auths={"ghcr.io": encoded("file:x")})
    assert (find() or fail("none")).username == "file"


FAILURES = {
    "exit 3": "failed with status 3",
    "kill -9 $$": "failed with status -9",
    "echo nonsense": "answers with something that is no login",
    "echo '{}'": "answers with something that is no login",
    "echo '[]'": "answers with something that is no login",
    r"printf '\377'": "answers with something that is no login",
    """echo '{"Username": "hunter2"}'""": "answers with something that is no login",
    """echo '{"Username": "hunter2", "Secret": 5}'""": "answers with something that is no login",
}


@pytest.mark.parametrize(("script", "reason"), FAILURES.items())
def test_a_helper_that_fails_is_told_once_and_passed_over(
    home: Path, monkeypatch: pytest.MonkeyPatch, job: RecordingJob, script: str, reason: str
) -> None:
    helper(home, monkeypatch, "safe", f'echo >>"$HOME/asked"; {script}')
    docker(home, credsStore="safe", auths={"ghcr.io": encoded("file:x")})
    for path in ("x", "y"):
        assert (find_credential("ghcr.io", path, job) or fail("none")).username == "file"
    assert job.notes == [f"the credential helper 'docker-credential-safe' {reason} ({advice(home, 'safe')})"]
    assert len((home / "asked").read_text().splitlines()) == 1


def advice(home: Path, name: str) -> str:
    file = home / ".docker" / "config.json"
    return f"try it: echo ghcr.io | docker-credential-{name} get; or take it out of '{file}'"


def test_a_helper_that_is_not_there_is_passed_over(home: Path, job: RecordingJob) -> None:
    docker(home, credsStore="missing")
    assert find_credential("ghcr.io", "x", job) is None
    assert job.notes == [
        f"the credential helper 'docker-credential-missing' is not installed ({advice(home, 'missing')})"
    ]


def test_a_helper_that_is_no_program_is_passed_over(
    home: Path, monkeypatch: pytest.MonkeyPatch, job: RecordingJob
) -> None:
    helper(home, monkeypatch, "safe", "exit 0")
    (home / "bin" / "docker-credential-safe").chmod(0o644)
    docker(home, credsStore="safe")
    assert find_credential("ghcr.io", "x", job) is None
    assert job.notes == [
        f"the credential helper 'docker-credential-safe' cannot be started: Permission denied ({advice(home, 'safe')})"
    ]


@pytest.mark.parametrize("name", ["../evil", "a b", "-x;y", "x/evil"])
def test_a_name_with_a_path_starts_no_program(
    home: Path, monkeypatch: pytest.MonkeyPatch, job: RecordingJob, name: str
) -> None:
    """The name is part of a file that may come from anywhere; below the current folder there may be anything, too."""
    program = home / "docker-credential-x" / "evil"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho \'{"Username":"u","Secret":"s"}\'\n')
    program.chmod(0o755)
    monkeypatch.chdir(home)
    docker(home, credsStore=name)
    assert find_credential("ghcr.io", "x", job) is None
    assert job.notes == [f"'{home}/.docker/config.json': the name of a credential helper is not a program's name"]


def test_a_helper_that_takes_too_long_is_passed_over(
    home: Path, monkeypatch: pytest.MonkeyPatch, job: RecordingJob
) -> None:
    helper(home, monkeypatch, "slow", "exec sleep 60")
    monkeypatch.setattr("lkboard.oci.servers.credential_helpers._SECONDS", 0.2)
    docker(home, credsStore="slow")
    assert find_credential("ghcr.io", "x", job) is None
    assert job.notes == [
        f"the credential helper 'docker-credential-slow' gave no answer within 0 s ({advice(home, 'slow')})"
    ]


def test_waiting_for_a_helper_can_be_stopped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, "slow", 'echo $$ >"$HOME/helper"; exec sleep 60')
    docker(home, credsStore="slow")
    job = Job()
    started = threading.Event()

    def stop() -> None:
        wait_until(lambda: (home / "helper").exists() and (home / "helper").read_text().strip())
        job.cancel()
        started.set()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Cancelled):
        find_credential("ghcr.io", "x", job)
    assert started.wait(60)
    with pytest.raises(ProcessLookupError):
        os.kill(int((home / "helper").read_text()), 0)


def test_a_helper_is_asked_once_for_each_server_by_all_threads(
    home: Path, monkeypatch: pytest.MonkeyPatch, job: RecordingJob
) -> None:
    helper(home, monkeypatch, "safe", ANSWER % "alice")
    docker(home, credsStore="safe")
    places = [(host, path) for host in ("ghcr.io", "quay.io") for path in "abcd"]
    tasks: list[Callable[[], Credential | None]] = [partial(find_credential, *place, job) for place in places]
    found = run_all(tasks, job, parallel=4)
    assert [one.username for one in found if one] == ["alice"] * 8
    assert sorted((home / "asked").read_text().splitlines()) == ["get ghcr.io", "get quay.io"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["docker.io", "https://index.docker.io/v1/"], "https://index.docker.io/v1/"),
        (["registry-1.docker.io", "docker.io"], "docker.io"),
        (["registry-1.docker.io"], "registry-1.docker.io"),
        (["https://index.docker.io/v1/", "docker.io/library/x"], "docker.io/library/x"),
        (["docker.io/library", "registry-1.docker.io/library/x"], "registry-1.docker.io/library/x"),
        (["docker.io/library", "index.docker.io/library"], "index.docker.io/library"),
    ],
)
def test_docker_hub_has_one_login_under_many_names(home: Path, keys: list[str], expected: str) -> None:
    docker(home, auths={key: {"username": key, "password": "p"} for key in keys})
    found = find("registry-1.docker.io", "library/x")
    assert found
    assert found.username == expected


def test_an_identity_token_is_a_password_for_token_servers_only() -> None:
    credential = Credential("'file'", identity_token="i")
    assert credential.basic == ""
    assert credential.basic_for_tokens == f"Basic {encoded('<token>:i')['auth']}"
    assert Credential("'file'", "u", "p", "i").basic_for_tokens == f"Basic {encoded('u:p')['auth']}"


@pytest.mark.parametrize(
    "entry",
    [{"registrytoken": "\u20ac"}, {"registrytoken": "a\nb"}, {"identitytoken": "\ud800"},
     {"username": "\ud800", "password": "p"}, {"username": "u", "password": "\udfff"}],
)  # fmt: skip
def test_a_login_that_cannot_be_sent_is_told_and_passed_over(
    home: Path, job: RecordingJob, entry: dict[str, str]
) -> None:
    docker(home, auths={"ghcr.io": entry})
    assert find_credential("ghcr.io", "x", job) is None
    assert job.notes == [f"the login from '{home}/.docker/config.json' has characters that cannot be sent"]


def test_no_secret_is_shown() -> None:
    shown = repr(Credential("'file'", "alice", "hunter2", "hunter2", "hunter2"))
    assert "hunter2" not in shown
    assert "alice" in shown
