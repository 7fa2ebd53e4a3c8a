"""Which shared libraries a program needs, found in Debian packages by what the objects themselves ask for."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lkboard.disk.content import read
from lkboard.errors import BuildError
from lkboard.kit.elf import dynamic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lkboard.model.extents import Content
    from lkboard.sources.archive import Archive


def library_closure(programs: Iterable[Content], archives: Iterable[Archive]) -> Mapping[str, Content]:
    """Return the loader and all libraries that programs need, by the paths at which the loader looks for them.

    A library is put under its soname into the folder that its package has it in; the loader where the program names
    it, so that packages of a merged /usr work in a root whose /lib is a folder of its own. Raises `BuildError` when no
    package has a library.
    """
    index = dict(_libraries(archives))
    asked = [dynamic(read(program)) for program in programs]
    loaders = {PurePosixPath(wants.interpreter).name: wants.interpreter for wants in asked if wants.interpreter}
    todo = [*loaders, *(name for wants in asked for name in wants.needed)]
    found: dict[str, tuple[str, Content]] = {}
    while todo:
        name = todo.pop()
        if name in found:
            continue
        if name not in index:
            raise BuildError(f"no package of this image has the library '{name}'")
        path, content = index[name]
        found[name] = (loaders.get(name, path).lstrip("/"), content)
        todo += dynamic(read(content)).needed
    return dict(found.values())


def _libraries(archives: Iterable[Archive]) -> Iterator[tuple[str, tuple[str, Content]]]:
    """Yield soname and (path, content) of everything that looks like a shared library."""
    for archive in archives:
        for path in archive:
            name = PurePosixPath(path).name
            entry = archive.find(path) if ".so" in name and "/gconv/" not in path else None
            if entry is not None:
                yield name, (path, entry.content)
