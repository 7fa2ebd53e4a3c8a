"""Config files, wherever they are, to one checked `Config`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkboard.config.merge import merge
from lkboard.config.parse import Draft, errors_of, read_draft
from lkboard.config.rules import judge
from lkboard.config.sources import STDIN, Unreadable, decode, read_source, shown
from lkboard.config.template import resolver_for
from lkboard.errors import ConfigError, UsageError
from lkboard.model.config import ConfigSource
from lkboard.model.web import ANY_SERVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.errors import Problem
    from lkboard.events import Job
    from lkboard.model.board import Board
    from lkboard.model.config import Config
    from lkboard.model.web import WebAccess


@dataclass(frozen=True, slots=True)
class Loaded:
    """A config without errors; ``problems`` are its warnings and hints."""

    config: Config
    problems: tuple[Problem, ...] = ()


def load_config(
    names: Sequence[str], *, stdin: bytes | None = None, job: Job | None = None, web: WebAccess = ANY_SERVER
) -> Loaded:
    """Read, merge and check config files: paths, ``-`` for ``stdin``, or http and https addresses as ``web`` allows.

    Raises `ConfigError` with the errors of all files, `TlsError`, and `Cancelled` while a web server keeps it waiting.
    """
    config, problems = examine(names, stdin=stdin, job=job, web=web)
    if config is None:
        raise ConfigError(errors_of(problems))
    return Loaded(config, problems)


def examine(
    names: Sequence[str],
    *,
    stdin: bytes | None = None,
    board: Board | None = None,
    job: Job | None = None,
    web: WebAccess = ANY_SERVER,
) -> tuple[Config | None, tuple[Problem, ...]]:
    """Return the merged config, or None if there is an error, and all problems in the order of files and lines.

    ``board`` adds what is wrong for that board; ``web`` says how addresses are read. Raises `UsageError` when standard
    input is named twice, `TlsError` for certificates that cannot be read, and `Cancelled`.
    """
    if names.count(STDIN) > 1:
        raise UsageError(
            "standard input can be one of the configs only", hint="name a file in the place of a further -"
        )
    drafts = [_read(name, stdin, job, web) for name in names]
    problems = [problem for draft in drafts for problem in draft.problems]
    configs = [draft.config for draft in drafts if draft.config]
    config = merge(configs)
    if len(configs) == len(drafts):
        problems += judge(config, errors_of(problems), board)
    order = {shown(name): index for index, name in enumerate(names)}
    problems.sort(key=lambda problem: (order.get(problem.place.file, 0), problem.place))
    return None if errors_of(problems) else config, tuple(problems)


def _read(name: str, stdin: bytes | None, job: Job | None, web: WebAccess) -> Draft:
    try:
        data = read_source(name, stdin, job, web=web)
        draft = read_draft(decode(name, data), shown(name), resolver_for(name))
    except Unreadable as error:
        return Draft(None, (error.problem,))
    if draft.config is None:
        return draft
    source = ConfigSource(shown(name), hashlib.sha256(data).hexdigest())
    return replace(draft, config=replace(draft.config, sources=(source,)))
