"""A process that never outlives lkboard. A shell stands where QEMU would."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.tools import need
from support.waiting import wait_until

from lkboard.emulate import guest as guest_module
from lkboard.emulate.guest import Guest, run_on_terminal
from lkboard.errors import Cancelled
from lkboard.events import Job


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def read_all(guest: Guest) -> bytes:
    data = b""
    while guest.status is None:
        data += guest.read(1)
    return data


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_console_is_read_and_errors_are_kept_apart() -> None:
    with Guest(shell("echo console; echo error >&2")) as guest:
        assert read_all(guest) == b"console\n"
        assert (guest.status, guest.errors) == (0, b"error\n")


def test_its_status_is_known_when_everything_was_read() -> None:
    with Guest(shell("echo x; exit 3")) as guest:
        assert guest.status is None
        read_all(guest)
        assert guest.status == 3


def test_reading_waits_no_longer_than_asked() -> None:
    with Guest(shell("exec sleep 60")) as guest:
        started = time.monotonic()
        assert guest.read(0.05) == b""
        assert time.monotonic() - started < 10


def test_it_gets_no_input() -> None:
    with Guest(shell("cat; echo end")) as guest:
        assert read_all(guest) == b"end\n"


def test_it_is_gone_after_the_block() -> None:
    with Guest(shell("exec sleep 60")) as guest:
        assert is_running(guest.pid)
    assert not is_running(guest.pid)


def test_it_is_gone_after_an_error_in_the_block() -> None:
    with pytest.raises(ZeroDivisionError), Guest(shell("exec sleep 60")) as guest:
        raise ZeroDivisionError
    assert not is_running(guest.pid)


def test_it_is_asked_to_end_so_that_it_can_flush_its_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_module, "_STOP_SECONDS", 60)
    flushed = tmp_path / "flushed"
    with Guest(shell(f"trap 'touch {flushed}; kill $!; exit' TERM; sleep 60 & echo ready; wait")) as guest:
        assert guest.read(20) == b"ready\n"
    assert flushed.exists()


def test_one_that_does_not_listen_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_module, "_STOP_SECONDS", 0.1)
    with Guest(shell("trap '' TERM; echo ready; while :; do sleep 60; done")) as guest:
        assert guest.read(20) == b"ready\n"
    assert not is_running(guest.pid)


def test_it_ends_with_lkboard_even_when_that_is_killed() -> None:
    need("setpriv")
    program = (
        "from lkboard.emulate.guest import Guest\n"
        "with Guest(['/bin/sleep', '60']) as guest:\n"
        "    print(guest.pid, flush=True)\n"
        "    guest.read(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # the shorter way from "setpriv" to "sleep" must be over, or there is nothing to see
        wait_until(lambda: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])
        parent.kill()
        wait_until(lambda: not is_running(pid))


def test_a_run_on_the_terminal_returns_the_status() -> None:
    assert run_on_terminal(shell("exit 7"), Job()) == 7


def test_a_run_on_the_terminal_stops_when_cancelled(tmp_path: Path) -> None:
    job = Job()
    pid_file = tmp_path / "pid"

    def cancel_when_running() -> None:
        wait_until(lambda: pid_file.exists() and pid_file.read_text() != "")
        job.cancel()

    thread = threading.Thread(target=cancel_when_running)
    thread.start()
    with pytest.raises(Cancelled):
        run_on_terminal(shell(f"echo $$ > {pid_file}; exec sleep 60"), job)
    thread.join()
    assert not is_running(int(pid_file.read_text()))


def test_the_terminal_is_as_before_after_a_run() -> None:
    """The guest leaves its terminal raw and dies; the settings come back."""
    need("setsid")
    program = (
        "import subprocess\n"
        "from lkboard.emulate.guest import run_on_terminal\n"
        "from lkboard.events import Job\n"
        "run_on_terminal(['/bin/sh', '-c', 'stty raw -echo; kill -9 $$'], Job())\n"
        "print(subprocess.run(['stty', '-a'], capture_output=True, text=True).stdout)\n"
    )
    ours, theirs = pty.openpty()
    command = ["setsid", "--ctty", "--wait", sys.executable, "-c", program]
    output = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        with contextlib.suppress(OSError):  # Linux reports the end of a terminal so
            while data := os.read(ours, 4096):
                output += data
    os.close(ours)
    settings = output.decode().split()
    assert "icanon" in settings
    assert "echo" in settings


def test_signals_reach_only_the_guest() -> None:
    """A group of its own: Ctrl-C on the terminal is for lkboard, which then ends the guest."""
    with Guest(shell("echo ready; exec sleep 60")) as guest:
        guest.read(20)
        assert os.getpgid(guest.pid) == guest.pid != os.getpgid(0)
        os.kill(guest.pid, signal.SIGKILL)
        read_all(guest)
        assert guest.status == -signal.SIGKILL
