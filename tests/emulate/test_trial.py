"""A boot test around a program that stands where QEMU would."""

from __future__ import annotations

from http.server import HTTPServer, SimpleHTTPRequestHandler
from typing import TYPE_CHECKING

from support.jobs import RecordingJob
from support.pi_cards import PI_FILES, make_pi_card
from support.qemu import stand_in
from support.serving import serving
from support.tools import need

from lkboard.board.catalogue import find_board
from lkboard.emulate import trial as trial_module
from lkboard.emulate.expect import AnswerExpected, Expectation, TextExpected
from lkboard.emulate.medium import find_medium
from lkboard.emulate.prepare import Wish
from lkboard.emulate.trial import Trial, run_trial
from lkboard.model.verdict import Stage, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PI = find_board("rpi3", extra=())


def try_card(tmp_path: Path, files: dict[str, bytes], *expect: Expectation) -> Verdict:
    need("qemu-img")
    card = make_pi_card(tmp_path / "card.img", files)
    folder = tmp_path / "throw-away"
    folder.mkdir()
    wish = Wish(board=PI, accelerator="tcg")
    return run_trial(Trial("card.img", find_medium(str(card)), wish, expect, 30.0), folder, RecordingJob())


def test_a_card_that_boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = stand_in(monkeypatch, tmp_path / "bin", "echo 'Linux version 6'; echo 'lkb: ready'; exec sleep 60")
    verdict = try_card(tmp_path, dict(PI_FILES))
    assert (verdict.passed, verdict.reason, verdict.hint) == (True, "the system is ready", "")
    assert (verdict.image, verdict.board, verdict.machine, verdict.accelerator) == (
        "card.img",
        "rpi3",
        "raspi3b",
        "tcg",
    )
    assert verdict.console == ("Linux version 6", "lkb: ready")
    assert verdict.not_covered == PI.emulation.not_covered if PI.emulation else False
    assert len(verdict.image_sha256) == 64
    assert "raspi3b,accel=tcg" in arguments.read_text().splitlines()


def test_a_card_that_panics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "echo 'Kernel panic - not syncing: VFS: Unable to mount root fs'; sleep 60")
    verdict = try_card(tmp_path, dict(PI_FILES))
    assert (verdict.passed, verdict.reason) == (False, "kernel panic: VFS: Unable to mount root fs")
    assert verdict.hint.startswith("no initrd reached the kernel")


def test_a_card_that_the_board_would_not_load_is_judged_without_qemu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = stand_in(monkeypatch, tmp_path / "bin", "exit 1")
    verdict = try_card(tmp_path, {**PI_FILES, "kernel8.img": b"garbage" * 20})
    assert (verdict.passed, verdict.reason) == (False, "the kernel on the card is not an arm64 Image")
    assert verdict.hint.startswith("set 'form: image'")
    assert {stage.state for stage in verdict.stages} == {"unknown", "not seen"}
    assert not arguments.exists()


def test_an_expected_answer_comes_through_a_forwarded_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page").write_text("hello\n")

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path / "www"))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    arguments = stand_in(monkeypatch, tmp_path / "bin", "exec sleep 60")
    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as web:
        monkeypatch.setattr(trial_module, "free_port", lambda: web.server_port)
        verdict = try_card(tmp_path, dict(PI_FILES), AnswerExpected(8000, "/page"))
    assert verdict.passed
    assert verdict.stages[-1].evidence == "HTTP 200 hello"
    assert f"user,id=net,hostfwd=tcp:127.0.0.1:{web.server_port}-:8000" in arguments.read_text().splitlines()


def test_an_emulator_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, tmp_path / "bin", "echo 'qemu: no such machine' >&2; exit 1")
    verdict = try_card(tmp_path, dict(PI_FILES), TextExpected("x"))
    assert verdict.reason == "QEMU ended with status 1 (qemu: no such machine), without the text 'x'"
    assert verdict.stages[-1] == Stage("expectation", "not seen", evidence="the text 'x'")


def test_the_card_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("qemu-io")
    write = "exec qemu-io -c 'write -P 7 0 4096' $(sed -n 's/^if=sd,format=qcow2,file=//p' {})"
    arguments = tmp_path / "bin" / "arguments"
    stand_in(monkeypatch, tmp_path / "bin", write.replace("{}", str(arguments)))
    verdict = try_card(tmp_path, dict(PI_FILES))
    assert "wrote 4096/4096 bytes" in verdict.console[0]
    assert (tmp_path / "card.img").read_bytes()[:4] == bytes(4)
