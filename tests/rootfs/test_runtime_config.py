"""The examples are those of build.md section 4.4, compared byte for byte or with their order."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.stored import configured

from lkboard.config.label import parse_label
from lkboard.config.values import CAPABILITIES
from lkboard.errors import ConfigError, ImageConflict
from lkboard.model.config import Container, Device, Options
from lkboard.model.image import ImageConfig, Platform
from lkboard.rootfs.effective import Effective, effective
from lkboard.rootfs.runtime_config import Names, config_json
from lkboard.rootfs.runtime_json import runtime_json

GOLDEN = Path(__file__).parent / "golden"
BARE = ImageConfig(Platform())
NAMES = Names({"a": 100}, {})

LABEL = """
{"binds":["/lab:/lab:ro","/x:/x"],"capabilities":["CAP_NET_ADMIN","CAP_CHOWN"],"command":["/lab"],"env":["A=1"],
 "cwd":"/l","net":"host","pid":"host","readonly":true,"tmpfs":["/tmp:size=1m,ro","/run"],"hostname":"lh",
 "oomScoreAdj":-5,"sysctl":{"net.a":"1"},"rlimits":["nofile,10,unlimited"],"annotations":{"a":"b"},
 "runtime":{"mkdir":["/var/l"],"cgroups":["a"],
  "mounts":[{"type":"bind","source":"/s","destination":"/d","options":["rw","bind"]}]}}
"""


def container(yaml: str) -> Container:
    return configured(f"services:\n- {{name: a, image: 'lab/a:v1', {yaml}}}\n").services[0]


def settings(one: Container, label: Options | None = None, image: ImageConfig = BARE) -> Effective:
    return effective("services[0]", one, label or Options(), image)


def document(yaml: str = "", image: ImageConfig = BARE) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(config_json(settings(container(yaml), image=image), NAMES))
    return loaded


def compact(text: bytes) -> str:
    """Return a document on one line: what is compared keeps its order."""
    return json.dumps(json.loads(text), separators=(",", ":"))


def test_a_container_with_nothing_set() -> None:
    single = settings(container(""), image=replace(BARE, cmd=("s",)))
    bundle = "containers/services/single"
    assert config_json(single, NAMES) == (GOLDEN / "single.config.json").read_bytes()
    assert runtime_json(single, bundle, f"{bundle}/lower") == (GOLDEN / "single.runtime.json").read_bytes()


def test_a_container_that_its_label_describes() -> None:
    two = settings(container(""), parse_label(LABEL, "lab/a:v1"))
    expected = json.loads((GOLDEN / "label.json").read_text())
    assert compact(config_json(two, NAMES)) == json.dumps(expected["config"], separators=(",", ":"))
    bundle = "containers/onboot/001-two"
    assert compact(runtime_json(two, bundle, f"{bundle}/rootfs")) == json.dumps(
        expected["runtime"], separators=(",", ":")
    )


def test_a_container_with_everything_in_the_config() -> None:
    text = """
services:
- name: a
  image: lab/a:v1
  capabilities: [all]
  ambient: [CAP_KILL]
  resources:
    {pids: {limit: 11}, blockio: {weight: 1}, devices: [{allow: true, type: c, major: 1, minor: 2, access: rwm}]}
  devices:
    - {path: /dev/console, type: c, major: 5, minor: 1, mode: "0666"}
    - {path: all, type: b}
  mounts: [{type: proc}, {source: mqueue}, {destination: /dev, options: [x]}]
  uid: a
  gid: 5
  additionalGids: [a, 6, root, ""]
  net: new
  ipc: new
  uts: new
  userns: new
"""
    full = json.loads(config_json(settings(configured(text).services[0]), NAMES))
    assert json.dumps(full["process"]["user"]) == '{"uid": 100, "gid": 5, "additionalGids": [100, 6, 0, 0]}'
    capabilities = full["process"]["capabilities"]
    assert list(capabilities) == ["bounding", "effective", "inheritable", "permitted", "ambient"]
    assert capabilities["effective"] == list(CAPABILITIES)
    assert capabilities["bounding"] == capabilities["inheritable"] == capabilities["permitted"] == sorted(CAPABILITIES)
    assert capabilities["ambient"] == ["CAP_KILL"]
    assert [(mount["destination"], mount["type"], mount.get("options")) for mount in full["mounts"]][:4] == [
        ("/dev", "tmpfs", ["x"]),
        ("/dev/mqueue", "mqueue", None),
        ("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        ("/proc", "proc", None),
    ]
    assert json.dumps(full["linux"], separators=(",", ":")) == (
        '{"resources":{"devices":[{"allow":true,"type":"c","major":1,"minor":2,"access":"rwm"},'
        '{"allow":true,"type":"c","major":5,"minor":1,"access":"rwm"},{"allow":true,"type":"b","access":"rwm"}],'
        '"pids":{"limit":11},"blockIO":{"weight":1}},'
        '"namespaces":[{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"pid"},{"type":"user"},{"type":"mount"}],'
        '"devices":[{"path":"/dev/console","type":"c","major":5,"minor":1,"fileMode":438}]}'
    )


def test_a_read_only_container_that_shares_an_image() -> None:
    bye = settings(container("readonly: true"))
    runtime = json.loads(runtime_json(bye, "containers/onshutdown/000-bye", "containers/onboot/000-one/lower"))
    assert runtime["mounts"] == [
        {
            "destination": "/containers/onshutdown/000-bye/rootfs",
            "source": "/containers/onboot/000-one/lower",
            "options": ["bind"],
        }
    ]


@pytest.mark.parametrize(
    ("yaml", "types"),
    [
        ("", ["pid", "mount"]),
        ("pid: host", ["mount"]),
        ("pid: root", ["mount"]),
        ("pid: new", ["pid", "mount"]),
        ("net: none", ["network", "pid", "mount"]),
        ("net: new, ipc: new, uts: new, userns: new", ["network", "ipc", "uts", "pid", "user", "mount"]),
        ("net: host, ipc: host, uts: host, userns: host", ["pid", "mount"]),
    ],
)
def test_namespaces(yaml: str, types: list[str]) -> None:
    assert document(yaml)["linux"]["namespaces"] == [{"type": kind} for kind in types]


def test_a_namespace_may_be_a_path() -> None:
    assert document("net: /run/netns/x, pid: /p, ipc: none")["linux"]["namespaces"] == [
        {"type": "network", "path": "/run/netns/x"},
        {"type": "ipc", "path": "none"},
        {"type": "pid", "path": "/p"},
        {"type": "mount"},
    ]


@pytest.mark.parametrize(
    ("yaml", "capabilities"),
    [
        ("", {}),
        ("capabilities: [none]", {}),
        ("capabilities: []", {}),
        (
            "capabilities: [CAP_NET_RAW, CAP_CHOWN, CAP_NET_RAW]",
            {
                "bounding": ["CAP_CHOWN", "CAP_NET_RAW"],
                "effective": ["CAP_NET_RAW", "CAP_CHOWN", "CAP_NET_RAW"],
                "inheritable": ["CAP_CHOWN", "CAP_NET_RAW"],
                "permitted": ["CAP_CHOWN", "CAP_NET_RAW"],
            },
        ),
        (
            "ambient: [CAP_KILL]",
            {"bounding": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "permitted": ["CAP_KILL"], "ambient": ["CAP_KILL"]},
        ),
    ],
)
def test_capabilities(yaml: str, capabilities: dict[str, list[str]]) -> None:
    assert document(yaml)["process"]["capabilities"] == capabilities


def test_the_rest_of_the_process() -> None:
    process = document(
        "noNewPrivileges: true, oomScoreAdj: 0, cwd: /w, env: [], command: [/bin/x, y], "
        "rlimits: ['nofile, 1, 2', 'RLIMIT_CPU,unlimited,UNLIMITED']"
    )["process"]
    assert process == {
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/x", "y"],
        "cwd": "/w",
        "capabilities": {},
        "rlimits": [
            {"type": "RLIMIT_NOFILE", "hard": 2, "soft": 1},
            {"type": "RLIMIT_CPU", "hard": 2**64 - 1, "soft": 2**64 - 1},
        ],
        "noNewPrivileges": True,
        "oomScoreAdj": 0,
    }
    assert list(process)[-3:] == ["rlimits", "noNewPrivileges", "oomScoreAdj"]


def test_false_says_nothing() -> None:
    written = document("readonly: false, noNewPrivileges: false")
    assert written["root"] == {"path": "rootfs"}
    assert "noNewPrivileges" not in written["process"]


def test_the_rest_of_the_document() -> None:
    written = document(
        "hostname: h, readonly: true, annotations: {b: '2', a: '1'}, sysctl: {z: '1', a: '2'}, "
        "cgroupsPath: /c, rootfsPropagation: shared, maskedPaths: [/m], readonlyPaths: [/r], "
        "uidMappings: [{hostID: 1000, containerID: 1, size: 10}], gidMappings: [{hostID: 2000, size: 5}]"
    )
    assert list(written) == ["ociVersion", "process", "root", "hostname", "mounts", "annotations", "linux"]
    assert written["root"] == {"path": "rootfs", "readonly": True}
    assert list(written["annotations"]) == ["a", "b"]
    linux = written["linux"]
    assert list(linux) == [
        "uidMappings",
        "gidMappings",
        "sysctl",
        "resources",
        "cgroupsPath",
        "namespaces",
        "rootfsPropagation",
        "maskedPaths",
        "readonlyPaths",
    ]
    assert linux["uidMappings"] == [{"containerID": 1, "hostID": 1000, "size": 10}]
    assert list(linux["sysctl"]) == ["a", "z"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(uid="nobody"), "services.0.uid: cannot find the user or group 'nobody'"),
        (Options(additional_gids=(1, "wheel")), "services.0.additionalGids: cannot find the user or group 'wheel'"),
        (Options(capabilities=("CAP_NOPE",)), "services.0.capabilities: unknown capability 'CAP_NOPE'"),
        (Options(ambient=("all", "CAP_KILL")), "services.0.ambient: the capability 'all' must be alone"),
        (Options(rlimits=("nofile,1",)), "services.0.rlimits: 'nofile,1' is not a limit"),
        (Options(devices=(Device("/dev/x", "c", 1, 2, "rw"),)), "services.0.devices: the mode 'rw' is not octal"),
    ],
)
def test_values_that_make_no_sense_are_refused(options: Options, message: str) -> None:
    one = container("")
    with pytest.raises(ConfigError) as caught:
        config_json(settings(replace(one, options=options)), NAMES)
    assert f"test.yml:2:3: {message}" in str(caught.value)
    with pytest.raises(ImageConflict, match="label"):
        config_json(settings(one, options), NAMES)


def test_everything_of_runtime_is_written() -> None:
    one = container(
        "runtime: {cgroups: [c], mkdir: [/d], namespace: n, bindNS: {net: /n}, "
        "mounts: [{type: bind, source: /s, destination: /e, options: [bind]}], "
        "interfaces: [{name: i, add: veth, peer: p, createInRoot: true}, {name: j}]}"
    )
    runtime = json.loads(runtime_json(settings(one), "b", "b/lower"))
    assert list(runtime) == ["cgroups", "mounts", "mkdir", "interfaces", "bindNS", "namespace"]
    assert (runtime["cgroups"], runtime["mkdir"], runtime["namespace"]) == (["c"], ["/d"], "n")
    assert runtime["interfaces"] == [
        {"name": "i", "add": "veth", "peer": "p", "createInRoot": True},
        {"name": "j", "createInRoot": False},
    ]
    assert runtime["bindNS"] == {"cgroup": "", "ipc": "", "mnt": "", "net": "/n", "pid": "", "user": "", "uts": ""}
    assert runtime["mounts"][-1] == {"destination": "/e", "type": "bind", "source": "/s", "options": ["bind"]}
