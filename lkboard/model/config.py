"""The user's config after merging: LinuxKit's sections as a frozen tree (build.md sections 2.3 to 2.6).

A field that the user did not set is None where "not set" means something else than "empty" (build.md section 3.5).
Every record carries `Places`, so that errors, editor marks and `explain` can point at the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lkboard.errors import Place

if TYPE_CHECKING:
    from lkboard.model.reference import Reference


@dataclass(frozen=True, slots=True)
class Places:
    """Where a record and its fields stand.

    ``fields`` pairs a field's YAML name, or the path below it (``binds.2``, ``resources.memory.limit``), with the place
    of its value. ``path`` is the record's own path from the root of its file (``services.0``).
    """

    own: Place = Place("")
    fields: tuple[tuple[str, Place], ...] = ()
    path: str = ""

    def of(self, name: str) -> Place:
        """Return the place of a field's value, or of the nearest thing around it when it was not written."""
        places = dict(self.fields)
        while name and name not in places:
            name = name.rpartition(".")[0]
        return places.get(name, self.own)


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image as the user wrote it, what it means, and where."""

    text: str
    reference: Reference
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Kernel:
    """The ``kernel`` section. ``image`` is None without a kernel; ``tar`` is ``none`` or empty for no modules."""

    image: ImageName | None = None
    cmdline: str = ""
    binary: str = "kernel"
    tar: str = "kernel.tar"
    ucode: str = ""
    places: Places = field(default=Places(), compare=False)


Id = int | str
"""A user or group: a number, or the name of a container (build.md section 2.7)."""


@dataclass(frozen=True, slots=True)
class IdMapping:
    """One line of a user namespace's id map (runtime-spec, config-linux)."""

    container_id: int = 0
    host_id: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount of a container or of ``runtime``; empty strings are fields that were not given."""

    destination: str = ""
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """A device node of a container; ``mode`` is octal text. The path ``all`` is a cgroup rule only."""

    path: str = ""
    type: str = ""
    major: int = 0
    minor: int = 0
    mode: str = ""


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """A rule of the device cgroup. ``major`` and ``minor`` are None for any."""

    allow: bool = False
    type: str = ""
    major: int | None = None
    minor: int | None = None
    access: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory limits in bytes; None is not set."""

    limit: int | None = None
    reservation: int | None = None
    swap: int | None = None
    kernel: int | None = None
    kernel_tcp: int | None = None
    swappiness: int | None = None
    disable_oom_killer: bool | None = None


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor limits; periods and quotas in microseconds."""

    shares: int | None = None
    quota: int | None = None
    period: int | None = None
    realtime_runtime: int | None = None
    realtime_period: int | None = None
    cpus: str = ""
    mems: str = ""


@dataclass(frozen=True, slots=True)
class WeightDevice:
    """Block I/O weight of one device."""

    major: int = 0
    minor: int = 0
    weight: int | None = None
    leaf_weight: int | None = None


@dataclass(frozen=True, slots=True)
class ThrottleDevice:
    """Block I/O limit of one device: bytes or operations per second."""

    major: int = 0
    minor: int = 0
    rate: int = 0


@dataclass(frozen=True, slots=True)
class BlockIo:
    """Block I/O limits."""

    weight: int | None = None
    leaf_weight: int | None = None
    weight_devices: tuple[WeightDevice, ...] = ()
    throttle_read_bps: tuple[ThrottleDevice, ...] = ()
    throttle_write_bps: tuple[ThrottleDevice, ...] = ()
    throttle_read_iops: tuple[ThrottleDevice, ...] = ()
    throttle_write_iops: tuple[ThrottleDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class HugepageLimit:
    """Limit of one huge page size, as the schema has it (``pageSize`` is a number there)."""

    page_size: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class InterfacePriority:
    """Priority of traffic on one interface."""

    name: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Network:
    """Network class and priorities."""

    class_id: int | None = None
    priorities: tuple[InterfacePriority, ...] = ()


@dataclass(frozen=True, slots=True)
class Resources:
    """cgroup limits of a container (runtime-spec, config-linux); None is not set."""

    devices: tuple[DeviceRule, ...] = ()
    memory: Memory | None = None
    cpu: Cpu | None = None
    pids_limit: int | None = None
    block_io: BlockIo | None = None
    hugepage_limits: tuple[HugepageLimit, ...] = ()
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface to give to a container (build.md section 8.9)."""

    name: str = ""
    add: str = ""
    peer: str = ""
    create_in_root: bool = False


@dataclass(frozen=True, slots=True)
class BindNamespaces:
    """Paths at which a container's namespaces are kept; None is not set."""

    cgroup: str | None = None
    ipc: str | None = None
    mnt: str | None = None
    net: str | None = None
    pid: str | None = None
    user: str | None = None
    uts: str | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the init does around a container (build.md sections 2.3 and 8.9); None is not set."""

    cgroups: tuple[str, ...] | None = None
    mounts: tuple[Mount, ...] | None = None
    mkdir: tuple[str, ...] | None = None
    interfaces: tuple[Interface, ...] | None = None
    bind_ns: BindNamespaces = BindNamespaces()
    namespace: str | None = None


Pairs = tuple[tuple[str, str], ...]
Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of a container that both a config entry and an image label can have; None is not set.

    Which of the two wins is decided where ``config.json`` is made (build.md section 3.5).
    """

    capabilities: Texts | None = None
    capabilities_add: Texts | None = None
    ambient: Texts | None = None
    mounts: tuple[Mount, ...] | None = None
    binds: Texts | None = None
    binds_add: Texts | None = None
    tmpfs: Texts | None = None
    devices: tuple[Device, ...] | None = None
    command: Texts | None = None
    env: Texts | None = None
    cwd: str | None = None
    net: str | None = None
    pid: str | None = None
    ipc: str | None = None
    uts: str | None = None
    userns: str | None = None
    hostname: str | None = None
    readonly: bool | None = None
    no_new_privileges: bool | None = None
    masked_paths: Texts | None = None
    readonly_paths: Texts | None = None
    uid: Id | None = None
    gid: Id | None = None
    additional_gids: tuple[Id, ...] | None = None
    oom_score_adj: int | None = None
    rootfs_propagation: str | None = None
    cgroups_path: str | None = None
    resources: Resources | None = None
    sysctl: Pairs | None = None
    rlimits: Texts | None = None
    uid_mappings: tuple[IdMapping, ...] | None = None
    gid_mappings: tuple[IdMapping, ...] | None = None
    annotations: Pairs | None = None
    runtime: Runtime | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """One entry of ``onboot``, ``onshutdown`` or ``services``."""

    name: str
    image: ImageName
    options: Options = Options()
    places: Places = field(default=Places(), compare=False)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of ``files`` (build.md section 5.8)."""

    path: str
    directory: bool = False
    symlink: str = ""
    contents: str | None = None
    source: str = ""
    metadata: str = ""
    optional: bool = False
    mode: str = ""
    uid: Id | None = None
    gid: Id | None = None
    places: Places = field(default=Places(), compare=False)


VolumeFormat = Literal["", "oci", "filesystem"]


@dataclass(frozen=True, slots=True)
class Volume:
    """One entry of ``volumes``; without an image it is blank."""

    name: str
    image: ImageName | None = None
    readonly: bool = False
    format: VolumeFormat = ""
    platforms: Texts = ()
    places: Places = field(default=Places(), compare=False)


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """A config file as messages name it, and the sum of its bytes in hex: empty for a text that is in no file."""

    name: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """One or several merged config files; ``sources`` are these, in order."""

    kernel: Kernel = Kernel()
    init: tuple[ImageName, ...] = ()
    onboot: tuple[Container, ...] = ()
    onshutdown: tuple[Container, ...] = ()
    services: tuple[Container, ...] = ()
    files: tuple[FileEntry, ...] = ()
    volumes: tuple[Volume, ...] = ()
    sources: tuple[ConfigSource, ...] = field(default=(), compare=False)

    @property
    def images(self) -> tuple[ImageName, ...]:
        """All images whose files become part of the system, in LinuxKit's order; an image may occur several times."""
        kernel = (self.kernel.image,) if self.kernel.image else ()
        volumes = (volume.image for volume in self.volumes if volume.image and volume.format != "oci")
        return (*kernel, *self.init, *volumes, *(container.image for _section, _index, container in self.containers))

    @property
    def containers(self) -> tuple[tuple[str, int, Container], ...]:
        """All containers as (section, index, container) in LinuxKit's order."""
        sections = (("onboot", self.onboot), ("onshutdown", self.onshutdown), ("services", self.services))
        return tuple((name, index, item) for name, items in sections for index, item in enumerate(items))
