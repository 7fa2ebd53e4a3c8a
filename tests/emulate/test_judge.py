"""From what a console shows to a judgement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.emulate.console import ConsoleLine
from lkboard.emulate.expect import AnswerExpected, Expectation, TextExpected
from lkboard.emulate.judge import Judge
from lkboard.emulate.signs import SILENT_HINT, SILENT_KERNEL_HINT

FIRMWARE = 'BdsDxe: starting Boot0001 "UEFI Misc Device"'
KERNEL = "[    0.000000] Linux version 6.1.0 (gcc)"
USER_SPACE = "lkb: userspace up on Linux 6.1"
READY = "lkb: ready"
LINUXKIT = "Welcome to LinuxKit"
WEB = AnswerExpected(80, "/")


def judge(*lines: str, expect: tuple[Expectation, ...] = (), runs_firmware: bool = True) -> Judge:
    given = Judge(expect, runs_firmware=runs_firmware)
    for number, line in enumerate(lines, start=1):
        given.see(ConsoleLine(float(number), line))
    return given


def states(given: Judge) -> list[tuple[str, str, float | None]]:
    return [(stage.name, stage.state, stage.seconds) for stage in given.stages]


def test_every_stage_is_seen_once_with_its_time_and_evidence() -> None:
    given = judge(FIRMWARE, FIRMWARE, KERNEL, USER_SPACE, READY, READY)
    assert states(given) == [
        ("firmware", "seen", 1.0),
        ("kernel", "seen", 3.0),
        ("user space", "seen", 4.0),
        ("ready", "seen", 5.0),
    ]
    assert given.stages[0].evidence == FIRMWARE


def test_a_stage_is_told_when_it_is_first_seen() -> None:
    given = Judge((), runs_firmware=True)
    line = ConsoleLine(1.0, KERNEL)
    assert [stage.name for stage in given.see(line)] == ["kernel"]
    assert given.see(line) == ()


def test_without_expectations_ready_is_enough() -> None:
    assert not judge(FIRMWARE, KERNEL, USER_SPACE).is_over
    given = judge(FIRMWARE, KERNEL, USER_SPACE, READY)
    assert (given.passed, given.is_over, given.reason("")) == (True, True, "the system is ready")


def test_with_an_expectation_ready_is_not_enough() -> None:
    given = judge(FIRMWARE, KERNEL, USER_SPACE, READY, expect=(TextExpected("login:"),))
    assert not given.is_over
    assert given.reason("time limit of 9 s") == "time limit of 9 s, without the text 'login:'"


def test_an_expectation_is_met_by_an_open_line() -> None:
    given = Judge((TextExpected("login:"),), runs_firmware=True)
    given.see(ConsoleLine(3.0, "box login:", is_open=True))
    assert (given.passed, given.reason("")) == (True, "everything expected was seen")
    assert given.stages[-1].evidence == "box login:"


def test_stages_are_not_taken_from_half_a_line() -> None:
    given = Judge((), runs_firmware=True)
    assert given.see(ConsoleLine(1.0, READY, is_open=True)) == ()


def test_all_expectations_must_be_met_in_any_order() -> None:
    given = judge("two", expect=(TextExpected("one"), TextExpected("two"), WEB))
    assert given.reason("the machine stopped") == (
        "the machine stopped, without the text 'one' and an answer of http://guest:80/"
    )
    given.see(ConsoleLine(2.0, "one"))
    assert not given.passed
    stages = given.answered(WEB, "HTTP 200 hello", 7.0)
    assert [(stage.name, stage.seconds, stage.evidence) for stage in stages] == [("expectation", 7.0, "HTTP 200 hello")]
    assert given.passed


def test_the_same_expectation_twice_counts_once() -> None:
    assert judge("x", expect=(TextExpected("x"), TextExpected("x"))).passed


def test_a_stage_passed_in_silence_is_unknown() -> None:
    assert states(judge(FIRMWARE, USER_SPACE))[:3] == [
        ("firmware", "seen", 1.0),
        ("kernel", "unknown", None),
        ("user space", "seen", 2.0),
    ]


def test_stages_that_were_not_reached_are_not_seen() -> None:
    assert [state for _, state, _ in states(judge(FIRMWARE))] == ["seen", "not seen", "not seen", "not seen"]


def test_a_missed_expectation_stays_not_seen_when_a_later_one_is_met() -> None:
    given = judge("two", expect=(TextExpected("one"), TextExpected("two")))
    assert [(stage.state, stage.evidence) for stage in given.stages[-2:]] == [
        ("not seen", "the text 'one'"),
        ("seen", "two"),
    ]


def test_firmware_that_does_not_run_is_unknown() -> None:
    assert judge(runs_firmware=False).stages[0].state == "unknown"


def test_linuxkits_init_cannot_be_judged_without_an_expectation() -> None:
    given = judge(KERNEL, LINUXKIT)
    assert (given.passed, given.is_over) == (False, True)
    assert given.stages[-1].state == "unknown"
    assert given.reason("") == "user space is up, but LinuxKit's init does not say when it is ready"
    assert given.hint() == "say what to wait for: --expect TEXT or --expect-http PORT[/PATH]"


def test_linuxkits_init_is_judged_by_an_expectation() -> None:
    given = judge(KERNEL, LINUXKIT, expect=(TextExpected("login:"),))
    assert not given.is_over
    given.see(ConsoleLine(9.0, "linuxkit login:"))
    assert given.passed


def test_a_panic_ends_the_boot_at_once() -> None:
    given = judge(KERNEL, "[ 1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x7f00")
    assert (given.passed, given.is_over) == (False, True)
    assert given.reason("") == "kernel panic: Attempted to kill init! exitcode=0x7f00"


def test_the_end_of_a_panic_does_not_replace_its_reason() -> None:
    given = judge("Kernel panic - not syncing: VFS: x", "---[ end Kernel panic - not syncing: VFS: x ]---")
    assert given.reason("") == "kernel panic: VFS: x"


def test_a_panic_after_the_goal_does_not_matter() -> None:
    assert judge(READY, "Kernel panic - not syncing: late").reason("") == "the system is ready"


def test_a_firmware_that_gives_up_ends_the_boot() -> None:
    given = judge("UEFI Interactive Shell v2.2")
    assert (given.is_over, given.reason("")) == (True, "the machine cannot go on")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("BdsDxe: failed to load Boot0001 from PciRoot: Not Found", "the firmware found nothing to boot"),
        ("  Server response: No valid offer received.", "the firmware found nothing to boot"),
        ("UEFI Interactive Shell v2.2", "the firmware found nothing to boot"),
        ("Kernel panic - not syncing: VFS: Unable to mount root fs on x", "no initrd reached the kernel"),
        ("[ 0.5] Initramfs unpacking failed: junk at the end of compressed archive", "the initrd is damaged"),
        ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "the init program crashed"),
        ("Kernel panic - not syncing: No working init found.", "the init program crashed or is missing"),
        ("runc: exec /bin/x: exec format error", "a program is of another architecture"),
        ("Bad Linux ARM64 Image magic!", "the kernel has a form that this loader does not take"),
        ("lkb-dhcp: no lease: no network interface (is it?)", "the network card has no driver"),
        ("udhcpc: no lease, failing", "the network card has no driver"),
        ("lkb: service web failed (status 1), again in 2 s", "a container or a start-up script of the image failed"),
        ("Kernel panic - not syncing: Oops", "the kernel stopped by itself"),
    ],
)  # fmt: skip
def test_what_a_console_says_becomes_a_hint(line: str, hint: str) -> None:
    assert judge(line).hint().startswith(hint)


def test_a_cause_is_told_before_its_effect() -> None:
    given = judge("Initramfs unpacking failed: x", "Kernel panic - not syncing: VFS: Unable to mount root fs on x")
    assert given.hint().startswith("the initrd is damaged")


def test_silence_has_hints_of_its_own() -> None:
    assert judge().hint() == SILENT_HINT
    assert judge(FIRMWARE).hint() == SILENT_KERNEL_HINT


def test_the_last_answer_is_told_when_no_good_one_comes() -> None:
    given = judge(KERNEL, READY, expect=(WEB,))
    given.asked(WEB, "HTTP 404 x")
    given.asked(WEB, "HTTP 500 y")
    assert given.stages[-1].evidence == "an answer of http://guest:80/ (HTTP 500 y)"
    assert given.reason("time limit of 9 s") == "time limit of 9 s, without an answer of http://guest:80/ (HTTP 500 y)"


def test_a_missing_answer_points_at_the_service() -> None:
    assert "listen on this port" in judge(KERNEL, READY, expect=(WEB,)).hint()


def test_nothing_is_guessed_when_nothing_is_known() -> None:
    assert judge(KERNEL, expect=(TextExpected("x"),)).hint() == ""


def test_evidence_is_cut_to_a_line_that_can_be_read() -> None:
    assert len(judge(KERNEL + "x" * 1000).stages[1].evidence) == 160


SOME_LINES = st.sampled_from([
    FIRMWARE, KERNEL, USER_SPACE, READY, LINUXKIT, "login:", "Kernel panic - not syncing: x", "noise",
])  # fmt: skip


@given(st.lists(SOME_LINES, max_size=12), st.lists(st.sampled_from(["login:", "noise", "never"]), max_size=3))
def test_no_order_of_lines_makes_a_judgement_that_contradicts_itself(lines: list[str], wanted: list[str]) -> None:
    given_judge = judge(*lines, expect=tuple(TextExpected(text) for text in wanted))
    stages = given_judge.stages
    assert [stage.name for stage in stages] == ["firmware", "kernel", "user space", "ready"] + ["expectation"] * len(
        wanted
    )
    assert all((stage.seconds is not None) == (stage.state == "seen") for stage in stages)
    goals = [stage for stage in stages if stage.name == ("expectation" if wanted else "ready")]
    assert given_judge.passed == all(stage.state == "seen" for stage in goals)
    assert given_judge.is_over or not given_judge.passed
    assert given_judge.reason("time limit")
