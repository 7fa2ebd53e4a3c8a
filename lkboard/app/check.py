"""The use case "check": what is wrong with a config, or worth knowing about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.errors import Problem, Severity
    from lkboard.events import Job
    from lkboard.model.board import Board
    from lkboard.model.config import Config
    from lkboard.model.web import WebAccess


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found, in the order of files and lines. ``config`` is None when there is an error among it."""

    config: Config | None
    problems: tuple[Problem, ...]

    def count(self, severity: Severity) -> int:
        """Return how many problems of a severity there are."""
        return sum(problem.severity == severity for problem in self.problems)


def check(
    files: Sequence[str],
    *,
    board: str | None = None,
    stdin: bytes | None = None,
    job: Job | None = None,
    ca_files: Sequence[str] = (),
) -> CheckResult:
    """Check config files as one: paths, ``-`` for ``stdin``, or http and https addresses; for a board if one is named.

    ``ca_files`` are trusted besides the system's authorities. Never raises for a bad config. Raises `UsageError` when
    there is no such board, `BoardError` when it is broken, `TlsError` for a file that is none of certificates, and
    `Cancelled`.
    """
    from lkboard.app.registry_options import RegistryOptions

    web = RegistryOptions(ca_files=tuple(ca_files)).web
    return check_for(files, _find(board), stdin=stdin, job=job, web=web)


def check_for(
    files: Sequence[str],
    board: Board | None,
    *,
    stdin: bytes | None = None,
    job: Job | None = None,
    web: WebAccess,
) -> CheckResult:
    """Check config files as `check` does, for a board that was found already, and addresses as ``web`` allows."""
    from lkboard.config.host_files import missing_sources
    from lkboard.config.load import examine

    config, problems = examine(files, stdin=stdin, board=board, job=job, web=web)
    missing = missing_sources(config) if config else ()
    return CheckResult(None if missing else config, problems + missing)


def check_text(text: str, name: str, board: str | None = None) -> CheckResult:
    """Check one config text, as an editor does while it is typed: no network, and no file but packages (``@pkg:``).

    ``name`` is where the text is, or will be: templates begin in its folder. Raises `BoardError` when there is no such
    board.
    """
    from lkboard.config.parse import parse_config
    from lkboard.config.template import resolver_for

    return CheckResult(*parse_config(text, name, _find(board), resolve=resolver_for(name)))


def _find(board: str | None) -> Board | None:
    if board is None:
        return None
    from lkboard.board.catalogue import find_board

    return find_board(board)
