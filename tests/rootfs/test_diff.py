"""What is not the same in two roots: each claim against roots that differ in one thing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.entries import device, file, folder, hard_link, symlink
from support.images import Image, image, layer, noise
from support.images import file as member
from support.jobs import RecordingJob
from support.stored import assembled

from lkboard.disk.content import read
from lkboard.errors import BuildError, Cancelled
from lkboard.model.difference import Difference, FileChange, SizeChange
from lkboard.model.extents import Content, FileSpan, Inline, Zeros
from lkboard.model.rootfs import Kind
from lkboard.rootfs.diff import compare
from lkboard.rootfs.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lkboard.model.difference import ServiceChange
    from lkboard.model.rootfs import Entry

CAPABILITY = ("SCHILY.xattr.security.capability", b"\1\0")


def plain(*entries: Entry, name: str = "tree") -> Tree:
    return Tree(name, {entry.path: entry for entry in entries}, {})


def changes(before: list[Entry], after: list[Entry]) -> list[str]:
    found = compare(plain(*before), plain(*after), RecordingJob())
    return [f"{one.change} {one.path}: {'; '.join(one.details)}" for one in found.files]


BASE = [folder("d"), file("d/f", b"1234", mode=0o600), symlink("s", "d/f"), device("n", Kind.CHAR, 1, 3)]
ONE = {
    "nothing": (BASE, []),
    "content of one size": ([file("d/f", b"5678", mode=0o600)], ["changed /d/f: content"]),
    "content of another size": ([file("d/f", b"56", mode=0o600)], ["changed /d/f: content"]),
    "the mode": ([file("d/f", b"1234", mode=0o4755)], ["changed /d/f: mode 0600 -> 4755"]),
    "the owner": ([file("d/f", b"1234", mode=0o600, uid=5, gid=6)], ["changed /d/f: owner 0:0 -> 5:6"]),
    "all of it": (
        [file("d/f", b"", mode=0o700, gid=1)],
        ["changed /d/f: content; mode 0600 -> 0700; owner 0:0 -> 0:1"],
    ),
    "the time": ([file("d/f", b"1234", mode=0o600, mtime_ns=5)], []),
    "the target": ([symlink("s", "x")], ["changed /s: target d/f -> x"]),
    "the mode of a link": ([symlink("s", "d/f", mode=0o644)], []),
    "the device": ([device("n", Kind.CHAR, 1, 5)], ["changed /n: device 1:3 -> 1:5"]),
    "the kind": ([device("n", Kind.BLOCK, 1, 3)], ["changed /n: character device -> block device"]),
    "a link in the place of a file": ([symlink("d/f", "x")], ["changed /d/f: file -> symbolic link"]),
    "a folder's mode": ([folder("d", mode=0o700)], ["changed /d: mode 0755 -> 0700"]),
    "attributes": (
        [file("d/f", b"1234", mode=0o600, pax=(CAPABILITY,))],
        ["changed /d/f: attributes none -> security.capability=0100"],
    ),
    "records that are no attributes": ([file("d/f", b"1234", mode=0o600, pax=(("atime", b"5"),))], []),
    "a file more": ([file("d/new", b"12")], ["added /d/new: file"]),
    "a whole folder more": (
        [folder("x"), folder("x/y"), file("x/y/1", b"1"), file("x/z", b"22")],
        ["added /x: folder"],
    ),
}


def changed(entries: list[Entry]) -> list[Entry]:
    return list(({entry.path: entry for entry in BASE} | {entry.path: entry for entry in entries}).values())


@pytest.mark.parametrize("name", ONE)
def test_a_change_is_told(name: str) -> None:
    entries, expected = ONE[name]
    assert changes(BASE, changed(entries)) == expected


@pytest.mark.parametrize("name", ONE)
def test_a_change_and_its_way_back_are_as_many(name: str) -> None:
    entries, expected = ONE[name]
    back = changes(changed(entries), BASE)
    assert len(back) == len(expected)
    assert [line.replace("removed", "added").split(":")[0] for line in back] == [
        line.split(":")[0] for line in expected
    ]


def test_a_folder_stands_for_all_that_is_in_it() -> None:
    more = [folder("x"), folder("x/y"), file("x/y/1", b"1"), hard_link("x/y/2", "x/y/1"), file("x/z", b"22")]
    (added,) = compare(plain(*BASE), plain(*BASE, *more), RecordingJob()).files
    assert added == FileChange("/x", "/", "added", ("folder",), 3, 0, 3)
    (removed,) = compare(plain(*BASE, *more), plain(*BASE), RecordingJob()).files
    assert removed == FileChange("/x", "/", "removed", ("folder",), 3, 3, 0)


def test_a_hard_link_is_what_it_leads_to() -> None:
    linked = [file("a", b"12"), hard_link("b", "a")]
    assert changes(linked, [file("a", b"12"), file("b", b"12")]) == []
    assert changes(linked, [file("b", b"12"), hard_link("a", "b")]) == []
    assert changes(linked, [file("a", b"12"), file("b", b"13")]) == ["changed /b: content"]


def test_contents_are_compared_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"..data..")
    span = Content((FileSpan(str(tmp_path / "one"), 2, 4),))
    pieces = Content((Inline(b"da"), Inline(b"ta")))
    entries = [replace(file("f"), content=content) for content in (span, pieces, Content.of(b"data"))]
    for one in entries:
        for other in entries:
            assert changes([one], [other]) == []
        assert changes([one], [file("f", b"dato")]) == ["changed /f: content"]


def test_what_is_known_to_be_the_same_is_not_read() -> None:
    content = [Content((FileSpan(f"/none/{name}", 5, 4, "sha256:1"),)) for name in "ab"]
    assert changes([replace(file("f"), content=content[0])], [replace(file("f"), content=content[1])]) == []


def test_a_file_that_cannot_be_read_is_told() -> None:
    gone = replace(file("f"), content=Content((FileSpan("/none", 0, 4),)))
    with pytest.raises(BuildError, match="cannot read '/none'"):
        changes([gone], [file("f", b"data")])


def test_comparing_can_be_cancelled() -> None:
    job = RecordingJob()
    job.cancel()
    with pytest.raises(Cancelled):
        compare(plain(file("f", b"1")), plain(file("f", b"2")), job)


def privileges(before: list[Entry], after: list[Entry]) -> list[str]:
    found = compare(plain(*before), plain(*after), RecordingJob()).privileges
    return [f"{one.direction} {one.part} {one.kind} {one.subject}: {one.before} > {one.after}" for one in found]


def test_a_setuid_program_is_a_right() -> None:
    ordinary, program = file("su", b"1", mode=0o755), file("su", b"1", mode=0o4755)
    assert privileges([ordinary], [program]) == ["more / setuid program /su:  > mode 4755, owner 0:0"]
    assert privileges([program], [ordinary]) == ["less / setuid program /su: mode 4755, owner 0:0 > "]
    assert privileges([], [program]) == ["more / setuid program /su:  > mode 4755, owner 0:0"]
    assert privileges([program], []) == ["less / setuid program /su: mode 4755, owner 0:0 > "]
    assert privileges([program], [replace(program, uid=5)]) == [
        "other / setuid program /su: mode 4755, owner 0:0 > mode 4755, owner 5:0"
    ]


def test_a_folder_with_a_group_bit_is_no_program() -> None:
    assert privileges([folder("d")], [folder("d", mode=0o2755)]) == []


def test_capabilities_of_a_file_are_a_right_where_they_are_known() -> None:
    program = file("ping", b"1", pax=(CAPABILITY,))
    assert privileges([file("ping", b"1")], [program]) == ["more / program with capabilities /ping:  > granted"]
    unknown = Tree("initrd", {"ping": file("ping", b"1")}, {}, has_attributes=False)
    assert compare(unknown, plain(program), RecordingJob()).is_equal


# kernel and command line


def boot(cmdline: str, kernel: bytes = b"k", mode: int = 0o644) -> list[Entry]:
    return [folder("boot"), file("boot/cmdline", cmdline.encode()), file("boot/kernel", kernel, mode=mode)]


def test_another_command_line_is_no_file() -> None:
    found = compare(plain(*boot("a b")), plain(*boot("a c")), RecordingJob())
    assert (found.cmdline_before, found.cmdline_after, found.files) == ("a b", "a c", ())
    assert not found.is_equal


def test_a_command_line_that_is_not_there_is_empty() -> None:
    found = compare(plain(), plain(*boot("x")), RecordingJob())
    assert (found.cmdline_before, found.cmdline_after) == ("", "x")


def test_of_a_kernel_only_the_bytes_count() -> None:
    assert changes(boot("x"), boot("x", mode=0o755)) == []
    assert changes(boot("x"), boot("x", b"l")) == ["changed /boot/kernel: content"]


def initrd(*entries: Entry, boot_files: tuple[str, ...] = ()) -> Tree:
    return Tree("initrd", {entry.path: entry for entry in entries}, {}, frozenset(boot_files), has_attributes=False)


def test_what_an_initrd_cannot_have_is_not_compared() -> None:
    whole, part = plain(*boot("x"), file("f")), initrd(folder("boot"), file("f"))
    for found in (compare(whole, part, RecordingJob()), compare(part, whole, RecordingJob())):
        assert found.is_equal
        assert found.sizes == ()
        assert (found.cmdline_before, found.cmdline_after) == (None, None)
        assert found.notes == ("not compared, because an initrd cannot have it: /boot/cmdline, /boot/kernel",)


def test_what_lies_beside_an_initrd_is_compared() -> None:
    part = initrd(*boot("y")[:2], boot_files=("boot/cmdline",))
    found = compare(plain(*boot("x")), part, RecordingJob())
    assert (found.cmdline_before, found.cmdline_after, found.files) == ("x", "y", ())
    assert found.notes == ("not compared, because an initrd cannot have it: /boot/kernel",)


# containers

WEB = image(layer(member("bin/web", noise(5000), 0o755)), config={"Cmd": ["/bin/web"], "Env": ["A=1", "B=2"]})
OTHER = image(layer(member("bin/other", noise(300), 0o4755)), config={"Cmd": ["/bin/other"]})
IMAGES = {"lab/web:v1": WEB, "lab/other:v1": OTHER}


def system(folder_: Path, text: str, images: Mapping[str, Image] = IMAGES) -> Tree:
    root = assembled(folder_, text, images)
    digests = {f"docker.io/{name}": one.digest for name, one in images.items()}
    return Tree("x.yml", {entry.path: entry for entry in root.entries}, digests)


def compared(folder_: Path, before: str, after: str) -> Difference:
    return compare(system(folder_ / "1", before), system(folder_ / "2", after), RecordingJob())


def service(settings: str = "", name: str = "web", ref: str = "lab/web:v1") -> str:
    return f"{{name: {name}, image: '{ref}'{settings and ', '}{settings}}}"


def settings_of(change: ServiceChange) -> list[str]:
    return [f"{one.name}: {one.before} > {one.after}" for one in change.settings]


def test_containers_that_come_and_go(tmp_path: Path) -> None:
    found = compared(tmp_path, f"services: [{service()}]", f"services: [{service(name='b', ref='lab/other:v1')}]")
    assert [(one.change, one.part, one.image_before, one.image_after) for one in found.services] == [
        ("added", "services/b", "", f"docker.io/lab/other:v1@{OTHER.digest}"),
        ("removed", "services/web", f"docker.io/lab/web:v1@{WEB.digest}", ""),
    ]
    assert {one.part for one in found.privileges} == {"services/b"}
    assert ("setuid program", "/containers/services/b/lower/bin/other") in {
        (one.kind, one.subject) for one in found.privileges
    }


def test_another_image_under_the_same_name(tmp_path: Path) -> None:
    one = system(tmp_path / "1", f"services: [{service()}]")
    other = system(tmp_path / "2", f"services: [{service()}]", {"lab/web:v1": OTHER})
    (change,) = compare(one, other, RecordingJob()).services
    assert (change.change, change.image_before, change.image_after) == (
        "changed",
        f"docker.io/lab/web:v1@{WEB.digest}",
        f"docker.io/lab/web:v1@{OTHER.digest}",
    )


@pytest.mark.parametrize("digests", [{}, None])
def test_images_are_compared_as_far_as_both_know_them(digests: dict[str, str] | None, tmp_path: Path) -> None:
    known = system(tmp_path, f"services: [{service()}]")
    if digests is None:  # as an initrd, which does not say where anything is from
        entries = {
            path: replace(entry, origin=replace(entry.origin, source="")) for path, entry in known.entries.items()
        }
        unknown = replace(known, entries=entries)
    else:
        unknown = replace(known, images=digests)
    assert compare(known, unknown, RecordingJob()).is_equal
    assert compare(unknown, known, RecordingJob()).is_equal


SETTINGS = {
    "command": ("command: [a, b]", ['command: ["/bin/web"] > ["a", "b"]']),
    "environment": ("env: [A=1, B=3, C=]", ["variable B: 2 > 3", "variable C:  > "]),
    "directory": ("cwd: /srv", ["directory: / > /srv"]),
    "host name": ("hostname: x", ["host name:  > x"]),
    "limits": (
        "rlimits: ['nofile,1,2']",
        ['limits:  > [{"type": "RLIMIT_NOFILE", "hard": 2, "soft": 1}]'],
    ),
    "sysctl": ("sysctl: {a.b: '1'}", ['sysctl:  > {"a.b": "1"}']),
    "resources": ("resources: {memory: {limit: 5}}", ['resources memory:  > {"limit": 5}']),
    "namespace of containerd": ("runtime: {namespace: x}", ["containerd namespace:  > x"]),
    "group": ("gid: 5", ["group: 0 > 5"]),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_are_no_rights(name: str, tmp_path: Path) -> None:
    settings, expected = SETTINGS[name]
    found = compared(tmp_path, f"services: [{service()}]", f"services: [{service(settings)}]")
    (change,) = found.services
    assert (change.part, settings_of(change), found.privileges) == ("services/web", expected, ())


PLAIN_CONFIG: dict[str, Any] = {
    "process": {"user": {"uid": 0}},
    "mounts": [{"destination": "/m", "type": "tmpfs", "options": ["nosuid"]}],
    "linux": {"devices": [{"path": "/dev/x", "fileMode": 384}]},
}
UNKNOWN = {
    "of the process": ({"process": {"scheduler": {"nice": -5}}}, 'process.scheduler:  > {"nice": -5}'),
    "of the user": ({"process": {"user": {"uid": 0, "umask": 18}}}, "process.user.umask:  > 18"),
    "of Linux": ({"linux": {**PLAIN_CONFIG["linux"], "mountLabel": "l"}}, "linux.mountLabel:  > l"),
    "of the root": ({"root": {"what": False}}, "root.what:  > false"),
    "at the top": ({"domainname": "x"}, "domainname:  > x"),
    "that is no object": ({"process": 5}, "process:  > 5"),
    "options of a mount": (
        {"mounts": [{**PLAIN_CONFIG["mounts"][0], "options": ["rw"]}]},
        "mount on /m: nosuid > ",
    ),
    "the mode of a node": (
        {"linux": {"devices": [{"path": "/dev/x", "fileMode": 438}]}},
        'node /dev/x: {"fileMode": 384} > {"fileMode": 438}',
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_setting_that_nothing_else_reads_is_told(name: str) -> None:
    members, expected = UNKNOWN[name]
    one, other = (
        plain(file("containers/services/a/config.json", json.dumps(config).encode()))
        for config in (PLAIN_CONFIG, PLAIN_CONFIG | members)
    )
    (change,) = compare(one, other, RecordingJob()).services
    assert settings_of(change) == [expected]


def test_a_setting_of_the_init_that_is_unknown_is_told() -> None:
    config = file("containers/services/a/config.json", b"{}")
    odd = file("containers/services/a/runtime.json", b'{"odd": [1]}')
    (change,) = compare(plain(config), plain(config, odd), RecordingJob()).services
    assert settings_of(change) == ["runtime.odd:  > [1]"]


def test_a_new_first_container_does_not_rename_the_others(tmp_path: Path) -> None:
    before = f"onboot: [{service(name='a')}]"
    after = f"onboot: [{service(name='new', ref='lab/other:v1')}, {service(name='a')}]"
    found = compared(tmp_path, before, after)
    assert [(one.change, one.part) for one in found.services] == [("added", "onboot/new")]
    assert [(one.change, one.path) for one in found.files] == [
        ("changed", "/containers/onboot/001-a/runtime.json"),
        ("added", "/containers/onboot/000-new"),
    ]


def test_containers_in_another_order(tmp_path: Path) -> None:
    one, other = service(name="a"), service(name="b")
    found = compared(tmp_path, f"onboot: [{one}, {other}]", f"onboot: [{other}, {one}]")
    assert [(change.part, settings_of(change)) for change in found.services] == [
        ("onboot/a", ["place in the order: 1 > 2"]),
        ("onboot/b", ["place in the order: 2 > 1"]),
    ]


def test_a_container_that_runs_twice_is_two(tmp_path: Path) -> None:
    twice = f"onboot: [{service(name='a')}, {service(name='a')}]"
    assert set(system(tmp_path / "0", twice).bundles) == {"onboot/a", "onboot/a#2"}
    found = compared(tmp_path, f"onboot: [{service(name='a')}]", twice)
    assert [(change.change, change.part) for change in found.services] == [("added", "onboot/a#2")]


def test_files_know_their_part(tmp_path: Path) -> None:
    more = "volumes: [{name: v}]\nfiles: [{path: a, contents: b}]\n"
    found = compared(tmp_path, f"services: [{service()}]", f"{more}services: [{service('cwd: /a')}]")
    assert {(one.path, one.part) for one in found.files} == {
        ("/a", "/"),
        ("/containers/services/web/config.json", "services/web"),
        ("/containers/volumes", "/"),
    }


def test_sizes_of_parts_the_largest_change_first(tmp_path: Path) -> None:
    found = compared(tmp_path, f"services: [{service()}]", "files: [{path: a, contents: abcd}]")
    assert [one.part for one in found.sizes] == ["services/web", "/"]
    assert found.sizes[1] == SizeChange("/", 0, 4)
    assert found.size_before == found.sizes[0].size_before
    assert found.size_after == 4


def test_what_only_looks_like_a_container_is_none(tmp_path: Path) -> None:
    fake = image(layer(member("config.json", b"{"), member("runtime.json", b"{")))
    tree = system(tmp_path, f"services: [{service(ref='lab/fake:v1')}]", {"lab/fake:v1": fake})
    assert set(tree.bundles) == {"services/web"}
    assert tree.bundles["services/web"].config["process"]["cwd"] == "/"


HOST_NETWORK = ("namespace", "network", "the host's")


@pytest.mark.parametrize("name", ["a", "a\nb", "a/b"])
def test_a_container_needs_nothing_but_its_settings(name: str) -> None:
    found = compare(plain(), plain(file(f"containers/services/{name}/config.json", b"{}")), RecordingJob())
    assert [(one.change, one.part) for one in found.services] == [("added", f"services/{name}")]
    assert HOST_NETWORK in {(one.kind, one.subject, one.after) for one in found.privileges}


@pytest.mark.parametrize("inside", ["aaa", "rootfs", "rootfs/x/y"])
def test_settings_inside_a_container_are_those_of_no_container(inside: str) -> None:
    bundle = "containers/services/s"
    tree = plain(file(f"{bundle}/config.json", b"{}"), file(f"{bundle}/{inside}/config.json", b"{"))
    assert set(tree.bundles) == {"services/s"}


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[" * 100_000])
def test_a_container_whose_settings_cannot_be_read_is_told(data: bytes) -> None:
    bundle = "containers/services/a"
    broken = plain(file(f"{bundle}/config.json", data), file(f"{bundle}/runtime.json", b"{}"), name="x.tar")
    with pytest.raises(BuildError) as caught:
        compare(plain(), broken, RecordingJob())
    assert str(caught.value).startswith(f"x.tar: '/{bundle}/config.json' is not JSON: ")


@pytest.mark.parametrize("path", ["containers/services/a/config.json", "boot/cmdline"])
def test_what_is_read_whole_must_be_small(path: str) -> None:
    large = replace(file(path), content=Content((Zeros(5 << 20),)))
    huge = plain(large, file("containers/services/a/runtime.json", b"{}"), name="x.tar")
    with pytest.raises(BuildError) as caught:
        compare(plain(), huge, RecordingJob())
    assert str(caught.value) == f"x.tar: '/{path}' has more than 4 MiB"


def test_settings_that_are_no_object_are_none() -> None:
    bundle = "containers/services/a"
    odd = plain(file(f"{bundle}/config.json", b"[5]"), file(f"{bundle}/runtime.json", b"7"))
    assert odd.bundles["services/a"].config == {}
    assert compare(odd, odd, RecordingJob()).is_equal


def test_the_difference_is_the_same_every_time(tmp_path: Path) -> None:
    before, after = f"services: [{service()}]", f"services: [{service('net: host, capabilities: [all]', name='b')}]"
    assert compared(tmp_path / "a", before, after) == compared(tmp_path / "b", before, after)


def test_a_root_is_as_it_is(tmp_path: Path) -> None:
    tree = system(tmp_path, f"services: [{service()}]")
    assert read(tree.file("containers/services/web/lower/bin/web").content) == noise(5000)
    assert compare(tree, tree, RecordingJob()).is_equal
