"""Which kernel modules go into a kernel image, and the index files that let modprobe find them (modules.dep(5)).

The files are written here, without depmod: it would have to run on the module tree of another architecture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lkboard.kit.modinfo import Modinfo, normal_name, read_modinfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lkboard.kit.elf import Bytes

SUFFIXES = (".ko", ".ko.xz", ".ko.zst")


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its name as the kernel has it, its path below ``lib/modules/<release>`` and what it says."""

    name: str
    path: str
    info: Modinfo


class Catalogue:
    """All modules of one kernel, and the names that are built into it."""

    def __init__(self, modules: Iterable[Module], builtin: Iterable[str]) -> None:
        self._modules = {module.name: module for module in modules}
        self._builtin = frozenset(module_name(path) for path in builtin)
        self._by_alias: dict[str, list[str]] = {}
        for module in self._modules.values():
            for alias in module.info.aliases:
                self._by_alias.setdefault(normal_name(alias), []).append(module.name)

    def __getitem__(self, name: str) -> Module:
        """Return the module of a name. Raises KeyError."""
        return self._modules[name]

    def unknown(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names that this kernel neither has as modules nor built in."""
        return tuple(name for name in names if not self._resolve(name) and normal_name(name) not in self._builtin)

    def closure(self, names: Iterable[str]) -> tuple[Module, ...]:
        """Return modules with everything they depend on, hard or softly, sorted by path; unknown names are left out."""
        found: set[str] = set()
        todo = [module for name in names for module in self._resolve(name)]
        while todo:
            name = todo.pop()
            if name in found:
                continue
            found.add(name)
            info = self._modules[name].info
            todo += [module for wanted in (*info.depends, *info.soft_names) for module in self._resolve(wanted)]
        return tuple(sorted((self._modules[name] for name in found), key=lambda module: module.path))

    def _resolve(self, name: str) -> tuple[str, ...]:
        """Return the modules that a name or a plain alias means; none when it is built in or unknown."""
        name = normal_name(name)
        if name in self._modules:
            return (name,)
        return () if name in self._builtin else tuple(self._by_alias.get(name, ()))


def module_name(path: str) -> str:
    """Return the name of the module in a file: ``kernel/drivers/net/virtio-net.ko.xz`` is ``virtio_net``."""
    return normal_name(PurePosixPath(path).name.partition(".ko")[0])


def read_catalogue(paths: Iterable[str], read: Callable[[str], Bytes], builtin: Iterable[str]) -> Catalogue:
    """Return the catalogue of a module tree; ``read`` gives the bytes of a path below ``lib/modules/<release>``.

    Raises `BuildError` when a module is damaged.
    """
    modules = (Module(module_name(path), path, read_modinfo(inflate(path, read(path)))) for path in paths)
    return Catalogue(modules, builtin)


def inflate(path: str, data: Bytes) -> Bytes:
    """Return a module's object, uncompressed."""
    if path.endswith(".xz"):
        import lzma

        return lzma.decompress(data)
    if path.endswith(".zst"):
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(bytes(data))
    return data


def index_files(modules: tuple[Module, ...]) -> Mapping[str, str]:
    """Return modules.dep, modules.alias and modules.softdep for a closure, by their names."""
    by_name = {module.name: module for module in modules}
    aliases = [f"alias {alias} {module.name}" for module in modules for alias in module.info.aliases]
    softdeps = [f"softdep {module.name} {line}" for module in modules for line in module.info.softdeps]
    return {
        "modules.dep": _lines(_dep_line(module, by_name) for module in modules),
        "modules.alias": _lines(["# Aliases extracted from modules themselves.", *aliases]),
        "modules.softdep": _lines(["# Soft dependencies extracted from modules themselves.", *softdeps]),
    }


def _dep_line(module: Module, by_name: Mapping[str, Module]) -> str:
    """Return one line of modules.dep: modprobe loads what stands after the colon from right to left."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in by_name and name not in seen:
            seen.add(name)
            for needed in by_name[name].info.depends:
                visit(needed)
            order.append(name)

    visit(module.name)
    depends = [by_name[name].path for name in reversed(order) if name != module.name]
    return f"{module.path}:{''.join(f' {path}' for path in depends)}"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
