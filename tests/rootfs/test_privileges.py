"""Which changes of a container give it more rights, and which take some away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.images import file, image, layer
from support.stored import assembled, by_path

from lkboard.disk.content import read
from lkboard.rootfs.privileges import container_rights
from lkboard.rootfs.rights import Right, Rights, compare_rights

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.difference import PrivilegeChange

BUNDLE = "containers/services/s"


def rights(folder: Path, settings: str = "") -> Rights:
    """Return the rights of a container by the config that makes it."""
    text = f"services: [{{name: s, image: 'lab/s:v1'{settings and ', '}{settings}}}]\nvolumes: [{{name: v}}]"
    found = by_path(assembled(folder, text, {"lab/s:v1": image(layer(file("x")))}))
    config, runtime = (json.loads(read(found[f"{BUNDLE}/{name}.json"].content)) for name in ("config", "runtime"))
    return container_rights(config, runtime, BUNDLE)


def shown(change: PrivilegeChange) -> str:
    return f"{change.direction}: {change.kind} {change.subject}: {change.before or '-'} > {change.after or '-'}"


def compared(folder: Path, before: str, after: str) -> list[str]:
    one, other = rights(folder / "before", before), rights(folder / "after", after)
    return [shown(change) for change in compare_rights("services/s", one, other)]


MORE = {
    "capabilities": (
        "capabilities: [CAP_KILL]",
        "capabilities: [CAP_KILL, CAP_CHOWN]",
        ["more: capability CAP_CHOWN: - > granted"],
    ),
    "an ambient capability": (
        "capabilities: [CAP_KILL]",
        "capabilities: [CAP_KILL], ambient: [CAP_KILL]",
        ["more: ambient capability CAP_KILL: - > granted"],
    ),
    "another bind": ("binds: ['/a:/a']", "binds: ['/a:/a', '/b:/c:ro']", ["more: bind /b on /c: - > read-only"]),
    "a bind that can be written to": (
        "binds: ['/a:/a:ro']",
        "binds: ['/a:/a']",
        ["more: bind /a on /a: read-only > read and write"],
    ),
    "a volume": ("", "binds: ['v:/v']", ["more: bind /containers/volumes/v/merged on /v: - > read and write"]),
    "a mount": (
        "",
        "mounts: [{type: debugfs, source: debugfs, destination: /debug}]",
        ["more: mount debugfs on /debug: - > read and write"],
    ),
    "the network of the host": ("net: new", "net: host", ["more: namespace network: its own > the host's"]),
    "the network of another container": (
        "net: new",
        "net: /run/netns/x",
        ["more: namespace network: its own > that of /run/netns/x"],
    ),
    "the processes of the host": ("", "pid: host", ["more: namespace pid: its own > the host's"]),
    "no user namespace": ("userns: new", "", ["more: namespace user: its own > the host's"]),
    "a root that can be written to": (
        "readonly: true",
        "",
        ["more: mount sysfs on /sys: read-only > read and write", "more: root : read-only > writable"],
    ),
    "root": ("uid: 5", "", ["more: user : 5 > root"]),
    "a group": ("", "additionalGids: [7]", ["more: group 7: - > member"]),
    "setuid programs": (
        "noNewPrivileges: true",
        "",
        ["more: setuid programs : without effect > effective"],
    ),
    "a device": (
        "",
        "devices: [{path: /dev/x, type: c, major: 1, minor: 5, mode: '0600'}]",
        ["more: device /dev/x (c 1:5): - > granted"],
    ),
    "every device": ("", "devices: [{path: all, type: a}]", ["more: device all: - > read, write, make"]),
    "a path that was masked": ("maskedPaths: [/proc/kcore]", "", ["more: path /proc/kcore: masked > -"]),
    "a path that was masked becomes readable": (
        "maskedPaths: [/proc/x]",
        "readonlyPaths: [/proc/x]",
        ["more: path /proc/x: masked > read-only"],
    ),
    "a path that was read-only": ("readonlyPaths: [/proc/x]", "", ["more: path /proc/x: read-only > -"]),
    "a folder on the host": ("", "runtime: {mkdir: [/a]}", ["more: runtime.mkdir /a: - > made"]),
    "a cgroup": ("", "runtime: {cgroups: [a]}", ["more: runtime.cgroups a: - > made"]),
    "an interface": (
        "",
        "runtime: {interfaces: [{name: eth0}]}",
        ["more: runtime.interfaces eth0: - > moved in"],
    ),
    "a mount on the host": (
        "",
        "runtime: {mounts: [{type: bind, source: /a, destination: /b}]}",
        ["more: runtime.mounts /a on /b: - > read and write"],
    ),
    "a namespace that stays": (
        "",
        "runtime: {bindNS: {net: /run/netns/x}}",
        ["more: runtime.bindNS net: - > kept at /run/netns/x"],
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_more_rights_are_called_more(name: str, tmp_path: Path) -> None:
    before, after, expected = MORE[name]
    assert compared(tmp_path, before, after) == expected


@pytest.mark.parametrize("name", MORE)
def test_the_way_back_is_less(name: str, tmp_path: Path) -> None:
    before, after, expected = MORE[name]
    turned = compared(tmp_path, after, before)
    assert len(turned) == len(expected)
    assert all(line.startswith("less: ") for line in turned)


def overlay(*options: str) -> dict[str, Any]:
    return {"mounts": [{"type": "overlay", "source": "overlay", "destination": "/x", "options": [*options]}]}


def bind(*options: str) -> dict[str, Any]:
    return {"mounts": [{"type": "bind", "source": "/a", "destination": "/x", "options": [*options]}]}


def node(*rules: dict[str, Any]) -> dict[str, Any]:
    found = {"path": "/dev/x", "type": "c", "major": 1, "minor": 5}
    return {"linux": {"devices": [found], "resources": {"devices": [*rules]}}}


def rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"linux": {"resources": {"devices": [*rules]}}}


def namespaces(*kinds: str) -> dict[str, Any]:
    return {"linux": {"namespaces": [{"type": kind} for kind in kinds]}}


def process(**members: Any) -> dict[str, Any]:
    return {"process": members}


def seccomp(action: str, *calls: str) -> dict[str, Any]:
    names = [{"names": [call], "action": "SCMP_ACT_ALLOW"} for call in calls]
    return {"linux": {"seccomp": {"defaultAction": action, "syscalls": names}}}


HOOK = {"path": "/bin/x", "args": ["x", "-a"], "env": ["A=1"]}
X = {"type": "c", "major": 1, "minor": 5}
STRICT, LENIENT = "filter {}: 1 rules, else SCMP_ACT_ERRNO", "filter {}: 1 rules, else SCMP_ACT_ALLOW"
DOCUMENTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a hook": ({}, {"hooks": {"createRuntime": [HOOK]}}, ["more: hook createRuntime A=1 /bin/x -a: - > run"]),
    "another hook with other arguments": (
        {"hooks": {"createRuntime": [HOOK]}},
        {"hooks": {"createRuntime": [HOOK, {**HOOK, "args": ["x"]}]}},
        ["more: hook createRuntime A=1 /bin/x: - > run"],
    ),
    "the mounts of the host": (
        namespaces("mount", "cgroup"),
        namespaces("cgroup"),
        ["more: namespace mount: its own > the host's"],
    ),
    "the cgroups of the host": (
        namespaces("mount", "cgroup"),
        namespaces("mount"),
        ["more: namespace cgroup: its own > the host's"],
    ),
    "the clock of the host": (namespaces("time"), {}, ["more: namespace time: its own > the host's"]),
    "no AppArmor profile": (
        process(apparmorProfile="strict"),
        {},
        ["more: AppArmor profile : strict > -"],
    ),
    "an AppArmor profile without effect": (
        process(apparmorProfile="strict"),
        process(apparmorProfile="unconfined"),
        ["more: AppArmor profile : strict > unconfined"],
    ),
    "no SELinux label": (process(selinuxLabel="a:b:c"), {}, ["more: SELinux label : a:b:c > -"]),
    "no filter of system calls": (
        seccomp("SCMP_ACT_ERRNO", "read"),
        {},
        [f"more: system calls : {STRICT.format('2e532412912a')} > -"],
    ),
    "a filter that lets all else pass": (
        seccomp("SCMP_ACT_ERRNO", "read"),
        seccomp("SCMP_ACT_ALLOW", "read"),
        [f"more: system calls : {STRICT.format('2e532412912a')} > {LENIENT.format('502f366742ab')}"],
    ),
    "an overlay of the host": ({}, overlay("lowerdir=/"), ["more: mount overlay of / on /x: - > read and write"]),
    "a wider overlay": (
        {},
        overlay("lowerdir=/a:/b", "upperdir=/c", "workdir=/d", "ro"),
        ["more: mount overlay of /a, /b, /c on /x: - > read-only"],
    ),
    "a disk": (
        {},
        {"mounts": [{"type": "ext4", "source": "/dev/sda1", "destination": "/x"}]},
        ["more: mount ext4 of /dev/sda1 on /x: - > read and write"],
    ),
    "a mount that is changed": (
        {},
        {"mounts": [{"destination": "/sys", "options": ["remount", "rw"]}]},
        ["more: mount on /sys: - > read and write"],
    ),
    "the last option counts": (
        bind("rbind", "ro"),
        bind("ro", "rbind", "rw"),
        ["more: bind /a on /x: read-only > read and write"],
    ),
    "more access to a device": (
        node({"allow": True, **X, "access": "r"}),
        node({"allow": True, **X, "access": "rwm"}),
        ["more: device /dev/x (c 1:5): read > granted"],
    ),
    "any access to a device": (
        node(),
        node({"allow": True, "access": "w"}),
        [
            "more: device /dev/x (c 1:5): no access > write",
            "more: device all: - > write",
        ],
    ),
    "a rule that denied": (
        rules({"allow": True, "type": "c"}, {"allow": False, **X, "access": "rw"}),
        rules({"allow": True, "type": "c"}),
        ["more: device all that are c 1:5: not read, write > -"],
    ),
    "a rule that denied everything": (
        rules({"allow": True, **X}, {"allow": False}),
        rules({"allow": False}, {"allow": True, **X}),
        ["more: device all that are c 1:5: - > read, write, make"],
    ),
    "an effective capability": (
        process(capabilities={"bounding": ["CAP_KILL"]}),
        process(capabilities={"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"]}),
        ["more: capability CAP_KILL: bounding only > granted"],
    ),
    "a permitted capability": (
        process(capabilities={"inheritable": ["CAP_KILL"]}),
        process(capabilities={"permitted": ["CAP_KILL"]}),
        ["more: capability CAP_KILL: inheritable only > permitted"],
    ),
    "another root": (
        {"root": {"path": "rootfs"}},
        {"root": {"path": "/"}},
        ["more: root folder : - > /"],
    ),
}


def documents_compared(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = (container_rights(config, {}, BUNDLE) for config in (before, after))
    return [shown(change) for change in compare_rights("services/s", old, new)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_only_other_builders_write_is_read(name: str) -> None:
    before, after, expected = DOCUMENTS[name]
    assert documents_compared(before, after) == expected


@pytest.mark.parametrize("name", DOCUMENTS)
def test_its_way_back_is_less(name: str) -> None:
    before, after, expected = DOCUMENTS[name]
    turned = documents_compared(after, before)
    assert len(turned) == len(expected)
    assert all(line.startswith("less: ") for line in turned)


def test_another_filter_of_system_calls_is_other() -> None:
    (line,) = documents_compared(seccomp("SCMP_ACT_ERRNO", "read"), seccomp("SCMP_ACT_ERRNO", "mount"))
    assert line.startswith("other: system calls : filter ")


def test_the_same_folder_in_other_words_is_no_other_root() -> None:
    assert documents_compared({}, {"root": {"path": f"/{BUNDLE}/./rootfs"}}) == []


def test_a_rule_that_says_what_a_wider_one_says_is_no_right() -> None:
    wide = {"allow": True, "type": "c", "access": "rwm"}
    assert documents_compared(rules(wide), rules(wide, {"allow": True, **X}, {"allow": True, "type": "u"})) == []


def test_many_rules_are_read_at_once() -> None:
    many = [{"allow": True, "type": "c", "major": number, "minor": 1} for number in range(20_000)]
    found = container_rights(rules(*many, *({"allow": False, "type": "b"} for _ in many)), {}, BUNDLE)
    assert sum(kind == "device" for kind, _subject in found) == len(many)


def test_an_interface_of_the_host_is_more_than_a_new_one() -> None:
    made, moved = ({"interfaces": [{"name": "eth0", **more}]} for more in ({"add": "veth", "peer": "v0"}, {}))
    old, new = (container_rights({}, runtime, BUNDLE) for runtime in (made, moved))
    assert [shown(change) for change in compare_rights("services/s", old, new)] == [
        "more: runtime.interfaces eth0: a new veth with v0 > moved in"
    ]


INTERFACES = {
    "made in the host's network": ({"add": "dummy"}, {"createInRoot": True}, "a new dummy > a new dummy, createInRoot"),
    "moved from the host's network": ({}, {"createInRoot": True}, "moved in > moved in, createInRoot"),
    "another peer": ({"add": "veth", "peer": "v0"}, {"peer": "v1"}, "a new veth with v0 > a new veth with v1"),
}


@pytest.mark.parametrize("name", INTERFACES)
def test_what_an_interface_is_otherwise_is_told(name: str) -> None:
    before, more, expected = INTERFACES[name]
    documents = ({"interfaces": [{"name": "eth0", "createInRoot": False, **before, **now}]} for now in ({}, more))
    old, new = (container_rights({}, runtime, BUNDLE) for runtime in documents)
    assert [shown(change) for change in compare_rights("services/s", old, new)] == [
        f"other: runtime.interfaces eth0: {expected}"
    ]


def test_an_interface_with_a_peer_is_a_new_one() -> None:
    found = container_rights({}, {"interfaces": [{"name": "eth0", "peer": "v0"}]}, BUNDLE)
    assert found["runtime.interfaces", "eth0"] == Right(1, "a new veth with v0")


@pytest.mark.parametrize(
    "mount",
    [
        {"type": "cgroup", "source": "cgroup", "destination": "/sys/fs/cgroup"},
        {"type": "proc", "source": "/", "destination": "/proc", "options": ["bind"]},
    ],
)
def test_what_looks_ordinary_in_a_new_container_is_told(mount: dict[str, Any]) -> None:
    found = container_rights({"mounts": [mount]}, {}, BUNDLE)
    subjects = {change.subject for change in compare_rights("services/s", None, found)}
    assert any(subject.endswith(f"on {mount['destination']}") for subject in subjects)


OTHER = {
    "another user": ("uid: 5", "uid: 6", ["other: user : 5 > 6"]),
    "another network": ("net: /a", "net: /b", ["other: namespace network: that of /a > that of /b"]),
    "another source": (
        "binds: ['/a:/x']",
        "binds: ['/b:/x']",
        ["less: bind /a on /x: read and write > -", "more: bind /b on /x: - > read and write"],
    ),
    "what is no right": ("command: [a]", "command: [b], env: [A=1], hostname: x", []),
    "a folder in memory": ("", "tmpfs: ['/tmp']", []),
    "nothing": ("capabilities: [all]", "capabilities: [all]", []),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_neither_more_nor_less(name: str, tmp_path: Path) -> None:
    before, after, expected = OTHER[name]
    assert compared(tmp_path, before, after) == expected


def test_a_new_container_shows_what_is_not_ordinary(tmp_path: Path) -> None:
    found = rights(tmp_path, "capabilities: [CAP_KILL], maskedPaths: [/proc/x]")
    assert [shown(change) for change in compare_rights("services/s", None, found)] == [
        "more: capability CAP_KILL: - > granted",
        "more: namespace network: - > the host's",
    ]


def test_a_careful_new_container_shows_nothing(tmp_path: Path) -> None:
    assert list(compare_rights("services/s", None, rights(tmp_path, "net: none, readonly: true, uid: 1"))) == []


def test_the_mounts_of_the_own_root_are_no_right() -> None:
    own = {"destination": f"/{BUNDLE}/rootfs", "type": "bind", "source": "/containers/onboot/000-a/lower"}
    other = {**own, "destination": f"/{BUNDLE}-other/rootfs"}
    found = container_rights({}, {"mounts": [own, other]}, BUNDLE)
    assert [subject for kind, subject in found if kind == "runtime.mounts"] == [
        f"/containers/onboot/000-a/lower on /{BUNDLE}-other/rootfs"
    ]


ROOT = f"/{BUNDLE}/rootfs"
FOREIGN = {
    "a folder of the host": ({"type": "bind", "source": "/", "destination": ROOT}, f"/ on {ROOT}"),
    "a way out of the images": (
        {"type": "bind", "source": "/containers/services/../../etc", "destination": ROOT},
        f"/containers/services/../../etc on {ROOT}",
    ),
    "an overlay of the host": (
        {"type": "overlay", "source": "overlay", "destination": ROOT, "options": ["lowerdir=/"]},
        f"overlay of / on {ROOT}",
    ),
    "a way out of the bundle": (
        {"type": "tmpfs", "destination": f"/{BUNDLE}/../../../etc"},
        f"tmpfs on /{BUNDLE}/../../../etc",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_mount_that_only_looks_like_one_of_the_own_root_is_told(name: str) -> None:
    mount, subject = FOREIGN[name]
    found = container_rights({}, {"mounts": [mount]}, BUNDLE)
    assert [about for kind, about in found if kind == "runtime.mounts"] == [subject]


def test_a_rule_for_devices_that_denies_is_no_right() -> None:
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "access": "r"}]
    found = container_rights({"linux": {"resources": {"devices": rules}}}, {}, BUNDLE)
    devices = {subject: right.text for (kind, subject), right in found.items() if kind == "device"}
    assert devices == {"all that are c 1:*": "read"}


def test_the_rule_that_comes_with_a_device_is_not_told_again() -> None:
    node = {"path": "/dev/x", "type": "c", "major": 1, "minor": 5}
    rule = {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"}
    found = container_rights({"linux": {"devices": [node], "resources": {"devices": [rule]}}}, {}, BUNDLE)
    assert [subject for kind, subject in found if kind == "device"] == ["/dev/x (c 1:5)"]


def test_documents_of_a_wrong_shape_have_no_rights() -> None:
    odd = [{"type": ["bind"], "path": {}, "destination": [], "options": ["rbind"]}, {"type": {}}, 5, None]
    linux = {"namespaces": odd, "devices": 7, "resources": {"devices": "all"}, "maskedPaths": [1]}
    found = container_rights({"linux": linux, "mounts": odd[1:], "process": []}, {"mounts": {}, "mkdir": "/a"}, BUNDLE)
    assert {kind for kind, _subject in found} == {"user", "namespace", "root", "setuid programs"}


NAMES = "process user uid capabilities bounding linux namespaces type path mounts root options destination devices"
NAMES += " resources maskedPaths cgroups bindNS mkdir interfaces allow major additionalGids access source"
names = st.sampled_from(NAMES.split())
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["bind", "network", "c"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
)
documents = st.dictionaries(names, values)


@given(config=documents, runtime=documents)
def test_any_document_has_rights(config: dict[str, Any], runtime: dict[str, Any]) -> None:
    found = container_rights(config, runtime, BUNDLE)
    assert list(compare_rights("services/s", found, found)) == []
    assert all(change.direction == "more" for change in compare_rights("services/s", None, found))
