"""The schema as a table: it fits the model, and it is the one of build.md section 2.3."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from lkboard.config import sections
from lkboard.config.schema import Field, ListOf, Record, Type
from lkboard.model import config as model

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = (
    (sections.ID_MAPPING, model.IdMapping),
    (sections.MOUNT, model.Mount),
    (sections.DEVICE, model.Device),
    (sections.RESOURCES, model.Resources),
    (sections.INTERFACE, model.Interface),
    (sections.BIND_NS, model.BindNamespaces),
    (sections.RUNTIME, model.Runtime),
    (sections.OPTIONS, model.Options),
    (sections.KERNEL, model.Kernel),
    (sections.FILE, model.FileEntry),
    (sections.VOLUME, model.Volume),
)

NAMES = {
    "": "kernel init onboot onshutdown services files volumes trust",
    "kernel": "image cmdline binary tar ucode",
    "trust": "image org",
    "files": "path directory symlink contents source metadata optional mode uid gid",
    "volumes": "name image readonly format platforms",
    "services": (
        "name image capabilities capabilities.add ambient mounts binds binds.add devices tmpfs command env cwd net pid "
        "ipc uts userns hostname readonly maskedPaths readonlyPaths uid gid additionalGids noNewPrivileges oomScoreAdj "
        "rootfsPropagation cgroupsPath resources sysctl rlimits uidMappings gidMappings annotations runtime"
    ),
    "services.mounts": "destination type source options uidmappings gidmappings",
    "services.mounts.uidmappings": "containerID hostID size",
    "services.devices": "path type major minor mode",
    "services.resources": "devices memory cpu pids blockio hugepageLimits network",
    "services.resources.devices": "allow type major minor access",
    "services.resources.memory": "limit reservation swap kernel kernelTCP swappiness disableOOMKiller",
    "services.resources.cpu": "shares quota period realtimeRuntime realtimePeriod cpus mems",
    "services.resources.pids": "limit",
    "services.resources.blockio": (
        "weight leafWeight weightDevice throttleReadBpsDevice throttleWriteBpsDevice throttleReadIOPSDevice "
        "throttleWriteIOPSDevice"
    ),
    "services.resources.blockio.weightDevice": "major minor weight leafWeight",
    "services.resources.blockio.throttleReadBpsDevice": "major minor rate",
    "services.resources.hugepageLimits": "pageSize limit",
    "services.resources.network": "classID priorities",
    "services.resources.network.priorities": "name priority",
    "services.runtime": "cgroups mounts mkdir interfaces bindNS namespace",
    "services.runtime.interfaces": "name add peer createInRoot",
    "services.runtime.bindNS": "cgroup ipc mnt net pid user uts",
}


def record_of(kind: Type) -> Record | None:
    if isinstance(kind, ListOf):
        return record_of(kind.item)
    return kind if isinstance(kind, Record) else None


def records(record: Record, path: str = "") -> Iterator[tuple[str, Record]]:
    yield path, record
    for field in record.fields:
        below = record_of(field.type)
        if below:
            yield from records(below, f"{path}.{field.name}".strip("."))


ALL = dict(records(sections.CONFIG))


@pytest.mark.parametrize(("path", "names"), NAMES.items())
def test_the_fields_are_those_of_the_specification(path: str, names: str) -> None:
    assert [field.name for field in ALL[path].fields] == names.split()


@pytest.mark.parametrize(("record", "cls"), MODELS, ids=lambda item: getattr(item, "__name__", ""))
def test_every_field_has_its_attribute_in_the_model(record: Record, cls: type) -> None:
    attributes = {field.name for field in dataclasses.fields(cls)} - {"places"}
    assert {field.attribute for field in record.fields} == attributes


def test_onboot_and_onshutdown_take_what_services_take() -> None:
    assert ALL["onboot"] is ALL["onshutdown"] is ALL["services"]


def test_a_label_takes_everything_but_name_and_image() -> None:
    assert sections.OPTIONS.fields == tuple(f for f in sections.CONTAINER.fields if f.name not in ("name", "image"))


def test_every_field_is_explained_in_one_line() -> None:
    fields: list[Field] = [field for record in ALL.values() for field in record.fields]
    assert [field.name for field in fields if not field.help or "\n" in field.help] == []


def test_no_field_is_called_like_one_that_people_expect_in_vain() -> None:
    for record in ALL.values():
        assert not set(record.foreign) & set(record.by_name)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("binds.add", "binds_add"),
        ("oomScoreAdj", "oom_score_adj"),
        ("disableOOMKiller", "disable_oom_killer"),
        ("kernelTCP", "kernel_tcp"),
        ("hostID", "host_id"),
        ("bindNS", "bind_ns"),
        ("uid", "uid"),
    ],
)
def test_attributes_are_spelt_as_python_does(name: str, attribute: str) -> None:
    assert Field(name, sections.TEXTS, "help").attribute == attribute
