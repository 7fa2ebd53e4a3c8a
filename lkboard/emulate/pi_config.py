"""``config.txt`` of the Raspberry Pi's GPU firmware: the part that decides what is loaded, and nothing else.

The words are those of https://www.raspberrypi.com/documentation/computers/config_txt.html. A setting that could change
the boot in a way that is not played here is refused with its line, so that a test never says more than it knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lkboard.errors import EmulationError, Place

NAME = "config.txt"

_LOADED = frozenset({"arm_64bit", "kernel", "device_tree", "upstream_kernel", "cmdline"})
# they change clocks, pictures or delays, but not which files are loaded
_HARMLESS = frozenset({
    "enable_uart", "uart_2ndstage", "avoid_warnings", "disable_splash", "boot_delay", "boot_delay_ms", "gpu_mem",
    "disable_overscan", "hdmi_force_hotplug", "hdmi_safe", "max_framebuffers", "disable_fw_kms_setup", "arm_boost",
})  # fmt: skip
# a section counts for the Pi 3 or it does not
_SECTIONS = {
    "all": True,
    "pi3": True,
    "pi0": False,
    "pi1": False,
    "pi2": False,
    "pi4": False,
    "pi5": False,
    "none": False,
}


@dataclass(frozen=True, slots=True)
class PiConfig:
    """What the firmware is told to load; ``places`` says where. Empty texts are settings that are not there."""

    settings: tuple[tuple[str, str], ...] = ()
    initramfs: str = ""
    places: tuple[tuple[str, Place], ...] = field(default=(), compare=False)

    def get(self, name: str, default: str = "") -> str:
        """Return a setting; the last line counts."""
        return dict(self.settings).get(name, default)

    def place(self, name: str) -> Place:
        """Return where a setting stands, or the file when it is not there."""
        return dict(self.places).get(name, Place(NAME))


def parse_pi_config(text: str) -> PiConfig:
    """Read the file. Raises `EmulationError` naming the line that is not understood."""
    settings: dict[str, str] = {}
    places: dict[str, Place] = {}
    counts = True
    initramfs = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        place = Place(NAME, number)
        if line.startswith("["):
            counts = _section(line, place)
        elif line and counts:
            name, value = _setting(line, place)
            places[name] = place
            if name == "initramfs":
                initramfs = value
            else:
                settings[name] = value
    return PiConfig(tuple(settings.items()), initramfs, tuple(places.items()))


def _section(line: str, place: Place) -> bool:
    name = line.strip("[]").lower()
    if name not in _SECTIONS:
        raise EmulationError(f"the test does not understand the section '{line}'", where=place)
    return _SECTIONS[name]


def _setting(line: str, place: Place) -> tuple[str, str]:
    words = line.split()
    if words[0] == "initramfs":
        if len(words) != 3 or words[2] != "followkernel":
            hint = "write: initramfs FILE followkernel"
            raise EmulationError(f"the test does not understand '{line}'", where=place, hint=hint)
        return "initramfs", words[1]
    name, equals, value = line.partition("=")
    if not equals or name.strip() not in _LOADED | _HARMLESS:
        raise EmulationError(f"the test does not understand '{line}'", where=place)
    return name.strip(), value.strip()
