from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from support.stored import configured

from lkboard.config.values import InvalidValue
from lkboard.errors import ConfigError, ImageConflict
from lkboard.model.config import BindNamespaces, Container, Mount, Options, Runtime
from lkboard.model.image import ImageConfig, Platform
from lkboard.rootfs.effective import Effective, effective

IMAGE = ImageConfig(Platform(), entrypoint=("/e",), cmd=("c", "d"), env=("I=1",), working_dir="/i")
BARE = ImageConfig(Platform())
CONTAINER = configured("services: [{name: s, image: 'lab/s:v1', net: host}]").services[0]


def chosen(own: Options, label: Options, image: ImageConfig = BARE) -> Options:
    return made(own, label, image).options


def made(own: Options, label: Options, image: ImageConfig = BARE, container: Container = CONTAINER) -> Effective:
    return effective("services[0]", replace(container, options=own), label, image)


WHOLE: dict[str, tuple[Any, Any]] = {
    "ambient": (("CAP_KILL",), ("CAP_CHOWN",)),
    "tmpfs": (("/a",), ("/b",)),
    "mounts": ((Mount("/a"),), (Mount("/b"),)),
    "masked_paths": (("/a",), ("/b",)),
    "readonly_paths": (("/a",), ("/b",)),
    "rlimits": (("nofile,1,2",), ("nofile,3,4",)),
    "sysctl": ((("a", "1"),), (("b", "2"),)),
    "annotations": ((("a", "1"),), (("b", "2"),)),
    "additional_gids": ((1,), (2,)),
    "uid": (1, 2),
    "gid": ("a", 2),
    "oom_score_adj": (0, 5),
    "rootfs_propagation": ("shared", "slave"),
    "cgroups_path": ("/a", "/b"),
    "readonly": (False, True),
    "no_new_privileges": (False, True),
    "command": (("/own",), ("/label",)),
    "env": (("A=1",), ("B=2",)),
}


@pytest.mark.parametrize(("field", "values"), WHOLE.items(), ids=WHOLE.keys())
def test_the_config_wins_over_the_label_as_a_whole(field: str, values: tuple[Any, Any]) -> None:
    own, label = Options(**{field: values[0]}), Options(**{field: values[1]})
    assert getattr(chosen(own, label), field) == values[0]
    assert getattr(chosen(Options(), label), field) == values[1]
    assert getattr(chosen(own, Options()), field) == values[0]


@pytest.mark.parametrize("field", ["mounts", "tmpfs", "ambient", "rlimits", "devices", "command", "env"])
def test_an_empty_list_in_the_config_clears_the_labels(field: str) -> None:
    label = Options(**{field: ("x",)})
    assert getattr(chosen(Options(**{field: ()}), label), field) == ()


@pytest.mark.parametrize(
    ("field", "default"),
    [("net", "root"), ("ipc", "root"), ("uts", "root"), ("userns", "root"), ("pid", None), ("hostname", None)],
)
def test_of_some_texts_the_first_that_is_not_empty_counts(field: str, default: str | None) -> None:
    label = Options(**{field: "label"})
    assert getattr(chosen(Options(**{field: "own"}), label), field) == "own"
    assert getattr(chosen(Options(**{field: ""}), label), field) == "label"
    assert getattr(chosen(Options(), Options()), field) == default


@pytest.mark.parametrize(
    ("own", "label", "image", "cwd"),
    [("/own", "/label", IMAGE, "/own"), ("", "/label", IMAGE, "/label"), ("", "", IMAGE, "/i"), ("", "", BARE, "/")],
)
def test_the_working_directory_falls_back_to_the_image_and_the_root(
    own: str, label: str, image: ImageConfig, cwd: str
) -> None:
    assert chosen(Options(cwd=own), Options(cwd=label), image).cwd == cwd


def test_command_and_environment_fall_back_to_the_image() -> None:
    options = chosen(Options(), Options(), IMAGE)
    assert options.command == ("/e", "c", "d")
    assert options.env == ("I=1",)
    assert chosen(Options(env=()), Options(), IMAGE).env == ()


@pytest.mark.parametrize("field", ["capabilities", "binds"])
def test_additions_join_the_labels_list(field: str) -> None:
    label = Options(**{field: ("L",), f"{field}_add": ("ignored",)})
    assert getattr(chosen(Options(**{f"{field}_add": ("A", "L")}), label), field) == ("L", "A", "L")
    assert getattr(chosen(Options(**{field: ("O",), f"{field}_add": ("A",)}), label), field) == ("O",)
    assert getattr(chosen(Options(**{field: ()}), label), field) == ()
    assert getattr(chosen(Options(), Options(**{f"{field}_add": ("A",)})), field) == ()


def test_the_parts_of_runtime_are_chosen_one_by_one() -> None:
    own = Options(runtime=Runtime(cgroups=("own",), bind_ns=BindNamespaces(net="/own")))
    label = Options(runtime=Runtime(cgroups=("label",), mkdir=("/d",), bind_ns=BindNamespaces(net="/l", pid="/p")))
    assert chosen(own, label).runtime == Runtime(
        cgroups=("own",), mkdir=("/d",), bind_ns=BindNamespaces(net="/own", pid="/p")
    )


def test_every_field_has_a_rule() -> None:
    label = Options(**{field.name: ("x",) for field in fields(Options) if field.name != "runtime"})
    unset = {field.name for field in fields(Options) if getattr(chosen(Options(), label), field.name) is None}
    assert unset == {"capabilities_add", "binds_add"}


# who is to blame

INVALID = InvalidValue("it is wrong", "do it right")


def test_a_fault_of_the_config_names_the_place() -> None:
    container = made(CONTAINER.options, Options(net="x"))
    with pytest.raises(ConfigError) as caught:
        raise container.fault("net", INVALID)
    (problem,) = caught.value.problems
    assert str(problem) == "test.yml:1:46: services.0.net: it is wrong (do it right)"


def test_a_fault_of_the_label_names_image_and_field() -> None:
    container = made(Options(), Options(no_new_privileges=True))
    with pytest.raises(ImageConflict) as caught:
        raise container.fault("no_new_privileges", INVALID)
    assert str(caught.value) == (
        "docker.io/lab/s:v1, label org.mobyproject.config: noNewPrivileges: it is wrong (do it right)"
    )


def test_an_item_of_a_joined_list_is_blamed_on_who_wrote_it() -> None:
    container = made(Options(binds_add=("a:b",)), Options(binds=("c:d",)))
    assert isinstance(container.fault("binds", INVALID, "c:d"), ImageConflict)
    fault = container.fault("binds", INVALID, "a:b")
    assert isinstance(fault, ConfigError)
    assert fault.problems[0].path == "services.0.binds.add"
