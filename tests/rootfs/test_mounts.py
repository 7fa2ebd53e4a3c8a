from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.stored import configured

from lkboard.errors import ConfigError, ImageConflict
from lkboard.model.config import IdMapping, Mount, Options, Volume
from lkboard.model.image import ImageConfig, Platform
from lkboard.rootfs.effective import effective
from lkboard.rootfs.mounts import mount_json, mount_table

CONTAINER = configured("services: [{name: s, image: 'lab/s:v1'}]").services[0]
VOLUMES = {"data": Volume("data"), "fixed": Volume("fixed", readonly=True)}
DEFAULTS = ["/dev", "/dev/pts", "/proc", "/sys", "/sys/fs/cgroup"]


def table(label: Options | None = None, **own: Any) -> dict[str, dict[str, Any]]:
    container = replace(CONTAINER, options=Options(**own))
    settings = effective("services[0]", container, label or Options(), ImageConfig(Platform()))
    return {mount["destination"]: mount for mount in mount_table(settings, VOLUMES)}


def test_the_defaults_are_sorted_by_destination() -> None:
    assert list(table()) == DEFAULTS


def test_a_read_only_container_has_read_only_defaults() -> None:
    mounts = table(readonly=True)
    assert [path for path in DEFAULTS if "ro" in mounts[path]["options"]] == ["/dev", "/sys", "/sys/fs/cgroup"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/run", {"destination": "/run", "type": "tmpfs", "source": "tmpfs"}),
        (
            "/tmp:size=1m,ro",
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m", "ro"]},
        ),
        ("/a:", {"destination": "/a", "type": "tmpfs", "source": "tmpfs"}),
    ],
)
def test_tmpfs(text: str, expected: dict[str, Any]) -> None:
    assert table(tmpfs=(text,))[expected["destination"]] == expected


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("/a:/b", ["rw", "rbind", "rshared"]),
        ("/a:/b:ro", ["ro", "rbind"]),
        ("/a:/b:rshared,rbind", ["rshared", "rbind", "rbind"]),
        ("/a:/b:", ["rbind"]),
    ],
)
def test_binds(text: str, options: list[str]) -> None:
    assert table(binds=(text,))["/b"] == {"destination": "/b", "type": "bind", "source": "/a", "options": options}


def test_later_mounts_replace_earlier_ones_on_the_same_destination() -> None:
    mounts = table(
        tmpfs=("/a", "/dev:mode=700"),
        binds=("/x:/a", "/y:/b"),
        mounts=(Mount("/b", "tmpfs", options=("mode=1",)), Mount(type="proc")),
    )
    assert mounts["/a"]["type"] == "bind"
    assert mounts["/b"] == {"destination": "/b", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1"]}
    assert mounts["/dev"]["options"] == ["mode=700"]
    assert mounts["/proc"] == {"destination": "/proc", "type": "proc", "source": "proc"}
    assert list(mounts) == sorted(mounts)


def test_destinations_are_sorted_by_their_bytes() -> None:
    mounts = table(tmpfs=("/ü", "/z", "/\ufb01", "/\U0001f433"))
    assert [path for path in mounts if path not in DEFAULTS] == ["/z", "/ü", "/\ufb01", "/\U0001f433"]


def test_id_mappings_of_a_mount_are_kept() -> None:
    mapping = (IdMapping(5, 1000, 10),)
    assert mount_json(Mount("/b", "bind", "/a", ("bind",), mapping, mapping)) == {
        "destination": "/b",
        "type": "bind",
        "source": "/a",
        "options": ["bind"],
        "uidMappings": [{"containerID": 5, "hostID": 1000, "size": 10}],
        "gidMappings": [{"containerID": 5, "hostID": 1000, "size": 10}],
    }


# volumes


@pytest.mark.parametrize("field", ["binds", "binds_add"])
def test_a_bind_of_a_volume_names_its_merged_directory(field: str) -> None:
    assert table(**{field: ("data:/d",)})["/d"]["source"] == "/containers/volumes/data/merged"


def test_a_mount_of_a_volume_names_its_merged_directory() -> None:
    mounts = table(mounts=(Mount("/d", "bind", "data"), Mount("/t", "tmpfs", "data")))
    assert mounts["/d"]["source"] == "/containers/volumes/data/merged"
    assert mounts["/t"]["source"] == "data"


def test_a_label_may_name_volumes_and_other_things() -> None:
    mounts = table(Options(binds=("data:/d", "elsewhere:/e")))
    assert (mounts["/d"]["source"], mounts["/e"]["source"]) == ("/containers/volumes/data/merged", "elsewhere")


@pytest.mark.parametrize("own", [{"binds": ("fixed:/d:ro",)}, {"mounts": (Mount("/d", "bind", "fixed", ("ro",)),)}])
def test_a_read_only_volume_may_be_read(own: dict[str, Any]) -> None:
    assert "ro" in table(**own)["/d"]["options"]


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown volume": ({"binds": ("x:/d",)}, "services.0.binds: there is no volume 'x'", "volumes: data, fixed"),
    "an unknown volume added": ({"binds_add": ("x:/d",)}, "services.0.binds.add: there is no volume", "data, fixed"),
    "an unknown volume mounted": (
        {"mounts": (Mount("/d", "bind", "x"),)},
        "services.0.mounts: there is no volume 'x'",
        "a path begins with /",
    ),
    "a read-only volume": ({"binds": ("fixed:/d",)}, "services.0.binds: the volume 'fixed' is read-only", "option ro"),
    "a read-only volume, written": ({"binds": ("fixed:/d:rw,ro",)}, "the volume 'fixed' is read-only", "option ro"),
    "a read-only volume mounted": (
        {"mounts": (Mount("/d", "bind", "fixed", ("bind",)),)},
        "services.0.mounts: the volume 'fixed' is read-only",
        "option ro",
    ),
    "a bind without destination": ({"binds": ("/a",)}, "services.0.binds: the bind '/a' has no", "/a:DESTINATION"),
    "a tmpfs with colons": ({"tmpfs": ("/a:b:c",)}, "services.0.tmpfs: the tmpfs", "DESTINATION"),
    "a mount without type": ({"mounts": (Mount("/d"),)}, "services.0.mounts: the mount on '/d' has no type", "type:"),
}


@pytest.mark.parametrize(("own", "message", "hint"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_name_the_field(own: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        table(**own)
    assert message in str(caught.value)
    assert hint in str(caught.value)


def test_a_label_that_would_write_to_a_read_only_volume_is_blamed() -> None:
    with pytest.raises(ImageConflict, match=r"lab/s:v1, label .*: binds: the volume 'fixed' is read-only"):
        table(Options(binds=("fixed:/d",)))


def test_without_volumes_the_hint_says_so() -> None:
    settings = effective(
        "services[0]", replace(CONTAINER, options=Options(binds=("x:/d",))), Options(), ImageConfig(Platform())
    )
    with pytest.raises(ConfigError, match="volumes: none"):
        mount_table(settings, {})
