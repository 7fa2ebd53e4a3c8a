"""The text editor: line numbers, YAML colours, and problems marked where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontDatabase,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QToolTip, QWidget

from lkboard_gui.widgets.highlighter import YamlHighlighter

if TYPE_CHECKING:
    from lkboard.errors import Problem
    from lkboard_gui.theme import Colours

MARKS = {"error": "✗", "warning": "⚠", "hint": "·"}
RANK = ("hint", "warning", "error")
PARAGRAPH_SEPARATOR = "\u2029"
"""What ends a line inside of Qt's documents."""


class _Gutter(QWidget):
    """The strip of line numbers; the editor paints it."""

    def __init__(self, editor: YamlEditor) -> None:
        super().__init__(editor)
        self._editor = editor

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the width that the largest line number needs."""
        return QSize(self._editor.gutter_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint numbers and marks."""
        self._editor.paint_gutter(self, event)


class YamlEditor(QPlainTextEdit):
    """Plain text with a gutter. `set_problems` underlines each problem and marks its line."""

    def __init__(self, colours: Colours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._problems: tuple[Problem, ...] = ()
        self._gutter = _Gutter(self)
        self._highlighter = YamlHighlighter(self.document(), colours)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(10.5)
        self.setFont(font)
        self.setStyleSheet(f"font-family: '{font.family()}'; font-size: 10.5pt;")
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(False)
        self.setTabStopDistance(2 * self.fontMetrics().horizontalAdvance(" "))
        self.setAccessibleName("Config text")
        self.blockCountChanged.connect(self._fit_gutter)
        self.updateRequest.connect(self._scroll_gutter)
        self.cursorPositionChanged.connect(self._mark)
        self.viewport().installEventFilter(self)
        self._fit_gutter()

    def set_problems(self, problems: tuple[Problem, ...]) -> None:
        """Show these problems."""
        self._problems = problems
        self._mark()
        self._gutter.update()

    def text(self) -> str:
        """Return the text to the letter; Qt's own plain text turns no-break spaces into blanks."""
        return self.document().toRawText().replace(PARAGRAPH_SEPARATOR, "\n")

    def go_to(self, line: int, column: int) -> None:
        """Put the cursor at a line and column, counted from 1, and take the focus."""
        block = self.document().findBlockByNumber(max(line, 1) - 1)
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.Right, n=min(max(column, 1) - 1, max(block.length() - 1, 0)))
        self.setTextCursor(cursor)
        self.centerCursor()
        self.setFocus()

    def gutter_width(self) -> int:
        """Return the gutter's width in pixels."""
        digits = max(3, len(str(self.blockCount())))
        return 26 + self.fontMetrics().horizontalAdvance("9") * digits

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the gutter as high as the text."""
        super().resizeEvent(event)
        area = self.contentsRect()
        self._gutter.setGeometry(QRect(area.left(), area.top(), self.gutter_width(), area.height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Show the problem under the mouse as a tool tip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            line = self.cursorForPosition(event.pos()).blockNumber() + 1
            text = "\n".join(problem.message for problem in self._problems if problem.place.line == line)
            QToolTip.showText(event.globalPos(), text)
            return True
        return super().eventFilter(watched, event)

    def paint_gutter(self, gutter: QWidget, event: QPaintEvent) -> None:
        """Paint line numbers, and a mark at each line with a problem."""
        painter = QPainter(gutter)
        painter.fillRect(event.rect(), QColor(self._colours.window))
        painter.setFont(self.font())
        worst = self._worst_by_line()
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        while block.isValid() and top <= event.rect().bottom():
            height = self.blockBoundingRect(block).height()
            line = block.blockNumber() + 1
            severity = worst.get(line, "")
            painter.setPen(QColor(self._colour(severity) if severity else self._colours.comment))
            right = Qt.AlignmentFlag.AlignRight
            painter.drawText(QRect(0, round(top), gutter.width() - 8, round(height)), right, str(line))
            if severity:
                painter.drawText(QRect(6, round(top), 20, round(height)), Qt.AlignmentFlag.AlignLeft, MARKS[severity])
            top += height
            block = block.next()
        painter.end()

    def _worst_by_line(self) -> dict[int, str]:
        worst: dict[int, str] = {}
        for problem in self._problems:
            before = worst.get(problem.place.line, "hint")
            worst[problem.place.line] = max(before, problem.severity, key=RANK.index)
        return worst

    def _colour(self, severity: str) -> str:
        return {"error": self._colours.error, "warning": self._colours.warning}.get(severity, self._colours.muted)

    def _fit_gutter(self) -> None:
        self.setViewportMargins(self.gutter_width(), 0, 0, 0)

    def _scroll_gutter(self, area: QRect, dy: int) -> None:
        if dy:
            self._gutter.scroll(0, dy)
        else:
            self._gutter.update(0, area.y(), self._gutter.width(), area.height())

    def _mark(self) -> None:
        selections = [self._current_line()]
        selections += [self._underline(problem) for problem in self._problems if problem.severity != "hint"]
        self.setExtraSelections(selections)

    def _current_line(self) -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        look = QTextCharFormat()
        look.setBackground(QColor(self._colours.current_line))
        look.setProperty(QTextFormat.Property.FullWidthSelection, True)  # noqa: FBT003 - Qt's signature
        selection.format = look
        cursor = self.textCursor()
        cursor.clearSelection()
        selection.cursor = cursor
        return selection

    def _underline(self, problem: Problem) -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        look = QTextCharFormat()
        look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        look.setUnderlineColor(QColor(self._colour(problem.severity)))
        block = self.document().findBlockByNumber(max(problem.place.line, 1) - 1)
        cursor = QTextCursor(block)
        start = min(max(problem.place.column, 1) - 1, max(block.length() - 1, 0))
        cursor.movePosition(QTextCursor.MoveOperation.Right, n=start)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        if not cursor.hasSelection():
            cursor.select(QTextCursor.SelectionType.LineUnderCursor)
        selection.format = look
        selection.cursor = cursor
        return selection
