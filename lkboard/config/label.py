"""The settings that an image brings along in a label (build.md section 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.config.nodes import Mapping, read_document
from lkboard.config.parse import errors_of
from lkboard.config.reader import Reader
from lkboard.config.rules import judge_options
from lkboard.config.sections import OPTIONS
from lkboard.errors import ImageConflict
from lkboard.model.config import Options, Places

if TYPE_CHECKING:
    from lkboard.errors import Problem

LABEL = "org.mobyproject.config"
_NEVER = ("name", "image")
_HINT = "rebuild the image with a correct label, or use another one"


def parse_label(text: str, image: str) -> Options:
    """Read the value of the label `LABEL`; empty text is no label. ``image`` is what errors call the image.

    Raises `ImageConflict`, which lists everything that is wrong.
    """
    if not text:
        return Options()
    node, problems = read_document(text, LABEL)
    if node is None:
        raise _conflict(image, problems)
    if not isinstance(node, Mapping):
        raise ImageConflict(f"the label {LABEL} is no mapping of settings", where=image, hint=_HINT)
    for key, _value in node.pairs:
        if key.text in _NEVER:
            raise ImageConflict(f"the label {LABEL} must not set '{key.text}'", where=image, hint=_HINT)
    reader = Reader()
    options: Options = reader.read(node, OPTIONS)
    found = errors_of((*problems, *reader.problems)) or errors_of(judge_options(options, Places()))
    if found:
        raise _conflict(image, found)
    return options


def _conflict(image: str, problems: tuple[Problem, ...]) -> ImageConflict:
    wrong = "; ".join(f"{problem.path}: {problem.message}" if problem.path else problem.message for problem in problems)
    return ImageConflict(f"the label {LABEL} is wrong: {' '.join(wrong.splitlines())}", where=image, hint=_HINT)
