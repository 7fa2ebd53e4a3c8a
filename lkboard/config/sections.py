"""The schema of a config: every section and field that LinuxKit knows (build.md sections 2.3 and 2.4).

The order of the fields of an image entry is the one in which LinuxKit writes them (build.md section 5.8).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lkboard.config.schema import (
    UINT16,
    UINT32,
    UINT64,
    Field,
    Flag,
    Identity,
    Image,
    Integer,
    ListOf,
    Make,
    Record,
    Text,
    TextMap,
)
from lkboard.model import config as model

if TYPE_CHECKING:
    from lkboard.model.config import Places

TEXTS = ListOf(Text())
_OLD_FORM = "this is LinuxKit's form of 2017"


def _plain(cls: type) -> Make:
    """Return a maker for a model class whose attributes are the fields."""
    return lambda values, _places: cls(**values)


def _placed(cls: type, **missing: str) -> Make:
    """Return a maker for a model class that keeps its places; ``missing`` stands for fields that were not given."""
    return lambda values, places: cls(**{**missing, **values}, places=places)


def _make_kernel(values: dict[str, Any], places: Places) -> model.Kernel:
    # empty text is as good as nothing, except where it switches something off
    kept = {key: value for key, value in values.items() if value or key in ("tar", "ucode")}
    fields = tuple((name, place) for name, place in places.fields if name in kept)
    return model.Kernel(**kept, places=replace(places, fields=fields))


def _make_container(values: dict[str, Any], places: Places) -> model.Container:
    name, image = values.pop("name"), values.pop("image")
    return model.Container(name, image, model.Options(**values), places)


def _make_pids(values: dict[str, Any], _places: Places) -> int:
    return int(values.get("limit", 0))


def _make_config(values: dict[str, Any], _places: Places) -> model.Config:
    return model.Config(**{key: value for key, value in values.items() if key != "trust"})


ID_MAPPING = Record(
    (
        Field("containerID", Integer(UINT32), "first id inside the container"),
        Field("hostID", Integer(UINT32), "first id outside of it"),
        Field("size", Integer(UINT32), "how many ids"),
    ),
    _plain(model.IdMapping),
)
_ID_MAPPINGS = ListOf(ID_MAPPING)

MOUNT = Record(
    (
        Field("destination", Text(), "where it appears in the container"),
        Field("type", Text(), "file system type; bind for a directory of the host"),
        Field("source", Text(), "what is mounted; a volume's name for type bind"),
        Field("options", TEXTS, "mount options"),
        Field("uidmappings", _ID_MAPPINGS, "id map for users", "uid_mappings"),
        Field("gidmappings", _ID_MAPPINGS, "id map for groups", "gid_mappings"),
    ),
    _plain(model.Mount),
)

DEVICE = Record(
    (
        Field("path", Text(), "where the node appears; all for a rule without a node"),
        Field("type", Text(), "c, b, u or p; a for all in a rule"),
        Field("major", Integer(), "major number"),
        Field("minor", Integer(), "minor number"),
        Field("mode", Text(), "permissions in octal, quoted"),
    ),
    _plain(model.Device),
)

_DEVICE_RULE = Record(
    (
        Field("allow", Flag(), "allow or deny"),
        Field("type", Text(), "a, c or b"),
        Field("major", Integer(), "major number; any if left out"),
        Field("minor", Integer(), "minor number; any if left out"),
        Field("access", Text(), "some of rwm"),
    ),
    _plain(model.DeviceRule),
)

_MEMORY = Record(
    (
        Field("limit", Integer(), "hard limit in bytes"),
        Field("reservation", Integer(), "soft limit in bytes"),
        Field("swap", Integer(), "limit of memory and swap in bytes"),
        Field("kernel", Integer(), "limit of kernel memory in bytes"),
        Field("kernelTCP", Integer(), "limit of kernel TCP buffers in bytes"),
        Field("swappiness", Integer(UINT64), "inclination to swap, 0 to 100"),
        Field("disableOOMKiller", Flag(), "do not kill when memory runs out"),
    ),
    _plain(model.Memory),
)

_CPU = Record(
    (
        Field("shares", Integer(UINT64), "relative weight"),
        Field("quota", Integer(), "microseconds a period"),
        Field("period", Integer(UINT64), "microseconds"),
        Field("realtimeRuntime", Integer(), "real-time microseconds a period"),
        Field("realtimePeriod", Integer(UINT64), "microseconds"),
        Field("cpus", Text(), "processors, such as 0-3"),
        Field("mems", Text(), "memory nodes, such as 0"),
    ),
    _plain(model.Cpu),
)

_PIDS = Record((Field("limit", Integer(), "largest number of processes"),), _make_pids)

_WEIGHT_DEVICE = Record(
    (
        Field("major", Integer(), "major number"),
        Field("minor", Integer(), "minor number"),
        Field("weight", Integer(UINT16), "weight"),
        Field("leafWeight", Integer(UINT16), "weight of the leaves"),
    ),
    _plain(model.WeightDevice),
)

_THROTTLE = ListOf(
    Record(
        (
            Field("major", Integer(), "major number"),
            Field("minor", Integer(), "minor number"),
            Field("rate", Integer(UINT64), "bytes or operations a second"),
        ),
        _plain(model.ThrottleDevice),
    )
)

_BLOCK_IO = Record(
    (
        Field("weight", Integer(UINT16), "weight"),
        Field("leafWeight", Integer(UINT16), "weight of the leaves"),
        Field("weightDevice", ListOf(_WEIGHT_DEVICE), "weights of single devices", "weight_devices"),
        Field("throttleReadBpsDevice", _THROTTLE, "bytes read a second", "throttle_read_bps"),
        Field("throttleWriteBpsDevice", _THROTTLE, "bytes written a second", "throttle_write_bps"),
        Field("throttleReadIOPSDevice", _THROTTLE, "reads a second", "throttle_read_iops"),
        Field("throttleWriteIOPSDevice", _THROTTLE, "writes a second", "throttle_write_iops"),
    ),
    _plain(model.BlockIo),
)

_HUGEPAGE_LIMIT = Record(
    (
        Field("pageSize", Integer(), "size of the pages"),
        Field("limit", Integer(UINT64), "limit in bytes"),
    ),
    _plain(model.HugepageLimit),
)

_PRIORITY = Record(
    (
        Field("name", Text(), "interface"),
        Field("priority", Integer(UINT32), "priority of its traffic"),
    ),
    _plain(model.InterfacePriority),
)

_NETWORK = Record(
    (
        Field("classID", Integer(UINT32), "class of the packets"),
        Field("priorities", ListOf(_PRIORITY), "priorities of interfaces"),
    ),
    _plain(model.Network),
)

RESOURCES = Record(
    (
        Field("devices", ListOf(_DEVICE_RULE), "rules of the device cgroup"),
        Field("memory", _MEMORY, "memory limits"),
        Field("cpu", _CPU, "processor limits"),
        Field("pids", _PIDS, "process limits", "pids_limit"),
        Field("blockio", _BLOCK_IO, "block device limits", "block_io"),
        Field("hugepageLimits", ListOf(_HUGEPAGE_LIMIT), "huge page limits"),
        Field("network", _NETWORK, "network class and priorities"),
    ),
    _plain(model.Resources),
)

INTERFACE = Record(
    (
        Field("name", Text(), "name in the container"),
        Field("add", Text(), "type of a new interface, such as veth or wireguard"),
        Field("peer", Text(), "name of the other end of a veth"),
        Field("createInRoot", Flag(), "create it outside and move it in"),
    ),
    _plain(model.Interface),
)

BIND_NS = Record(
    tuple(
        Field(name, Text(), f"path at which the {title} namespace is kept")
        for name, title in (
            ("cgroup", "cgroup"),
            ("ipc", "IPC"),
            ("mnt", "mount"),
            ("net", "network"),
            ("pid", "process"),
            ("user", "user"),
            ("uts", "host name"),
        )
    ),
    _plain(model.BindNamespaces),
)

RUNTIME = Record(
    (
        Field("cgroups", TEXTS, "cgroups to create"),
        Field("mounts", ListOf(MOUNT), "mounts outside of the container, before it starts"),
        Field("mkdir", TEXTS, "directories to create before it starts"),
        Field("interfaces", ListOf(INTERFACE), "network interfaces to give to the container"),
        Field("bindNS", BIND_NS, "paths at which its namespaces are kept"),
        Field("namespace", Text(), "containerd namespace"),
    ),
    _plain(model.Runtime),
)

_OPTIONS = (
    Field("capabilities", TEXTS, "capabilities (CAP_…), or all, or none"),
    Field("capabilities.add", TEXTS, "capabilities beside those of the image's label"),
    Field("ambient", TEXTS, "ambient capabilities"),
    Field("mounts", ListOf(MOUNT), "mounts in the container"),
    Field("binds", TEXTS, "SOURCE:DESTINATION[:OPTIONS]; the source is a path or a volume"),
    Field("binds.add", TEXTS, "binds beside those of the image's label"),
    Field("devices", ListOf(DEVICE), "device nodes"),
    Field("tmpfs", TEXTS, "DESTINATION[:OPTIONS]"),
    Field("command", TEXTS, "program and arguments"),
    Field("env", TEXTS, "NAME=VALUE"),
    Field("cwd", Text(), "working directory"),
    Field("net", Text(), "network namespace: root (the host's), new, none or a path"),
    Field("pid", Text(), "process namespace: new, host or a path"),
    Field("ipc", Text(), "IPC namespace: root (the host's), new or a path"),
    Field("uts", Text(), "host name namespace: root (the host's), new or a path"),
    Field("userns", Text(), "user namespace: root (the host's), new or a path"),
    Field("hostname", Text(), "host name"),
    Field("readonly", Flag(), "read-only root"),
    Field("maskedPaths", TEXTS, "paths that cannot be seen"),
    Field("readonlyPaths", TEXTS, "paths that cannot be written"),
    Field("uid", Identity(), "user: a number or the name of a container"),
    Field("gid", Identity(), "group: a number or the name of a container"),
    Field("additionalGids", ListOf(Identity()), "further groups"),
    Field("noNewPrivileges", Flag(), "set-id programs give no privileges"),
    Field("oomScoreAdj", Integer(), "likelihood to be killed when memory runs out, -1000 to 1000"),
    Field("rootfsPropagation", Text(), "mount propagation of the root: shared, slave, private"),
    Field("cgroupsPath", Text(), "cgroup"),
    Field("resources", RESOURCES, "cgroup limits"),
    Field("sysctl", TextMap(), "kernel parameters"),
    Field("rlimits", TEXTS, "NAME,SOFT,HARD"),
    Field("uidMappings", _ID_MAPPINGS, "id map for users"),
    Field("gidMappings", _ID_MAPPINGS, "id map for groups"),
    Field("annotations", TextMap(), "annotations of the OCI runtime configuration"),
    Field("runtime", RUNTIME, "what is done around the container"),
)

_FOREIGN = {
    "cap_add": "write capabilities.add: [CAP_…]",
    "depends_on": "services start in the order of their names; use onboot for what must run before",
    "entrypoint": "write command: [PROGRAM, ARGUMENT]",
    "environment": "write env: [NAME=VALUE]",
    "network_mode": "write net: host",
    "ports": "services share the host's network; no port needs to be published",
    "privileged": "write capabilities: [all]",
    "restart": "services are not restarted",
    "user": "write uid: NUMBER",
    "volumes": "write binds: [SOURCE:DESTINATION]",
    "working_dir": "write cwd: PATH",
}

OPTIONS = Record(_OPTIONS, _plain(model.Options), foreign=_FOREIGN)
"""What a label can have."""

CONTAINER = Record(
    (
        Field("name", Text(), "name of the container", required=True),
        Field("image", Image(), "image reference", required=True),
        *_OPTIONS,
    ),
    _make_container,
    has_places=True,
    foreign=_FOREIGN,
)

KERNEL = Record(
    (
        Field("image", Image(optional=True), "image that holds the kernel"),
        Field("cmdline", Text(), "kernel command line"),
        Field("binary", Text(), "path of the kernel in the image; kernel if left out"),
        Field("tar", Text(), "path of the modules in the image; kernel.tar if left out, none for none"),
        Field("ucode", Text(), "path of the microcode in the image"),
    ),
    _make_kernel,
    has_places=True,
)

FILE = Record(
    (
        Field("path", Text(), "where the file goes"),
        Field("directory", Flag(), "make a directory"),
        Field("symlink", Text(), "make a symbolic link to this"),
        Field("contents", Text(), "text of the file"),
        Field("source", Text(), "file on this machine, relative to the current directory or ~/"),
        Field("metadata", Text(("", "json", "yaml")), "put the config itself there, as yaml or json"),
        Field("optional", Flag(), "leave it out when the source does not exist"),
        Field("mode", Text(), "permissions in octal, quoted"),
        Field("uid", Identity(), "owner: a number or the name of a container"),
        Field("gid", Identity(), "group: a number or the name of a container"),
    ),
    _placed(model.FileEntry, path=""),
    has_places=True,
)

VOLUME = Record(
    (
        Field("name", Text(), "name, by which binds refer to it"),
        Field("image", Image(optional=True), "what it is filled with; blank if left out"),
        Field("readonly", Flag(), "cannot be written"),
        Field("format", Text(("oci", "filesystem")), "the image's files, or the image as an OCI layout"),
        Field("platforms", TEXTS, "platforms of an OCI layout, such as linux/arm64; all if left out"),
    ),
    _placed(model.Volume, name=""),
    has_places=True,
)

_CONTAINERS = ListOf(CONTAINER)

CONFIG = Record(
    (
        Field("kernel", KERNEL, "kernel, its command line and modules"),
        Field("init", ListOf(Image()), "images that make up the root file system"),
        Field("onboot", _CONTAINERS, "containers that run one after the other at boot"),
        Field("onshutdown", _CONTAINERS, "containers that run one after the other at shutdown"),
        Field("services", _CONTAINERS, "containers that keep running"),
        Field("files", ListOf(FILE), "files of the root file system"),
        Field("volumes", ListOf(VOLUME), "directories that binds can name"),
        Field(
            "trust",
            Record((Field("image", TEXTS, "images"), Field("org", TEXTS, "organisations")), lambda *_: None),
            "Docker content trust of 2017",
            retired="content trust no longer exists; pin images by digest instead",
        ),
    ),
    _make_config,
    foreign={
        "daemon": f"{_OLD_FORM}; write services:",
        "outputs": f"{_OLD_FORM}; remove it and choose with --format or --board",
        "system": f"{_OLD_FORM}; write onboot: (one after the other at boot) or services: (keep running)",
    },
)
