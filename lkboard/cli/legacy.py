"""Old spellings: single-dash long options of LinuxKit and of the 2017 ``moby`` tool (decisions, "Command line")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TODAY = {
    "-output": "--format",
    **{
        f"-{name}": f"--{name}"
        for name in (
            "arch", "cache", "cert-file", "cpus", "data", "data-file", "decompress-kernel", "dir", "disk", "docker",
            "dry-run", "format", "input-tar", "mem", "mirror", "name", "no-sbom", "publish", "pull", "size",
        )
    },
}  # fmt: skip
_IGNORED = {
    "-disable-content-trust": "content trust no longer exists; pin images by digest instead",
    "-hyperkit": "lkboard needs no helper machine to build",
}


def rewrite(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments in today's spelling, and a note for each that was changed.

    Only exact tokens (``-format`` or ``-format=x``) before a bare ``--`` are touched.
    """
    result: list[str] = []
    notes: list[str] = []
    rest = list(arguments)
    while rest and rest[0] != "--":
        token = rest.pop(0)
        name, equals, value = token.partition("=")
        if name in _IGNORED:
            notes.append(f"{name} is ignored: {_IGNORED[name]}")
        elif name in _TODAY:
            notes.append(f"{name} is spelled {_TODAY[name]} today")
            result.append(_TODAY[name] + equals + value)
        else:
            result.append(token)
    return result + rest, notes
