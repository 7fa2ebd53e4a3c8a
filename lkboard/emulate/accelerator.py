"""Chooses between the processor's own virtualization (KVM) and emulation (TCG).

``/dev/kvm`` can be opened on hosts where every guest then hangs (boot.md section 3). So KVM counts as working only
after a tiny guest really ran on it, and the answer is remembered until the host boots again.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.home import user_folder
from lkboard.model.architecture import host_architecture

if TYPE_CHECKING:
    from lkboard.emulate.machine import Accelerator
    from lkboard.events import Job

PROBE_SECONDS = 2.0

_KVM = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# mov al, 0x10; out 0xf4, al; hlt; jmp back: asks the isa-debug-exit device to end QEMU with status 0x10 * 2 + 1
_PROBE_CODE = bytes.fromhex("b010e6f4f4ebfd")
_PROBE_STATUS = 33


def choose_accelerator(program: str, architecture: str, job: Job) -> Accelerator:
    """Return ``kvm`` if a guest of this architecture runs with it on this host, else ``tcg``, and say why."""
    if architecture != host_architecture():
        return "tcg"
    if not os.access(_KVM, os.R_OK | os.W_OK):
        job.note(f"{_KVM} cannot be used: the processor is emulated, which is slow")
        return "tcg"
    if not _kvm_works(program):
        job.note(f"{_KVM} is there, but no guest runs with it: the processor is emulated, which is slow")
        return "tcg"
    return "kvm"


def _kvm_works(program: str) -> bool:
    boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
    memory = _memory_path()
    remembered = _remembered(memory) if memory else {}
    if remembered.get("boot_id") == boot_id:
        return remembered.get("kvm") is True
    works = probe(program, "kvm", PROBE_SECONDS)
    if memory:
        _remember(memory, {"boot_id": boot_id, "kvm": works})
    return works


def probe(program: str, accelerator: Accelerator, limit_seconds: float) -> bool:
    """Return whether a guest of a few bytes starts from a disk and halts within a time limit.

    It starts through a BIOS: on hosts where KVM hangs, code right at the reset vector was seen to run nevertheless.
    Only x86 has such a probe; elsewhere the answer is False.
    """
    if not program.endswith("qemu-system-x86_64"):
        return False
    sector = _PROBE_CODE.ljust(510, b"\0") + b"\x55\xaa"
    with tempfile.TemporaryDirectory(prefix="lkboard-") as folder:
        disk = Path(folder, "probe.img")
        disk.write_bytes(sector)
        machine = ["-machine", f"pc,accel={accelerator}", "-m", "16", "-nodefaults", "-display", "none", "-no-reboot"]
        drive = ["-drive", f"if=ide,format=raw,file={disk}", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        try:
            done = subprocess.run(
                [program, *machine, *drive],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == _PROBE_STATUS


def _memory_path() -> Path | None:
    state = user_folder("XDG_STATE_HOME", ".local/state")
    return state / "lkboard" / "accelerator.json" if state else None


def _remembered(memory: Path) -> dict[str, object]:
    try:
        value = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _remember(memory: Path, value: dict[str, object]) -> None:
    """Write the answer down where that is possible; without it the next run probes again."""
    temporary = memory.with_suffix(f".{os.getpid()}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value), encoding="utf-8")
        temporary.replace(memory)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
