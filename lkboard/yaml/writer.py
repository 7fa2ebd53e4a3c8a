"""Plain values to YAML text that LinuxKit, lkboard and YAML 1.1 parsers read alike."""

from __future__ import annotations

import re
import sys

import yaml

from lkboard.yaml.scalars import resolve

_OTHER_BREAK = re.compile("[\r\x85\u2028\u2029]")
"""Line breaks of YAML that PyYAML writes as they are, and that are then read as a line feed or a blank."""


def yaml_text(tree: dict[str, object]) -> str:
    """Return a tree of dicts, lists and scalars in block style, in the order of its keys."""
    text = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize)
    return str(text)


class _Dumper(yaml.SafeDumper):
    """Python's own dumper even where libyaml is there: its text ends up in images, which must not depend on that."""

    def represent_data(self, data: object) -> yaml.Node:
        if not isinstance(data, str):
            return super().represent_data(data)
        # PyYAML quotes what YAML 1.1 would misread; our rules, which are LinuxKit's, are others
        is_ambiguous = resolve(data)[0] != "text" or _OTHER_BREAK.search(data)
        style = '"' if is_ambiguous else "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - called by PyYAML
        return True
