"""The devices that are plugged in, each with the reason why it can or cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from lkboard.model.units import human_size

if TYPE_CHECKING:
    from lkboard.app.devices import ListedDevice

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("", "Device", "Path", "Size", "State")
MARKS = {"allowed": "▭", "needs_override": "⚠", "refused": "⊘"}


class DevicesModel(QAbstractTableModel):
    """One row a device. Rows that may not be written are listed with their reason and cannot be selected."""

    def __init__(self) -> None:
        super().__init__()
        self._devices: tuple[ListedDevice, ...] = ()

    def set_devices(self, devices: tuple[ListedDevice, ...]) -> None:
        """Show these devices; nothing happens when they are the ones already shown."""
        if devices == self._devices:
            return
        self.beginResetModel()
        self._devices = devices
        self.endResetModel()

    def path(self, row: int) -> str:
        """Return the path of the device in a row."""
        return self._devices[row].device.path

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Return the number of devices."""
        return 0 if parent.isValid() else len(self._devices)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return whether a row can be chosen."""
        is_allowed = self._devices[index.row()].assessment.verdict == "allowed"
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable if is_allowed else Qt.ItemFlag.NoItemFlags

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        """Return a column's title."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Return a cell's text; the tool tip is the whole state."""
        listed = self._devices[index.row()]
        state = "; ".join(listed.assessment.reasons) or "ready"
        if role == Qt.ItemDataRole.ToolTipRole:
            return state
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        device = listed.device
        mark = MARKS[listed.assessment.verdict]
        return (mark, device.title, device.path, human_size(device.size_bytes), state)[index.column()]
