"""Configs as text: the shape of LinuxKit's dumps (build.md sections 2.5 and 5.8), and that they can be read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lkboard.config.dump import dry_run, dump_json, dump_yaml
from lkboard.config.merge import merge
from lkboard.config.parse import parse_config, read_draft
from lkboard.model.config import Config, Container, FileEntry, ImageName, Kernel, Options, Volume
from lkboard.model.reference import parse_reference
from lkboard.yaml.writer import yaml_text

HERE = Path(__file__).parent
EMPTY_SECTIONS = {"init": [], "onboot": [], "onshutdown": [], "services": [], "files": [], "volumes": []}


def config_of(*texts: str) -> Config:
    drafts = [read_draft(text, "f.yml") for text in texts]
    assert [draft.problems for draft in drafts] == [()] * len(texts)
    return merge(draft.config for draft in drafts if draft.config)


def as_yaml(*texts: str) -> object:
    return yaml.safe_load(dump_yaml(config_of(*texts)))


def as_json(*texts: str) -> object:
    return json.loads(dump_json(config_of(*texts)))


def service_as(dump: object) -> object:
    assert isinstance(dump, dict)
    ((service,), name) = dump["services"], "services"
    assert list(service)[:2] == ["name", "image"], name
    return {key: value for key, value in service.items() if key not in ("name", "image")}


SERVICE = "services: [{{name: s, image: 'redis:7', {}}}]"


@pytest.mark.parametrize("suffix", ["yml", "json"])
def test_a_config_with_some_of_everything(suffix: str) -> None:
    config = config_of((HERE / "dumps" / "source.yml").read_text())
    text = dump_yaml(config) if suffix == "yml" else dump_json(config)
    assert text == (HERE / "dumps" / f"metadata.{suffix}").read_text()


def test_an_empty_config_as_yaml() -> None:
    assert as_yaml("{}") == {"kernel": {"image": ""}, **EMPTY_SECTIONS}


def test_an_empty_config_as_json() -> None:
    assert as_json("{}") == {"kernel": {"image": ""}, **dict.fromkeys(EMPTY_SECTIONS)}


def test_metadata_has_image_names_in_full_but_for_volumes() -> None:
    dump = as_yaml(
        "kernel: {image: k}\ninit: [i]\nvolumes: [{name: v, image: x}]\n" + SERVICE.format("").replace("redis:7", "r")
    )
    assert dump == {
        **EMPTY_SECTIONS,
        "kernel": {"image": "docker.io/library/k"},
        "init": ["docker.io/library/i"],
        "services": [{"name": "s", "image": "docker.io/library/r"}],
        "volumes": [{"name": "v", "image": "x"}],
    }


def test_a_dry_run_has_image_names_as_they_were_written() -> None:
    dump = yaml.safe_load(dry_run(config_of("kernel: {image: k}\ninit: [lab/i:v1]")))
    assert dump == {**EMPTY_SECTIONS, "kernel": {"image": "k"}, "init": ["lab/i:v1"]}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["{image: k}"], {"image": "docker.io/library/k"}),
        (["{image: k, cmdline: '', binary: ''}"], {"image": "docker.io/library/k"}),
        (["{tar: ''}"], {"image": "", "tar": ""}),
        (["{tar: kernel.tar}"], {"image": "", "tar": "kernel.tar"}),
        (["{binary: kernel, ucode: ''}"], {"image": "", "binary": "kernel", "ucode": ""}),
        (["{tar: none, ucode: u}", "{ucode: ''}"], {"image": "", "tar": "none", "ucode": ""}),
    ],
)
def test_the_kernel_shows_what_was_written(texts: list[str], expected: dict[str, str]) -> None:
    dump = as_yaml(*(f"kernel: {text}" for text in texts))
    assert isinstance(dump, dict)
    assert dump["kernel"] == expected


def test_a_kernel_that_was_not_read_from_a_file_shows_what_is_not_the_default() -> None:
    dump = yaml.safe_load(dump_yaml(Config(kernel=Kernel(cmdline="quiet", tar="none"))))
    assert dump["kernel"] == {"image": "", "cmdline": "quiet", "tar": "none"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cwd: ''", {}),
        ("rootfsPropagation: ''", {"rootfsPropagation": ""}),
        ("capabilities: []", {"capabilities": []}),
        ("readonly: false, oomScoreAdj: 0, uid: 0", {"readonly": False, "uid": 0, "oomScoreAdj": 0}),
        ("sysctl: {b: '1', a: ''}", {"sysctl": {"a": "", "b": "1"}}),
        ("annotations: {}", {"annotations": {}}),
        ("additionalGids: [5, s]", {"additionalGids": [5, "s"]}),
        (
            "devices: [{path: all, type: b}]",
            {"devices": [{"path": "all", "type": "b", "major": 0, "minor": 0, "mode": ""}]},
        ),
        ("runtime: {mkdir: [], namespace: n}", {"runtime": {"mkdir": [], "namespace": "n"}}),
        (
            "runtime: {interfaces: [{name: e}, {add: veth, peer: p, createInRoot: true}]}",
            {
                "runtime": {
                    "interfaces": [
                        {"name": "e", "createInRoot": False},
                        {"add": "veth", "peer": "p", "createInRoot": True},
                    ]
                }
            },
        ),
    ],
)
def test_options_that_yaml_and_json_write_alike(text: str, expected: object) -> None:
    assert service_as(as_yaml(SERVICE.format(text))) == expected
    written = service_as(as_json(SERVICE.format(text)))
    assert isinstance(written, dict)
    written.get("runtime", {}).pop("bindNS", None)
    assert written == expected


MOUNT = "mounts: [{type: bind, source: /a, destination: /b, uidmappings: [{hostID: 5, size: 1}]}, {type: proc}]"


def test_mounts_as_yaml_have_all_members() -> None:
    ids = [{"containerid": 0, "hostid": 5, "size": 1}]
    bind = {"destination": "/b", "type": "bind", "source": "/a", "options": [], "uidmappings": ids, "gidmappings": []}
    proc = {"destination": "", "type": "proc", "source": "", "options": [], "uidmappings": [], "gidmappings": []}
    assert service_as(as_yaml(SERVICE.format(MOUNT))) == {"mounts": [bind, proc]}


def test_mounts_as_json_have_what_is_set() -> None:
    ids = [{"containerID": 0, "hostID": 5, "size": 1}]
    bind = {"destination": "/b", "type": "bind", "source": "/a", "uidMappings": ids}
    assert service_as(as_json(SERVICE.format(MOUNT))) == {"mounts": [bind, {"type": "proc"}]}


def test_mounts_of_the_runtime_are_written_like_those_of_the_container() -> None:
    dump = service_as(as_yaml(SERVICE.format(f"{MOUNT}, runtime: {{{MOUNT}}}")))
    assert isinstance(dump, dict)
    assert dump["runtime"]["mounts"] == dump["mounts"]


RESOURCES = """resources: {
  memory: {limit: 100, kernelTCP: 5}, cpu: {}, pids: {limit: 6}, blockio: {weight: 1}, devices: [{allow: true}]
}"""


def test_resources_as_yaml_have_all_members_in_small_letters() -> None:
    memory = ("reservation", "swap", "kernel", "swappiness", "disableoomkiller", "usehierarchy", "checkbeforeupdate")
    cpu = ("shares", "quota", "burst", "period", "realtimeruntime", "realtimeperiod", "idle")
    throttles = [f"throttle{kind}device" for kind in ("readbps", "writebps", "readiops", "writeiops")]
    assert service_as(as_yaml(SERVICE.format(RESOURCES))) == {
        "resources": {
            "devices": [{"allow": True, "type": "", "major": None, "minor": None, "access": ""}],
            "memory": {"limit": 100, "kerneltcp": 5, **dict.fromkeys(memory)},
            "cpu": {"cpus": "", "mems": "", **dict.fromkeys(cpu)},
            "pids": {"limit": 6},
            "blockio": {"weight": 1, "leafweight": None, "weightdevice": [], **{name: [] for name in throttles}},
            "hugepagelimits": [],
            "network": None,
            "rdma": {},
            "unified": {},
        }
    }


def test_resources_as_json_have_what_is_set() -> None:
    assert service_as(as_json(SERVICE.format(RESOURCES))) == {
        "resources": {
            "devices": [{"allow": True}],
            "memory": {"limit": 100, "kernelTCP": 5},
            "cpu": {},
            "pids": {"limit": 6},
            "blockIO": {"weight": 1},
        }
    }


def test_json_is_escaped_as_go_does() -> None:
    text = dump_json(config_of('files: [{path: a, contents: "<&>\\u2028\\u2029\\x7fü\\b\\x01"}]'))
    assert '"contents": "\\u003c\\u0026\\u003e\\u2028\\u2029\x7fü\\b\\u0001"' in text
    assert not text.endswith("\n")


def test_files_show_whether_they_are_directories_and_optional() -> None:
    dump = as_yaml(
        "files: [{path: a, symlink: b, mode: '0'}, {path: c, source: s, uid: 0, gid: g}, {path: d, contents: ''}]"
    )
    assert isinstance(dump, dict)
    always = {"directory": False, "optional": False}
    assert dump["files"] == [
        {"path": "a", "symlink": "b", "mode": "0", **always},
        {"path": "c", "source": "s", "uid": 0, "gid": "g", **always},
        {"path": "d", "contents": "", **always},
    ]


def test_volumes_show_what_is_set() -> None:
    dump = as_yaml("volumes: [{}, {name: v, image: x, readonly: true, format: oci, platforms: [linux/arm64]}]")
    assert isinstance(dump, dict)
    assert dump["volumes"] == [
        {"name": ""},
        {"name": "v", "image": "x", "readonly": True, "format": "oci", "platforms": ["linux/arm64"]},
    ]


ODD = (
    "yes", "no", "y", "on", "~", "null", "", "5", "010", "0o17", "0b1", "0x1f", "1_0", "1.5", ".5", "1e3", "22:22",
    "true", "2020-01-01", "<<", "=", "@x", "- x", "a: b", "# c", " x ", "'", '"', "a\nb", "a\n", "\n", "\n\n a\n",
    "a\tb", "\r\n", "é", "\x85", "a\u2028b", "\u2029\n", "\ufeff", "\x00", "\x7f", "🐳", "%", "|", "&a", "*a",
    "x" * 300, "a b " * 100,
)  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_odd_text_is_read_back_by_us_and_by_yaml_1_1(text: str) -> None:
    config = config_of(yaml_text({"files": [{"path": "a", "contents": text}]}))
    assert config.files[0].contents == text
    assert yaml.safe_load(dump_yaml(config))["files"][0]["contents"] == text
    assert config_of(dump_yaml(config)) == config


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TEXTS = st.none() | st.lists(TEXT, max_size=3).map(tuple)
IDS = st.none() | st.integers(0, 2**32 - 1)
REDIS = ImageName("docker.io/library/redis:7", parse_reference("redis:7"))
CONTAINERS = st.builds(
    Container,
    name=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    image=st.just(REDIS),
    options=st.builds(
        Options,
        command=TEXTS,
        env=TEXTS,
        masked_paths=TEXTS,
        hostname=st.none(),
        uid=IDS,
        readonly=st.none() | st.booleans(),
    ),
)
FILES = st.builds(FileEntry, path=TEXT, contents=TEXT, mode=st.sampled_from(["", "0644", "0"]), uid=IDS)
CONFIGS = st.builds(
    Config,
    kernel=st.builds(Kernel, cmdline=TEXT, tar=TEXT, ucode=TEXT),
    onboot=st.lists(CONTAINERS, max_size=2).map(tuple),
    files=st.lists(FILES, max_size=2).map(tuple),
    volumes=st.lists(st.builds(Volume, name=st.sampled_from(["a", "b"]), readonly=st.booleans()), max_size=2).map(
        tuple
    ),
)


def without_places(config: Config) -> Config:
    """Return a config whose images are where `CONFIGS` has them: nowhere."""
    onboot = tuple(replace(container, image=REDIS) for container in config.onboot)
    return replace(config, onboot=onboot)


@given(CONFIGS)
def test_a_dump_is_a_config_that_means_the_same(config: Config) -> None:
    for text in (dump_yaml(config), dry_run(config)):
        draft = read_draft(text, "f.yml")
        assert draft.problems == ()
        assert draft.config is not None
        assert without_places(draft.config) == config


@given(CONFIGS)
def test_json_says_what_yaml_says(config: Config) -> None:
    from_yaml = yaml.safe_load(dump_yaml(config))
    assert {key: value or [] for key, value in json.loads(dump_json(config)).items()} == from_yaml


def test_dumps_do_not_depend_on_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    config, _problems = parse_config((HERE / "valid" / "everything.yml").read_text(), "f.yml")
    assert config is not None
    fast = dump_yaml(config)
    monkeypatch.delattr("yaml.CSafeLoader")
    monkeypatch.delattr("yaml.CSafeDumper")
    assert dump_yaml(config) == fast
