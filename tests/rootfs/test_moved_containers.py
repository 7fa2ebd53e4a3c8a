"""Symbolic links on the way to containers: the init follows them, so `diff` does; whoever builds one is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.entries import file, folder, symlink
from support.images import directory, image, layer
from support.images import file as member
from support.images import symlink as link
from support.jobs import RecordingJob
from support.stored import assembled

from lkboard.errors import BuildError
from lkboard.rootfs.diff import compare
from lkboard.rootfs.trees import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Image

    from lkboard.model.rootfs import Entry

APP = image(layer(member("bin/app", b"app", 0o755), link("host", "/")), config={"Cmd": ["/bin/app"]})
CONFIG = json.dumps({"process": {"capabilities": {"effective": ["CAP_KILL"]}}}).encode()
KILL = ("services/app", "capability", "CAP_KILL")


def tree(*entries: Entry) -> Tree:
    return Tree("x.tar", {entry.path: entry for entry in entries}, {})


def told(after: Tree, before: Tree | None = None) -> set[tuple[str, str, str]]:
    found = compare(before or tree(), after, RecordingJob())
    return {(one.part, one.kind, one.subject) for one in found.privileges if one.direction == "more"}


def init(*members: object) -> Image:
    return image(layer(member("bin/init", b"i"), directory("etc"), *members))  # type: ignore[arg-type]


def system(folder_: Path, service: str, init_: Image, job: RecordingJob | None = None) -> Tree:
    """Return the root of a service (its YAML without name and image) beside an init image."""
    text = f"init: ['lab/init:v1']\nservices: [{{name: app, image: 'lab/app:v1'{service and ', '}{service}}}]"
    root = assembled(folder_, text, {"lab/init:v1": init_, "lab/app:v1": APP}, job=job)
    return Tree("x.yml", {entry.path: entry for entry in root.entries}, {})


MOVED = {
    "the folder of all containers": [link("containers", "etc")],
    "the folder of a section": [directory("containers"), link("containers/services", "/etc")],
    "the folder of a container": [directory("etc/app"), link("containers/services/app", "../../etc/app")],
    "one link after another": [link("a", "etc"), link("containers/services", "/a")],
}


@pytest.mark.parametrize("name", MOVED)
def test_more_rights_are_told_wherever_a_link_puts_the_container(name: str, tmp_path: Path) -> None:
    before = system(tmp_path / "1", "", init())
    after = system(tmp_path / "2", "capabilities: [all], pid: host, binds: ['/:/host']", init(*MOVED[name]))
    found = told(after, before)
    assert {
        ("services/app", "capability", "CAP_SYS_ADMIN"),
        ("services/app", "namespace", "pid"),
        ("services/app", "bind", "/ on /host"),
    } <= found


@pytest.mark.parametrize("name", MOVED)
def test_files_of_a_moved_container_are_compared_with_those_at_its_usual_place(name: str, tmp_path: Path) -> None:
    before, after = system(tmp_path / "1", "", init()), system(tmp_path / "2", "", init(*MOVED[name]))
    found = compare(before, after, RecordingJob())
    assert not [one.path for one in found.files if one.path.endswith(("bin/app", "config.json"))]
    assert found.services == ()


LINKED = {
    "a container": [folder("etc"), file("etc/config.json", CONFIG), symlink("containers/services/app", "/etc")],
    "its settings": [file("etc/c", CONFIG), symlink("containers/services/app/config.json", "../../../etc/c")],
}


@pytest.mark.parametrize("name", LINKED)
def test_a_container_that_an_image_brings_is_found_through_links(name: str) -> None:
    assert KILL in told(tree(*LINKED[name]))


def test_what_the_init_does_is_read_through_links() -> None:
    around = file("etc/runtime", json.dumps({"mkdir": ["/x"]}).encode())
    bundle = "containers/services/app"
    found = told(tree(around, file(f"{bundle}/config.json", CONFIG), symlink(f"{bundle}/runtime.json", "/etc/runtime")))
    assert ("services/app", "runtime.mkdir", "/x") in found


def test_a_link_to_the_whole_system_is_a_container_only_if_its_settings_are_there() -> None:
    loop = [symlink("containers/services/all", "/"), file("containers/services/app/config.json", CONFIG)]
    assert set(tree(*loop).bundles) == {"services/app"}
    assert set(tree(*loop, file("config.json", CONFIG)).bundles) == {"services/all", "services/app"}


def test_a_link_and_what_it_leads_to_are_both_compared() -> None:
    same = [symlink("containers/services/app", "/etc/app"), file("etc/app/config.json", CONFIG)]
    other = [symlink("containers/services/app", "../../etc/app"), file("etc/app/config.json", CONFIG, mode=0o600)]
    changed = {one.path for one in compare(tree(*same), tree(*other), RecordingJob()).files}
    assert changed == {"/containers/services/app", "/etc/app/config.json"}


@pytest.mark.parametrize("target", ["/run/later", "app"])
@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("containers", "/containers/onboot, /containers/onshutdown, /containers/services"),
        ("containers/services", "/containers/services"),
        ("containers/services/app", "/containers/services/app"),
    ],
)
def test_a_link_to_what_only_the_running_system_has_is_told(path: str, where: str, target: str) -> None:
    (note,) = compare(tree(), tree(symlink(path, target)), RecordingJob()).notes
    assert note == (f"x.tar: links lead out of the system, so what the init starts there is not known: {where}")


@pytest.mark.parametrize("document", ["config.json", "runtime.json"])
def test_settings_that_are_not_there_are_refused(document: str) -> None:
    bundle = "containers/services/app"
    entries = [file(f"{bundle}/config.json", CONFIG), symlink(f"{bundle}/{document}", "/run/later")]
    with pytest.raises(BuildError, match=f"'/{bundle}/{document}' leads to what is not in this system") as caught:
        told(tree(*entries))
    assert caught.value.hint


@pytest.mark.parametrize("target", ["/", "../../.."])
@pytest.mark.parametrize("document", ["config.json", "runtime.json"])
def test_settings_that_are_the_whole_system_are_refused(document: str, target: str) -> None:
    bundle = "containers/services/app"
    entries = [file(f"{bundle}/config.json", CONFIG), symlink(f"{bundle}/{document}", target)]
    with pytest.raises(BuildError, match=f"'/{bundle}/{document}' leads to '/', not to a file") as caught:
        told(tree(*entries))
    assert caught.value.hint


HOST = {
    "a folder that is a link in an image": ("/containers/services/app/lower/host", "/containers/services/app/rootfs/x"),
    "what is below such a link": ("/containers/services/app/lower/host/etc", "/containers/services/app/rootfs/x"),
    "a link that leads to what only the running system has": (
        "/containers/services/app/lower/later/x",
        "/containers/services/app/rootfs/x",
    ),
    "a target behind a link": ("/containers/services/app/lower", "/containers/services/app/lower/host/x"),
    "a loop": ("/containers/services/app/lower/loop/x", "/containers/services/app/rootfs/x"),
}


@pytest.mark.parametrize("name", HOST)
def test_a_mount_of_the_own_root_that_links_lead_out_is_told(name: str, tmp_path: Path) -> None:
    source, target = HOST[name]
    mount = f"runtime: {{mounts: [{{type: bind, source: {source}, destination: {target}}}]}}"
    links = [symlink(f"containers/services/app/lower/{one}", to) for one, to in (("later", "/run/x"), ("loop", "loop"))]
    before, after = system(tmp_path / "1", "", init()), system(tmp_path / "2", mount, init())
    after = replace(after, entries={**after.entries, **{one.path: one for one in links}})
    assert ("services/app", "runtime.mounts", f"{source} on {target}") in told(after, before)


def test_what_is_mounted_on_a_root_that_is_a_link_is_told(tmp_path: Path) -> None:
    after = system(tmp_path, "", init(link("containers/services/app/rootfs", "/")))
    assert [about for _part, kind, about in told(after) if kind == "runtime.mounts"]


# who builds one


def notes(folder_: Path, *members: object) -> list[str]:
    job = RecordingJob()
    system(folder_, "", init(*members), job)
    return [text for text in job.notes if "link" in text]


def test_a_link_that_moves_containers_is_told_once(tmp_path: Path) -> None:
    (text,) = notes(tmp_path, *MOVED["the folder of a section"])
    assert text == (
        "the link '/containers/services' of init[0] (docker.io/lab/init:v1) puts files of services[0] "
        "(docker.io/lab/app:v1) into '/etc/app/lower' (take an image in which '/containers/services' is a folder)"
    )


@pytest.mark.parametrize("name", ["lower", "rootfs", "tmp"])
def test_a_link_inside_of_a_container_is_told(name: str, tmp_path: Path) -> None:
    (text,) = notes(tmp_path, link(f"containers/services/app/{name}", "/etc"))
    assert text.startswith(f"the link '/containers/services/app/{name}' of init[0] (docker.io/lab/init:v1) puts")
    assert "into '/etc' (" in text


def test_without_links_nothing_is_told(tmp_path: Path) -> None:
    assert notes(tmp_path, directory("containers/services"), link("lib", "etc")) == []
