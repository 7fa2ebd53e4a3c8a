"""The devices that are plugged in, each with the reason why it can or cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from lkboard.model.units import human_size
from lkboard_gui.models.row_table import Index, RowTable

if TYPE_CHECKING:
    from lkboard.app.devices import ListedDevice

MARKS = {"allowed": "▭", "needs_override": "⚠", "refused": "⊘"}


class DevicesModel(RowTable):
    """One row a device. Rows that may not be written are listed with their reason and cannot be selected."""

    def __init__(self) -> None:
        super().__init__(("", "Device", "Path", "Size", "State"))
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

    def count(self) -> int:
        """Return the number of devices."""
        return len(self._devices)

    def cell(self, row: int, column: int) -> str:
        """Return the text of a cell."""
        device, assessment = self._devices[row].device, self._devices[row].assessment
        mark = MARKS[assessment.verdict]
        return (mark, device.title, device.path, human_size(device.size_bytes), self.tool_tip(row))[column]

    def tool_tip(self, row: int) -> str:
        """Return the whole state."""
        return "; ".join(self._devices[row].assessment.reasons) or "ready"

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return whether a row can be chosen."""
        is_allowed = self._devices[index.row()].assessment.verdict == "allowed"
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable if is_allowed else Qt.ItemFlag.NoItemFlags
