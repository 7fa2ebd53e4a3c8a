"""Each rule at its limits: what it accepts, and the fields that it names."""

from __future__ import annotations

import pytest

from lkboard.config.parse import parse_config

SERVICE = "services: [{{name: s, image: 'redis:7', {}}}]"
VOLUMES = "volumes: [{name: data}, {name: rom, readonly: true}]\n"


def found(text: str, rule: str) -> list[tuple[str, str]]:
    """Return severity and path of what a rule finds."""
    _config, problems = parse_config(text, "f.yml")
    return [(problem.severity, problem.path) for problem in problems if problem.code == f"config.rule.{rule}"]


def everything(text: str) -> list[str]:
    return [str(problem) for problem in parse_config(text, "f.yml")[1]]


@pytest.mark.parametrize(
    "text",
    [
        "capabilities: [all]",
        "capabilities: [NONE]",
        "capabilities: []",
        "capabilities: [CAP_KILL, CAP_KILL]",
        "capabilities.add: [all]",
        "ambient: [none]",
        "binds: ['/a:/b', '/a:/b:ro', '/a:/b:']",
        "binds: []",
        "binds.add: ['/a:/b']",
        "tmpfs: ['/a', '/a:', '/a:size=1m,mode=755']",
        "rlimits: ['nofile,1,2', ' RLIMIT_CORE , 0 , Unlimited ']",
        "mounts: [{type: proc}, {source: sysfs}, {destination: /dev}, {type: ext4, destination: /x}]",
        "mounts: [{type: bind, source: /a, destination: /b}]",
        "devices: [{path: all, type: a}, {path: /dev/x, type: c, mode: '0600'}]",
        "uid: 0, gid: 4294967295, additionalGids: [s, root, '']",
        "net: none, pid: new, ipc: /run/ipc, uts: host, userns: root",
    ],
)
def test_settings_that_are_right(text: str) -> None:
    assert everything(SERVICE.format(text)) == []


@pytest.mark.parametrize(
    ("rule", "text", "fields"),
    [
        ("unknown-capability", "capabilities: [CAP_X]", ["capabilities.0"]),
        ("unknown-capability", "capabilities: [CAP_KILL, CAP_X, CAP_Y]", ["capabilities.1", "capabilities.2"]),
        ("unknown-capability", "capabilities: [all, CAP_KILL]", ["capabilities.0"]),
        ("unknown-capability", "capabilities.add: [none, CAP_KILL]", ["capabilities.add.0"]),
        ("unknown-capability", "capabilities: [], capabilities.add: [CAP_X]", []),
        ("unknown-capability", "ambient: [CAP_KILL, all]", ["ambient.1"]),
        ("bad-bind", "binds: [/a], binds.add: ['a:b:c:d']", ["binds.0", "binds.add.0"]),
        ("bad-tmpfs", "tmpfs: ['/a', '/a:b:c']", ["tmpfs.1"]),
        ("bad-rlimit", "rlimits: ['nofile,1', 'nofile,1,2']", ["rlimits.0"]),
        ("incomplete-mount", "mounts: [{}, {type: proc}, {type: tmpfs}]", ["mounts.0", "mounts.2"]),
        ("device-mode", "devices: [{path: all}, {path: /dev/x}]", ["devices.1.mode"]),
        ("device-mode", "devices: [{path: /dev/x, mode: '8'}]", ["devices.0.mode"]),
        ("zero-character", r'command: ["/bin/a\0b", c], cwd: "/\0"', ["command.0", "cwd"]),
        ("zero-character", r'env: [A=1, "B=\0"], hostname: "a\0", net: "/n\0"', ["env.1", "hostname", "net"]),
        ("zero-character", r'binds: ["/a\0:/b"], tmpfs: ["/a\0"]', ["binds.0", "tmpfs.0"]),
        ("zero-character", r'binds.add: ["/a:/b\0"], maskedPaths: ["/\0"]', ["binds.add.0", "maskedPaths.0"]),
        ("zero-character", r'mounts: [{type: tmpfs, destination: /a, options: ["b\0"]}]', ["mounts.0"]),
        ("zero-character", r'cgroupsPath: "a\0", rootfsPropagation: "b\0"', ["cgroupsPath", "rootfsPropagation"]),
        ("unknown-id", "uid: x, gid: y, additionalGids: [s, z]", ["uid", "gid", "additionalGids.1"]),
    ],
)
def test_settings_that_are_wrong(rule: str, text: str, fields: list[str]) -> None:
    expected = [("error", f"services.0.{field}") for field in fields]
    assert sorted(found(SERVICE.format(text), rule)) == sorted(expected)


@pytest.mark.parametrize(
    ("rule", "text", "fields"),
    [
        ("ignored-addition", "capabilities: [], capabilities.add: []", ["capabilities.add"]),
        ("ignored-addition", "binds: ['/a:/b'], binds.add: ['/c:/d']", ["binds.add"]),
        ("ignored-addition", "binds: ['/a:/b'], capabilities.add: [CAP_KILL]", []),
        ("namespace-path", "net: bridge, pid: none, ipc: none, uts: none", ["net", "pid", "ipc", "uts"]),
        ("namespace-path", "userns: auto", ["userns"]),
        ("id-range", "uid: -1, gid: 4294967296, additionalGids: [1, -5]", ["uid", "gid", "additionalGids.1"]),
    ],
)
def test_settings_that_are_doubtful(rule: str, text: str, fields: list[str]) -> None:
    assert found(SERVICE.format(text), rule) == [("warning", f"services.0.{field}") for field in fields]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("binds: ['data:/a', 'data:/a:rw', 'data:/a:ro', 'rom:/a:ro', '/abs:/a']", []),
        (
            "binds: ['rom:/a', 'rom:/a:rw', 'rom:/a:ro,rshared', 'rom:/a:']",
            ["binds.0", "binds.1", "binds.2", "binds.3"],
        ),
        ("binds.add: ['rom:/a']", ["binds.add.0"]),
        ("binds: ['no:/a', 'Data:/a', ':/a']", ["binds.0", "binds.1", "binds.2"]),
        ("binds: ['only']", []),
    ],
)
def test_binds_of_volumes(text: str, fields: list[str]) -> None:
    assert found(VOLUMES + SERVICE.format(text), "volume-binds") == [("error", f"services.0.{f}") for f in fields]


@pytest.mark.parametrize(
    ("mount", "fields"),
    [
        ("{type: bind, source: data, destination: /a}", []),
        ("{type: bind, source: rom, destination: /a, options: [ro]}", []),
        ("{type: bind, source: rom, destination: /a, options: [nosuid, ro, rw]}", []),
        ("{type: bind, source: rom, destination: /a, options: [rw, ro]}", ["mounts.0.options"]),
        ("{type: bind, source: rom, destination: /a}", ["mounts.0.options"]),
        ("{type: bind, source: no, destination: /a}", ["mounts.0.source"]),
        ("{type: bind, destination: /a}", ["mounts.0"]),
        ("{type: tmpfs, source: no, destination: /a}", []),
    ],
)
def test_mounts_of_volumes(mount: str, fields: list[str]) -> None:
    text = VOLUMES + SERVICE.format(f"mounts: [{mount}]")
    assert found(text, "volume-mounts") == [("error", f"services.0.{field}") for field in fields]


@pytest.mark.parametrize(
    ("name", "severity"),
    [("data", None), ("a-b_0", None), ("''", "warning"), ("Data", "error"), ("a.b", "error"), ("é", "error")],
)
def test_names_of_volumes(name: str, severity: str | None) -> None:
    expected = [(severity, "volumes.0.name")] if severity else []
    assert found(f"volumes: [{{name: {name}}}]", "volume-name") == expected


@pytest.mark.parametrize(
    ("platform", "is_good"),
    [("linux/arm64", True), ("linux/arm/v7", True), ("linux", False), ("linux/", False), ("LINUX/arm64", False)],
)
def test_platforms_of_volumes(platform: str, is_good: bool) -> None:
    text = f"volumes: [{{name: v, image: 'a:1', format: oci, platforms: [{platform}]}}]"
    assert (found(text, "volume-platforms") == []) is is_good


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("web", None),
        ("a/b", "warning"),
        ("...", None),
        ("''", "warning"),
        ("a//b", "warning"),
        ("/a", "warning"),
        ("a/", "warning"),
        ("..", "error"),
        ("a/..", "error"),
        ("./a", "error"),
    ],
)
def test_names_of_containers(name: str, severity: str | None) -> None:
    expected = [(severity, "onboot.0.name")] if severity else []
    assert found(f"onboot: [{{name: {name}, image: 'redis:7'}}]", "container-name") == expected


@pytest.mark.parametrize(
    "entry",
    [
        "{path: a, contents: ''}",
        "{path: a, contents: x, mode: '4755'}",
        "{path: a, contents: x, metadata: ''}",
        "{path: a, source: b}",
        "{path: a, metadata: json}",
        "{path: a, symlink: b}",
        "{path: a, directory: true, mode: '0'}",
        "{path: a/../b, contents: x}",
        "{path: /../b, contents: x}",
        "{path: a//b/, contents: x}",
        "{path: a, contents: x, directory: false, optional: true}",
        "{path: var/lib/x, directory: true}",
    ],
)
def test_files_that_are_right(entry: str) -> None:
    assert everything(f"files: [{entry}]") == []


@pytest.mark.parametrize(
    ("rule", "entry", "severity", "field"),
    [
        ("file-path", "{contents: x}", "error", ".path"),
        ("file-path", "{path: '', contents: x}", "error", ".path"),
        ("file-path", "{path: '//', directory: true}", "error", ".path"),
        ("file-path", '{path: a, symlink: "b\\0"}', "error", ".path"),
        ("file-path", "{path: ../a, contents: x}", "error", ".path"),
        ("file-path", "{path: a/../../b, contents: x}", "error", ".path"),
        ("file-path", "{path: ., directory: true}", "error", ".path"),
        ("file-path", "{path: /a/.., directory: true}", "error", ".path"),
        ("file-content", "{path: a}", "error", ""),
        ("file-content", "{path: a, optional: true}", "error", ""),
        ("file-content", "{path: a, contents: '', source: b}", "error", ".source"),
        ("file-content", "{path: a, source: b, metadata: yaml}", "error", ".metadata"),
        ("file-content", "{path: a, directory: true, contents: ''}", "error", ".directory"),
        ("file-content", "{path: a, directory: true, source: b}", "error", ".directory"),
        ("file-content", "{path: a, directory: true, symlink: b}", "warning", ".symlink"),
        ("file-content", "{path: a, symlink: b, contents: c}", "warning", ".symlink"),
        ("file-mode", "{path: a, contents: x, mode: '8'}", "error", ".mode"),
        ("file-mode", "{path: a, directory: true, mode: u+x}", "error", ".mode"),
        ("covered-file", "{path: var/a, contents: x}", "warning", ".path"),
    ],
)
def test_files_that_are_wrong_or_doubtful(rule: str, entry: str, severity: str, field: str) -> None:
    assert found(f"files: [{entry}]", rule) == [(severity, f"files.0{field}")]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("kernel: {cmdline: x}", True),
        ("kernel: {image: '', tar: none}", True),
        ("kernel: {image: 'k:1'}", False),
        ("kernel: {}", False),
        ("{}", False),
    ],
)
def test_kernels_without_an_image(text: str, is_found: bool) -> None:
    assert found(text, "no-kernel") == ([("warning", "kernel")] if is_found else [])


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("kernel: {image: k}", "kernel.image"),
        ("init: ['a:1', b]", "init.1"),
        ("onboot: [{name: a, image: b}]", "onboot.0.image"),
        ("onshutdown: [{name: a, image: b}]", "onshutdown.0.image"),
        ("volumes: [{name: a, image: b}]", "volumes.0.image"),
    ],
)
def test_unpinned_images_are_found_in_every_section(text: str, path: str) -> None:
    assert found(text, "unpinned-image") == [("hint", path)]


@pytest.mark.parametrize(("cmdline", "is_good"), [("console=tty0 quiet", True), ("console=tty0\\0 rescue", False)])
def test_command_lines(cmdline: str, is_good: bool) -> None:
    text = f'kernel: {{image: "k:1", cmdline: "{cmdline}"}}'
    assert found(text, "cmdline-zero") == ([] if is_good else [("error", "kernel.cmdline")])
