"""The shell functions of the init that need no machine of their own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from support.shell import shell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("command_line", "name", "expected"),
    [
        ("console=ttyS0 lkb.console=shell", "lkb.console", "shell"),
        ("lkb.console=shell lkb.console=off quiet", "lkb.console", "off"),
        ("lkb.console= quiet", "lkb.console", ""),
        ("console=ttyS0", "lkb.console", None),
        ("xlkb.console=off lkb_console=off", "lkb.console", None),
        ("", "lkb.console", None),
        ("init=/* lkb.watchdog=30", "lkb.watchdog", "30"),
        ("a=b=c", "a", "b=c"),
    ],
)
def test_option_reads_the_kernel_command_line(command_line: str, name: str, expected: str | None) -> None:
    result = shell('option "$1"', name, stdin=command_line + "\n")
    assert (result.returncode, result.stdout) == ((1, "") if expected is None else (0, f"{expected}\n"))


def _network_card(net: Path, name: str, address: str, *, real: bool = True) -> None:
    (net / name).mkdir(parents=True)
    (net / name / "address").write_text(address + "\n")
    if real:
        (net / name / "device").symlink_to("../..")


@pytest.mark.parametrize(
    ("file", "current", "cards", "expected"),
    [
        ("given\n", "(none)", {"eth0": "52:54:00:12:34:56"}, "given"),
        ("given", "other", {}, "given"),
        ("", "(none)", {"eth0": "52:54:00:12:34:56"}, "lkboard-525400123456"),
        (None, "(none)", {"eth0": "52:54:00:12:34:56"}, "lkboard-525400123456"),
        (None, "by-kernel", {"eth0": "52:54:00:12:34:56"}, "by-kernel"),
        (None, "(none)", {"aaa0": "02:00:00:00:00:01", "eth0": "02:00:00:00:00:02"}, "lkboard-020000000002"),
        (None, "(none)", {"usb0": "40:54:00:12:34:57"}, "lkboard-405400123457"),
        (None, "", {}, "lkboard"),
    ],
)
def test_host_name(tmp_path: Path, file: str | None, current: str, cards: dict[str, str], expected: str) -> None:
    net = tmp_path / "net"
    _network_card(net, "abc0", "0a:0a:0a:0a:0a:0a", real=False)
    for name, address in cards.items():
        _network_card(net, name, address)
    (tmp_path / "current").write_text(current + "\n")
    if file is not None:
        (tmp_path / "hostname").write_text(file)
    arguments = (tmp_path / "hostname", tmp_path / "current", net)
    result = shell('host_name "$1" "$2" "$3"', *arguments, libraries=("system.sh",))
    assert (result.stdout, result.stderr) == (f"{expected}\n", "")


def _consoles(tmp_path: Path, names: str) -> str:
    (tmp_path / "active").write_text(names)
    return f'find_consoles "{tmp_path}/active" "{tmp_path}/dev"\n'


def test_messages_go_to_every_console(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    result = shell(_consoles(tmp_path, "tty0 ttyS0\n") + 'say "userspace up"; echo x | show')
    assert result.stdout == ""
    for name in ("tty0", "ttyS0"):
        assert (tmp_path / "dev" / name).read_text() in ("lkb: userspace up\n", "x\n")


def test_a_console_that_cannot_be_opened_costs_no_other_one(tmp_path: Path) -> None:
    (tmp_path / "dev/tty0").mkdir(parents=True)
    result = shell(_consoles(tmp_path, "tty0 ttyS0\n") + 'say "ready"')
    assert (tmp_path / "dev/ttyS0").read_text() == "lkb: ready\n"
    assert (result.stdout, result.stderr) == ("", "")


def test_without_consoles_messages_go_to_standard_output() -> None:
    assert shell('say "ready"; echo x | show').stdout == "lkb: ready\nx\n"


def test_a_missing_list_of_consoles_is_an_empty_one(tmp_path: Path) -> None:
    result = shell(f'find_consoles "{tmp_path}/none" /dev; say ready')
    assert (result.stdout, result.stderr) == ("lkb: ready\n", "")


def test_wait_until_succeeds_when_the_command_does(tmp_path: Path) -> None:
    script = f'(usleep 100000; : >"{tmp_path}/there") & wait_until 10 [ -e "{tmp_path}/there" ]'
    assert shell(script).returncode == 0


def test_wait_until_gives_up() -> None:
    assert shell("wait_until 1 false").returncode == 1


def _program(path: Path, text: str, mode: int = 0o755) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)


def test_parts_run_in_order_and_a_failure_stops_none(tmp_path: Path) -> None:
    _program(tmp_path / "parts/010-two", "echo two; exit 3")
    _program(tmp_path / "parts/005-one", "echo one")
    _program(tmp_path / "parts/020-data", "echo data", mode=0o644)
    _program(tmp_path / "parts/030-three", "echo three")
    (tmp_path / "parts/025-folder").mkdir()
    (tmp_path / "parts/040-link").symlink_to(tmp_path / "parts/005-one")
    result = shell('run_parts "$1"', tmp_path / "parts")
    assert result.stdout == "one\ntwo\nlkb: 010-two failed (status 3)\nthree\none\n"


def test_parts_run_with_a_prefix(tmp_path: Path) -> None:
    _program(tmp_path / "parts/slow", "exec sleep 30")
    result = shell('run_parts "$1" timeout 1', tmp_path / "parts")
    assert result.stdout == "lkb: slow failed (status 143)\n"


def test_no_parts_are_no_error(tmp_path: Path) -> None:
    result = shell('run_parts "$1"', tmp_path / "none")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_resolver_file_is_made_where_its_link_leads(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").symlink_to(tmp_path / "run/resolvconf/resolv.conf")
    assert shell('prepare_resolver "$1"', tmp_path / "resolv.conf", libraries=("system.sh",)).returncode == 0
    assert (tmp_path / "run/resolvconf/resolv.conf").read_bytes() == b""
    assert (tmp_path / "run/resolvconf/resolv.conf").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "run/resolvconf").stat().st_mode & 0o777 == 0o755


def test_a_resolver_file_that_is_no_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 1.2.3.4\n")
    result = shell('prepare_resolver "$1"', tmp_path / "resolv.conf", libraries=("system.sh",))
    assert result.returncode == 0
    assert (tmp_path / "resolv.conf").read_text() == "nameserver 1.2.3.4\n"


def test_the_peer_of_an_interface_is_found_by_its_index(tmp_path: Path) -> None:
    for name, index, peer in (("lo", 1, 1), ("veth0", 7, 8), ("lkb42", 8, 7), ("eth0", 2, 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ifindex").write_text(f"{index}\n")
        (tmp_path / name / "iflink").write_text(f"{peer}\n")
    assert shell('peer_of lkb42 "$1"', tmp_path, libraries=("containers.sh",)).stdout == "veth0\n"


def _bundle(containers: Path, name: str, *binds: tuple[str, str]) -> Path:
    """Write a bundle whose container binds (source, options) below /mnt."""
    mounts = [
        {"destination": f"/mnt/{index}", "type": "bind", "source": source, "options": options.split(",")}
        for index, (source, options) in enumerate(binds)
    ]
    folder = containers / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"ociVersion": "1.2.1", "mounts": mounts}, indent=4))
    return folder / "config.json"


VOLUME = "/containers/volumes/data"


@pytest.mark.parametrize(
    ("binds", "expected"),
    [
        ([[(f"{VOLUME}/merged", "ro,rbind")]], "ro"),
        ([[(f"{VOLUME}/merged", "rw,rbind,rshared")]], "rw"),
        ([[(f"{VOLUME}/merged", "ro,rbind")], [(f"{VOLUME}/merged", "rw,rbind,rshared")]], "rw"),
        ([[(f"{VOLUME}/merged", "rw,rbind"), (f"{VOLUME}/merged", "ro,rbind")]], "rw"),
        ([[(f"{VOLUME}2/merged", "ro,rbind")]], "rw"),
        ([[("/etc", "ro,rbind")]], "rw"),
        ([], "rw"),
    ],
)
def test_a_volume_that_is_only_read_is_read_only(
    tmp_path: Path, binds: list[list[tuple[str, str]]], expected: str
) -> None:
    configs = [_bundle(tmp_path, f"services/{index}", *items) for index, items in enumerate(binds)]
    script = f'uses=$(volume_uses "$@") && volume_mode {tmp_path}{VOLUME} "$(echo "$uses" | sed "s| | {tmp_path}|")"'
    (tmp_path / VOLUME.lstrip("/") / "tmp").mkdir(parents=True)
    result = shell(script, *(configs or [tmp_path / "*/*/config.json"]), libraries=("volumes.sh",))
    assert (result.stdout, result.stderr) == (f"{expected}\n", "")


def test_a_volume_without_a_place_for_changes_is_read_only(tmp_path: Path) -> None:
    assert shell('volume_mode "$1" ""', tmp_path, libraries=("volumes.sh",)).stdout == "ro\n"


@pytest.mark.parametrize(
    ("pause", "restarts", "ran_seconds", "expected"),
    [(1, 0, 0, 1), (1, 1, 0, 2), (2, 2, 3, 4), (16, 5, 0, 30), (30, 6, 9, 30), (30, 7, 11, 1)],
)
def test_pauses_between_restarts(pause: int, restarts: int, ran_seconds: int, expected: int) -> None:
    script = (
        f"pause={pause} restarts={restarts}; uptime_seconds; started=$((now - {ran_seconds})); next_pause; echo $pause"
    )
    assert shell(script, libraries=("services.sh",)).stdout == f"{expected}\n"


def test_a_service_that_never_ran_earns_no_short_pause() -> None:
    script = "pause=8 restarts=4 started=0; next_pause; echo $pause"
    assert shell(script, libraries=("services.sh",)).stdout == "16\n"


def test_a_service_that_is_asked_to_stop_twice_is_killed_once() -> None:
    script = """
        runc() { echo "runc $*"; }
        STOP_SECONDS=0 service=web killer=
        sleep 60 & child=$!
        stop_child; stop_child; wait
    """
    assert shell(script, libraries=("services.sh",)).stdout == "runc kill web KILL\n"


def _services(tmp_path: Path, *names: str) -> dict[str, str]:
    for name in names:
        (tmp_path / "containers/services" / name).mkdir(parents=True)
    (tmp_path / "state").mkdir()
    return {"CONTAINERS": str(tmp_path / "containers"), "STATE_DIR": str(tmp_path / "state")}


def test_status_is_a_table(tmp_path: Path) -> None:
    places = _services(tmp_path, "web", "sshd")
    (tmp_path / "state/web").mkdir()
    for name, value in (("state", "running"), ("pid", "123"), ("restarts", "2")):
        (tmp_path / "state/web" / name).write_text(value)
    result = shell("with_all_services print_status", libraries=("services.sh",), **places)
    assert result.stdout.splitlines() == [
        "SERVICE              STATE              PID      RESTARTS",
        "sshd                 stopped            -        0",
        "web                  running            123      2",
    ]


def test_a_service_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    places = _services(tmp_path, "web")
    result = shell("check_services web wbe", libraries=("services.sh",), **places)
    assert result.returncode == 1
    assert result.stderr == 'lkb: no service "wbe"; "lkb status" lists them\n'


@pytest.mark.parametrize(("pid", "expected"), [("$$", "yes"), ("4194305", "no"), ("", "no")])
def test_a_supervisor_counts_while_its_process_is_there(tmp_path: Path, pid: str, expected: str) -> None:
    places = _services(tmp_path, "web")
    (tmp_path / "state/web").mkdir()
    script = f'echo {pid} >"$STATE_DIR/web/supervisor"; is_supervised web && echo yes || echo no'
    assert shell(script, libraries=("services.sh",), **places).stdout == f"{expected}\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", "web out\nweb err\n"),
        ("dhcp", "dhcp out\n"),
        ("000-dhcp", "dhcp out\n"),
        ("bye", "bye err\n"),
    ],
)
def test_logs_are_found_by_name(tmp_path: Path, name: str, expected: str) -> None:
    for path, text in {
        "web.out.log": "web out\n",
        "web.log": "web err\n",
        "my-web.log": "other\n",
        "onboot/onboot.000-dhcp.out.log": "dhcp out\n",
        "shutdown/shutdown.000-bye.log": "bye err\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    result = shell('print_logs "$1"', name, libraries=("logs.sh",), LOG_DIR=str(tmp_path))
    assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")


def test_logs_of_nothing_are_an_error(tmp_path: Path) -> None:
    result = shell("print_logs web", libraries=("logs.sh",), LOG_DIR=str(tmp_path))
    assert (result.returncode, result.stdout, result.stderr) == (1, "", 'lkb: no logs of "web"\n')


def test_a_long_log_begins_anew_and_its_past_is_kept_once(tmp_path: Path) -> None:
    log, short = tmp_path / "web.log", tmp_path / "ssh.log"
    log.write_text("x" * 101)
    short.write_text("y" * 100)
    (tmp_path / "web.log.1").write_text("older")
    writer = os.open(log, os.O_WRONLY | os.O_APPEND)
    try:
        assert shell('bound_logs 100 "$@"', log, short, libraries=("logs.sh",)).returncode == 0
        os.write(writer, b"next")
    finally:
        os.close(writer)
    assert log.read_text() == "next"
    assert (tmp_path / "web.log.1").read_text() == "x" * 101
    assert short.read_text() == "y" * 100
    assert not (tmp_path / "ssh.log.1").exists()


def test_the_hook_is_put_first_into_a_config(tmp_path: Path) -> None:
    before = {"ociVersion": "1.2.1", "process": {"args": ["{"]}}
    (tmp_path / "config.json").write_text(json.dumps(before, indent=4))
    script = 'add_hook "$1" >"$2"'
    shell(script, tmp_path / "config.json", tmp_path / "changed", libraries=("containers.sh",))
    after = json.loads((tmp_path / "changed").read_text())
    assert after.pop("hooks") == {"createRuntime": [{"path": "/usr/sbin/lkb", "args": ["lkb", "attach"]}]}
    assert after == before
