"""Colours and the style sheet, light and dark.

Qt's own dark scheme does nothing without a desktop platform theme, so both palettes are ours. Contrast of text on its
background is at least 4.5:1 in both (computed in a test).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


@dataclass(frozen=True, slots=True)
class Colours:
    """What each colour is for; values are ``#rrggbb``."""

    window: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    ok: str
    warning: str
    error: str
    danger: str
    on_danger: str
    key: str
    string: str
    comment: str
    current_line: str


LIGHT = Colours(
    window="#f4f5f7",
    surface="#ffffff",
    raised="#e9ebef",
    border="#d3d7de",
    text="#1c2330",
    muted="#59626f",
    accent="#1f5fbf",
    on_accent="#ffffff",
    ok="#1b7a3d",
    warning="#8a5a00",
    error="#b3261e",
    danger="#b3261e",
    on_danger="#ffffff",
    key="#1f5fbf",
    string="#1b6e5a",
    comment="#616b7a",
    current_line="#eef3fb",
)
DARK = Colours(
    window="#171a20",
    surface="#1e222a",
    raised="#2a303b",
    border="#3a4250",
    text="#e6e9ef",
    muted="#a3acba",
    accent="#7db0ff",
    on_accent="#0d1a2e",
    ok="#6fd08c",
    warning="#f0b95a",
    error="#ff8a80",
    danger="#ff8a80",
    on_danger="#2a0907",
    key="#8ab8ff",
    string="#7fd6b8",
    comment="#96a0b0",
    current_line="#252b36",
)


def system_colours() -> Colours:
    """Return the colours that fit the desktop's scheme."""
    is_dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return DARK if is_dark else LIGHT


def palette(colours: Colours) -> QPalette:
    """Return the colours as Qt's palette."""
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.surface,
        QPalette.ColorRole.AlternateBase: colours.window,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.Link: colours.accent,
    }
    result = QPalette()
    for role, colour in roles.items():
        result.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.muted))
    return result


def style_sheet(colours: Colours) -> str:
    """Return the style sheet; it only shapes what the palette cannot."""
    c = colours
    return f"""
        QWidget {{ font-size: 10pt; }}
        QMainWindow, QDialog {{ background: {c.window}; }}
        QToolTip {{ border: 1px solid {c.border}; padding: 4px; color: {c.text}; background: {c.raised}; }}
        #projectBar {{ background: {c.surface}; border-bottom: 1px solid {c.border}; }}
        #fileLabel {{ font-weight: 600; font-size: 11pt; }}
        #navRail {{ background: {c.window}; border: none; border-right: 1px solid {c.border}; outline: none; }}
        #navRail::item {{ padding: 12px 4px; border-left: 3px solid transparent; color: {c.muted}; }}
        #navRail::item:selected {{ background: {c.raised}; border-left: 3px solid {c.accent}; color: {c.text}; }}
        #navRail::item:hover {{ background: {c.raised}; }}
        QPlainTextEdit, QTableView, QListView, QLineEdit, QSpinBox {{
            background: {c.surface}; border: 1px solid {c.border}; border-radius: 4px;
            selection-background-color: {c.accent}; selection-color: {c.on_accent};
        }}
        QLineEdit, QSpinBox {{ padding: 5px 8px; min-height: 20px; }}
        QComboBox {{ min-height: 28px; }}
        QHeaderView::section {{
            background: {c.window}; border: none; border-bottom: 1px solid {c.border};
            padding: 6px 8px; color: {c.muted};
        }}
        QPushButton {{
            background: {c.raised}; border: 1px solid {c.border}; border-radius: 4px;
            padding: 7px 16px; min-height: 18px;
        }}
        QPushButton:hover {{ border-color: {c.accent}; }}
        QPushButton:focus, QLineEdit:focus, QToolButton:focus {{ border: 2px solid {c.accent}; }}
        QPushButton:disabled {{ color: {c.muted}; background: {c.window}; }}
        QPushButton[role="primary"] {{
            background: {c.accent}; color: {c.on_accent}; border-color: {c.accent}; font-weight: 600;
        }}
        QPushButton[role="primary"]:disabled {{ background: {c.raised}; color: {c.muted}; border-color: {c.border}; }}
        QPushButton[role="danger"] {{ border: 1px solid {c.danger}; color: {c.danger}; font-weight: 600; }}
        QToolButton[chip="true"] {{
            border: 1px solid {c.border}; border-radius: 11px; padding: 3px 11px;
            background: {c.window}; color: {c.muted};
        }}
        QToolButton[state="ok"] {{ color: {c.ok}; border-color: {c.ok}; }}
        QToolButton[state="bad"] {{ color: {c.error}; border-color: {c.error}; }}
        QLabel[role="title"] {{ font-size: 15pt; font-weight: 600; }}
        QLabel[role="muted"] {{ color: {c.muted}; }}
        QLabel[role="banner"] {{ padding: 10px 14px; border-radius: 4px; background: {c.raised}; }}
        QLabel[role="banner"][state="ok"] {{ color: {c.ok}; border: 1px solid {c.ok}; }}
        QLabel[role="banner"][state="bad"] {{ color: {c.error}; border: 1px solid {c.error}; }}
        QProgressBar {{
            border: 1px solid {c.border}; border-radius: 4px; background: {c.surface}; text-align: center; height: 18px;
        }}
        QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
        QSplitter::handle {{ background: {c.border}; }}
        QStatusBar {{ background: {c.surface}; border-top: 1px solid {c.border}; }}
        QStatusBar::item {{ border: none; }}
    """


def apply(app: QApplication, colours: Colours) -> None:
    """Dress the application. The Fusion style draws the same on every desktop."""
    app.setStyle("Fusion")
    app.setPalette(palette(colours))
    app.setStyleSheet(style_sheet(colours))
    app.setProperty("colours", colours)


def colours_of(app: QApplication) -> Colours:
    """Return the colours that `apply` set."""
    found = app.property("colours")
    return found if isinstance(found, Colours) else LIGHT
