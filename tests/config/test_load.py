"""Files, standard input and addresses to one config, with the problems of all of them."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from support.authority import Authority
from support.serving import serving
from support.web import Answer, running_web_server

from lkboard.config import sources
from lkboard.config.load import examine, load_config
from lkboard.config.sources import shown
from lkboard.errors import Cancelled, ConfigError, TlsError, UsageError
from lkboard.events import Job
from lkboard.model.config import ConfigSource
from lkboard.model.web import WebAccess
from lkboard.yaml.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = "services: [{{name: {}, image: 'redis:7'}}]\n"


def write(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def errors_of(*names: str, stdin: bytes | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(names, stdin=stdin)
    return [str(problem) for problem in caught.value.problems]


def test_files_become_one_config(tmp_path: Path) -> None:
    loaded = load_config([write(tmp_path, name, SERVICE.format(name)) for name in ("a", "b")])
    assert [service.name for service in loaded.config.services] == ["a", "b"]
    assert [source.name for source in loaded.config.sources] == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert loaded.problems == ()


def test_warnings_do_not_stop_a_build(tmp_path: Path) -> None:
    loaded = load_config([write(tmp_path, "a.yml", "trust: {org: [x]}\ninit: [redis]")])
    assert [problem.severity for problem in loaded.problems] == ["warning", "hint"]


def test_the_errors_of_all_files_are_raised_together(tmp_path: Path) -> None:
    first = write(tmp_path, "z.yml", "inot: []\n" + SERVICE.format("x") + "trust: {}\n")
    second = write(tmp_path, "a.yml", SERVICE.format("x") + "files: [{path: a, mode: 5, contents: x}]")
    hint = f"it is at {first}:2:19 already; give one of them another name"
    assert errors_of(first, second) == [
        f"{first}:1:1: unknown field 'inot' (did you mean init?)",
        f"{second}:1:19: services.0.name: duplicate service name 'x' ({hint})",
        f'{second}:2:25: files.0.mode: expected text, got the number 5 (put it in quotes: mode: "5")',
    ]


def test_a_volume_of_any_file_can_be_used_in_any_file(tmp_path: Path) -> None:
    """LinuxKit knows those of the last file only (build.md section 10.4)."""
    user = "services: [{{name: {0}, image: 'redis:7', binds: ['{1}:/data']}}]\nvolumes: [{{name: {0}}}]"
    names = [write(tmp_path, "1", user.format("a", "b")), write(tmp_path, "2", user.format("b", "a"))]
    assert len(load_config(names).config.volumes) == 2


def test_the_same_volume_in_two_files_is_only_a_warning(tmp_path: Path) -> None:
    names = [write(tmp_path, name, "volumes: [{name: v}]") for name in ("1", "2")]
    assert [problem.severity for problem in load_config(names).problems] == ["warning"]


def test_an_id_of_another_file_is_known(tmp_path: Path) -> None:
    names = [
        write(tmp_path, "1", SERVICE.format("svc")),
        write(tmp_path, "2", "files: [{path: a, contents: '', uid: svc}]"),
    ]
    assert load_config(names).config.files[0].uid == "svc"


def test_nothing_is_looked_up_while_a_file_cannot_be_read(tmp_path: Path) -> None:
    broken = write(tmp_path, "1", "volumes: [")
    user = write(tmp_path, "2", "services: [{name: a, image: 'redis:7', binds: ['v:/x']}]")
    assert len(errors_of(broken, user)) == 1


def test_standard_input() -> None:
    text = b"files: [{path: a, contents: '@x'}]"
    loaded = load_config(["-"], stdin=text)
    assert loaded.config.files[0].contents == "@x"
    assert loaded.config.sources == (ConfigSource("<stdin>", hashlib.sha256(text).hexdigest()),)


def test_standard_input_that_nobody_gave() -> None:
    assert errors_of("-") == ["<stdin>: standard input is not available here (give a file)"]


def test_standard_input_is_read_once() -> None:
    with pytest.raises(UsageError, match="standard input can be one of the configs only"):
        load_config(["-", "-"], stdin=b"")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    name = str(tmp_path / "no.yml")
    assert errors_of(name) == [f"{name}: cannot be read: No such file or directory (give the path of a config file)"]


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    assert errors_of(str(tmp_path)) == [f"{tmp_path}: cannot be read: Is a directory (give the path of a config file)"]


def test_a_name_with_a_zero_is_no_file() -> None:
    (message,) = errors_of("a\0b")
    assert "cannot be read: embedded null byte" in message


def test_text_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    name = write(tmp_path, "a.yml", b"# one\n# two \xff\n")
    assert errors_of(name) == [f"{name}:2: is not UTF-8 text (save it as UTF-8)"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(tmp_path: Path, encoding: str) -> None:
    name = write(tmp_path, "a.yml", "files: [{path: é, contents: x}]".encode(encoding))
    assert load_config([name]).config.files[0].path == "é"


def test_half_a_utf_16_character(tmp_path: Path) -> None:
    name = write(tmp_path, "a.yml", "{}".encode("utf-16") + b"x")
    assert errors_of(name) == [f"{name}:1: is not UTF-16 text (save it as UTF-8)"]


def test_a_config_that_is_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    name = write(tmp_path, "a.yml", b"#" * (MAX_BYTES + 1))
    assert errors_of(name) == [f"{name}: the config is larger than 4 MiB (put large files into an image)"]


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    huge = tmp_path / "a.yml"
    huge.touch()
    os.truncate(huge, 1 << 40)
    assert errors_of(str(huge)) == [f"{huge}: the config is larger than 4 MiB (put large files into an image)"]


def test_examine_returns_problems_instead_of_raising(tmp_path: Path) -> None:
    config, problems = examine([str(tmp_path / "no.yml")])
    assert config is None
    assert [problem.code for problem in problems] == ["config.source"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/large.yml":
            self.answer(200, b"#" * (MAX_BYTES + (1 << 20)))
        elif self.path == "/a.yml?x=1":
            self.answer(200, b"files: [{path: a, contents: '@kept'}]")
        elif self.path == "/cut.yml":
            self.answer(200, b"init: [", length=100)
        elif self.path == "/moved.yml":
            self.send_response(302)
            self.send_header("Location", "/a.yml?x=1")
            self.end_headers()
        elif self.path == "/astray.yml":
            self.send_response(302)
            self.send_header("Location", "http://[bad/")
            self.end_headers()
        else:
            self.answer(404, b"init: []")

    def answer(self, status: int, body: bytes, length: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        pass


@contextmanager
def running_server() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with running_server() as address:
        yield address


@pytest.mark.parametrize("path", ["a.yml?x=1", "moved.yml"])
def test_a_config_from_a_web_server(host: str, path: str) -> None:
    loaded = load_config([f"http://{host}/{path}"])
    assert loaded.config.files[0].contents == "@kept"


def test_a_page_that_says_not_found_is_no_config(host: str) -> None:
    """LinuxKit parses it (build.md section 10.21)."""
    url = f"http://{host}/no.yml"
    assert errors_of(url) == [f"{url}: the server answered 404 Not Found (check the address)"]


def test_a_config_on_a_web_server_that_is_too_large(host: str) -> None:
    (message,) = errors_of(f"http://{host}/large.yml")
    assert "is larger than 4 MiB" in message


def test_a_connection_that_is_cut(host: str) -> None:
    (message,) = errors_of(f"http://{host}/cut.yml")
    assert message.endswith("/cut.yml: cannot be fetched: the connection was cut (check address and network)")


def test_a_server_that_is_not_there() -> None:
    with running_server() as address:
        url = f"http://{address}/a.yml"
    assert errors_of(url) == [f"{url}: cannot be fetched: Connection refused (check address and network)"]


def test_a_password_in_an_address_is_not_shown(host: str) -> None:
    (message,) = errors_of(f"http://user:secret@{host}/no.yml")
    assert "secret" not in message


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://user:secret@h/x.yml", "https://h/x.yml"),
        ("https://user:se@cret@h/x.yml", "https://h/x.yml"),
        ("https://h:80/x.yml?X-Amz-Signature=secret#secret", "https://h:80/x.yml"),
        ("https://cdn/gh/x@v1/y.yml", "https://cdn/gh/x@v1/y.yml"),
        ("https://user:p@se/cret@h/x.yml", "https://…"),
        ("https://user:se/cret@h/x.yml", "https://…"),
        ("https://user:1/secret@h/x.yml", "https://…"),
        ("HTTPS://[bad/x.yml?secret", "HTTPS://[bad/x.yml"),
        ("folder/x@y?z.yml", "folder/x@y?z.yml"),
    ],
)
def test_what_may_be_secret_in_an_address_is_not_shown(address: str, expected: str) -> None:
    assert shown(address) == expected


def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login alice password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    there = Answer(status=302, location="/b.yml")
    with running_web_server(**{"a.yml": there, "b.yml": Answer(b"init: []")}) as server:
        load_config([f"{server.url}/a.yml"])
    assert server.asked == ["/a.yml", "/b.yml"]
    assert server.logins == []


def test_an_address_with_tls_does_not_lead_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
    with running_web_server(**{"a.yml": Answer(b"init: []")}) as plain:
        there = Answer(status=302, location=f"{plain.url}/a.yml")
        answers = {"a.yml": Answer(b"init: []"), "b.yml": there}
        with running_web_server(authority.server_certificate(), **answers) as secure:
            load_config([f"{secure.url}/a.yml"])
            (message,) = errors_of(f"{secure.url}/b.yml")
    assert "cannot be fetched: it leads to plain http" in message
    assert plain.asked == []


def test_an_authority_is_trusted_that_is_given(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with running_web_server(authority.server_certificate(), **{"a.yml": Answer(b"init: []")}) as server:
        url = f"{server.url}/a.yml"
        loaded = load_config([url], web=WebAccess(ca_files=(str(authority.ca_file),)))
        (message,) = errors_of(url)
    assert loaded.config.sources == (ConfigSource(url, hashlib.sha256(b"init: []").hexdigest()),)
    assert message.startswith(f"{url}: cannot be fetched: ")
    assert "its certificate is not trusted: " in message
    assert server.asked == ["/a.yml"]


def test_an_authority_of_the_environment_is_trusted_besides_the_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = Authority(tmp_path / "one"), Authority(tmp_path / "other")
    monkeypatch.setenv("CURL_CA_BUNDLE", str(one.ca_file))
    web = WebAccess(ca_files=(str(other.ca_file),))
    for authority in (one, other):
        with running_web_server(authority.server_certificate(), **{"a.yml": Answer(b"init: []")}) as server:
            load_config([f"{server.url}/a.yml"], web=web)
            assert server.asked == ["/a.yml"]


def test_a_file_that_is_no_authority_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("not PEM")
    with pytest.raises(TlsError, match="the certificates cannot be read: not a PEM file") as caught:
        load_config(["https://127.0.0.1:9/a.yml"], web=WebAccess(ca_files=(str(wrong),)))
    assert caught.value.where == str(wrong)


@pytest.mark.parametrize("host", ["a" * 70, "[bad", "127.0.0.1:99999"])
def test_an_address_of_no_host_is_a_problem(host: str) -> None:
    (message,) = errors_of(f"http://{host}/a.yml")
    assert message.startswith(f"http://{host}/a.yml: cannot be fetched: ")


def test_a_redirect_to_what_is_no_address_is_a_problem(host: str) -> None:
    (message,) = errors_of(f"http://{host}/astray.yml")
    assert "cannot be fetched: " in message


def test_a_server_that_says_nothing_can_be_interrupted() -> None:
    job, release = Job(), threading.Event()
    with running_web_server(**{"a.yml": Answer(b"init: []", cut=4, stall=release, on_stall=job.cancel)}) as server:
        try:
            with pytest.raises(Cancelled):
                load_config([f"{server.url}/a.yml"], job=job)
        finally:
            release.set()


def test_a_server_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_TOTAL_SECONDS", 0.3)
    release = threading.Event()
    with running_web_server(**{"a.yml": Answer(b"init: []", cut=4, stall=release)}) as server:
        try:
            assert errors_of(url := f"{server.url}/a.yml") == [
                f"{url}: did not come within 0 s (check address and network)"
            ]
        finally:
            release.set()
