"""Rules: each is reached, has a name of its own, and keeps quiet where reading has already failed.

What each of them finds is in the golden files; here is what those cannot say.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkboard.config import rules
from lkboard.config.parse import parse_config
from lkboard.config.rules import BOARD_RULES, LOOKUP_RULES, OPTION_RULES, SECTION_RULES, judge
from lkboard.errors import Place, Problem
from lkboard.model.board import Board, BoardFile, KernelSource, LayoutRule
from lkboard.model.config import Config, Container, ImageName, Options, Places
from lkboard.model.reference import parse_reference

HERE = Path(__file__).parent
ALL_RULES = (*OPTION_RULES, *SECTION_RULES, *LOOKUP_RULES, *BOARD_RULES)


def board(*consoles: str) -> Board:
    return Board(
        id="test-board",
        title="Test",
        vendor="Test",
        architecture="arm64",
        boot_chain="uefi",
        format="raw-efi",
        support="untested",
        kernel_path="kernel",
        initrd_path="initrd",
        layout=LayoutRule("gpt", ()),
        console=consoles,
    )


def told(text: str, on: Board | None = None) -> list[str]:
    return [str(problem) for problem in parse_config(text, "f.yml", on)[1]]


def codes_in_golden_files() -> set[str]:
    texts = (file.read_text() for file in HERE.glob("*/*.txt"))
    return {line.rpartition("[")[2].rstrip("]") for text in texts for line in text.splitlines()}


@pytest.mark.parametrize("rule", [*OPTION_RULES, *SECTION_RULES, *LOOKUP_RULES], ids=lambda rule: rule.__name__)
def test_every_rule_has_a_golden_file_that_breaks_it(rule: object) -> None:
    name = rule.__name__.replace("_", "-")  # type: ignore[attr-defined]
    assert f"config.rule.{name}" in codes_in_golden_files()


def test_rules_have_names_of_their_own() -> None:
    names = [rule.__name__ for rule in ALL_RULES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("field", ["uid: '{}'", "uid: {}", "mode: '{}'", "gid: -{}"])
def test_an_endless_number_is_told_with_its_place(field: str) -> None:
    (message,) = told(f"files: [{{path: a, contents: x, {field.format('9' * 5000)}}}]")
    assert message.startswith("f.yml:1:")


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.__name__)
def test_every_rule_is_explained(rule: object) -> None:
    assert (rule.__doc__ or "").startswith("Find ")


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.__name__)
def test_every_rule_is_found_by_its_code(rule: object) -> None:
    assert getattr(rules, rule.__name__, rule) is rule  # type: ignore[attr-defined]


def container(name: str, file: str, options: Options = Options()) -> Container:  # noqa: B008 - frozen
    places = Places(Place(file, 1, 1), (), "services.0")
    return Container(name, ImageName("redis:7", parse_reference("redis:7")), options, places)


def test_the_place_of_a_problem_is_in_the_file_of_its_record() -> None:
    config = Config(services=(container("a", "one.yml"), container("a", "two.yml")))
    (problem,) = judge(config)
    assert str(problem) == (
        "two.yml:1:1: services.0.name: duplicate service name 'a' (it is at one.yml:1:1 already; give one of them "
        "another name)"
    )


def reported(path: str) -> Problem:
    return Problem(Place("f.yml", 1, 1), path, "wrong")


@pytest.mark.parametrize("path", ["services.0.binds.0", "services.0.binds.0.x"])
def test_nothing_is_said_about_a_place_that_has_an_error_already(path: str) -> None:
    config = Config(services=(container("a", "f.yml", Options(binds=("/only",))),))
    assert [problem.path for problem in judge(config)] == ["services.0.binds.0"]
    assert judge(config, [reported(path)]) == ()


def test_an_error_elsewhere_hides_nothing() -> None:
    config = Config(services=(container("a", "f.yml", Options(binds=("/only",))),))
    assert len(judge(config, [reported("services.0.hostname")])) == 1


@pytest.mark.parametrize("path", ["", "services", "volumes", "onboot", "onshutdown"])
def test_nothing_is_looked_up_in_a_section_that_cannot_be_read(path: str) -> None:
    config = Config(services=(container("a", "f.yml", Options(binds=("v:/x",), uid="nobody")),))
    assert len(judge(config)) == 2
    assert judge(config, [reported(path)]) == ()


def test_an_error_in_another_section_does_not_stop_looking_up() -> None:
    config = Config(services=(container("a", "f.yml", Options(uid="nobody")),))
    assert len(judge(config, [reported("kernel")])) == 1


@pytest.mark.parametrize("value", ["root", "host", "new", "/run/netns/x", ""])
def test_namespaces_that_are_what_they_seem(value: str) -> None:
    assert told(f"services: [{{name: a, image: 'redis:7', net: '{value}', pid: '{value}'}}]") == []


@pytest.mark.parametrize(("number", "becomes"), [(-1, 4294967295), (4294967296, 0), (4294967297, 1)])
def test_ids_that_do_not_fit_are_told_as_what_they_become(number: int, becomes: int) -> None:
    (message,) = told(f"services: [{{name: a, image: 'redis:7', gid: {number}}}]")
    assert f"{number} becomes {becomes}" in message


@pytest.mark.parametrize("image", ["redis", "redis:latest", "localhost:5000/x"])
def test_images_that_move(image: str) -> None:
    assert told(f"services: [{{name: a, image: '{image}'}}]") == [
        f"f.yml:1:29: services.0.image: '{image}' changes without notice (give a tag with a version, or a digest)"
    ]


@pytest.mark.parametrize("image", ["redis:7", f"redis@sha256:{'0' * 64}", f"redis:latest@sha256:{'0' * 64}"])
def test_images_that_stay(image: str) -> None:
    assert told(f"services: [{{name: a, image: '{image}'}}]") == []


@pytest.mark.parametrize("path", ["run/x", "/tmp/a/b", "var/lib/x", "./tmp/x", "a/../var/x"])
def test_files_below_a_tmpfs(path: str) -> None:
    (message,) = told(f"files: [{{path: '{path}', contents: x}}]")
    assert "cannot be seen once booted" in message


@pytest.mark.parametrize("path", ["etc/tmp/x", "variable/x", "runs", "home/var"])
def test_files_beside_a_tmpfs(path: str) -> None:
    assert told(f"files: [{{path: '{path}', contents: x}}]") == []


@pytest.mark.parametrize("section", ["onboot", "onshutdown", "services"])
@pytest.mark.parametrize(
    "name",
    [
        ".",
        "..",
        "../x",
        "a/../b",
        '"a\\0b"',
        '"a\\nb"',
        '"a\\tb"',
        '"\\e[31m"',
        '"a\\u2028b"',
    ],
)
def test_names_that_no_directory_has(section: str, name: str) -> None:
    (message,) = told(f"{section}: [{{name: {name}, image: 'redis:7'}}]")
    assert "cannot be the name of a directory" in message
    assert message.isprintable()


@pytest.mark.parametrize("section", ["onboot", "onshutdown", "services"])
@pytest.mark.parametrize("name", ["a", "A1", "write-to-the-logs", "a.b_c-d", "yes", "1", "a" * 76])
def test_names_that_every_runtime_takes(section: str, name: str) -> None:
    assert told(f"{section}: [{{name: '{name}', image: 'redis:7'}}]") == []


@pytest.mark.parametrize(
    ("section", "name", "message"),
    [
        *(
            (section, name, f"'{name}' is not the name of one directory, so it is never started")
            for section in ("onboot", "onshutdown", "services")
            for name in ("x/y", "a//b", "/a", "a/")
        ),
        ("services", "", "a service without a name is never started"),
        ("services", "my web", "containerd does not take 'my web' as an id"),
        ("services", "web-", "containerd does not take 'web-' as an id"),
        ("services", "a__b", "containerd does not take 'a__b' as an id"),
        ("services", "ä", "containerd does not take 'ä' as an id"),
        ("services", "a" * 77, f"containerd does not take '{'a' * 77}' as an id"),
        ("onboot", "my web", "runc does not take 'my web' as an id"),
        ("onshutdown", "ä", "runc does not take 'ä' as an id"),
        ("onboot", "", "the name is empty"),
    ],
)
def test_names_that_not_every_runtime_takes_are_warnings(section: str, name: str, message: str) -> None:
    (problem,) = parse_config(f"{section}: [{{name: '{name}', image: 'redis:7'}}]", "f.yml", None)[1]
    assert (problem.severity, problem.message) == ("warning", message)


@pytest.mark.parametrize("name", ["web-", "a__b", "a+b", "-x", "a" * 100])
def test_numbered_names_that_runc_takes(name: str) -> None:
    assert told(f"onboot: [{{name: '{name}', image: 'redis:7'}}]") == []


@pytest.mark.parametrize("name", ['"a\\nb"', '"a\\0"', "a/b", "..", "A", "a b"])
def test_names_that_no_volume_has(name: str) -> None:
    (message,) = told(f"volumes: [{{name: {name}}}]")
    assert "invalid volume name" in message
    assert message.isprintable()


def test_onboot_names_may_repeat() -> None:
    assert told("onboot: [{name: a, image: 'redis:7'}, {name: a, image: 'redis:7'}]") == []


KERNEL = "kernel: {{image: 'k:1', cmdline: '{}'}}"


@pytest.mark.parametrize("cmdline", ["", "quiet", "console=ttyAMA0", "console=tty0 console=ttyAMA0,115200n8"])
def test_a_console_that_the_board_has(cmdline: str) -> None:
    assert told(KERNEL.format(cmdline), board("tty0", "ttyAMA0,115200")) == []


def test_a_console_that_the_board_has_not() -> None:
    (message,) = told(KERNEL.format("console=ttyS0 console=ttyS1,9600"), board("ttyAMA0,115200"))
    assert message == (
        "f.yml:1:33: kernel.cmdline: the board test-board has no console ttyS0 or ttyS1 "
        "(write console=ttyAMA0, or leave it out and the board's own is used)"
    )


def test_consoles_of_a_board_may_be_written_out() -> None:
    assert told(KERNEL.format("console=ttyAMA0"), board("console=ttyAMA0,115200")) == []


def test_a_board_without_consoles_takes_any() -> None:
    assert told(KERNEL.format("console=ttyS0"), board()) == []


NO_KERNEL = "the board test-board cannot boot without a kernel (add a kernel section: kernel: {image: NAME:TAG})"


def test_a_board_needs_a_kernel() -> None:
    assert f"f.yml: kernel: {NO_KERNEL}" in told("init: ['a:1']", board("ttyS0"))


def test_a_kernel_section_without_an_image_is_no_kernel() -> None:
    assert f"f.yml:1:9: kernel: {NO_KERNEL}" in told("kernel: {cmdline: quiet}", board("ttyS0"))


def test_nothing_is_missing_where_a_kernel_cannot_be_read() -> None:
    assert not [message for message in told("kernel: {image: [a]}", board("ttyS0")) if "without a kernel" in message]


LEFT_OUT = "will not be in the image: the board test-board loads only its own files from /boot (put it elsewhere)"


@pytest.mark.parametrize("path", ["boot/extra", "/boot/extra", "boot//x/../extra", "boot/dtb/other.dtb"])
def test_a_file_for_boot_loaders_that_the_board_does_not_take(path: str) -> None:
    text = KERNEL.format("quiet") + f"\nfiles: [{{path: {path}, contents: a}}]"
    (message,) = told(text, board())
    assert message == f"f.yml:2:16: files.0.path: '{path}' {LEFT_OUT}"
    assert told(text) == []


@pytest.mark.parametrize(
    "file",
    [
        *(
            "{path: boot/cmdline, contents: a}",
            "{path: /boot/kernel, contents: a}",
            "{path: boot/ucode.cpio, contents: a}",
        ),
        *("{path: boot/dtb/own.dtb, contents: a}", "{path: boot/x, directory: true}", "{path: bootx/a, contents: a}"),
    ],
)
def test_files_that_a_board_takes_or_that_are_elsewhere(file: str) -> None:
    with_tree = replace(board(), files=(BoardFile("own.dtb", KernelSource("boot/dtb/own.dtb")),))
    assert told(KERNEL.format("quiet") + f"\nfiles: [{file}]", with_tree) == []
