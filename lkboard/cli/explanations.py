"""Explanations as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.tables import counted, one_line, table
from lkboard.model.units import human_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkboard.model.explanation import Explanation, Maker, Makeup, Replaced, Share

_LABEL_WIDTH = 10
_NAMES_SHOWN = 5
_LOADED = frozenset(["/boot/kernel", "/boot/cmdline", "/boot/ucode.cpio"])
_BESIDE_INITRD = "not in the initrd: boot loaders load it beside it"
_LEFT_OUT = "in no image that boots, unless its board loads it beside the initrd"


def explanation_text(found: Explanation) -> str:
    """Return all about one path, as a heading and a line for each thing that is to be said."""
    lines = [f"  {label:<{_LABEL_WIDTH}} {one_line(text)}".rstrip() for label, text in _said(found)]
    return "\n".join([one_line(found.path), *lines])


def explanations_table(found: Sequence[Explanation]) -> str:
    """Return one line for each path."""
    rows = [
        (one.mode, f"{one.uid}:{one.gid}", human_size(one.size_bytes), one.path + _arrow(one), str(one.maker))
        for one in found
    ]
    return table(rows, "<>><<")


def makeup_table(found: Makeup) -> str:
    """Return a line for each part of a system, and what they are together."""
    head = ("", "files", "size", "in initrd", "share", "")
    rows = [_share_row(share, found.size_bytes) for share in found.shares]
    total = ("together", str(found.files), human_size(found.size_bytes), human_size(found.initrd_bytes), "", "")
    lines = table([head, *rows, total], "<>>>><")
    if not found.boot_bytes:
        return lines
    boot = human_size(found.boot_bytes)
    beside = "boot loaders load kernel, command line and microcode beside it"
    return f"{lines}\n{boot} in /boot are not in the initrd: {beside}"


def _share_row(share: Share, whole: int) -> tuple[str, ...]:
    percent = f"{100 * share.size_bytes / whole:.0f} %" if whole else ""
    sizes = human_size(share.size_bytes), human_size(share.initrd_bytes)
    return str(share.maker), str(share.files), *sizes, percent, share.maker.image


def _said(found: Explanation) -> Iterator[tuple[str, str]]:
    yield "is", _what(found)
    yield from _made_by(found.maker)
    if found.names:
        yield "also named", _listed(found.names)
    if found.users:
        yield "used by", _listed(found.users)
    for lost in found.replaced:
        yield _lost(lost)
    yield "takes", _cost(found)
    for index, part in enumerate(found.parts):
        who = " ".join(filter(None, (part.location, part.name)))
        yield "" if index else "holds", f"{counted(part.files, 'file')}, {human_size(part.size_bytes)} of {who}"


def _what(found: Explanation) -> str:
    device = f" {found.device[0]}:{found.device[1]}" if found.device else ""
    return f"a {found.kind}{device}{_arrow(found)}, mode {found.mode}, owner {found.uid}:{found.gid}"


def _arrow(found: Explanation) -> str:
    return f" -> {found.link}" if found.link else ""


def _made_by(maker: Maker) -> Iterator[tuple[str, str]]:
    who = " ".join(filter(None, (maker.location, maker.name)))
    if who:
        yield "from", f"{who} ({maker.place})" if maker.place else who
    if maker.made:
        yield "made", maker.made
    if maker.image:
        yield "image", maker.image
    if maker.layer:
        yield "layer", f"{maker.layer.number} of {maker.layer.count}, {maker.layer.digest}"
        if maker.layer.history:
            yield "", maker.layer.history


def _lost(lost: Replaced) -> tuple[str, str]:
    size = f" of {human_size(lost.size_bytes)}" if lost.kind == "file" else ""
    what = f"the {lost.kind}{size}, mode {lost.mode}, of {lost.maker}"
    if lost.fate == "replaced":
        return "replaces", what
    return "before", f"{what}, which {lost.by} {'deletes' if lost.fate == 'whiteout' else 'leaves out'}"


def _cost(found: Explanation) -> str:
    if found.initrd_bytes is not None:
        packed = f"about {human_size(found.initrd_bytes)} in the initrd"
    else:
        packed = _BESIDE_INITRD if found.path in _LOADED else _LEFT_OUT
    return f"{human_size(found.size_bytes)}; {packed}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
