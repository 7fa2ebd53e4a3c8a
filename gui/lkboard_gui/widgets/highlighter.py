"""Colours for YAML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

if TYPE_CHECKING:
    from lkboard_gui.theme import Colours

KEY = re.compile(r"(?:^|(?<=[\s{,\-]))([\w.\-/]+)(?=\s*:(?:\s|$))")
STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")


class YamlHighlighter(QSyntaxHighlighter):
    """Marks keys, quoted texts and comments, line by line."""

    def __init__(self, document: QTextDocument, colours: Colours) -> None:
        super().__init__(document)
        self._key = _format(colours.key, bold=True)
        self._string = _format(colours.string)
        self._comment = _format(colours.comment, italic=True)

    def highlightBlock(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Colour one line; later rules win."""
        for rule, look in ((KEY, self._key), (STRING, self._string), (COMMENT, self._comment)):
            for match in rule.finditer(text):
                self.setFormat(match.start(), match.end() - match.start(), look)


def _format(colour: str, *, bold: bool = False, italic: bool = False) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setForeground(QColor(colour))
    if bold:
        look.setFontWeight(QFont.Weight.DemiBold)
    look.setFontItalic(italic)
    return look
