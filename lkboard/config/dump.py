"""A merged config as text: what ``files`` entries with ``metadata`` hold, and what a dry run prints.

The shape is LinuxKit's, so that whoever reads such a file finds what is expected (build.md sections 2.5 and 5.8).
Values that come from the OCI runtime specification are written in full, with small letters, as its library does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkboard.config.schema import ListOf, Record, TextMap, Type
from lkboard.config.sections import MOUNT, OPTIONS, RESOURCES
from lkboard.model.config import Kernel
from lkboard.yaml.writer import yaml_text

if TYPE_CHECKING:
    from lkboard.model.config import (
        BindNamespaces,
        Config,
        Container,
        Device,
        FileEntry,
        ImageName,
        Interface,
        Resources,
        Runtime,
        Volume,
    )

_Tree = dict[str, Any]
_LATER_FIELDS = {
    "memory": ("useHierarchy", "checkBeforeUpdate"),
    "cpu": ("burst", "idle"),
}
"""Fields that the library has and a config has not."""
_TEXT_OR_UNSET = ("cwd", "net", "pid", "ipc", "uts", "userns", "hostname")
"""Fields for which empty text is the same as nothing."""
_JSON_NAMES = {"blockio": "blockIO", "uidmappings": "uidMappings", "gidmappings": "gidMappings"}
"""Fields that JSON spells differently from a config."""
_JSON_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def dump_yaml(config: Config) -> str:
    """Return a config as ``metadata: yaml`` has it: image names in full."""
    return yaml_text(_Writer(is_json=False, is_canonical=True).config(config))


def dump_json(config: Config) -> str:
    """Return a config as ``metadata: json`` has it, in the form of Go's encoder (build.md section 4.1)."""
    tree = _Writer(is_json=True, is_canonical=True).config(config)
    return json.dumps(tree, indent=4, ensure_ascii=False).translate(_JSON_ESCAPES)


def dry_run(config: Config) -> str:
    """Return a config as YAML with image names as they were written."""
    return yaml_text(_Writer(is_json=False, is_canonical=False).config(config))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Turns a config into plain values."""

    is_json: bool
    is_canonical: bool

    def config(self, config: Config) -> _Tree:
        tree: _Tree = {
            "kernel": self._kernel(config.kernel),
            "init": [self._image(image) for image in config.init],
            "onboot": [self._container(container) for container in config.onboot],
            "onshutdown": [self._container(container) for container in config.onshutdown],
            "services": [self._container(container) for container in config.services],
            "files": [_file(file) for file in config.files],
            "volumes": [_volume(volume) for volume in config.volumes],
        }
        return {section: value or None for section, value in tree.items()} if self.is_json else tree

    def _image(self, image: ImageName) -> str:
        return str(image.reference) if self.is_canonical else image.text

    def _kernel(self, kernel: Kernel) -> _Tree:
        written = {name for name, _place in kernel.places.fields}
        tree: _Tree = {"image": self._image(kernel.image) if kernel.image else ""}
        for name in ("cmdline", "binary", "tar", "ucode"):
            value = getattr(kernel, name)
            if name in written or value != getattr(Kernel(), name):
                tree[name] = value
        return tree

    def _container(self, container: Container) -> _Tree:
        tree: _Tree = {"name": container.name, "image": self._image(container.image)}
        for field in OPTIONS.fields:
            value = getattr(container.options, field.attribute)
            if value is not None and not (value == "" and field.name in _TEXT_OR_UNSET):
                tree[field.name] = self._option(field.name, value, field.type)
        return tree

    def _option(self, name: str, value: Any, kind: Type) -> object:  # noqa: ANN401 - a value of the table's type
        match name:
            case "mounts" | "uidMappings" | "gidMappings":
                return self._nested(_member(value, kind))
            case "devices":
                return [_device(device) for device in value]
            case "resources":
                return self._resources(value)
            case "runtime":
                return self._runtime(value)
        if isinstance(kind, TextMap):
            return dict(value)
        return list(value) if isinstance(kind, ListOf) else value

    def _resources(self, resources: Resources) -> _Tree:
        tree = _members(resources, RESOURCES)
        if resources.pids_limit is not None:
            tree["pids"] = {"limit": resources.pids_limit}
        if self.is_json:
            return self._oci(tree)
        for name, fields in _LATER_FIELDS.items():
            if tree[name] is not None:
                tree[name] |= dict.fromkeys(fields)
        return self._oci({**tree, "rdma": {}, "unified": {}})

    def _runtime(self, runtime: Runtime) -> _Tree:
        bind_ns = _bind_ns(runtime.bind_ns)
        tree = {
            "cgroups": runtime.cgroups,
            "mounts": None if runtime.mounts is None else self._nested(_member(runtime.mounts, ListOf(MOUNT))),
            "mkdir": runtime.mkdir,
            "interfaces": None if runtime.interfaces is None else [_interface(item) for item in runtime.interfaces],
            "bindNS": bind_ns if bind_ns or self.is_json else None,
            "namespace": runtime.namespace,
        }
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in tree.items()
            if value is not None
        }

    def _oci(self, tree: _Tree) -> _Tree:
        """Return values of the OCI library: JSON leaves out what is empty, YAML lowers the names of the fields."""
        if self.is_json:
            kept = {name: value for name, value in tree.items() if value not in (None, "", [])}
            return {_JSON_NAMES.get(name, name): self._nested(value) for name, value in kept.items()}
        return {name.lower(): self._nested(value) for name, value in tree.items()}

    def _nested(self, value: object) -> object:
        if isinstance(value, dict):
            return self._oci(value)
        return [self._nested(item) for item in value] if isinstance(value, list) else value


def _members(value: object, record: Record) -> _Tree:
    """Return every field of a record, whether it is set or not."""
    return {field.name: _member(getattr(value, field.attribute), field.type) for field in record.fields}


def _member(value: Any, kind: Type) -> object:  # noqa: ANN401 - a value of the table's type
    if isinstance(kind, ListOf):
        return [_member(item, kind.item) for item in value]
    return (
        _members(value, kind)
        if isinstance(kind, Record) and value is not None and not isinstance(value, int)
        else value
    )


def _device(device: Device) -> _Tree:
    return {
        "path": device.path,
        "type": device.type,
        "major": device.major,
        "minor": device.minor,
        "mode": device.mode,
    }


def _interface(interface: Interface) -> _Tree:
    names = {"name": interface.name, "add": interface.add, "peer": interface.peer}
    return {**{name: value for name, value in names.items() if value}, "createInRoot": interface.create_in_root}


def _bind_ns(namespaces: BindNamespaces) -> _Tree:
    names = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    return {name: value for name in names if (value := getattr(namespaces, name)) is not None}


def _file(file: FileEntry) -> _Tree:
    tree = {
        "path": file.path,
        "directory": file.directory,
        "symlink": file.symlink or None,
        "contents": file.contents,
        "source": file.source or None,
        "metadata": file.metadata or None,
        "optional": file.optional,
        "mode": file.mode or None,
        "uid": file.uid,
        "gid": file.gid,
    }
    return {name: value for name, value in tree.items() if value is not None}


def _volume(volume: Volume) -> _Tree:
    tree = {
        "name": volume.name,
        "image": volume.image.text if volume.image else None,
        "readonly": volume.readonly or None,
        "format": volume.format or None,
        "platforms": list(volume.platforms) or None,
    }
    return {name: value for name, value in tree.items() if value is not None}
