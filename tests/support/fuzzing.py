"""Damage valid input in many ways, and see that a reader gives a result or a clear error, soon and in little memory.

    TARGETS = (Target("tar", seeds, run),)
    test_damaged, test_damaged_for_long = fuzz_tests(TARGETS)

The first test takes the same few inputs each time. The second one runs with --nightly: for FUZZ_SECONDS (20) for each
reader, with inputs that FUZZ_SEED decides.

What an input led to (its error message without digits, or success) stands for the way it took through the code: inputs
that led to something new are damaged further.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import signal
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkboard.errors import LkboardError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

CPU_SECONDS = 2.0
"""Of one input. Processor time: how busy the machine is does not matter."""

MEMORY = 512 << 20
"""Bytes that may come on top of what the process has."""

_SIZE_LIMIT = 1 << 20
_ROUNDS = 200
_MENDED = 0.8
"""Share of the inputs whose sums are made right."""

_NUMBERS = (0, 1, 2, 7, 8, 31, 32, 127, 128, 255, 256, 511, 512, 4095, 4096, 32767, 32768, 65535, 65536, 2**24,
            2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
_REPEATS = (2, 3, 17, 300, 10_000, 100_000)


class TooSlow(Exception):
    """An input took more than `CPU_SECONDS`."""


@dataclass(frozen=True)
class Target:
    """A reader. ``run`` is given an input and raises `LkboardError` (or one of ``allowed``) if it is wrong.

    ``words`` are put into inputs. ``mend`` makes sums right again, so that damage gets behind them. Only the first
    ``window`` bytes are damaged.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    run: Callable[[bytes, Path], object]
    words: tuple[bytes, ...] = ()
    mend: Callable[[bytes], bytes] = bytes
    window: int = _SIZE_LIMIT
    allowed: tuple[type[Exception], ...] = ()


def fuzz_tests(targets: Sequence[Target]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return a short and a long test of readers, for a module of tests."""

    @pytest.mark.parametrize("target", targets, ids=lambda target: target.name)
    def short(target: Target, tmp_path: Path) -> None:
        assert fuzz(target, tmp_path, seed="0", rounds=_ROUNDS) == _ROUNDS

    @pytest.mark.nightly
    @pytest.mark.parametrize("target", targets, ids=lambda target: target.name)
    def long(target: Target, tmp_path: Path) -> None:
        seconds = float(os.environ.get("FUZZ_SECONDS", "20"))
        assert fuzz(target, tmp_path, seed=os.environ.get("FUZZ_SEED", "1"), seconds=seconds) > 0

    return short, long


def fuzz(target: Target, folder: Path, *, seed: str, rounds: int = 0, seconds: float = 0.0) -> int:
    """Run damaged inputs, so many or so long, and return how many.

    A finding is raised as AssertionError that says where the input was saved.
    """
    dice = random.Random(f"{target.name} {seed}")
    corpus = list(target.seeds())
    known = {_outcome(target, data, folder) for data in corpus}
    end = time.monotonic() + seconds
    count = 0
    while count < rounds or time.monotonic() < end:
        count += 1
        data = damaged(dice, corpus, target.words, target.window)
        if dice.random() < _MENDED:
            data = target.mend(data)
        outcome = _outcome(target, data, folder)
        if outcome not in known:
            known.add(outcome)
            corpus.append(data)
    return count


def _outcome(target: Target, data: bytes, folder: Path) -> str:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    try:
        with _limits():
            target.run(data, work)
    except (LkboardError, *target.allowed) as error:
        return re.sub(r"\d+|'.*?'|\".*?\"", "", f"{type(error).__name__} {error}")[:80]
    except Exception as error:
        path = Path(folder, f"{target.name}-{random.Random(data).getrandbits(32):08x}")
        path.write_bytes(data)
        raise AssertionError(f"{target.name}: {type(error).__name__}: {error} (input: {path})") from error
    return "ok"


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Limit processor time and memory of a block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGVTALRM, _too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGVTALRM, before)


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow(f"it took more than {CPU_SECONDS} s")


def damaged(dice: random.Random, corpus: Sequence[bytes], words: Sequence[bytes], window: int) -> bytes:
    """Return an input of the corpus with some damage."""
    data = bytearray(dice.choice(corpus))
    tail = data[window:]
    del data[window:]
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        dice.choice(_DAMAGES)(dice, data, corpus, words)
    return bytes(data[: max(window, _SIZE_LIMIT)] + tail)


def _flip(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _set(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    if data:
        data[dice.randrange(len(data))] = dice.choice((0, 9, 10, 32, 34, 39, 45, 47, 48, 57, 127, 128, 255))


def _number(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    """Write a number that is special in some way, as bytes of either order or as digits."""
    number = dice.choice(_NUMBERS)
    form = dice.choice(("<H", ">H", "<I", ">I", "<Q", ">Q", "decimal", "octal", "minus"))
    if form in {"decimal", "octal", "minus"}:
        written = (f"{number}" if form == "decimal" else f"{number:011o}" if form == "octal" else f"-{number}").encode()
    else:
        written = struct.pack(form, number & (1 << 8 * struct.calcsize(form)) - 1)
    at = dice.randrange(len(data) + 1)
    data[at : at + len(written)] = written


def _delete(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    at = dice.randrange(len(data) + 1)
    del data[at : at + dice.choice((1, 2, 16, 512, 4096))]


def _cut(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    del data[dice.randrange(len(data) + 1) :]


def _copy(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    """Copy a piece of this or another input to another place, over what is there or in between."""
    other = dice.choice(corpus)
    start, at = dice.randrange(len(other) + 1), dice.randrange(len(data) + 1)
    piece = other[start : start + dice.choice((1, 4, 32, 512, 2048))]
    data[at : at + len(piece) * dice.randrange(2)] = piece


def _place(dice: random.Random, data: bytearray) -> int:
    """Return a place in an input: half of them are where something begins."""
    at = dice.randrange(len(data) + 1)
    if dice.random() < 0.5:
        begins = [found for mark in b":,=[{( \n" if (found := data.find(bytes([mark]), at)) >= 0]
        return min(begins, default=at - 1) + 1
    return at


def _repeat(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    """Repeat a few bytes, or a word, very often: nesting, long names, many entries."""
    at = _place(dice, data)
    piece = dice.choice(words) if words and dice.random() < 0.5 else bytes(data[at : at + dice.choice((1, 2, 5, 40))])
    data[at:at] = (piece * dice.choice(_REPEATS))[:_SIZE_LIMIT]


def _word(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    if words:
        at = _place(dice, data)
        word = dice.choice(words)
        data[at : at + len(word) * dice.randrange(2)] = word


def _line(dice: random.Random, data: bytearray, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    """Move a line elsewhere or indent it."""
    lines = data.split(b"\n")
    line = lines.pop(dice.randrange(len(lines)))
    lines.insert(dice.randrange(len(lines) + 1), b" " * dice.choice((0, 0, 2, 4)) + line)
    data[:] = b"\n".join(lines)


_DAMAGES = (_flip, _set, _number, _number, _delete, _cut, _copy, _copy, _repeat, _word, _word, _line)
