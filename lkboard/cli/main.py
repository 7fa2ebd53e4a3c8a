"""The entry point ``lkboard``: finds the verb, runs it, and turns failures into exit statuses."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import pkgutil
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from lkboard import __version__
from lkboard.errors import Cancelled, InternalError, LkboardError, UsageError
from lkboard.events import Job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from lkboard.cli.command import Command
    from lkboard.cli.render import Ui

_GROUPS = ("build", "run and test", "write", "boards and images", "other")


class _Parser(argparse.ArgumentParser):
    """argparse, but a usage error is an exception like any other."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see: {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Refuse what is no choice of an option or no verb, and say what was meant."""
        if action.choices is None or value in action.choices:
            return
        from lkboard.model.suggest import suggest

        options = "/".join(action.option_strings)
        message = f"{options}: there is no '{value}'" if options else f"there is no verb '{value}'"
        raise UsageError(message, hint=suggest(str(value), map(str, action.choices)))


class _VerbParser(_Parser):
    """The parser of a verb, which takes options between arguments, as LinuxKit's does.

    No argument is empty, which a script gives for a variable that is not set: it would mean the same as no option.
    """

    _is_divided = False
    """Whether `argparse` is parsing options and arguments one after the other, by calls of `parse_known_args`."""

    def parse_known_args(  # type: ignore[override]  # of overloads for any kind of namespace
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        # argparse would lose a "--" while it looks for options between arguments
        if self._is_divided or self._subparsers is not None or "--" in (args or ()):
            return super().parse_known_args(args, namespace)
        self._is_divided = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_divided = False

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> object:
        """Refuse what is empty; the arguments of a verb's own verbs are for their parsers."""
        if action.nargs != argparse.PARSER and "" in arg_strings:
            raise argparse.ArgumentError(action, "it is empty, and must name something")
        return super()._get_values(action, arg_strings)


def commands() -> tuple[Command, ...]:
    """Return every verb, one per module of `lkboard.cli.commands`, in alphabetical order."""
    package = importlib.import_module("lkboard.cli.commands")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(importlib.import_module(f"lkboard.cli.commands.{name}").COMMAND for name in names)


def _shared_options() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    group = shared.add_argument_group("output")
    # SUPPRESS: an option given before the verb must not be reset by the verb's own default
    keep = argparse.SUPPRESS
    group.add_argument("--json", action="store_true", default=keep, help="print events and results as JSON lines")
    group.add_argument("-q", "--quiet", action="store_true", default=keep, help="print only results and problems")
    group.add_argument("-v", "--verbose", action="store_true", default=keep, help="print details as well")
    return shared


def build_parser(verbs: Sequence[Command]) -> argparse.ArgumentParser:
    """Return the parser for all verbs, with the verbs grouped by purpose in its help."""
    shared = _shared_options()
    lines = []
    for group in _GROUPS:
        lines.append(f"{group}:")
        lines += [f"  {verb.name:<10} {verb.summary}" for verb in verbs if verb.group == group]
        lines.append("")
    parser = _Parser(
        prog="lkboard",
        usage="lkboard VERB [OPTION…]",
        description="One YAML file and a set of container images become a bootable operating system for a board.",
        epilog="\n".join(lines) + "Each verb explains itself: lkboard VERB --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lkboard {__version__}")
    _add_verbs(parser, verbs, shared, "verb")
    return parser


def _add_verbs(
    parser: argparse.ArgumentParser, verbs: Sequence[Command], shared: argparse.ArgumentParser, dest: str
) -> None:
    is_top = dest == "verb"
    options = {"help": argparse.SUPPRESS} if is_top else {"title": "verbs"}
    subparsers = parser.add_subparsers(dest=dest, metavar="VERB", prog=parser.prog, parser_class=_VerbParser, **options)  # type: ignore[call-overload]
    for verb in verbs:
        sub = subparsers.add_parser(
            verb.name,
            help=verb.summary,
            description=verb.summary[0].upper() + verb.summary[1:] + ".",
            epilog=f"example:\n  {verb.example}" if verb.example else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
            allow_abbrev=False,
        )
        sub.set_defaults(command=verb, parser=sub)
        if verb.add_arguments:
            verb.add_arguments(sub)
        if verb.children:
            _add_verbs(sub, verb.children, shared, f"{dest}_of_{verb.name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``lkboard`` and return its exit status: 0 done, 1 failed, 2 usage, 3 refused, 6 cancelled, as in `errors`."""
    from lkboard.cli.legacy import rewrite
    from lkboard.cli.render import Ui

    given = sys.argv[1:] if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):  # in a locale of 8 bits, names and help may hold what it lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    ui = Ui(is_json="--json" in given, quiet="-q" in given or "--quiet" in given)
    try:
        arguments, notes = rewrite(given)
        args = _parse(arguments)
        ui.debug = getattr(args, "verbose", False)
        for note in notes:
            ui.say(f"note: {note}")
        return _run(args, ui)
    except LkboardError as error:
        ui.error(error)
        return error.exit_status
    except (Cancelled, KeyboardInterrupt):  # the latter before `_run` takes care of signals
        ui.say("stopped")
        return Cancelled.exit_status
    except BrokenPipeError:
        # the reader of our output is gone: point stdout elsewhere so that the interpreter's last flush is quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        ui.error(_os_error(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: a traceback is a bug
        return _internal(error, ui)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the arguments say; an unknown one is the verb's business, whose help explains the right ones."""
    parser = build_parser(commands())
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        options = [text for text in unknown if text.startswith("-")]
        getattr(args, "parser", parser).error(f"unrecognized arguments: {' '.join(options or unknown)}")
    return args


def _run(args: argparse.Namespace, ui: Ui) -> int:
    command: Command | None = getattr(args, "command", None)
    if command is None or command.run is None:
        parser = getattr(args, "parser", None)
        (parser or build_parser(commands())).print_help(ui.stderr)
        return UsageError.exit_status
    job = Job(ui.listen)

    def stop(_number: int, _frame: FrameType | None) -> None:
        job.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        return command.run(args, ui, job)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _os_error(error: OSError) -> LkboardError:
    """Turn an error of the operating system that no layer explained into one clear line."""
    return LkboardError(error.strerror or str(error), where=error.filename)


def _internal(error: Exception, ui: Ui) -> int:
    import traceback

    ui.error(InternalError(f"internal error: {type(error).__name__}: {error}", hint="please report it, with -v"))
    if ui.debug:
        traceback.print_exception(error, file=ui.stderr)
    return InternalError.exit_status
