"""From console lines to a judgement: which stages were seen, when it is over, and why it ended as it did. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.emulate.expect import AnswerExpected, TextExpected
from lkboard.emulate.signs import (
    LINUXKIT_BANNER,
    PANIC,
    SIGNS,
    SILENT_HINT,
    SILENT_KERNEL_HINT,
    TROUBLES,
    Trouble,
)
from lkboard.model.verdict import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.emulate.console import ConsoleLine
    from lkboard.emulate.expect import Expectation
    from lkboard.model.verdict import StageName

_EVIDENCE_LIMIT = 160


class Judge:
    """Watches one boot.

    Without expectations the boot is good when its init says that it is ready.
    """

    def __init__(self, expectations: Sequence[Expectation], *, runs_firmware: bool) -> None:
        self._expectations = tuple(expectations)
        self._met: dict[Expectation, Stage] = {}
        self._answers: dict[Expectation, str] = {}
        self._seen: dict[StageName, Stage] = {}
        self._troubles: set[Trouble] = set()
        self._runs_firmware = runs_firmware
        self._panic = ""

    def see(self, line: ConsoleLine) -> tuple[Stage, ...]:
        """Take a line of the console; return the stages that it proves.

        Of an open line only what the user expects counts (a prompt): the line will come again when it is complete.
        """
        found: list[Stage | None] = []
        if not line.is_open:
            found += [self._see_stage(sign.stage, line) for sign in SIGNS if _find(sign.texts, line.text)]
            self._troubles.update(trouble for trouble in TROUBLES if _find(trouble.texts, line.text))
            self._panic = self._panic or line.text.partition(PANIC)[2].strip(": ")
        for expectation in self._expectations:
            if isinstance(expectation, TextExpected) and expectation.text in line.text:
                found.append(self._meet(expectation, line.seconds, line.text))
        return tuple(stage for stage in found if stage is not None)

    def answered(self, expectation: AnswerExpected, answer: str, seconds: float) -> tuple[Stage, ...]:
        """Take the answer of a web server; return the stage that it proves."""
        stage = self._meet(expectation, seconds, answer)
        return () if stage is None else (stage,)

    def asked(self, expectation: AnswerExpected, last: str) -> None:
        """Take what came instead of a good answer; it is told when no good one comes."""
        self._answers[expectation] = last

    @property
    def passed(self) -> bool:
        """Whether everything was seen that was expected."""
        if self._expectations:
            return len(self._met) == len(set(self._expectations))
        return "ready" in self._seen

    @property
    def is_over(self) -> bool:
        """Whether waiting longer cannot change the judgement."""
        return self.passed or self._is_dead or (self._is_linuxkit and not self._expectations)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in the order of a boot, one for each expectation.

        A stage that was passed in silence (the kernel's, with ``quiet``), or that cannot be told, is unknown.
        """
        boot = [self._stage(sign.stage) for sign in SIGNS]
        wanted = [self._met.get(item) or self._missing(item) for item in self._expectations]
        reached = max((index for index, stage in enumerate((*boot, *wanted)) if stage.state == "seen"), default=-1)
        silent = [stage.state == "not seen" and index < reached for index, stage in enumerate(boot)]
        boot = [Stage(stage.name, "unknown") if skipped else stage for stage, skipped in zip(boot, silent, strict=True)]
        return (*boot, *wanted)

    def reason(self, ending: str) -> str:
        """Return why the boot ended as it did; ``ending`` says what ended the watching when the judge did not."""
        if self.passed:
            return "everything expected was seen" if self._expectations else "the system is ready"
        if self._panic:
            return f"kernel panic: {self._panic}"
        if self._is_dead:
            return "the machine cannot go on"
        if self.is_over:
            return "user space is up, but LinuxKit's init does not say when it is ready"
        missing = [self._missing(item).evidence for item in self._expectations if item not in self._met]
        return f"{ending}, without {' and '.join(missing) or 'becoming ready'}"

    def hint(self) -> str:
        """Return what to do about a boot that failed; empty if nothing is known."""
        for trouble in TROUBLES:
            if trouble in self._troubles:
                return trouble.hint
        if self._is_linuxkit and not self._expectations:
            return "say what to wait for: --expect TEXT or --expect-http PORT[/PATH]"
        if not self._seen:
            return SILENT_HINT
        if set(self._seen) == {"firmware"}:
            return SILENT_KERNEL_HINT
        if any(isinstance(item, AnswerExpected) and item not in self._met for item in self._expectations):
            return (
                "is the service started, does it listen on this port, and has the network card a driver and an address?"
            )
        return ""

    @property
    def _is_dead(self) -> bool:
        return any(trouble.ends for trouble in self._troubles)

    @property
    def _is_linuxkit(self) -> bool:
        stage = self._seen.get("user space")
        return stage is not None and LINUXKIT_BANNER in stage.evidence

    def _stage(self, name: StageName) -> Stage:
        if name in self._seen:
            return self._seen[name]
        can_tell = (self._runs_firmware or name != "firmware") and not (self._is_linuxkit and name == "ready")
        return Stage(name, "not seen" if can_tell else "unknown")

    def _missing(self, expectation: Expectation) -> Stage:
        answer = self._answers.get(expectation)
        return Stage("expectation", "not seen", evidence=f"{expectation} ({answer})" if answer else str(expectation))

    def _see_stage(self, name: StageName, line: ConsoleLine) -> Stage | None:
        if name in self._seen:
            return None
        self._seen[name] = Stage(name, "seen", line.seconds, line.text[:_EVIDENCE_LIMIT])
        return self._seen[name]

    def _meet(self, expectation: Expectation, seconds: float, evidence: str) -> Stage | None:
        if expectation in self._met:
            return None
        self._met[expectation] = Stage("expectation", "seen", seconds, evidence[:_EVIDENCE_LIMIT])
        return self._met[expectation]


def _find(texts: Sequence[str], line: str) -> bool:
    return any(text in line for text in texts)
