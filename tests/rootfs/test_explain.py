"""Why a path is in a root, or is not, and what it costs: every claim against images made by hand."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.explained import explainer
from support.images import (
    Image,
    character,
    digest,
    directory,
    dumps,
    file,
    hardlink,
    image,
    layer,
    noise,
    opaque,
    symlink,
    tar,
    whiteout,
)

from lkboard.errors import PathMissing
from lkboard.model.explanation import LayerUse, Maker, Part
from lkboard.rootfs.image_files import HOSTS

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.explanation import Explanation, Replaced
    from lkboard.rootfs.explain import Explainer

LOWER = layer(
    directory("bin", 0o711, uid=3, gid=4),
    file("bin/tool", noise(5000), 0o4755),
    hardlink("bin/alias", "bin/tool"),
    hardlink("bin/other", "bin/tool"),
    symlink("bin/sh", "tool"),
    file("etc/motd", b"lower"),
    file("etc/gone", b"gone"),
    character("dev/zero", 1, 5, 0o666),
)
UPPER = layer(file("etc/motd", b"of the upper layer", 0o600), whiteout("etc/gone"))
INIT = image(LOWER, UPPER)
INIT_SIZE = 5000 + len(HOSTS)
WEB = image(layer(file("bin/web", noise(3000)), file("etc/hosts", b"mine"), file(".dockerenv")))
KERNEL = image(
    layer(file("x")),
    layer(file("kernel", noise(900), 0o644), file("kernel.tar", tar(file("lib/modules/a.ko", noise(700))))),
)
IMAGES = {"lab/kernel:v1": KERNEL, "lab/init:v1": INIT, "lab/web:v1": WEB}
CONFIG = """\
kernel: {image: "lab/kernel:v1", cmdline: "quiet"}
init: ["lab/init:v1"]
volumes:
  - {name: data}
services:
  - {name: web, image: "lab/web:v1"}
  - {name: copy, image: "lab/web:v1"}
files:
  - {path: srv/a/b, contents: "twelve bytes", mode: "0640"}
  - {path: etc/motd, contents: "of the config"}
  - {path: all.yml, metadata: yaml}
"""


def reference(name: str) -> str:
    return f"docker.io/{name}@{IMAGES[name].digest}"


@pytest.fixture
def asked(tmp_path: Path) -> Explainer:
    return explainer(tmp_path, CONFIG, IMAGES)


def about(asked: Explainer, path: str) -> Explanation:
    (found,) = asked.find(path)
    return asked.explain(found)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("bin/tool", ("file", "4755", 0, 0, "", None)),
        ("bin/alias", ("file", "4755", 0, 0, "", None)),
        ("bin", ("folder", "0711", 3, 4, "", None)),
        ("bin/sh", ("symbolic link", "0777", 0, 0, "tool", None)),
        ("dev/zero", ("character device", "0666", 0, 0, "", (1, 5))),
        ("srv/a/b", ("file", "0640", 0, 0, "", None)),
        ("srv/a", ("folder", "0750", 0, 0, "", None)),
    ],
)
def test_what_it_is(asked: Explainer, path: str, what: tuple[object, ...]) -> None:
    found = about(asked, path)
    assert (found.kind, found.mode, found.uid, found.gid, found.link, found.device) == what


@pytest.mark.parametrize("path", ["bin/tool", "bin/sh", "bin", "", "boot/kernel", "boot"])
def test_without_its_cost_all_else_is_known(asked: Explainer, path: str) -> None:
    (found,) = asked.find(path)
    assert asked.explain(found, with_cost=False) == replace(asked.explain(found), initrd_bytes=None)


MADE = "how runc starts the container: the config's settings, then the image's"
LOCALHOST = "only localhost: what an image brings along belongs to where it was built"
BUNDLE = "containers/services/web"
MAKERS = {
    "bin/tool": Maker("init[0]", "", "x.yml:2:8", "lab/init:v1", LayerUse(1, 2, LOWER.digest)),
    "bin": Maker("init[0]", "", "x.yml:2:8", "lab/init:v1", LayerUse(1, 2, LOWER.digest)),
    "boot/kernel": Maker(
        "kernel", "", "x.yml:1:9", "lab/kernel:v1", LayerUse(2, 2, ""), "a copy of the image's 'kernel'"
    ),
    "boot/cmdline": Maker("kernel", "", "x.yml:1:9", "lab/kernel:v1", None, "the config's 'kernel.cmdline'"),
    "lib/modules/a.ko": Maker(
        "kernel", "", "x.yml:1:9", "lab/kernel:v1", LayerUse(2, 2, ""), "unpacked from the image's 'kernel.tar'"
    ),
    f"{BUNDLE}/config.json": Maker("services[0]", "web", "x.yml:6:5", "lab/web:v1", None, MADE),
    f"{BUNDLE}/lower/bin/web": Maker("services[0]", "web", "x.yml:6:5", "lab/web:v1", LayerUse(1, 1, "")),
    f"{BUNDLE}/lower/etc/hosts": Maker("services[0]", "web", "x.yml:6:5", "lab/web:v1", None, LOCALHOST),
    f"{BUNDLE}/lower/bin": Maker(
        "services[0]",
        "web",
        "x.yml:6:5",
        "lab/web:v1",
        LayerUse(1, 1, ""),
        "nothing describes this folder; it is there for what it contains",
    ),
    "containers/volumes/data/merged": Maker(
        "volumes[0]", "data", "x.yml:4:5", "", None, "where the volume is mounted, and containers bind it from"
    ),
    "srv/a/b": Maker("files[0]", "srv/a/b", "x.yml:9:5"),
    "srv": Maker("files[0]", "srv/a/b", "x.yml:9:5", made="a folder that '/srv/a/b' needs"),
    "all.yml": Maker("files[2]", "all.yml", "x.yml:11:5", made="the whole config as YAML"),
}


@pytest.mark.parametrize("path", MAKERS)
def test_who_put_it_there(asked: Explainer, path: str) -> None:
    expected = MAKERS[path]
    if expected.image:
        expected = replace(expected, image=reference(expected.image))
    found = about(asked, path).maker
    if expected.layer and not expected.layer.digest:
        assert found.layer
        expected = replace(expected, layer=replace(expected.layer, digest=found.layer.digest))
    assert found == expected


def with_history(made: Image, *steps: dict[str, Any]) -> Image:
    """Return an image whose configuration has a history."""
    manifest = json.loads(made.data)
    old = manifest["config"]["digest"]
    config = dumps({**json.loads(made.blobs[old]), "history": steps})
    manifest["config"] |= {"digest": digest(config), "size": len(config)}
    data = dumps(manifest)
    blobs = {name: blob for name, blob in made.blobs.items() if name not in {old, made.digest}}
    return Image(made.media_type, data, {**blobs, digest(config): config, digest(data): data})


def test_the_command_that_made_the_layer_is_told(tmp_path: Path) -> None:
    steps = {"created_by": "COPY tool /bin"}, {"created_by": "ENV a=b", "empty_layer": True}, {"created_by": "RUN x"}
    asked = explainer(tmp_path, "init: ['lab/init:v1']", {"lab/init:v1": with_history(INIT, *steps)})
    layers = [about(asked, path).maker.layer for path in ("bin/tool", "etc/motd")]
    assert [one.history if one else "" for one in layers] == ["COPY tool /bin", "RUN x"]


def test_a_whole_image_in_a_volume(tmp_path: Path) -> None:
    text = "volumes: [{name: v, image: 'lab/web:v1', format: oci}]"
    found = about(explainer(tmp_path, text, IMAGES), "containers/volumes/v/lower/index.json").maker
    assert found == Maker(
        "volumes[0]", "v", "x.yml:1:11", reference("lab/web:v1"), None, "a part of the whole image, as an OCI layout"
    )


def test_a_reference_with_a_digest_is_shown_once(tmp_path: Path) -> None:
    name = f"lab/init@{INIT.digest}"
    asked = explainer(tmp_path, f"init: ['{name}']", {name: INIT})
    assert about(asked, "bin/tool").maker.image == f"docker.io/{name}"


def shown(lost: Replaced) -> str:
    return f"{lost.kind} {lost.mode} {lost.size_bytes} of {lost.maker} {lost.fate} by {lost.by}"


def test_what_was_there_before_is_told_in_order(asked: Explainer) -> None:
    assert [shown(lost) for lost in about(asked, "etc/motd").replaced] == [
        "file 0644 5 of init[0], layer 1 of 2 replaced by init[0], layer 2 of 2",
        "file 0600 18 of init[0], layer 2 of 2 replaced by files[1] etc/motd",
    ]


def test_a_file_of_lkboard_replaces_that_of_the_image(asked: Explainer) -> None:
    (lost,) = about(asked, f"{BUNDLE}/lower/etc/hosts").replaced
    assert shown(lost) == "file 0644 4 of services[0] web, layer 1 of 1 replaced by services[0] web"


def test_a_file_that_comes_back_after_a_whiteout(tmp_path: Path) -> None:
    made = image(layer(file("a", b"1")), layer(whiteout("a")), layer(file("a", b"22")))
    found = about(explainer(tmp_path, "init: ['lab/x:v1']", {"lab/x:v1": made}), "a")
    assert found.size_bytes == 2
    assert [shown(lost) for lost in found.replaced] == [
        "file 0644 1 of init[0], layer 1 of 3 whiteout by init[0], layer 2 of 3"
    ]


def test_all_names_of_a_file(asked: Explainer) -> None:
    assert about(asked, "bin/tool").names == ("/bin/alias", "/bin/other")
    assert about(asked, "bin/other").names == ("/bin/tool", "/bin/alias")
    assert about(asked, "etc/motd").names == ()


def test_containers_of_one_image_share_its_files(asked: Explainer) -> None:
    assert about(asked, f"{BUNDLE}/lower/bin/web").users == ("services[1] copy",)
    assert about(asked, f"{BUNDLE}/config.json").users == ()
    assert about(asked, "bin/tool").users == ()


# what it costs


def test_a_file_costs_what_it_packs_to(asked: Explainer) -> None:
    found = about(asked, "bin/tool")
    packed = len(gzip.compress(noise(5000)))
    assert (found.files, found.size_bytes) == (1, 5000)
    assert found.initrd_bytes is not None
    assert packed <= found.initrd_bytes < packed + 200


def test_every_name_costs_the_whole_file(asked: Explainer) -> None:
    costs = {(about(asked, f"bin/{name}").size_bytes) for name in ("tool", "alias", "other")}
    assert costs == {5000}


def test_a_folder_costs_what_is_below_it_once(asked: Explainer) -> None:
    found = about(asked, "bin")
    assert (found.files, found.size_bytes) == (4, 5000)
    assert found.initrd_bytes is not None
    assert 5000 < found.initrd_bytes < 5500
    assert found.parts == (Part("init[0]", "", 4, 5000),)


def test_zeros_cost_nearly_nothing(tmp_path: Path) -> None:
    made = image(layer(file("zeros", bytes(9_000_000))))
    found = about(explainer(tmp_path, "init: ['lab/x:v1']", {"lab/x:v1": made}), "zeros")
    assert found.size_bytes == 9_000_000
    assert found.initrd_bytes is not None
    assert 100 < found.initrd_bytes < 90_000


@pytest.mark.parametrize("path", ["boot/kernel", "boot/cmdline"])
def test_what_boot_loaders_load_is_not_in_the_initrd(asked: Explainer, path: str) -> None:
    assert about(asked, path).initrd_bytes is None


def test_the_root_holds_everything(asked: Explainer) -> None:
    found = about(asked, "/")
    sizes = {part.location: part.size_bytes for part in found.parts}
    assert (sizes["init[0]"], sizes["kernel"]) == (INIT_SIZE, 900 + 700 + len("quiet"))
    assert found.size_bytes == sum(sizes.values())
    assert [part.size_bytes for part in found.parts] == sorted(sizes.values(), reverse=True)


# finding


@pytest.mark.parametrize("path", ["bin/tool", "/bin/tool", "./bin//tool", "/srv/../bin/tool"])
def test_paths_are_written_in_any_way(asked: Explainer, path: str) -> None:
    assert asked.find(path) == ("bin/tool",)


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("bin/*", ("bin/tool", "bin/alias", "bin/other", "bin/sh")),
        ("/bin/?h", ("bin/sh",)),
        ("etc/mot[a-d]", ("etc/motd",)),
        ("*/a", ("srv/a",)),
    ],
)
def test_patterns_stand_for_names_in_a_folder(asked: Explainer, pattern: str, paths: tuple[str, ...]) -> None:
    assert sorted(asked.find(pattern)) == sorted(paths)


def test_a_name_that_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    asked = explainer(tmp_path, "init: ['lab/x:v1']", {"lab/x:v1": image(layer(file("["), file("a*"), file("ab")))})
    assert (asked.find("["), asked.find("a*")) == (("[",), ("a*",))


def test_links_on_the_way_are_followed(tmp_path: Path) -> None:
    made = image(layer(directory("usr/lib"), file("usr/lib/x"), symlink("lib", "usr/lib"), symlink("up", "/lib")))
    asked = explainer(tmp_path, "init: ['lab/x:v1']", {"lab/x:v1": made})
    assert (asked.find("lib/x"), asked.find("up/x"), asked.find("lib")) == (("usr/lib/x",), ("usr/lib/x",), ("lib",))


# what is not there


DELETED = "init[0], layer 2 of 2 deletes it; init[0], layer 1 of 2 has it"
LEFT_OUT = "lkboard leaves it out of every image; services[0] web, layer 1 of 1 has it"


def missing(asked: Explainer, path: str) -> str:
    with pytest.raises(PathMissing) as caught:
        asked.find(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/mtod", "'/etc/mtod' is not in the system (did you mean '/etc/motd'?)"),
        ("usr/bin/tool", "'/usr/bin/tool' is not in the system (did you mean '/bin/tool'?)"),
        ("web", f"'/web' is not in the system (did you mean '/{BUNDLE}', '/{BUNDLE}/lower/bin/web'?)"),
        (
            "bin/nothing/at/all",
            "'/bin/nothing/at/all' is not in the system ('/bin' has 4 names; to see them: '/bin/*')",
        ),
        ("x*y", "'/x*y' is not in the system ('/' has "),
        ("../x", "'../x' leads out of the root (write a path as the system will have it)"),
        ("a\0b", "'a\0b' leads out of the root"),
    ],
)
def test_a_path_that_is_not_there_gets_a_hint(asked: Explainer, path: str, text: str) -> None:
    assert missing(asked, path).startswith(text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "etc/gone",
            f"x.yml:2:8: '/etc/gone' is not in the system: {DELETED}",
        ),
        (
            f"{BUNDLE}/lower/.dockerenv",
            f"x.yml:6:5: '/{BUNDLE}/lower/.dockerenv' is not in the system: {LEFT_OUT}",
        ),
    ],
)
def test_a_path_that_was_lost_tells_to_whom(asked: Explainer, path: str, text: str) -> None:
    assert missing(asked, path) == text


def test_files_that_a_link_hides_are_told(tmp_path: Path) -> None:
    images = {"lab/k:v1": KERNEL, "lab/usr:v1": image(layer(directory("usr/lib"), symlink("lib", "usr/lib")))}
    asked = explainer(tmp_path, "kernel: {image: 'lab/k:v1', cmdline: x}\ninit: ['lab/usr:v1']", images)
    assert missing(asked, "lib/modules/a.ko") == (
        "x.yml:2:8: '/lib/modules/a.ko' is not in the system: "
        "init[0], layer 1 of 1 put something else in its place; kernel, layer 2 of 2 has it"
    )


def test_an_opaque_folder_is_told(tmp_path: Path) -> None:
    made = image(layer(file("d/a", b"1")), layer(opaque("d")))
    asked = explainer(tmp_path, "init: ['lab/x:v1']", {"lab/x:v1": made})
    assert "init[0], layer 2 of 2 deletes it" in missing(asked, "d/a")


def test_a_loop_of_links_is_told(tmp_path: Path) -> None:
    asked = explainer(tmp_path, "init: ['lab/x:v1']", {"lab/x:v1": image(layer(symlink("a", "a")))})
    assert missing(asked, "a/b").endswith("'/a/b' leads through a loop of symbolic links")
