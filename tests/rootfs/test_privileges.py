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
from lkboard.rootfs.privileges import Rights, compare_rights, container_rights

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
    own = {"destination": f"/{BUNDLE}/tmp", "type": "bind", "source": "/a"}
    other = {**own, "destination": f"/{BUNDLE}-other/tmp"}
    found = container_rights({}, {"mounts": [own, other]}, BUNDLE)
    assert [subject for kind, subject in found if kind == "runtime.mounts"] == [f"/a on /{BUNDLE}-other/tmp"]


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
