"""Small pieces that every page is made of, so that all pages look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QLabel, QPushButton, QTableView, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QAbstractItemModel

MARGIN = 20


def page_layout(page: QWidget, title: str) -> QVBoxLayout:
    """Give a page its margins and title, and return the layout for the rest."""
    layout = QVBoxLayout(page)
    layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
    layout.setSpacing(12)
    label = QLabel(title)
    label.setProperty("role", "title")
    layout.addWidget(label)
    return layout


def plain_label(text: str) -> QLabel:
    """Return text that wraps and is shown to the letter: names of devices and files are not markup."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def muted(text: str) -> QLabel:
    """Return a quiet line of text that wraps."""
    label = plain_label(text)
    label.setProperty("role", "muted")
    return label


def button(text: str, act: Callable[[], object], *, role: str = "") -> QPushButton:
    """Return a push button; ``role`` is ``primary`` or empty."""
    made = QPushButton(text)
    made.setAutoDefault(False)
    if role:
        made.setProperty("role", role)
    made.clicked.connect(lambda _is_checked: act())
    return made


def banner() -> QLabel:
    """Return a line that `show_banner` fills with a result."""
    label = plain_label("")
    label.setProperty("role", "banner")
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.hide()
    return label


def show_banner(label: QLabel, state: str, text: str) -> None:
    """Show a result: ``state`` is ``ok``, ``bad`` or empty. An empty text hides it."""
    label.setText(text)
    label.setProperty("state", state)
    label.style().unpolish(label)
    label.style().polish(label)
    label.setVisible(bool(text))


def table(model: QAbstractItemModel, name: str, *, stretch: int) -> QTableView:
    """Return a table that selects whole rows; the column ``stretch`` takes the free width."""
    view = QTableView()
    view.setModel(model)
    view.setAccessibleName(name)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    view.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
    view.setShowGrid(False)
    view.setTabKeyNavigation(False)
    view.setWordWrap(False)
    view.verticalHeader().hide()
    header = view.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    return view
