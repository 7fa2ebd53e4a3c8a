"""What makes a well-formed config wrong, or worth a word: one small function a rule.

A rule yields what it finds; its name is the code of the problem: `duplicate_service` gives
``config.rule.duplicate-service``. To add one, write the function and name it in a tuple below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.config.rules.boards import board_console, board_leaves_out, board_needs_kernel
from lkboard.config.rules.containers import container_name, duplicate_service, unknown_id, volume_binds, volume_mounts
from lkboard.config.rules.files import covered_file, file_content, file_mode, file_path
from lkboard.config.rules.images import unpinned_image
from lkboard.config.rules.kernel import cmdline_zero, no_kernel
from lkboard.config.rules.options import OPTION_RULES
from lkboard.config.rules.volumes import duplicate_volume, ignored_platforms, volume_name, volume_platforms
from lkboard.yaml.limits import MAX_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lkboard.config.rules.finding import Located
    from lkboard.errors import Problem
    from lkboard.model.board import Board
    from lkboard.model.config import Config, Options, Places

SECTION_RULES = (
    duplicate_service,
    container_name,
    volume_name,
    duplicate_volume,
    volume_platforms,
    ignored_platforms,
    file_path,
    file_content,
    file_mode,
    covered_file,
    no_kernel,
    cmdline_zero,
    unpinned_image,
)
LOOKUP_RULES = (unknown_id, volume_binds, volume_mounts)
"""Rules that look something up in another section, which must be readable for that."""
_LOOKED_UP = ("", "onboot", "onshutdown", "services", "volumes")
"""Paths of sections in which they look, and of the document, in which a section may be misspelt."""
BOARD_RULES = (board_needs_kernel, board_console, board_leaves_out)


def judge(config: Config, reported: Iterable[Problem] = (), board: Board | None = None) -> tuple[Problem, ...]:
    """Return what the rules find in a config, on a board if there is one.

    ``reported`` are the errors that reading it has found already. Nothing is said about a place that has one, or holds
    one: where a value is missing because it cannot be read, its absence is no mistake.
    """
    touched = {(problem.place.file, path) for problem in reported for path in _ancestors(problem.path)}
    is_whole = not any(problem.path in _LOOKED_UP for problem in reported)
    found = _findings(config, board, is_whole=is_whole)
    return tuple(_first(problem for problem in found if (problem.place.file, problem.path) not in touched))


def _first(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield problems until there are enough errors among them."""
    errors = 0
    for problem in problems:
        yield problem
        errors += problem.severity == "error"
        if errors == MAX_ERRORS:
            return


def _ancestors(path: str) -> Iterator[str]:
    parts = path.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))


def _findings(config: Config, board: Board | None, *, is_whole: bool) -> Iterator[Problem]:
    for _section, _index, container in config.containers:
        yield from judge_options(container.options, container.places)
    for rule in SECTION_RULES + (LOOKUP_RULES if is_whole else ()):
        yield from _located(rule, rule(config))
    if board:
        for board_rule in BOARD_RULES:
            yield from _located(board_rule, board_rule(config, board))


def _located(rule: Callable[..., object], found: Iterable[Located]) -> Iterator[Problem]:
    return (finding.at(places, _code(rule)) for places, finding in found)


def judge_options(options: Options, places: Places) -> Iterator[Problem]:
    """Yield what the rules find in the settings of one container."""
    for rule in OPTION_RULES:
        for finding in rule(options):
            yield finding.at(places, _code(rule))


def _code(rule: Callable[..., object]) -> str:
    return f"config.rule.{rule.__name__.replace('_', '-')}"
