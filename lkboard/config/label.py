"""The settings that an image brings along in a label (build.md section 3.4).

A label means what it means to LinuxKit: published images were tested with what LinuxKit makes of their labels, not with
what the labels say. So the fields that its decoder drops without a word (build.md section 2.4) are checked and then
dropped here too, whereas in a config, which its author can see and mend, they count (build.md section 10, 1).
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from lkboard.config.parse import errors_of
from lkboard.config.reader import Reader
from lkboard.config.rules import judge_options
from lkboard.config.sections import OPTIONS
from lkboard.errors import ImageConflict
from lkboard.model.config import BlockIo, Cpu, IdMapping, Memory, Network, Options, Places, Resources
from lkboard.yaml import nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.errors import Place, Problem

LABEL = "org.mobyproject.config"
_NEVER = ("name", "image")
_HINT = "rebuild the image with a correct label, or use another one"
_DROPPED: Mapping[type, tuple[str, ...]] = {
    IdMapping: ("container_id", "host_id"),
    Memory: ("kernel_tcp", "disable_oom_killer"),
    Cpu: ("realtime_runtime", "realtime_period"),
    BlockIo: (
        "leaf_weight",
        "weight_devices",
        "throttle_read_bps",
        "throttle_write_bps",
        "throttle_read_iops",
        "throttle_write_iops",
    ),
    Network: ("class_id",),
    Resources: ("hugepage_limits",),
}
"""What LinuxKit never sees of a label: fields of the OCI library whose names have capitals (build.md section 2.4)."""


def parse_label(text: str, image: str) -> Options:
    """Read the value of the label `LABEL`; empty text is no label. ``image`` is what errors call the image.

    Raises `ImageConflict`, which lists everything that is wrong.
    """
    if not text:
        return Options()
    node, problems = nodes.read_document(text, LABEL, "config")
    if node is None:
        raise _conflict(image, problems)
    if not isinstance(node, nodes.Mapping):
        raise ImageConflict(f"the label {LABEL} is no mapping of settings", where=image, hint=_HINT)
    for key, _value in node.pairs:
        if key.text in _NEVER:
            raise ImageConflict(f"the label {LABEL} must not set '{key.text}'", where=image, hint=_HINT)
    reader = Reader()
    options: Options = reader.read(node, OPTIONS)
    found = errors_of((*problems, *reader.problems)) or errors_of(judge_options(options, Places()))
    if found:
        raise _conflict(image, found)
    decoded: Options = _decoded(options)
    return decoded


def _decoded(value: Any) -> Any:  # noqa: ANN401 - anything that options consist of
    """Return a value as LinuxKit's decoder leaves it."""
    if isinstance(value, tuple):
        return tuple(_decoded(item) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    dropped = _DROPPED.get(type(value), ())
    kept = {
        field.name: field.default if field.name in dropped else _decoded(getattr(value, field.name))
        for field in fields(value)
    }
    return replace(value, **kept)


def _conflict(image: str, problems: tuple[Problem, ...]) -> ImageConflict:
    wrong = "; ".join(f"{problem.path or _position(problem.place)}: {problem.message}" for problem in problems)
    return ImageConflict(f"the label {LABEL} is wrong: {' '.join(wrong.splitlines())}", where=image, hint=_HINT)


def _position(place: Place) -> str:
    return f"line {place.line}, column {place.column}"
