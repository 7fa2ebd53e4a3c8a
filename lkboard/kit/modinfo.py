"""What a kernel module says about itself: the section ``.modinfo`` of its ELF object (boot.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.kit.elf import section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.kit.elf import Bytes


@dataclass(frozen=True, slots=True)
class Modinfo:
    """The fields that loading a module depends on.

    ``depends`` are module names; ``softdeps`` are the lines as written (``pre: a b post: c``), whose words are module
    names or aliases; ``aliases`` are shell patterns.
    """

    depends: tuple[str, ...] = ()
    softdeps: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def soft_names(self) -> tuple[str, ...]:
        """The modules or aliases that soft dependencies name."""
        return tuple(word for line in self.softdeps for word in line.split() if not word.endswith(":"))


def normal_name(name: str) -> str:
    """Return a module's name as the kernel has it: file names may use dashes for underscores."""
    return name.replace("-", "_")


def read_modinfo(data: Bytes) -> Modinfo:
    """Read a module's object file, uncompressed. Raises `BuildError` when it is none."""
    fields = [field.partition("=") for field in _fields(section(data, ".modinfo"))]
    depends = (name for key, _, value in fields if key == "depends" for name in value.split(","))
    return Modinfo(
        depends=tuple(normal_name(name) for name in depends if name),
        softdeps=tuple(value for key, _, value in fields if key == "softdep"),
        aliases=tuple(value for key, _, value in fields if key == "alias"),
    )


def _fields(data: bytes) -> Sequence[str]:
    """Split ``key=value`` texts, each ended by one NUL or more."""
    return [field.decode("utf-8", "surrogateescape") for field in data.split(b"\0") if field]
