"""The device box: what the next run or test is computed on."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from workbench.window.kit.translation import tr


class DeviceBox(QComboBox):
    """``device()`` is ``"auto"`` or what torch calls the device. Filled once torch is there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("deviceBox")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._devices: list[tuple[str, str]] = []
        self._reason_off = ""
        self.addItem("", "auto")
        self.retranslate()

    def device(self) -> str:
        return str(self.currentData())

    @property
    def is_gpu(self) -> bool:
        """Return whether that is known to be a GPU."""
        device = self.device()
        if device == "auto" and self._devices:
            device = self._devices[0][0]
        return device.startswith("cuda")

    def device_name(self) -> str:
        """The product's name, where it is known."""
        wanted = self.device()
        for device, name in self._devices:
            if wanted in ("auto", device):
                return f"{name} ({device})" if device != "cpu" else name
        return ""

    def set_devices(self, devices: list[tuple[str, str]]) -> None:
        """``(torch's name, product name)``, the one that ``auto`` takes first."""
        self._devices = devices
        for device, name in devices:
            label = device.upper() if device == "cpu" else f"{device} · {name}"
            self.addItem(label, device)
        self.retranslate()

    def choices(self) -> list[tuple[str, str]]:
        """Return what can be chosen: torch's name, and its label."""
        return [(str(self.itemData(n)), self.itemText(n)) for n in range(self.count())]

    def set_off(self, reason: str) -> None:
        """Off with a reason in the tooltip, or on with ``""``."""
        self._reason_off = reason
        self.setEnabled(not reason)
        self.retranslate()

    def retranslate(self) -> None:
        first = self._devices[0][0] if self._devices else ""
        first = first.upper() if first == "cpu" else first
        self.setItemText(
            0, tr("Device: auto ({device})").format(device=first) if first else tr("Device: auto")
        )
        self.setAccessibleName(tr("Device"))
        self.setToolTip(
            self._reason_off
            or self.device_name()
            or tr("Auto uses a GPU if this build of torch supports it, otherwise the CPU.")
        )

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the wheel over the toolbar must not change the device

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
