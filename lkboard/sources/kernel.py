"""Files that come with the config's own kernel: device trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.extents import Content
    from lkboard.sources.context import SourceContext


def find(path: str, context: SourceContext) -> Content | None:
    """Return a file of the kernel's tar (``boot/dtb/broadcom/x.dtb``), None when it has none."""
    return context.kernel_files.get(path)
