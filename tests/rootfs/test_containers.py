from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.images import Image, directory, file, image, layer
from support.stored import assembled, by_path, configured

from lkboard.disk.content import read
from lkboard.errors import ConfigError, ImageConflict
from lkboard.model.rootfs import EPOCH, Entry, Kind

if TYPE_CHECKING:
    from pathlib import Path

WEB = image(layer(directory("./", 0o711, uid=4), file("bin/web", b"web", 0o755)), config={"Cmd": ["/bin/web"]})
LABEL = "org.mobyproject.config"


def root(folder: Path, text: str, **images: Image) -> dict[str, Entry]:
    named = {f"lab/{name}:v1": one for name, one in (images or {"web": WEB}).items()}
    return by_path(assembled(folder, text, named))


def below(found: dict[str, Entry], bundle: str) -> list[str]:
    return [path.removeprefix(f"{bundle}/") for path in found if path.startswith(f"{bundle}/")]


def document(found: dict[str, Entry], path: str) -> Any:
    return json.loads(read(found[path].content))


def test_a_writable_container(tmp_path: Path) -> None:
    found = root(tmp_path, "services: [{name: web, image: 'lab/web:v1'}]")
    bundle = "containers/services/web"
    names = [name for name in below(found, bundle) if not name.startswith("lower/")]
    assert names == ["lower", "config.json", "tmp", "rootfs", "runtime.json"]
    assert read(found[f"{bundle}/lower/bin/web"].content) == b"web"
    assert document(found, f"{bundle}/config.json")["process"]["args"] == ["/bin/web"]
    overlay = document(found, f"{bundle}/runtime.json")["mounts"][2]
    assert overlay["options"][0] == f"lowerdir=/{bundle}/lower"
    made = [found[path] for path in ("containers", bundle, f"{bundle}/tmp", f"{bundle}/config.json")]
    assert {(entry.uid, entry.mtime_ns, entry.mode) for entry in made} == {
        (0, EPOCH * 10**9, 0o755),
        (0, EPOCH * 10**9, 0o644),
    }


def test_the_images_root_directory_describes_the_lower_one(tmp_path: Path) -> None:
    lower = root(tmp_path, "services: [{name: web, image: 'lab/web:v1'}]")["containers/services/web/lower"]
    assert (lower.mode, lower.uid) == (0o711, 4)


def test_a_read_only_container(tmp_path: Path) -> None:
    found = root(tmp_path, "services: [{name: web, image: 'lab/web:v1', readonly: true}]")
    bundle = "containers/services/web"
    names = [name for name in below(found, bundle) if not name.startswith("rootfs/")]
    assert names == ["rootfs", "config.json", "runtime.json"]
    assert found[f"{bundle}/rootfs"].mode == 0o711
    assert document(found, f"{bundle}/runtime.json")["mounts"] == [
        {"destination": f"/{bundle}/rootfs", "source": f"/{bundle}/rootfs", "options": ["bind"]}
    ]


def test_the_resolver_of_a_container_is_a_file(tmp_path: Path) -> None:
    found = root(tmp_path, "onboot: [{name: web, image: 'lab/web:v1'}]")
    assert found["containers/onboot/000-web/lower/etc/resolv.conf"].kind is Kind.FILE


SHARING = """
onboot:
  - {name: one, image: 'lab/web:v1', readonly: FIRST}
  - {name: two, image: 'lab/web:v1'}
onshutdown:
  - {name: bye, image: 'lab/web:v1', readonly: true}
services:
  - {name: other, image: 'lab/other:v1'}
"""


@pytest.mark.parametrize(("first", "folder"), [("false", "lower"), ("true", "rootfs")])
def test_containers_of_one_image_share_its_files(first: str, folder: str, tmp_path: Path) -> None:
    found = root(tmp_path, SHARING.replace("FIRST", first), web=WEB, other=image(layer(file("x"))))
    shared = f"containers/onboot/000-one/{folder}"
    assert [path for path in found if path.endswith("/bin/web")] == [f"{shared}/bin/web"]
    assert below(found, "containers/onboot/001-two") == ["config.json", "tmp", "rootfs", "runtime.json"]
    assert below(found, "containers/onshutdown/000-bye") == ["config.json", "rootfs", "runtime.json"]
    two = document(found, "containers/onboot/001-two/runtime.json")
    assert two["mounts"][2]["options"][0] == f"lowerdir=/{shared}"
    bye = document(found, "containers/onshutdown/000-bye/runtime.json")
    assert bye["mounts"][0]["source"] == f"/{shared}"
    assert "containers/services/other/lower/x" in found


def test_onboot_and_onshutdown_are_numbered(tmp_path: Path) -> None:
    entries = ", ".join("{name: same, image: 'lab/web:v1'}" for _ in range(12))
    found = root(tmp_path, f"onboot: [{entries}]")
    assert below(found, "containers/onboot/011-same") == ["config.json", "tmp", "rootfs", "runtime.json"]


def test_names_may_have_slashes(tmp_path: Path) -> None:
    config = configured("services: [{name: web, image: 'lab/web:v1'}]")
    renamed = replace(config, services=(replace(config.services[0], name="a/b"),))
    assert "containers/services/a/b/config.json" in by_path(assembled(tmp_path, renamed, {"lab/web:v1": WEB}))


@pytest.mark.parametrize("name", ["../init", "a/../../x", ".."])
def test_names_must_not_lead_elsewhere(name: str, tmp_path: Path) -> None:
    config = configured("services: [{name: web, image: 'lab/web:v1'}]")
    renamed = replace(config, services=(replace(config.services[0], name=name),))
    with pytest.raises(ConfigError, match=r"services\.0\.name: .* leads out of 'containers/services'"):
        assembled(tmp_path, renamed, {"lab/web:v1": WEB})


def test_the_label_counts(tmp_path: Path) -> None:
    labelled = image(layer(file("x")), config={"Labels": {LABEL: '{"readonly": true, "hostname": "h"}'}})
    found = root(tmp_path, "services: [{name: s, image: 'lab/s:v1'}]", s=labelled)
    assert document(found, "containers/services/s/config.json")["hostname"] == "h"
    assert "containers/services/s/rootfs/x" in found


def test_a_label_that_is_wrong_names_the_image(tmp_path: Path) -> None:
    labelled = image(layer(file("x")), config={"Labels": {LABEL: '{"nonsense": 1}'}})
    with pytest.raises(ImageConflict, match=r"docker\.io/lab/s:v1.*nonsense"):
        root(tmp_path, "services: [{name: s, image: 'lab/s:v1'}]", s=labelled)


def test_ids_are_those_of_all_containers(tmp_path: Path) -> None:
    found = root(
        tmp_path,
        "onboot: [{name: a, image: 'lab/web:v1', uid: b}]\nservices: [{name: b, image: 'lab/web:v1', gid: a}]",
    )
    assert document(found, "containers/onboot/000-a/config.json")["process"]["user"] == {"uid": 101, "gid": 0}
    assert document(found, "containers/services/b/config.json")["process"]["user"] == {"uid": 0, "gid": 100}


def test_volumes_of_any_file_can_be_bound(tmp_path: Path) -> None:
    found = root(tmp_path, "volumes: [{name: v}]\nservices: [{name: s, image: 'lab/web:v1', binds: ['v:/v']}]")
    mounts = document(found, "containers/services/s/config.json")["mounts"]
    assert [mount["source"] for mount in mounts if mount["destination"] == "/v"] == ["/containers/volumes/v/merged"]


def test_each_container_is_a_segment(tmp_path: Path) -> None:
    named = {"lab/web:v1": WEB}
    rootfs = assembled(tmp_path, SHARING.replace("FIRST", "true").replace("lab/other", "lab/web"), named)
    assert [segment.name for segment in rootfs.segments] == [
        "shared directories",
        "onboot[0] docker.io/lab/web:v1",
        "onboot[1] docker.io/lab/web:v1",
        "onshutdown[0] docker.io/lab/web:v1",
        "services[0] docker.io/lab/web:v1",
    ]
    assert {entry.origin.location for entry in rootfs.segments[1].entries} == {"onboot[0]"}
