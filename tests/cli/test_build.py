"""``lkboard build`` in processes of its own: what goes in and out, and how it ends."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import tarfile
import termios

import pytest
from support.lab import FILES, Lab, config
from support.processes import ENVIRONMENT, lkboard, run_python
from support.terminal import terminal
from support.waiting import PATIENCE, wait_until
from support.web import Answer, running_web_server

pytestmark = pytest.mark.registry

COMMAND = [sys.executable, "-m", "lkboard", "build"]


@pytest.fixture
def tar(lab: Lab) -> bytes:
    """The archive that a build of the lab's config makes."""
    path = lab.folder / "expected.tar"
    done = lkboard("build", lab.config(), "-o", path)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


def piped(*arguments: object, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], input=text, env=ENVIRONMENT, capture_output=True, check=False
    )


def test_the_results_are_on_standard_output(lab: Lab) -> None:
    done = lkboard("build", lab.config(), "--dir", lab.out)
    assert done.returncode == 0
    assert [line.partition("  ")[0] for line in done.stdout.splitlines()] == [
        f"{lab.out}/{name}" for name in ("x-kernel", "x-initrd.img", "x-cmdline")
    ]
    assert "Pull images: " in done.stderr
    assert lab.made() == ["x-cmdline", "x-initrd.img", "x-kernel"]


def test_quiet_leaves_only_the_results(lab: Lab) -> None:
    done = lkboard("build", lab.config(), "--dir", lab.out, "-q")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 3)


def test_an_archive_goes_to_standard_output(lab: Lab, tar: bytes) -> None:
    done = piped("-o", "-", lab.config())
    assert (done.returncode, done.stdout == tar) == (0, True)
    assert lab.made() == []


def test_an_archive_goes_into_a_file_that_the_shell_opened(lab: Lab, tar: bytes) -> None:
    with (lab.out / "x.tar").open("wb") as file:
        subprocess.run([*COMMAND, "-o", "-", lab.config()], env=ENVIRONMENT, stdout=file, check=True)
    assert (lab.out / "x.tar").read_bytes() == tar


def test_a_reader_that_goes_away_is_an_error(lab: Lab) -> None:
    process = subprocess.Popen(
        [*COMMAND, "-o", "-", lab.config()], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    text = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 1
    assert [line for line in text.splitlines() if line.startswith("lkboard: ")] == [
        "lkboard: cannot write to standard output: Broken pipe"
    ]
    assert "Traceback" not in text


def test_a_full_disk_behind_standard_output_is_an_error(lab: Lab) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [*COMMAND, "-o", "-", lab.config()], env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.decode().endswith("lkboard: cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-o", "-", "--format", "raw-efi"],
            "the format 'raw-efi' cannot go to standard output (name a file: -o FILE)",
        ),
        (["--size", "huge"], "--size: 'huge' is not a size (write a number and M (MiB) or G (GiB), such as 512M)"),
        (["--board", "rpi3", "--format", "tar"], "the board 'rpi3' is written as 'sdcard', not 'tar'"),
        (["--mirror", "lab"], "mirror 'lab' must start with http:// or https:// (write --mirror [REGISTRY=]URL)"),
        (["--nonsense"], "unrecognized arguments: --nonsense (see: lkboard build --help)"),
    ],
)
def test_wrong_use_is_status_2(lab: Lab, arguments: list[str], message: str) -> None:
    done = lkboard("build", lab.config(), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lkboard: {message}")
    assert done.stderr.count("\n") == 1
    assert not lab.cache.exists()


def test_an_archive_and_events_do_not_share_standard_output(lab: Lab) -> None:
    done = lkboard("build", lab.config(), "-o", "-", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["message"] == "standard output takes the artifact or --json, not both"


def test_an_archive_does_not_go_to_a_terminal(lab: Lab) -> None:
    with terminal("build", lab.config(), "-o", "-") as screen:
        assert screen.wait() == 2
    assert "standard output is a terminal (redirect it, or name a file: -o FILE)" in screen.shown


def test_a_terminal_shows_progress(lab: Lab) -> None:
    with terminal("build", lab.config(), "--dir", lab.out) as screen:
        assert screen.wait() == 0
    assert "█" in screen.shown
    assert screen.shown.rstrip().endswith("mapped)")


def test_a_config_comes_from_standard_input(lab: Lab, tar: bytes) -> None:
    done = piped("-", "-o", "-", text=config(lab.registry.host).encode())
    assert (done.returncode, done.stdout == tar) == (0, True)


def test_configs_from_standard_input_and_a_file_are_merged(lab: Lab) -> None:
    done = piped("-", lab.write(FILES, "files.yml"), "-o", lab.out / "x.tar", text=config(lab.registry.host).encode())
    assert done.returncode == 0
    with tarfile.open(lab.out / "x.tar") as archive:
        assert {"boot/kernel", "etc/motd"} <= set(archive.getnames())


def test_a_config_comes_from_a_web_server(lab: Lab, tar: bytes) -> None:
    with running_web_server(**{"x.yml": Answer(config(lab.registry.host).encode())}) as server:
        done = lkboard("build", f"{server.url}/x.yml", "--format", "tar", "--dir", lab.out)
    assert done.returncode == 0, done.stderr
    assert (lab.out / "x.tar").read_bytes() == tar


def test_a_web_server_without_the_config_is_named(lab: Lab) -> None:
    with running_web_server() as server:
        done = lkboard("build", f"{server.url}/x.yml", "--dir", lab.out)
    assert done.returncode == 1
    assert done.stderr == f"lkboard: {server.url}/x.yml: the server answered 404 Not Found (check the address)\n"


def test_every_error_of_a_config_is_a_line(lab: Lab) -> None:
    file = lab.write("init: 3\nservices:\n  - {name: a, image: b:1, unknown: 1}\n")
    done = lkboard("build", file, "--dir", lab.out)
    assert done.returncode == 1
    assert [line.rpartition(": ")[0] for line in done.stderr.splitlines() if f"lkboard: {file}:" in line]
    assert done.stderr.count(f"lkboard: {file}:") == 2 == done.stderr.count("\n")


def test_the_merged_config_is_printed(lab: Lab) -> None:
    done = lkboard("build", "--dry-run", lab.config(), lab.write(FILES, "files.yml"))
    again = lkboard("build", "--dry-run", lab.write(done.stdout, "merged.yml"))
    assert (done.returncode, again.stdout) == (0, done.stdout)
    assert not lab.cache.exists()


def test_linuxkits_own_flags_work(lab: Lab) -> None:
    cache = lab.folder / "other"
    done = lkboard(
        *("build", "-format", "tar", "--no-sbom", "--size", "512M", "--arch", "aarch64", "--pull"),
        *("-disable-content-trust", "--cache", cache, "--name", "n", "-dir", lab.out, lab.config()),
    )
    assert done.returncode == 0, done.stderr
    assert lab.made() == ["n.tar"]
    assert "-format is spelled --format today" in done.stderr
    assert (cache / "index.json").exists()
    assert not lab.cache.exists()


def test_a_build_that_needs_no_network_does_not_load_its_libraries(lab: Lab) -> None:
    assert lkboard("build", lab.config(), "--dir", lab.out).returncode == 0
    program = (
        "import sys; from lkboard.cli.main import main; status = main(['-q', 'build', *sys.argv[1:]]);"
        "print(status, {'requests', 'urllib3', 'ssl'} & set(sys.modules))"
    )
    assert run_python(program, lab.config(), "--dir", lab.out).splitlines()[-1] == "0 set()"


class TestJson:
    def test_each_line_is_an_event_and_the_last_are_the_results(self, lab: Lab) -> None:
        done = lkboard("build", lab.config(), "--dir", lab.out, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert {event["event"] for event in events} == {"step", "progress", "result"}
        assert [event["event"] for event in events[-4:]] == ["step", "result", "result", "result"]
        for event, name in zip(events[-3:], ("x-kernel", "x-initrd.img", "x-cmdline"), strict=True):
            path = lab.out / name
            assert event["path"] == str(path)
            assert (event["format"], event["size_bytes"]) == ("kernel+initrd", path.stat().st_size)

    def test_steps_are_closed_in_the_order_in_which_they_were_opened(self, lab: Lab) -> None:
        done = lkboard("build", lab.config(), "--dir", lab.out, "--json")
        open_steps: list[str] = []
        for event in map(json.loads, done.stdout.splitlines()):
            if event["event"] == "progress":
                assert event["step"] in open_steps
            elif event["event"] == "step" and event["state"] == "started":
                open_steps.append(event["name"])
            elif event["event"] == "step":
                assert (event["state"], event["name"]) == ("done", open_steps.pop())
        assert open_steps == []

    def test_a_failure_of_several_images_is_an_event_and_a_line_for_each(self, lab: Lab) -> None:
        done = lkboard("build", lab.config(), "--arch", "riscv64", "--dir", lab.out, "--json")
        *steps, error = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(step["name"], step["state"]) for step in steps] == [
            ("Resolve images", "started"),
            ("Resolve images", "failed"),
        ]
        assert (error["event"], error["code"]) == ("error", "oci.platform")
        failures = [error, *error["others"]]
        assert [failure["where"].rpartition("/")[2] for failure in failures] == ["kernel:v1", "init:v1", "web:v1"]
        assert done.stderr.splitlines() == [
            f"lkboard: {failure['where']}: {failure['message']} ({failure['hint']})" for failure in failures
        ]

    def test_a_bad_config_gives_the_problems_that_check_gives(self, lab: Lab) -> None:
        path = lab.write("services: [{name: a}]\nfiles: [{path: x, mode: 0600, contents: y}]\n")
        built, checked = lkboard("build", path, "--format", "tar", "--json"), lkboard("check", path, "--json")
        *problems, error = [json.loads(line) for line in built.stdout.splitlines()]
        assert problems == [json.loads(line) for line in checked.stdout.splitlines()[:-1]]
        assert [problem["path"] for problem in problems] == ["services.0.image", "files.0.mode"]
        assert error["message"] == "the config has 2 errors"
        assert built.returncode == 1

    def test_a_warning_is_an_event(self, lab: Lab) -> None:
        done = lkboard("build", lab.config("trust: {}\n"), "--format", "tar", "--dir", lab.out, "--json")
        notes = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "note"]
        assert [note["level"] for note in notes] == ["warning"]
        assert "trust" in notes[0]["text"]


class TestInterrupts:
    """Ctrl-C while lkboard waits for the program at the other end of a pipe."""

    def test_a_read_of_standard_input(self, lab: Lab) -> None:
        ours, theirs = os.pipe()
        with subprocess.Popen(
            [*COMMAND, "-", "--dir", lab.out], env=ENVIRONMENT, stdin=ours, stderr=subprocess.PIPE, text=True
        ) as process:
            os.write(theirs, b"kernel:")
            _wait_until_read(theirs)
            process.send_signal(signal.SIGINT)
            _output, text = process.communicate(timeout=PATIENCE)
        os.close(ours)
        os.close(theirs)
        assert (process.returncode, text) == (6, "stopped\n")

    def test_a_write_into_a_pipe_that_nobody_reads(self, lab: Lab) -> None:
        with subprocess.Popen(
            [*COMMAND, lab.config(), "-o", "-"],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], PATIENCE)[0]
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=PATIENCE) == 6
            assert process.stderr is not None
            assert process.stderr.read().endswith("stopped\n")


def _wait_until_read(pipe: int) -> None:
    """Wait until the other end of a pipe has taken what was written."""
    wait_until(lambda: not struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0])
