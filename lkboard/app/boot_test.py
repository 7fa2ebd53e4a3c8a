"""Boot an image in the emulator and judge how far it comes."""

from __future__ import annotations

import math
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, Literal

from lkboard.errors import OutputError, UsageError

if TYPE_CHECKING:
    from lkboard.emulate.expect import Expectation
    from lkboard.events import Job
    from lkboard.model.board import Board
    from lkboard.model.verdict import Verdict

DEFAULT_TIMEOUT = 180.0


@dataclass(frozen=True, slots=True)
class TestOptions:
    """What to boot and what to wait for.

    ``image`` is a disk image, or the base name of kernel+initrd outputs (which need no board). ``expect`` are texts on
    the console, ``expect_http`` ports of the guest with a path (``80/index.html``); without either the init has to say
    that it is ready. ``timeout`` is in seconds. ``console`` is a file for every line with its time. ``cache`` is the
    store that U-Boot is fetched into.
    """

    __test__: ClassVar[bool] = False  # not a test case, whatever its name says to pytest

    image: str
    board: str = ""
    architecture: str = ""
    expect: tuple[str, ...] = ()
    expect_http: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT
    via_u_boot: bool = False
    accelerator: Literal["auto", "kvm", "tcg"] = "auto"
    console: str = ""
    cache: str | None = None


def boot_test(options: TestOptions, job: Job) -> Verdict:
    """Boot the image on a throw-away overlay until it is judged. The image is never changed.

    An image that does not boot is a verdict, not an error. Raises `BoardError`, `EmulationError`, `UsageError`,
    `OutputError` and `Cancelled`.
    """
    from lkboard.board.catalogue import find_board
    from lkboard.emulate.medium import find_medium
    from lkboard.emulate.prepare import Wish
    from lkboard.emulate.trial import Trial, run_trial

    if not 0 < options.timeout < math.inf:  # neither is "nan", which is no number
        raise UsageError(f"--timeout {options.timeout:g}: it must be a number of seconds above 0", hint="write 180")
    expectations = _expectations(options)
    board = find_board(options.board) if options.board else None
    medium = find_medium(options.image)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lkboard-")))
        log = stack.enter_context(_open_log(options.console)) if options.console else None
        wish = Wish(
            board=board,
            architecture=options.architecture,
            accelerator=options.accelerator,
            u_boot=_u_boot(board, options.cache, folder, job) if options.via_u_boot else "",
        )
        trial = Trial(options.image, medium, wish, expectations, options.timeout)
        return run_trial(trial, folder, job, log=log)


def _expectations(options: TestOptions) -> tuple[Expectation, ...]:
    from lkboard.emulate.expect import TextExpected, parse_answer

    if "" in options.expect:
        raise UsageError("--expect needs a text: an empty one is on every line", hint="write --expect 'lkb: ready'")
    if options.via_u_boot and options.expect_http:
        raise UsageError("there is no network behind U-Boot in the emulator", hint="use --expect TEXT")
    return (*(TextExpected(text) for text in options.expect), *(parse_answer(text) for text in options.expect_http))


def _open_log(path: str) -> IO[str]:
    try:
        return Path(path).open("w", encoding="utf-8")
    except OSError as error:
        raise OutputError(error.strerror or "cannot be written", where=path) from error


def _u_boot(board: Board | None, cache: str | None, folder: Path, job: Job) -> str:
    """Fetch the board's U-Boot and return the path of a copy of it."""
    from lkboard.app.registry_options import is_offline
    from lkboard.disk.content import read
    from lkboard.model.board import BoardFile
    from lkboard.oci.store.store import open_store
    from lkboard.sources import SourceContext, fetch
    from lkboard.sources.apt.packages import DebianPackages

    source = board.emulation.u_boot if board is not None and board.emulation is not None else None
    if board is None or source is None:
        raise UsageError("--via u-boot needs a board that U-Boot is known for", hint="add --board rpi3")
    store = open_store(cache)
    context = SourceContext(store, job, DebianPackages(store, job, offline=is_offline()))
    content = fetch(BoardFile("u-boot.bin", source), architecture=board.architecture, context=context)
    assert content is not None, "only optional files may be missing"
    path = folder / "u-boot.bin"
    path.write_bytes(read(content))
    return str(path)
