"""``lkboard diff``, with images from a registry."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.commands import run_command
from support.lab import FILES, IMAGES, Lab, config
from support.processes import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.registry

MORE = """\
  - {path: srv/tool, contents: "x", mode: "4755"}
onboot:
  - {name: dhcp, image: "HOST/lab/init:v1", capabilities: [CAP_NET_ADMIN], binds: ["/etc:/etc"]}
"""
GOLDEN = """\
more privilege
  /: setuid program /srv/tool: none -> mode 4755, owner 0:0
  onboot/dhcp: bind /etc on /etc: none -> read and write
  onboot/dhcp: capability CAP_NET_ADMIN: none -> granted
  onboot/dhcp: namespace network: none -> the host's
  onboot/dhcp: setuid program /containers/onboot/000-dhcp/lower/bin/busybox, \
/containers/onboot/000-dhcp/lower/bin/ls: none -> mode 4755, owner 0:0
  services/web: capability CAP_CHOWN, CAP_KILL: none -> granted

less privilege
  services/web: bind /etc/motd on /motd: read and write -> read-only
  services/web: capability CAP_NET_BIND_SERVICE: granted -> none

services
  + onboot/dhcp  HOST/lab/init:v1@INIT
  ~ services/web
      command: ["/bin/web", "--port", "80"] -> ["/bin/web"]
      mount on /motd: rbind, rshared -> rbind

kernel command line
  - console=ttyS0 panic=-1
  + console=ttyS0 panic=5

files
  + /containers/onboot/: 10 files, 22.9 KiB
  ~ /etc/motd: content 11 B -> 8 B
  + /srv/: 1 file, 1 B
  ~ /var: owner 100:5 -> 101:5
  ~ /var/lib: owner 100:5 -> 101:5
  ~ /var/lib/web: owner 100:5 -> 101:5
  ~ /containers/services/web/config.json: content 2.5 KiB

size
  together: 3.0 MiB -> 3.0 MiB (+22.9 KiB)
  onboot/dhcp: 0 B -> 22.9 KiB (+22.9 KiB)
  /: 25.0 KiB -> 25.0 KiB (-2 B)
  boot: 97.7 KiB -> 97.7 KiB (-1 B)
  services/web: 2.9 MiB -> 2.9 MiB (+1 B)
"""


@pytest.fixture
def pair(lab: Lab) -> tuple[Path, Path]:
    """Two configs that differ in everything that there is."""
    host = lab.registry.host
    text = config(host, FILES.replace("willkommen", "welcome") + MORE.replace("HOST", host))
    text = text.replace("panic=-1", "panic=5").replace("/etc/motd:/motd", "/etc/motd:/motd:ro")
    text = text.replace("[CAP_NET_BIND_SERVICE]", "[CAP_KILL, CAP_CHOWN], command: [/bin/web]")
    return lab.config(FILES, name="old.yml"), lab.write(text, "new.yml")


def compared(capsys: Capture, lab: Lab, *arguments: object, status: int = 0) -> str:
    done = run_command(capsys, "diff", *arguments, "--arch", "amd64", "-q")
    assert (done.returncode, done.stderr) == (status, "")
    return done.stdout.replace(lab.registry.host, "HOST").replace(IMAGES["init"].digest, "INIT")


def test_everything_that_is_not_the_same(capsys: Capture, lab: Lab, pair: tuple[Path, Path]) -> None:
    assert compared(capsys, lab, *pair) == GOLDEN


def test_the_same_question_gets_the_same_answer(capsys: Capture, lab: Lab, pair: tuple[Path, Path]) -> None:
    assert compared(capsys, lab, *pair) == compared(capsys, lab, *pair)


def test_nothing_that_is_not_the_same(capsys: Capture, lab: Lab, pair: tuple[Path, Path]) -> None:
    assert compared(capsys, lab, pair[0], pair[0], "--exit-code") == "no difference\n"


def test_the_status_tells_on_request(capsys: Capture, lab: Lab, pair: tuple[Path, Path]) -> None:
    compared(capsys, lab, *pair, "--exit-code", status=1)
    compared(capsys, lab, pair[0], pair[0], "--exit-code", status=0)


def test_a_built_system(capsys: Capture, lab: Lab, pair: tuple[Path, Path]) -> None:
    built = lab.out / "x.tar"
    assert run_command(capsys, "build", pair[1], "-o", built, "--arch", "amd64").returncode == 0
    assert compared(capsys, lab, pair[0], built).replace("HOST/lab/init:v1", "HOST/lab/init:v1@INIT") == GOLDEN
    assert compared(capsys, lab, built, pair[1]) == "no difference\n"


def test_json_is_one_object(capsys: Capture, lab: Lab, pair: tuple[Path, Path]) -> None:
    events = [json.loads(line) for line in compared(capsys, lab, *pair, "--json").splitlines()]
    (found,) = (event for event in events if event["event"] == "result")
    assert (found["equal"], found["cmdline_before"]) == (False, "console=ttyS0 panic=-1")
    assert found["privileges"][0] == {
        "part": "/",
        "kind": "setuid program",
        "subject": "/srv/tool",
        "before": "",
        "after": "mode 4755, owner 0:0",
        "direction": "more",
    }
    assert found["services"][1]["settings"] == [
        {"name": "command", "before": '["/bin/web", "--port", "80"]', "after": '["/bin/web"]'},
        {"name": "mount on /motd", "before": "rbind, rshared", "after": "rbind"},
    ]
    assert found["files"][2] == {
        "path": "/etc/motd",
        "part": "/",
        "change": "changed",
        "details": ["content"],
        "files": 1,
        "size_before": 11,
        "size_after": 8,
    }
    assert found["sizes"][2] == {"part": "boot", "size_before": 100_082, "size_after": 100_081}


def test_many_files_are_listed_on_request(capsys: Capture, lab: Lab) -> None:
    one, other = (
        lab.write("files:\n" + "".join(f"  - {{path: f{n}, contents: '{text}'}}\n" for n in range(50)), f"{text}.yml")
        for text in ("a", "b")
    )
    lines = compared(capsys, lab, one, other).splitlines()
    assert sum(line.startswith("  ~ /f") for line in lines) == 40
    assert "  … 10 more of / (all of them: --all-files)" in lines
    lines = compared(capsys, lab, one, other, "--all-files").splitlines()
    assert sum(line.startswith("  ~ /f") for line in lines) == 50


def test_a_config_from_standard_input(capsys: Capture, lab: Lab) -> None:
    other = lab.write("files: [{path: a, contents: x}]")
    command = [sys.executable, "-m", "lkboard", "diff", "-", other, "-q"]
    done = subprocess.run(
        command, input="files: [{path: a, contents: y}]", env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "files\n  ~ /a: content 1 B\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["x.yml"], 2, "the following arguments are required: AFTER"),
        (["x.yml", "none.yml"], 1, "none.yml: cannot be read"),
        (["x.yml", "none.tar"], 2, "none.tar: there is no such"),
        (["x.yml", "text"], 1, "text:1:1: "),
        (["x.yml", "data"], 2, "data: this is no root that can be compared: neither a config nor a tar nor an initrd"),
    ],
)
def test_what_cannot_be_compared_is_told(
    capsys: Capture,
    lab: Lab,
    arguments: list[str],
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab.write("files: [{path: a, contents: x}]")
    lab.write("some text", "text")
    lab.write("\0", "data")
    monkeypatch.chdir(lab.folder)
    done = run_command(capsys, "diff", *arguments, "-q")
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
