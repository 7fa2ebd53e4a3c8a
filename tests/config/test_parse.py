"""Texts to configs: what the model holds, where its values stand, and that no text whatever breaks the parser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lkboard.config.parse import parse_config
from lkboard.errors import Place, Problem
from lkboard.model import config as model
from lkboard.model.config import Config, ConfigSource, Container, Options
from lkboard.model.reference import parse_reference
from lkboard.yaml.limits import MAX_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

VALID = Path(__file__).parent / "valid"


def config_of(text: str) -> Config:
    config, problems = parse_config(text, "f.yml")
    assert config is not None, [str(problem) for problem in problems]
    return config


def errors_in(text: str) -> list[str]:
    return [str(problem) for problem in parse_config(text, "f.yml")[1] if problem.severity == "error"]


def service(text: str) -> Container:
    (container,) = config_of(f"services: [{{name: s, image: 'redis:7', {text}}}]").services
    return container


def options(text: str) -> Options:
    return service(text).options


def test_an_empty_mapping_is_an_empty_config() -> None:
    assert config_of("{}") == Config()


def test_a_null_document_is_an_empty_config() -> None:
    assert config_of("---\n") == Config()


def test_the_config_names_its_file() -> None:
    assert config_of("{}").sources == (ConfigSource("f.yml"),)


def test_what_is_not_written_is_not_set() -> None:
    assert options("") == Options()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("capabilities: []", Options(capabilities=())),
        ("capabilities.add: [CAP_KILL]", Options(capabilities_add=("CAP_KILL",))),
        ("ambient: [all]", Options(ambient=("all",))),
        ("binds: ['/a:/b']", Options(binds=("/a:/b",))),
        ("binds.add: ['/a:/b']", Options(binds_add=("/a:/b",))),
        ("readonly: false", Options(readonly=False)),
        ("readonly: TRUE", Options(readonly=True)),
        ("cwd: ''", Options(cwd="")),
        ("uid: 010", Options(uid=8)),
        ("uid: 0x10", Options(uid=16)),
        ("uid: root, gid: ''", Options(uid="root", gid="")),
        ("additionalGids: [5, s]", Options(additional_gids=(5, "s"))),
        ("oomScoreAdj: 1.0", Options(oom_score_adj=1)),
        ("oomScoreAdj: 0", Options(oom_score_adj=0)),
        ("hostname: 2020-01-01", Options(hostname="2020-01-01")),
        ("hostname: 22:22", Options(hostname="22:22")),
        ("hostname: yes", Options(hostname="yes")),
        ("sysctl: {b: '1', a: ''}", Options(sysctl=(("a", ""), ("b", "1")))),
        ("annotations: {}", Options(annotations=())),
        ("mounts: [{type: proc}]", Options(mounts=(model.Mount(type="proc"),))),
        ("devices: [{path: all, type: b}]", Options(devices=(model.Device("all", "b"),))),
        ("runtime: {}", Options(runtime=model.Runtime())),
        ("runtime: {mkdir: []}", Options(runtime=model.Runtime(mkdir=()))),
        ("runtime: {bindNS: {net: /n}}", Options(runtime=model.Runtime(bind_ns=model.BindNamespaces(net="/n")))),
        ("resources: {}", Options(resources=model.Resources())),
        ("resources: {pids: {}}", Options(resources=model.Resources(pids_limit=0))),
        ("resources: {pids: {limit: 5}}", Options(resources=model.Resources(pids_limit=5))),
        ("resources: {memory: {kernelTCP: 5}}", Options(resources=model.Resources(memory=model.Memory(kernel_tcp=5)))),
        ("uidMappings: [{hostID: 5, size: 1}]", Options(uid_mappings=(model.IdMapping(0, 5, 1),))),
    ],
)
def test_options(text: str, expected: Options) -> None:
    assert options(text) == expected


def test_camel_case_resources_are_kept() -> None:
    """LinuxKit drops them (build.md section 2.4)."""
    (web,) = config_of((VALID / "everything.yml").read_text()).services
    resources = web.options.resources
    assert resources is not None
    assert resources.cpu == model.Cpu(512, -1, 100000, 95, 96, "0-3", "0")
    assert resources.block_io == model.BlockIo(
        weight=10,
        leaf_weight=11,
        weight_devices=(model.WeightDevice(8, 0, 500, 300),),
        throttle_read_bps=(model.ThrottleDevice(8, 0, 600),),
        throttle_write_bps=(model.ThrottleDevice(8, 1, 700),),
        throttle_read_iops=(model.ThrottleDevice(8, 2, 800),),
        throttle_write_iops=(model.ThrottleDevice(8, 16, 300),),
    )
    assert resources.hugepage_limits == (model.HugepageLimit(2048, 5),)
    assert resources.network == model.Network(1048577, (model.InterfacePriority("eth0", 500),))


def test_images_are_kept_as_written_and_as_meant() -> None:
    (image,) = config_of("init: [redis]").init
    assert (image.text, image.reference, image.place) == ("redis", parse_reference("redis"), Place("f.yml", 1, 8))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", model.Kernel()),
        ("{image: '', cmdline: x}", model.Kernel(cmdline="x")),
        ("{binary: ''}", model.Kernel(binary="kernel")),
        ("{tar: ''}", model.Kernel(tar="")),
        ("{tar: none, ucode: u.cpio}", model.Kernel(tar="none", ucode="u.cpio")),
    ],
)
def test_kernel(text: str, expected: model.Kernel) -> None:
    assert config_of(f"kernel: {text}").kernel == expected


def test_files_tell_empty_contents_from_none() -> None:
    empty, link = config_of("files: [{path: a, contents: ''}, {path: b, symlink: a}]").files
    assert (empty.contents, link.contents) == ("", None)


def test_text_that_begins_with_an_at_sign_stays_as_it_is() -> None:
    """LinuxKit empties it (build.md section 2.6)."""
    text = "kernel: {image: 'k:1', cmdline: '@c'}\nfiles: [{path: '@p', contents: '@home is here'}]"
    config = config_of(text)
    (file,) = config.files
    assert (config.kernel.cmdline, file.path, file.contents) == ("@c", "@p", "@home is here")


def test_a_volume_without_a_name_has_the_empty_one() -> None:
    assert [volume.name for volume in config_of("volumes: [{}]").volumes] == [""]


def test_places_of_fields_and_of_what_is_below_them() -> None:
    text = (
        "services:\n  - name: s\n    image: redis:7\n    binds.add:\n      - /a:/b\n    runtime:\n      mkdir: [/x]\n"
    )
    places = config_of(text).services[0].places
    assert places.path == "services.0"
    assert places.own == Place("f.yml", 2, 5)
    assert places.of("name") == Place("f.yml", 2, 11)
    assert places.of("binds.add.0") == Place("f.yml", 5, 9)
    assert places.of("runtime.mkdir.0") == Place("f.yml", 7, 15)


def test_the_place_of_what_is_missing_is_the_nearest_thing_around_it() -> None:
    text = "services:\n  - name: s\n    image: redis:7\n    mounts: [{type: proc}]\n"
    places = config_of(text).services[0].places
    assert places.of("mounts.0.source") == Place("f.yml", 4, 14)
    assert places.of("hostname") == places.own


def test_there_is_no_config_where_there_is_an_error() -> None:
    config, problems = parse_config("services: [{name: s, image: 'redis:7', uid: nobody}]", "f.yml")
    assert config is None
    assert [problem.severity for problem in problems] == ["error"]


def test_problems_come_in_the_order_of_lines() -> None:
    text = (Path(__file__).parent / "invalid" / "several_rooms.yml").read_text()
    _config, problems = parse_config(text, "f.yml")
    assert list(problems) == sorted(problems, key=lambda problem: problem.place)
    assert len({problem.code for problem in problems}) > 4


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("services: [{name: a, image: b, devices: [{path: /x, mode: 0666}]}]", id="mode that is a number"),
        pytest.param(
            "services: [{name: a, image: b, mounts: [{type: 5, destination: /x}]}]", id="type that is a number"
        ),
        pytest.param("services: [{name: a, image: b, binds: [5]}, {name: c, image: d}]", id="bind that is a number"),
        pytest.param("files: [{path: a, contents: 5}]", id="contents that are a number"),
        pytest.param("files: [{path: 5, contents: x}]", id="path that is a number"),
        pytest.param("files: [{path: a, content: x}]", id="misspelt contents"),
        pytest.param("kernel: {image: 5}", id="kernel image that is a number"),
        pytest.param("service: [{name: a, image: b}]\nfiles: [{path: a, contents: x, uid: a}]", id="misspelt section"),
        pytest.param("volumes: {}\nservices: [{name: a, image: b, binds: ['v:/x']}]", id="volumes that are no list"),
        pytest.param("services: [{name: 5, image: b}]", id="name that is a number"),
        pytest.param("init: [5, redis]", id="init image that is a number"),
    ],
)
def test_one_mistake_is_told_once(text: str) -> None:
    problems = parse_config(text, "f.yml")[1]
    assert len([problem for problem in problems if problem.severity != "hint"]) == 1


def test_problems_stay_on_one_line() -> None:
    (message,) = errors_in('services: [{name: s, image: "a:1", binds: ["x\\ny"]}]')
    assert "\n" not in message


def test_the_work_for_a_config_grows_no_faster_than_its_length() -> None:
    """A thousand lines took some 15 ms where this was written; calls are counted, as times depend on other work."""
    entry = """  - name: service{index}
    image: docker.io/library/nginx:1.{index}
    capabilities: [CAP_KILL, CAP_CHOWN]
    binds:
      - /a:/b
      - /c:/d:ro
    env: ["A=1"]
    readonly: true
    uid: 5
    runtime:
      mkdir: ["/x"]
"""
    short, long = ("services:\n" + "".join(entry.format(index=n) for n in range(count)) for count in (91, 364))
    assert long.count("\n") > 4000
    assert calls_of(lambda: config_of(long)) < 4.2 * calls_of(lambda: config_of(short))


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions some work calls."""
    count = 0

    def tell(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    work()  # once before: imports count only the first time
    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


FLOODS = {
    "duplicate keys": "files: []\n" * 1000,
    "unknown fields": "services:\n- name: a\n  image: b:1\n" + "".join(f"  field{n}: 1\n" for n in range(1000)),
    "unknown ids": "services:\n" + "".join(f"- {{name: a{n}, image: 'b:1', uid: c{n}}}\n" for n in range(1000)),
}


@pytest.mark.parametrize("text", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_errors_is_cut_off(text: str) -> None:
    config, problems = parse_config(text, "f.yml")
    assert config is None
    assert MAX_ERRORS <= len(problems) <= MAX_ERRORS + 1


def test_a_flood_of_hints_hides_no_error() -> None:
    images = "".join(f"- {{name: a{n}, image: b}}\n" for n in range(MAX_ERRORS + 1))
    assert len(errors_in(f"onboot:\n{images}volumes: [{{name: A}}]")) == 1


VOCABULARY = """
    kernel: init: services: files: volumes: name: image: redis:7 binds: v:/x uid: a mode: 0644 true yes 1.0 @x
    - [ ] { } , & * << : ? | > ' " # ! !!int ~ --- ...
"""
WORDS = st.sampled_from([*VOCABULARY.split(), "\n", "\n  ", "\n    ", "  ", "\t", "\0", "é", "\u2028"])


def check_answer(answer: tuple[Config | None, tuple[Problem, ...]]) -> None:
    config, problems = answer
    assert (config is None) == any(problem.severity == "error" for problem in problems)
    assert all(len(str(problem).splitlines()) == 1 for problem in problems)


@given(st.text())
def test_any_text_gives_a_config_or_problems(text: str) -> None:
    check_answer(parse_config(text, "f.yml"))


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=30))
def test_any_words_of_a_config_give_a_config_or_problems(words: list[str]) -> None:
    check_answer(parse_config(" ".join(words), "f.yml"))


@settings(max_examples=200)
@given(st.data())
def test_a_config_with_something_cut_out_or_put_in_gives_a_config_or_problems(data: st.DataObject) -> None:
    text = (VALID / "everything.yml").read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    check_answer(parse_config(text[:start] + data.draw(WORDS | st.just("")) + text[end:], "f.yml"))
