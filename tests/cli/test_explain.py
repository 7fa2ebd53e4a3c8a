"""``lkboard explain``, with images from a registry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.commands import run_command
from support.images import file, image, layer, whiteout
from support.jobs import RecordingJob
from support.lab import FILES, IMAGES
from support.processes import ENVIRONMENT

from lkboard.app import explain as use_case
from lkboard.app.build_options import BuildOptions

if TYPE_CHECKING:
    from support.lab import Lab

    Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.registry


def explain(capsys: Capture, lab: Lab, *arguments: object, more: str = FILES) -> str:
    """Return what is said of a path of the lab's system, without the parts that differ from run to run."""
    done = run_command(capsys, "explain", lab.config(more), *arguments, "--arch", "amd64", "-q")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return masked(done.stdout).replace(f"{lab.folder}/", "").replace(lab.registry.host, "HOST")


def masked(text: str) -> str:
    """Return a text without packed sizes, which the next version of the compressor may change."""
    return re.sub(r"about [0-9.]+ [KM]?i?B", "about N", text)


def digest_of(name: str) -> str:
    return IMAGES[name].digest


def test_a_file_of_an_image(capsys: Capture, lab: Lab) -> None:
    text = explain(capsys, lab, "/bin/ls")
    assert (
        re.sub(r"layer {6}1 of 1, sha256:[0-9a-f]{64}", "LAYER", text)
        == f"""\
/bin/ls
  is         a file, mode 4755, owner 0:0
  from       init[0] (x.yml:2:8)
  image      HOST/lab/init:v1@{digest_of("init")}
  LAYER
  also named /bin/busybox
  takes      19.5 KiB; about N in the initrd
"""
    )


def test_a_file_of_the_config(capsys: Capture, lab: Lab) -> None:
    assert (
        explain(capsys, lab, "etc/motd")
        == """\
/etc/motd
  is         a file, mode 0644, owner 0:0
  from       files[0] etc/motd (x.yml:6:5)
  takes      11 B; about N in the initrd
"""
    )


def test_a_file_of_lkboard(capsys: Capture, lab: Lab) -> None:
    assert (
        explain(capsys, lab, "/boot/cmdline")
        == f"""\
/boot/cmdline
  is         a file, mode 0644, owner 0:0
  from       kernel (x.yml:1:9)
  made       the config's 'kernel.cmdline'
  image      HOST/lab/kernel:v1@{digest_of("kernel")}
  takes      22 B; not in the initrd: boot loaders load it beside it
"""
    )


def test_a_folder(capsys: Capture, lab: Lab) -> None:
    assert explain(capsys, lab, "/var").splitlines() == [
        "/var",
        "  is         a folder, mode 0750, owner 100:5",
        "  from       files[1] var/lib/web (x.yml:7:5)",
        "  made       a folder that '/var/lib/web' needs",
        "  takes      0 B; about N in the initrd",
        "  holds      0 files, 0 B of files",
    ]


def test_several_paths_one_after_the_other(capsys: Capture, lab: Lab) -> None:
    text = explain(capsys, lab, "/etc/motd", "/bin/sh")
    first, second = text.split("\n\n")
    assert (first.splitlines()[0], second.splitlines()[0]) == ("/etc/motd", "/bin/sh")


def test_a_pattern_gives_a_line_for_each(capsys: Capture, lab: Lab) -> None:
    assert (
        explain(capsys, lab, "/bin/*")
        == """\
4755  0:0  19.5 KiB  /bin/busybox        init[0], layer 1 of 1
0777  0:0       0 B  /bin/sh -> busybox  init[0], layer 1 of 1
4755  0:0  19.5 KiB  /bin/ls             init[0], layer 1 of 1
"""
    )


def test_without_a_path_it_says_what_the_system_is_made_of(capsys: Capture, lab: Lab) -> None:
    lines = explain(capsys, lab).splitlines()
    # without the packed size, and the bill of materials, which names the version of lkboard
    rows = [re.sub(r"  HOST/(\S+):v1@sha256:[0-9a-f]{64}", r" \1", line) for line in lines if "bill" not in line]
    assert [re.sub(r"( [KM]?i?B) +[0-9.]+ [KM]?i?B", r"\1", row) for row in rows] == [
        "                    files      size  in initrd  share",
        "services[0] web         7   2.9 MiB   96 % lab/web",
        "kernel                  3   103 KiB    3 % lab/kernel",
        "init[0]                 8  19.7 KiB    1 % lab/init",
        "files                   1      11 B    0 %",
        "shared directories      0       0 B    0 %",
        "together               20   3.0 MiB",
        "97.7 KiB in /boot are not in the initrd: boot loaders load kernel, command line and microcode beside it",
    ]


def test_what_was_replaced_and_deleted_before(capsys: Capture, lab: Lab) -> None:
    made = image(layer(file("a", b"1")), layer(whiteout("a")), layer(file("a", b"22")))
    name = lab.registry.push(made, "explain/history:v1")
    text = f"init: ['{name}']\nfiles: [{{path: a, contents: '333'}}]\n"
    done = run_command(capsys, "explain", lab.write(text), "a", "-q")
    assert masked(done.stdout).splitlines()[1:] == [
        "  is         a file, mode 0600, owner 0:0",
        f"  from       files[0] a ({lab.folder}/x.yml:2:9)",
        "  before     the file of 1 B, mode 0644, of init[0], layer 1 of 3, which init[0], layer 2 of 3 deletes",
        "  replaces   the file of 2 B, mode 0644, of init[0], layer 3 of 3",
        "  takes      3 B; about N in the initrd",
    ]


def results(text: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in text.splitlines()]
    return [event for event in events if event["event"] == "result"]


def test_json_has_an_object_for_each_path(capsys: Capture, lab: Lab) -> None:
    shell, motd = results(explain(capsys, lab, "/bin/sh", "/etc/motd", "--json"))
    assert (shell["path"], shell["link"], shell["maker"]["location"]) == ("/bin/sh", "busybox", "init[0]")
    assert motd == {
        "event": "result",
        "path": "/etc/motd",
        "kind": "file",
        "mode": "0644",
        "uid": 0,
        "gid": 0,
        "maker": {
            "location": "files[0]",
            "name": "etc/motd",
            "place": "x.yml:6:5",
            "image": "",
            "layer": None,
            "made": "",
        },
        "files": 1,
        "size_bytes": 11,
        "initrd_bytes": motd["initrd_bytes"],
        "link": "",
        "device": None,
        "names": [],
        "users": [],
        "replaced": [],
        "parts": [],
    }


def test_json_of_a_whole_system(capsys: Capture, lab: Lab) -> None:
    (found,) = results(explain(capsys, lab, "--json"))
    assert [share["maker"]["location"] for share in found["shares"]][:2] == ["services[0]", "kernel"]
    assert found["size_bytes"] == sum(share["size_bytes"] for share in found["shares"])


def test_the_same_question_gets_the_same_answer(capsys: Capture, lab: Lab) -> None:
    assert explain(capsys, lab) == explain(capsys, lab)
    assert explain(capsys, lab, "/") == explain(capsys, lab, "/")


def test_a_config_from_standard_input(capsys: Capture, lab: Lab) -> None:
    command = [sys.executable, "-m", "lkboard", "explain", "-", "/a", "-q"]
    text = "files: [{path: a, contents: x}]"
    done = subprocess.run(command, input=text, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[0]) == (0, "", "/a")


def test_a_path_that_looks_like_a_config(capsys: Capture, lab: Lab) -> None:
    text = explain(capsys, lab, "--path", "/etc/x.yml", more="files: [{path: etc/x.yml, contents: x}]\n")
    assert text.splitlines()[0] == "/etc/x.yml"


def test_costs_that_a_table_does_not_show_are_not_found_out(lab: Lab) -> None:
    options, job = BuildOptions((str(lab.config(FILES)),), architecture="amd64"), RecordingJob()
    for paths, is_known in ((["/bin/*"], False), (["/bin/ls"], True), (["/bin/l?"], True), (["/bin", "/etc"], True)):
        found = use_case.explain(options, paths, job, every_cost=False).found
        assert [one.initrd_bytes is not None for one in found] == [is_known] * len(found)
        assert None not in {one.initrd_bytes for one in use_case.explain(options, paths, job).found}


def test_several_configs_are_one(capsys: Capture, lab: Lab) -> None:
    one = lab.write("files: [{path: a, contents: x}]", "one.yml")
    two = lab.write("files: [{path: b, contents: y}]", "two.yml")
    done = run_command(capsys, "explain", one, two, "b", "-q")
    assert f"files[1] b ({two}:1:9)" in done.stdout


def test_the_first_argument_is_a_config_of_any_name(capsys: Capture, lab: Lab) -> None:
    config = lab.write("files: [{path: b.conf, contents: y}]", "x.conf")
    done = run_command(capsys, "explain", config, "b.conf", "-q")
    assert f"files[0] b.conf ({config}:1:9)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["/etc/none"], 1, "/etc/none: cannot be read"),
        (["none.yml", "/etc"], 1, "none.yml: cannot be read"),
        (["x.yml", "/none"], 1, "'/none' is not in the system ("),
        (["x.yml", "../a"], 1, "'../a' leads out of the root ("),
        (["x.yml", "--board", "none"], 2, "there is no board 'none'"),
        (["x.yml", "--board", "rpi3", "--arch", "amd64"], 2, "the board 'rpi3' is arm64, not 'amd64' (leave out"),
    ],
)
def test_what_cannot_be_explained_is_told(
    capsys: Capture,
    lab: Lab,
    arguments: list[str],
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab.write("files: [{path: a, contents: x}]")
    monkeypatch.chdir(lab.folder)
    done = run_command(capsys, "explain", *arguments, "-q")
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_path_does_not_hide_the_answers_to_others(capsys: Capture, lab: Lab) -> None:
    done = run_command(capsys, "explain", lab.config(FILES), "/etc/motd", "/none", "/bin/ls", "/bin/lss", "-q")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("/")] == ["/etc/motd", "/bin/ls"]
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == [
        "lkboard: '/none' is not in the system",
        "lkboard: '/bin/lss' is not in the system",
    ]


def test_a_wrong_path_is_an_error_for_machines(capsys: Capture, lab: Lab) -> None:
    done = run_command(capsys, "explain", lab.config(FILES), "/none", "/etc/motd", "-q", "--json")
    assert [found["path"] for found in results(done.stdout)] == ["/etc/motd"]
    errors = [event for line in done.stdout.splitlines() if (event := json.loads(line))["event"] == "error"]
    assert [(error["code"], error["message"]) for error in errors] == [
        ("build.path-missing", "'/none' is not in the system")
    ]


def test_a_board_decides_the_architecture(capsys: Capture, lab: Lab) -> None:
    done = run_command(capsys, "explain", lab.config(), "/bin/busybox", "--board", "rpi3", "-q", "--json")
    (found,) = results(done.stdout)
    arm = run_command(capsys, "explain", lab.config(), "/bin/busybox", "--arch", "aarch64", "-q", "--json")
    assert results(arm.stdout) == [found]
    amd = run_command(capsys, "explain", lab.config(), "/bin/busybox", "--arch", "amd64", "-q", "--json")
    assert results(amd.stdout) != [found]


def test_a_lock_decides_which_image_is_explained(capsys: Capture, lab: Lab) -> None:
    old, new = image(layer(file("old"))), image(layer(file("new")))
    name = lab.registry.push(old, "explain/locked:v1")
    config = lab.write(f"init: ['{name}']")
    assert run_command(capsys, "lock", config, "--arch", "amd64").returncode == 0
    lab.registry.push(new, "explain/locked:v1")
    for options, path in (([], "/new"), (["--locked"], "/old")):
        done = run_command(capsys, "explain", config, path, "--arch", "amd64", "--pull", "-q", *options)
        assert (done.returncode, done.stdout.splitlines()[:1]) == (0, [path]), done.stderr
