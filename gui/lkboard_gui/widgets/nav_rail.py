"""The list of pages at the left edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem

if TYPE_CHECKING:
    from lkboard_gui.page import Page

WIDTH = 92
ROW_HEIGHT = 62


class NavRail(QListWidget):
    """One row a page: sign above title."""

    def __init__(self, pages: tuple[Page, ...]) -> None:
        super().__init__()
        self.setObjectName("navRail")
        self.setAccessibleName("Pages")
        self.setFixedWidth(WIDTH)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for number, page in enumerate(pages, 1):
            item = QListWidgetItem(f"{page.glyph}\n{page.title}")
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            item.setSizeHint(QSize(WIDTH, ROW_HEIGHT))
            item.setToolTip(f"{page.title} (Alt+{number})")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, page.title)
            self.addItem(item)
