"""Rules for the kernel section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.config.rules.finding import Finding, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.config.rules.finding import Located
    from lkboard.model.config import Config


def no_kernel(config: Config) -> Iterator[Located]:
    """Find a kernel section that names no image."""
    kernel = config.kernel
    if kernel.image is None and kernel.places.fields:
        yield (
            kernel.places,
            warning("", "there is no kernel image, so the section has no effect", "add image: NAME:TAG"),
        )


def cmdline_zero(config: Config) -> Iterator[Located]:
    """Find a command line with the character 0: the kernel reads no further."""
    if "\0" in config.kernel.cmdline:
        yield config.kernel.places, Finding("cmdline", "a command line cannot contain the character 0", "remove it")
