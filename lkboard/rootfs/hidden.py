"""What is said when one image takes away the files of another, or moves them.

LinuxKit lets it happen without a word: an init image whose ``lib`` is a link to ``usr/lib`` costs a kernel all modules.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lkboard.model.rootfs import Entry, Kind
from lkboard.oci.layers.file_tree import Node, walk
from lkboard.rootfs import kinds

if TYPE_CHECKING:
    from lkboard.model.rootfs import Origin

_MODULES = ("lib/modules/", "usr/lib/modules/")


def hidden_files(path: str, by: Entry, folder: Node) -> str | None:
    """Return the sentence about a folder at ``path`` that something else replaces; None if there are no files in it."""
    files = {name: node.entry for name, node in walk(folder.children or {}, f"{path}/") if node.children is None}
    if not files:
        return None
    owners = ", ".join(dict.fromkeys(_owner(entry.origin) for entry in files.values()))
    count = f"{len(files)} file{'s' * (len(files) > 1)}"
    if any(name.startswith(_MODULES) for name in files):
        count += ", kernel modules among them"
    kind, hint = "file", f"give it another name, or leave out the folder '/{path}'"
    if by.kind is Kind.SYMLINK:
        target = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), by.link))
        kind, hint = "link", f"have the files in '{target}' instead, or an image in which '/{path}' is a folder"
    return f"the {kind} '/{path}' of {_owner(by.origin)} hides what {owners} put there: {count} ({hint})"


def moved_directory(path: str, link: Entry, target: str | None, origin: Origin) -> str:
    """Return the sentence about a link at ``path``, on the way to a directory that is in fact at ``target``."""
    hint = f"take an image in which '/{path}' is a folder"
    return f"the link '/{path}' of {_owner(link.origin)} puts files of {_owner(origin)} into '/{target}' ({hint})"


def replaced_file(path: str, file: Entry, folder: Entry) -> str:
    """Return the sentence about a folder at ``path`` that takes the place of a file, or of a link to no folder."""
    what = f"link to '{file.link}'" if file.kind is Kind.SYMLINK else kinds.NAMES[file.kind]
    message = f"the folder '/{path}', which {_owner(folder.origin)} needs, replaces the {what} of {_owner(file.origin)}"
    return f"{message} (use another path, or an image in which '/{path}' is a folder)"


def covered_file(path: str, file: Entry) -> str:
    """Return the sentence about a file at ``path`` whose place the bill of materials takes."""
    message = f"the bill of materials replaces the {kinds.NAMES[file.kind]} '/{path}' of {_owner(file.origin)}"
    return f"{message} (give it another place: --sbom-output PATH)"


def _owner(origin: Origin) -> str:
    return f"{origin.location} ({origin.source})" if origin.source else "the build"
