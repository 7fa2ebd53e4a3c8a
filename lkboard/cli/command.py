"""What a verb of the command line is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from lkboard.cli.render import Ui
    from lkboard.events import Job


@dataclass(frozen=True, slots=True)
class Command:
    """A verb: ``group`` is the heading in ``lkboard --help``, ``example`` one real command line.

    ``run`` gets the parsed arguments, the way to talk to the user and the job (stopped by Ctrl-C), and returns the
    exit status; failures are raised. A verb that has verbs of its own (``kit build``) has ``children`` and no ``run``.
    """

    name: str
    group: str
    summary: str
    example: str = ""
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None
    run: Callable[[argparse.Namespace, Ui, Job], int] | None = None
    children: tuple[Command, ...] = field(default=())
