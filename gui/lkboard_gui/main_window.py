"""The window: project bar, navigation, pages and the strip of the running job."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lkboard.errors import LkboardError
from lkboard.events import Progress, Step
from lkboard_gui.page import pages
from lkboard_gui.pages.build import BuildPage
from lkboard_gui.pages.system import SystemPage
from lkboard_gui.widgets.nav_rail import NavRail
from lkboard_gui.widgets.state_chip import StateChip

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkboard.events import Event
    from lkboard_gui.bridge import Task
    from lkboard_gui.models.project import ChipName, Project

CHIPS: dict[ChipName, str] = {"valid": "system", "built": "build", "tested": "test", "written": "write"}
"""Each chip and the page that a click on it leads to."""
FILTER = "Configs (*.yml *.yaml);;All files (*)"


class MainWindow(QMainWindow):
    """Shows one project."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project
        self._is_closing = False
        project.setParent(self)
        self.setMinimumSize(1024, 680)
        self.resize(1280, 800)
        found = pages()
        self._page_ids = [page.id for page in found]
        self.nav = NavRail(found)
        self.stack = QStackedWidget()
        for page in found:
            self.stack.addWidget(page.make(project))
        self.nav.currentRowChanged.connect(self.stack.setCurrentIndex)
        self.board_box = self._make_board_box()
        self.file_label = QLabel()
        self.file_label.setObjectName("fileLabel")
        self.chips = {name: StateChip() for name in CHIPS}
        self.job_label = QLabel()
        self.job_bar = QProgressBar()
        self.job_bar.setAccessibleName("Progress of the running job")
        self._lay_out()
        self._make_menus()
        self._connect()
        self.nav.setCurrentRow(0)
        self._show_file()
        self._show_chips()

    def page(self, page_id: str) -> QWidget:
        """Return a page by its id."""
        found = self.stack.widget(self._page_ids.index(page_id))
        assert found is not None
        return found

    def go_to(self, page_id: str) -> None:
        """Show a page."""
        self.nav.setCurrentRow(self._page_ids.index(page_id))

    def open(self, path: Path) -> None:
        """Open a config, or say why it cannot be opened."""
        try:
            self.project.open(path)
        except OSError as error:
            self._say_error(f"{path}: {error.strerror}")
        except LkboardError as error:
            self._say_error(str(error))

    def save(self) -> bool:
        """Save the config, asking for a name if it has none; return whether it was saved."""
        if self.project.path is None:
            return self.save_as()
        return self._save_to(self.project.path)

    def save_as(self) -> bool:
        """Ask for a name and save the config there."""
        chosen, _filter = QFileDialog.getSaveFileName(self, "Save config", self.project.name, FILTER)
        return self._save_to(Path(chosen)) if chosen else False

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask before a running job or unsaved text is lost; close when the job has cleaned up behind itself."""
        task = self.project.task
        if not self._is_closing and not self._may_close():
            event.ignore()
        elif task is not None:
            self._is_closing = True
            task.ended.connect(self.close)
            task.cancel()
            event.ignore()
        else:
            event.accept()

    def close_at_once(self) -> None:
        """Close without questions, as a signal asks; a running job is stopped first."""
        self._is_closing = True
        self.close()

    def _save_to(self, path: Path) -> bool:
        try:
            self.project.save(path)
        except OSError as error:
            self._say_error(f"{path}: {error.strerror}")
        except LkboardError as error:
            self._say_error(str(error))
        else:
            return True
        return False

    def _may_close(self) -> bool:
        task = self.project.task
        if task is not None and not self._ask(f"A {task.name} is running. Stop it and close?"):
            return False
        return not self.project.is_modified or self._ask(f"{self.project.name} has unsaved changes. Close anyway?")

    def _ask(self, question: str) -> bool:
        answer = QMessageBox.question(self, "lkboard", question)
        return answer == QMessageBox.StandardButton.Yes

    def _say_error(self, text: str) -> None:
        QMessageBox.warning(self, "lkboard", text)

    def _make_board_box(self) -> QComboBox:
        box = QComboBox()
        box.setObjectName("boardBox")
        box.setAccessibleName("Board")
        for board in self.project.boards:
            box.addItem(f"{board.title} ({board.architecture})", board.id)
        box.setCurrentIndex(box.findData(self.project.board.id))
        return box

    def _lay_out(self) -> None:
        bar = QWidget()
        bar.setObjectName("projectBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addWidget(self.file_label)
        row.addStretch(1)
        row.addWidget(QLabel("Board"))
        row.addWidget(self.board_box)
        row.addSpacing(16)
        for chip in self.chips.values():
            row.addWidget(chip)
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addWidget(self.nav)
        below.addWidget(self.stack, 1)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addLayout(below, 1)
        self.setCentralWidget(centre)
        self.job_bar.setFixedWidth(220)
        self.job_bar.hide()
        self.statusBar().addWidget(self.job_label, 1)
        self.statusBar().addPermanentWidget(self.job_bar)
        self.statusBar().setSizeGripEnabled(False)

    def _make_menus(self) -> None:
        file_menu = self.menuBar().addMenu("&File")
        self._action(file_menu, "&Open…", QKeySequence.StandardKey.Open, self._choose_file)
        self._action(file_menu, "&Save", QKeySequence.StandardKey.Save, self.save)
        self._action(file_menu, "Save &as…", QKeySequence.StandardKey.SaveAs, self.save_as)
        file_menu.addSeparator()
        self._action(file_menu, "&Quit", QKeySequence.StandardKey.Quit, self.close)
        edit_menu = self.menuBar().addMenu("&Edit")
        self._action(edit_menu, "&Next problem", "F8", lambda: self._problem(1))
        self._action(edit_menu, "&Previous problem", "Shift+F8", lambda: self._problem(-1))
        build_menu = self.menuBar().addMenu("&Build")
        self._action(build_menu, "&Build", "Ctrl+B", self._build)
        view_menu = self.menuBar().addMenu("&View")
        for number, page in enumerate(pages(), 1):
            self._action(view_menu, page.title, f"Alt+{number}", partial(self.go_to, page.id))

    def _action(
        self, menu: QMenu, text: str, shortcut: QKeySequence.StandardKey | str, act: Callable[[], object]
    ) -> None:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda _is_checked: act())
        menu.addAction(action)

    def _connect(self) -> None:
        project = self.project
        self.board_box.currentIndexChanged.connect(lambda: project.set_board(self.board_box.currentData()))
        for signal in (project.file_changed, project.results_changed):
            signal.connect(self._show_file)
        for signal in (project.results_changed, project.problems_changed):
            signal.connect(self._show_chips)
        for name, page_id in CHIPS.items():
            self.chips[name].clicked.connect(lambda _is_checked, page_id=page_id: self.go_to(page_id))
        project.task_started.connect(self._show_task)
        project.task_ended.connect(self._hide_task)

    def _choose_file(self) -> None:
        if self.project.is_modified and not self._ask(f"{self.project.name} has unsaved changes. Open another anyway?"):
            return
        chosen, _filter = QFileDialog.getOpenFileName(self, "Open config", "", FILTER)
        if chosen:
            self.open(Path(chosen))

    def _build(self) -> None:
        if self.project.path is None and not self.save():
            return
        page = self.page("build")
        assert isinstance(page, BuildPage)
        self.go_to("build")
        page.start()

    def _problem(self, step: int) -> None:
        page = self.page("system")
        assert isinstance(page, SystemPage)
        self.go_to("system")
        page.go_to_next_problem(step)

    def _show_file(self) -> None:
        mark = " ●" if self.project.is_modified else ""
        self.file_label.setText(self.project.name + mark)
        self.file_label.setToolTip(str(self.project.path or "not saved yet"))
        self.setWindowTitle(f"{self.project.name}{mark} — lkboard")

    def _show_chips(self) -> None:
        for name, chip in self.chips.items():
            shown = self.project.chip(name)
            chip.show_state(shown.state, shown.word, shown.reason)

    def _show_task(self, task: Task) -> None:
        self.job_bar.setRange(0, 0)
        self.job_bar.show()
        self.job_label.setText(f"{task.name} …")
        task.happened.connect(self._show_event)

    def _show_event(self, event: Event) -> None:
        if isinstance(event, Step) and event.state == "started":
            self.job_label.setText(event.name)
            self.job_bar.setRange(0, 0)
        elif isinstance(event, Progress) and event.total:
            self.job_bar.setRange(0, 1000)
            self.job_bar.setValue(1000 * event.done // event.total)

    def _hide_task(self) -> None:
        self.job_bar.hide()
        self.job_label.setText("")
