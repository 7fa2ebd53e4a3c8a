"""Damaged texts: configs, labels, boards, references, what registries say and settings of registries."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from support.fuzzing import Target, fuzz_tests

from lkboard.board.load import load_board
from lkboard.board.text import render
from lkboard.config.label import parse_label
from lkboard.config.load import examine
from lkboard.emulate.pi_config import parse_pi_config
from lkboard.events import Job
from lkboard.model.lock import Lock, LockedFile, LockedImage, LockedPackage, LockedTool
from lkboard.model.package import Package
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.challenge import parse_challenges
from lkboard.oci.registry.http_errors import Complaint
from lkboard.oci.servers.credentials import find_credential
from lkboard.oci.servers.hosts_toml import read_hosts
from lkboard.oci.servers.registries_conf import read_registries_conf
from lkboard.sources.lock_file import format_lock, read_lock

ROOT = Path(__file__).parents[2]
YAML_WORDS = (
    *(b"[", b"{", b"]", b"- ", b": ", b"&a ", b"*a", b"<<: *a", b"!!binary ", b"!!set ", b"|\n ", b">-\n ", b"'", b'"'),
    *(
        b"\t",
        b"---\n",
        b"...\n",
        b"%YAML 9.9\n",
        b"? ",
        b"0o777",
        b"1_000",
        b".inf",
        b"2001-01-01",
        b"~",
        b"\xff",
        b"\0",
    ),
)


@cache
def configs() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "resources/examples").glob("*.yml"))] + [EVERYTHING]


EVERYTHING = b"""\
kernel: {image: a/k:1, cmdline: "a b", tar: none}
init: [a/i:1]
volumes: [{name: v, image: a/v:1, readonly: true}]
onboot: &list
  - name: one
    image: a/o:1
    capabilities: [all]
    binds: [/a:/b:ro]
    mounts: [{type: tmpfs, destination: /x, options: [ro]}]
    resources: {memory: {limit: 100}, cpu: {shares: 5}}
    runtime: {interfaces: [{name: eth0, add: veth}], mkdir: [/a]}
    rlimits: ["nofile,100,200"]
onshutdown: *list
files:
  - {path: etc/x, contents: "abc", mode: "0644"}
  - {path: etc/y, directory: true, uid: 5}
"""


def check_config(data: bytes, work: Path) -> None:
    path = work / "config.yml"
    path.write_bytes(data)
    _config, problems = examine([str(path)])
    for problem in problems:
        assert len(str(problem).splitlines()) == 1


def label(data: bytes, work: Path) -> None:
    parse_label(data.decode("utf-8", "replace"), "image")


def labels() -> list[bytes]:
    return [
        b'{"capabilities": ["CAP_NET_ADMIN"], "binds": ["/a:/b"], "runtime": {"mkdir": ["/a"]}}',
        b"net: host\npid: host\n",
    ]


@cache
def boards() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "boards").glob("*/board.yml"))]


def board(data: bytes, work: Path) -> None:
    (work / "board.yml").write_bytes(data)
    render(load_board(work), "console=ttyS0")


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def registries(data: bytes, work: Path) -> None:
    folder = work / "containers"
    folder.mkdir(exist_ok=True)
    (folder / "registries.conf").write_bytes(data)
    found = read_registries_conf(work)
    found.find("docker.io/library/redis")


REGISTRIES = b"""\
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "*.example.com"
location = "mirror.example.com/x"
insecure = true
[[registry.mirror]]
location = "localhost:5000/y"
"""
HOSTS = b"""\
server = "https://registry-1.docker.io"
[host."https://mirror.example.com:5000/v2/x"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
  override_path = true
  [host."https://mirror.example.com:5000/v2/x".header]
    x-a = ["1"]
"""


def hosts(data: bytes, work: Path) -> None:
    folder = work / "containerd/certs.d/docker.io"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.toml").write_bytes(data)
    read_hosts("docker.io", work)


def login(data: bytes, work: Path) -> None:
    (work / ".docker").mkdir(exist_ok=True)
    (work / ".docker/config.json").write_bytes(data)
    find_credential("lab.example.com", "a/b", Job())


def lock(data: bytes, work: Path) -> None:
    (work / "x.lock").write_bytes(data)
    read_lock(work / "x.lock", remake="lkboard lock x.yml")


LOCK = format_lock(
    Lock(
        images=(LockedImage("docker.io/a/b:1", f"sha256:{64 * 'a'}"),),
        packages=(LockedPackage("runc", Package("runc", "1.1", "amd64", 64 * "b", 5, "bookworm/main")),),
        files=(LockedFile("rpi3", "start.elf", 64 * "c", "MIT"), LockedFile("rpi3", "fixup.dat", 64 * "d")),
        tools=(LockedTool("mksquashfs", "4.5.1"),),
    )
).encode()
LOGINS = json.dumps({"auths": {"https://lab.example.com/v1/": {"auth": "YTpi", "identitytoken": "x"}}}).encode()
CHALLENGE = b'Bearer realm="https://a/b?c",service="x y",scope="repository:a:pull,push", Basic realm="\\"q\\""'
REFERENCES = [b"redis", b"a.b:5000/c/d_e:tag@sha256:" + b"0" * 64, b"[::1]:5000/x", b"docker.io/library/x:latest"]
PI = b"[pi3]\narm_64bit=1\nkernel=a\ninitramfs x followkernel\n[all]\ninclude x\n"
TOML_WORDS = (b"[", b"[[", b"=", b'"""', b"'''", b"{", b"1979-05-27", b"inf", b"\\u0000", b".", b"#")

test_damaged, test_damaged_for_long = fuzz_tests(
    (
        Target("config", configs, check_config, YAML_WORDS),
        Target("label", labels, label, YAML_WORDS),
        Target("board", boards, board, (*YAML_WORDS, b"{kernel}", b"{", b"}}", b"GiB", b"../")),
        Target(
            "reference",
            lambda: REFERENCES,
            lambda data, _: parse_reference(text(data)),
            (b"/", b":", b"@", b"a.", b"-", b"\n"),
        ),
        Target(
            "challenge",
            lambda: [CHALLENGE],
            lambda data, _: parse_challenges([text(data)]),
            (b",", b'"', b"\\", b" ", b"=", b"a="),
        ),
        Target(
            "complaint",
            lambda: [b'{"errors":[{"code":"DENIED","message":"no"}]}'],
            lambda data, _: Complaint(data),
            (b"[", b'{"a":', b"null", b"\x1b[1m"),
        ),
        Target("registries.conf", lambda: [REGISTRIES], registries, TOML_WORDS),
        Target("hosts.toml", lambda: [HOSTS], hosts, (*TOML_WORDS, b"https://", b"[::", b"@", b":99999")),
        Target("lock", lambda: [LOCK], lock, (b"[", b'{"a":', b"null", b"{}", b'"size": 9e999', b'"tools": [')),
        Target("login", lambda: [LOGINS], login, (b"[", b'{"a":', b"null", b"{}", b'""')),
        Target(
            "config.txt",
            lambda: [PI],
            lambda data, _: parse_pi_config(data.decode("utf-8", "replace")),
            (b"[", b"=", b"include "),
        ),
    )
)
