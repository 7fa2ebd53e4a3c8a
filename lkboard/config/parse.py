"""One config text to a `Config`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkboard.config.reader import Reader
from lkboard.config.rules import judge
from lkboard.config.sections import CONFIG
from lkboard.model.config import Config, ConfigSource
from lkboard.yaml.nodes import read_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkboard.config.reader import Resolve
    from lkboard.errors import Problem
    from lkboard.model.board import Board


@dataclass(frozen=True, slots=True)
class Draft:
    """A file as far as it could be read: with errors among the problems, the config has gaps.

    ``config`` is None when the text is no mapping of sections at all, or has too many errors.
    """

    config: Config | None
    problems: tuple[Problem, ...]


def parse_config(
    text: str, name: str, board: Board | None = None, *, resolve: Resolve | None = None
) -> tuple[Config | None, tuple[Problem, ...]]:
    """Read and check one config, for a board if one is given. ``name`` is what problems call it.

    ``resolve`` resolves templates, as `Reader` has it. The config is None when one of the problems is an error. Never
    raises for bad input.
    """
    draft = read_draft(text, name, resolve)
    problems = draft.problems
    if draft.config:
        problems = (*problems, *judge(draft.config, errors_of(problems), board))
    problems = tuple(sorted(problems, key=lambda problem: problem.place))
    return None if errors_of(problems) else draft.config, problems


def read_draft(text: str, name: str, resolve: Resolve | None = None) -> Draft:
    """Read a text, with its templates resolved, and check it against the schema. Never raises for bad input."""
    node, problems = read_document(text, name, "config")
    if node is None:
        return Draft(None, problems)
    reader = Reader(resolve)
    config = reader.read(node, CONFIG)
    problems = (*problems, *reader.problems)
    return Draft(replace(config, sources=(ConfigSource(name),)) if isinstance(config, Config) else None, problems)


def errors_of(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems that stop a build."""
    return tuple(problem for problem in problems if problem.severity == "error")
