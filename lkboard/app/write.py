"""Write: an image, or what a config builds, goes to a file or a block device and is read back.

options ─plan_write─▶ WritePlan ─(shown and confirmed)─▶ write ─▶ WriteResult
"""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.app.image_source import check_image, compression_of, is_config, unpack
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import DeviceError, OutputError, PermissionNeeded, SafetyRefused, UsageError
from lkboard.model.target import WritePlan, WriteResult
from lkboard.model.units import human_size

if TYPE_CHECKING:
    from lkboard.app.build_options import BuildOptions
    from lkboard.events import Job
    from lkboard.model.device import Assessment, BlockDevice
    from lkboard.model.extents import ExtentMap

_LIST = "see: lkboard devices --all"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a user asks of a write.

    ``source`` is an image or, with a ``board``, a config; ``target`` a file or a block device. ``force`` writes
    a source in which nothing is known (never an empty one); whether an existing file may be replaced is for the
    caller to ask. ``lock`` and ``vendored`` are those of `BuildOptions`.
    """

    source: str
    target: str
    board: str = ""
    allow_loop: bool = False
    allow_fixed: bool = False
    force: bool = False
    verify: bool = True
    cache: str = ""
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    lock: str | None = None
    vendored: str = ""


def plan_write(options: WriteOptions) -> WritePlan:
    """Look at source and target, change nothing, and return what a write would do.

    The sizes are 0 while they are not known: before a config is built or a compressed image unpacked. Raises
    `UsageError`, `SafetyRefused` when the device must not be written, `PermissionNeeded`, `DeviceError`,
    `OutputError`, `BuildError`.
    """
    size, mapped = _source_sizes(options)
    target = os.path.realpath(options.target)
    try:
        mode = Path(target).stat().st_mode
    except OSError:
        _check_new_file(Path(target))
        return WritePlan(options.source, target, size, mapped)
    if stat.S_ISBLK(mode):
        return _plan_device(options, target, size, mapped)
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "neither a file nor a block device"
        raise UsageError(f"the target is {kind}", where=options.target, hint="name a file in a folder, or a device")
    _refuse_inputs(options, Path(target))
    replaced = f"{target}, a file of {human_size(Path(target).stat().st_size)}"
    return WritePlan(options.source, target, size, mapped, replaces=(replaced,))


def describe(plan: WritePlan) -> tuple[str, ...]:
    """Return the lines that say what a write erases or replaces: part of the question whether to go on.

    Empty when nothing is lost.
    """
    device = plan.device
    if device is None:
        return tuple(f"This will be replaced: {lost}" for lost in plan.replaces)
    serial = f", serial {device.id}" if device.id and not device.is_loop else ""
    first = f"Everything on {device.path} will be erased: {device.title}, {human_size(device.size_bytes)}{serial}"
    notes = plan.assessment.reasons if plan.assessment else ()
    return (first, *(f"  {lost}" for lost in plan.replaces), *(f"  note: {reason}" for reason in notes))


def confirmations(device: BlockDevice) -> tuple[str, ...]:
    """Return the texts one of which a user types to have a device erased: its model, or its serial number."""
    texts = (device.title, device.model, device.id)
    return tuple(dict.fromkeys(text for text in texts if text))


def check_erase_id(plan: WritePlan, given: str) -> None:
    """Raise `SafetyRefused` unless ``given`` is the id of the planned device: what scripts answer to the question."""
    device = plan.device
    if device is None or (device.id and given == device.id):
        return
    if not device.id:
        raise SafetyRefused(
            "the device has no serial number to confirm it by", where=device.path, hint="write it from a terminal"
        )
    what = f"'{given}' is not the id of this device" if given else "writing this device was not confirmed"
    raise SafetyRefused(
        f"{what}: {device.title}, {human_size(device.size_bytes)}",
        where=device.path,
        hint=f"to erase it, add: --yes-erase '{device.id}'",
    )


def write(options: WriteOptions, plan: WritePlan, job: Job, *, stdin: bytes | None = None) -> WriteResult:
    """Do what was planned and confirmed. ``stdin`` is the config when the source is ``-``.

    Raises what `plan_write` and a build raise, and `VerifyFailed`, `Vanished`, `PermissionNeeded`, `Cancelled`. The
    device is looked at again first: another one at the same path is refused.
    """
    from lkboard.oci.store.scratch import scratch_folder
    from lkboard.oci.store.store import open_store

    with scratch_folder(open_store(options.cache or None).derived_dir("write"), job) as scratch:
        image = _build(options, scratch, job, stdin) if is_config(options.source) else _open(options, scratch, job)
        return _transfer(image, options, plan, job)


def _source_sizes(options: WriteOptions) -> tuple[int, int]:
    """Return size and mapped bytes of an image, as far as they are known already."""
    from lkboard.disk.sparse import map_file

    if is_config(options.source):
        if not options.board:
            raise UsageError("a config is written for a board", hint="name it: --board ID (see: lkboard boards)")
        return 0, 0
    if options.board:
        raise UsageError("'--board' goes with a config, and this is an image", where=options.source)
    path = Path(options.source)
    if compression_of(path):
        return 0, 0
    check_image(path, shown_as=options.source, any_kind=options.force)
    image = map_file(path)
    return image.size, image.mapped_bytes


def _check_new_file(path: Path) -> None:
    # a file in /dev would fill the memory, and be a mistyped name of a device
    if path.is_relative_to("/dev") and not path.is_relative_to("/dev/shm"):  # noqa: S108 - not used, only known
        raise DeviceError("there is no such device", where=path, hint=_LIST)
    if not path.parent.is_dir():
        raise OutputError(
            "there is no such folder", where=path.parent, hint=f"mkdir -p {shlex.quote(str(path.parent))}"
        )


def _refuse_inputs(options: WriteOptions, target: Path) -> None:
    """Raise `UsageError` for a target that is the image, or something that is known to be needed to build it."""
    from lkboard.app.overwriting import refuse_given
    from lkboard.app.planning import plan_outputs

    if is_config(options.source):
        wanted = _wanted(options, target)
        refuse_given(plan_outputs(wanted), wanted)
    elif target.samefile(options.source):
        raise UsageError("the target is the image itself", where=options.target, hint="name another file")


def _plan_device(options: WriteOptions, target: str, size: int, mapped: int) -> WritePlan:
    device = _look(target)
    assessment = _judge(device, size, options)
    if not os.access(target, os.R_OK | os.W_OK, effective_ids=True):
        raise PermissionNeeded("you may not write to this device", where=target, hint="run the command with sudo")
    lost = tuple(
        "  ".join(filter(None, (volume.path, human_size(volume.size_bytes), volume.filesystem, volume.label)))
        for volume in device.contents
    )
    return WritePlan(options.source, target, size, mapped, lost, device, assessment)


def _look(path: str) -> BlockDevice:
    from lkboard.devices.snapshot import find

    try:
        device = find(path)
    except FileNotFoundError:
        device = None
    if device is None:
        raise DeviceError("there is no such device", where=path, hint=_LIST)
    return device


def _judge(device: BlockDevice, size: int, options: WriteOptions) -> Assessment:
    """Return the verdict on a device that may be written. Raises `SafetyRefused` for all others."""
    from lkboard.devices.assess import Policy, assess

    assessment = assess(device, size, Policy(allow_loop=options.allow_loop, allow_fixed=options.allow_fixed))
    if assessment.verdict != "allowed":
        reasons = "; ".join(assessment.reasons)
        raise SafetyRefused(f"refused: {reasons}", where=device.path, hint=_way_out(device, assessment))
    return assessment


def _way_out(device: BlockDevice, assessment: Assessment) -> str:
    from lkboard.devices.assess import is_system_place

    if assessment.override:
        return f"if this is the right one, add: {assessment.override}"
    places = [mount.path for mount in device.mounts]
    if any(place.startswith("/") and not is_system_place(place) for place in places):
        return f"unmount it first: umount {shlex.join(places)}"
    return _LIST


def _wanted(options: WriteOptions, image: Path) -> BuildOptions:
    """Return what is asked of the build of an image on its way to the target."""
    from lkboard.app.build_options import BuildOptions

    return BuildOptions(
        files=(options.source,),
        board=options.board,
        output=str(image),
        target=os.path.realpath(options.target),
        has_sidecars=False,
        cache=options.cache,
        registry=options.registry,
        lock=options.lock,
        vendored=options.vendored,
    )


def _build(options: WriteOptions, scratch: Path, job: Job, stdin: bytes | None) -> Path:
    from lkboard.app.build import build

    folder = scratch / "built"  # the build locks the folder of its output for itself
    folder.mkdir()
    (artifact,) = build(_wanted(options, folder / "image"), job, stdin=stdin)
    return Path(artifact.path)


def _open(options: WriteOptions, scratch: Path, job: Job) -> Path:
    image = unpack(Path(options.source), scratch, job)
    check_image(image, shown_as=options.source, any_kind=options.force)
    return image


def _transfer(path: Path, options: WriteOptions, plan: WritePlan, job: Job) -> WriteResult:
    from lkboard.app.image_check import Contents
    from lkboard.disk.sparse import map_file
    from lkboard.targets import kind_for
    from lkboard.targets.engine import write_image

    image = map_file(path)
    if plan.device is not None:
        device = _look_again(plan.device, image.size, options)
        plan, image = replace(plan, device=device), _fitted(image, path, device, job)
    check = Contents.of(path).check if options.verify else None
    return write_image(kind_for(plan).make(plan), image, job, verify=options.verify, check=check)


def _look_again(chosen: BlockDevice, size: int, options: WriteOptions) -> BlockDevice:
    """Return the chosen device as it is now that the size of the image is known. Raises `SafetyRefused`."""
    from lkboard.devices.identity import check_same

    device = _look(chosen.path)
    check_same(chosen, device)
    _judge(device, size, options)
    return device


def _fitted(image: ExtentMap, path: Path, device: BlockDevice, job: Job) -> ExtentMap:
    from lkboard.disk.gpt_move import fit_gpt, sector_size_of_gpt
    from lkboard.disk.unused import with_needed_zeros

    sector_size = sector_size_of_gpt(image)
    if sector_size not in {0, device.sector_size}:
        job.note(
            f"the image counts in sectors of {sector_size} bytes and {device.path} in {device.sector_size}:"
            " few machines will boot it",
            "warning",
        )
    return fit_gpt(with_needed_zeros(image, path), device.size_bytes)
