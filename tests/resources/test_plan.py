"""What a bundle's runtime.json makes happen (build.md section 8.9), as the shell functions that plan.awk prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.shell import LIBRARY, busybox, shell

if TYPE_CHECKING:
    from pathlib import Path

BUNDLE = "/containers/services/x"
Steps = dict[str, list[str]]


def _plan_text(runtime: object) -> str:
    result = busybox(
        "awk", "-f", LIBRARY / "json.awk", "-f", LIBRARY / "plan.awk", "-v", f"bundle={BUNDLE}", "/dev/stdin",
        stdin=json.dumps(runtime, indent=4),
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def _steps(runtime: object) -> Steps:
    """Return the commands of each function, without what every step has at its end."""
    steps: Steps = {}
    for line in _plan_text(runtime).splitlines():
        if line.endswith("() {"):
            steps[line.removesuffix("() {")] = []
        elif line.startswith("has_attach"):
            steps["has_attach"] = [line.split()[2]]
        elif line.startswith("    ") and line != "    :":
            steps[list(steps)[-1]].append(line.strip().removesuffix(" || return 1"))
    return steps


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        pytest.param(
            {"destination": "/d", "type": "tmpfs", "source": "tmpfs"},
            ["mkdir -p '/d'", "mount -t 'tmpfs' 'tmpfs' '/d'"],
            id="plain",
        ),
        pytest.param(
            {"destination": "/d", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m", "nosuid"]},
            ["mkdir -p '/d'", "mount -t 'tmpfs' -o 'size=1m,nosuid' 'tmpfs' '/d'"],
            id="options",
        ),
        pytest.param(
            {"destination": "/d", "type": "proc"},
            ["mkdir -p '/d'", "mount -t 'proc' none '/d'"],
            id="no source",
        ),
        pytest.param(
            {"destination": "/d", "options": ["remount", "private"]},
            ["mkdir -p '/d'", "mount --make-private '/d'"],
            id="only propagation is left of a remount",
        ),
        pytest.param(
            {"destination": "/d", "options": ["remount", "ro"]},
            ["mkdir -p '/d'", "mount -o 'remount,ro' none '/d'"],
            id="remount",
        ),
        pytest.param(
            {
                "destination": f"{BUNDLE}/rootfs",
                "type": "overlay",
                "source": "overlay",
                "options": ["lowerdir=/l", "upperdir=/t/upper", "workdir=/t/work"],
            },
            [
                f"mkdir -p '{BUNDLE}/rootfs' '/t/upper' '/t/work'",
                f"mount -t 'overlay' -o 'lowerdir=/l,upperdir=/t/upper,workdir=/t/work' 'overlay' '{BUNDLE}/rootfs'",
            ],
            id="overlay with its directories",
        ),
        pytest.param(
            {"destination": "/d", "source": "/s", "options": ["bind"]},
            ["mkdir -p '/d'", "mount -o bind '/s' '/d'"],
            id="bind",
        ),
        pytest.param(
            {"destination": "/d", "type": "bind", "source": "/s", "options": ["rw", "rbind", "rshared"]},
            ["mkdir -p '/d'", "mount -o rbind '/s' '/d'", "mount --make-rshared '/d'"],
            id="shared bind",
        ),
        pytest.param(
            {"destination": "/d", "type": "bind", "source": "/s", "options": ["bind", "ro", "nosuid"]},
            ["mkdir -p '/d'", "mount -o bind '/s' '/d'", "mount -o 'remount,bind,ro,nosuid' none '/d'"],
            id="flags of a bind need a second call",
        ),
        pytest.param(
            {"destination": "data", "type": "tmpfs", "source": "tmpfs"},
            [f"mkdir -p '{BUNDLE}/rootfs/data'", f"mount -t 'tmpfs' 'tmpfs' '{BUNDLE}/rootfs/data'"],
            id="relative destinations are in the container",
        ),
        pytest.param(
            {"destination": "/it's", "type": "tmpfs", "source": "$(x)"},
            ["mkdir -p '/it'\\''s'", "mount -t 'tmpfs' '$(x)' '/it'\\''s'"],
            id="quoted",
        ),
    ],
)
def test_mounts(mount: dict[str, object], expected: list[str]) -> None:
    assert _steps({"mounts": [mount]})["prepare"] == expected


def test_mounts_come_before_directories_before_cgroups() -> None:
    runtime = {
        "cgroups": ["a", "b/c"],
        "mounts": [{"destination": "/one", "type": "t"}, {"destination": "/two", "type": "t"}],
        "mkdir": ["/var/lib/x", "in/it"],
    }
    assert _steps(runtime)["prepare"] == [
        "mkdir -p '/one'",
        "mount -t 't' none '/one'",
        "mkdir -p '/two'",
        "mount -t 't' none '/two'",
        "mkdir -p '/var/lib/x'",
        f"mkdir -p '{BUNDLE}/rootfs/in/it'",
        "mkdir -p '/sys/fs/cgroup/a'",
        "mkdir -p '/sys/fs/cgroup/b/c'",
    ]


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        ({"name": "wlan0", "createInRoot": False}, "existing 'wlan0' '' ''"),
        ({"name": "eth0", "peer": "p", "createInRoot": False}, "root 'eth0' 'veth' 'p'"),
        ({"name": "eth0", "add": "veth", "peer": "p", "createInRoot": False}, "root 'eth0' 'veth' 'p'"),
        ({"name": "eth0", "add": "veth", "createInRoot": False}, "root 'eth0' 'veth' ''"),
        ({"name": "br0", "add": "bridge", "createInRoot": False}, "container 'br0' 'bridge' ''"),
        ({"name": "wg0", "add": "wireguard", "createInRoot": True}, "root 'wg0' 'wireguard' ''"),
    ],
)
def test_interfaces(interface: dict[str, object], expected: str) -> None:
    steps = _steps({"interfaces": [interface]})
    assert steps["attach"] == [f'add_interface "$1" {expected}']
    assert steps["has_attach"] == ["true;"]


def test_namespaces_are_kept_after_the_interfaces_are_there_and_let_go_before_the_next_run() -> None:
    steps = _steps({"interfaces": [{"name": "a"}], "bindNS": {"net": "/run/netns/x", "cgroup": "", "mnt": "/run/m"}})
    assert steps["attach"] == [
        "add_interface \"$1\" existing 'a' '' ''",
        "keep_namespace \"$1\" mnt '/run/m'",
        "keep_namespace \"$1\" net '/run/netns/x'",
    ]
    assert steps["release"] == ["release_namespace '/run/m'", "release_namespace '/run/netns/x'"]
    assert steps["has_attach"] == ["true;"]


def test_an_ordinary_bundle_attaches_nothing() -> None:
    kinds = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    steps = _steps({"interfaces": [], "bindNS": dict.fromkeys(kinds, ""), "namespace": ""})
    assert steps == {"prepare": [], "release": [], "attach": [], "has_attach": ["false;"]}


def test_a_bundle_without_a_runtime_json_needs_nothing(tmp_path: Path) -> None:
    script = 'write_plan "$1" >"$1/plan" && . "$1/plan" && prepare && release && attach 1 && ! has_attach && echo ok'
    plan = shell(script, tmp_path, libraries=("containers.sh",))
    assert (plan.stdout, plan.stderr) == ("ok\n", "")


def test_a_damaged_runtime_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "runtime.json").write_text('{"mounts": [')
    plan = shell('prepare_bundle "$1"', tmp_path, libraries=("containers.sh",), STATE_DIR=str(tmp_path / "state"))
    assert plan.returncode == 1
    assert f"{tmp_path}/runtime.json: not JSON" in plan.stderr


def test_the_first_step_that_fails_ends_the_preparation(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "runtime.json").write_text(json.dumps({"mkdir": [f"{tmp_path}/file/no", f"{tmp_path}/never"]}))
    done = shell('prepare_bundle "$1"', tmp_path, libraries=("containers.sh",), STATE_DIR=str(tmp_path / "state"))
    assert done.returncode == 1
    assert f"{tmp_path}/file" in done.stderr
    assert not (tmp_path / "never").exists()


_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


@settings(max_examples=40, deadline=None)
@given(name=_NAMES)
def test_any_name_of_a_directory_survives(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("plan")
    (folder / "runtime.json").write_text(json.dumps({"mkdir": [f"{folder}/made/{name}"]}))
    state = str(folder / "state")
    done = shell('prepare_bundle "$1"', folder, libraries=("containers.sh",), STATE_DIR=state)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (folder / "made").iterdir()] == [name]
