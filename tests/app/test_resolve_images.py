"""References become digests side by side, and all that cannot be had are named, whichever verb asks for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from support.faults import Answer, FaultProxy, Status
from support.waiting import PATIENCE

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.app.cache_transfer import PullOptions, pull_images
from lkboard.app.lock import LockOptions, make_lock
from lkboard.app.registry_options import RegistryOptions
from lkboard.app.vendor import vendor
from lkboard.errors import LkboardError, NotFound, Offline
from lkboard.events import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.lab import Lab

    Use = Callable[[Lab, str, RegistryOptions], object]

pytestmark = pytest.mark.registry
ONLINE, OFFLINE = RegistryOptions(), RegistryOptions(offline=True)


def use_build(lab: Lab, host: str, registry: RegistryOptions) -> object:
    files = (str(lab.config(host=host)),)
    options = BuildOptions(files, formats=("tar",), directory=str(lab.out), cache=str(lab.cache), registry=registry)
    return build(options, Job())


def use_lock(lab: Lab, host: str, registry: RegistryOptions) -> object:
    return make_lock(LockOptions((str(lab.config(host=host)),), cache=str(lab.cache), registry=registry), Job())


def use_vendor(lab: Lab, host: str, registry: RegistryOptions) -> object:
    options = LockOptions((str(lab.config(host=host)),), cache=str(lab.cache), registry=registry)
    return vendor(str(lab.folder / "vendored"), options, Job())


def use_pull(lab: Lab, host: str, registry: RegistryOptions) -> object:
    names = tuple(f"{host}/lab/{name}:v1" for name in ("kernel", "init", "web"))
    return pull_images(PullOptions(names, cache=str(lab.cache), registry=registry), Job())


def image_of(error: LkboardError) -> str:
    """Return the image that an error is about, without its place in a config."""
    return str(error.where).rpartition(" ")[2]


EACH_USE = pytest.mark.parametrize("use", [use_build, use_lock, use_vendor, use_pull])


@EACH_USE
def test_images_are_asked_for_at_the_same_time(lab: Lab, proxy: FaultProxy, use: Use) -> None:
    """Neither of two answers comes before both are asked for."""
    both = threading.Barrier(2)

    def meet(answer: Answer) -> Answer:
        both.wait(PATIENCE)
        return answer

    for name in ("kernel", "init"):
        proxy.add(meet, path=f"{name}/manifests/v1", times=1)
    use(lab, proxy.host, ONLINE)
    assert not both.broken


@EACH_USE
def test_the_error_is_that_of_the_first_image_with_all_others(lab: Lab, proxy: FaultProxy, use: Use) -> None:
    is_late = threading.Event()

    def wait(answer: Answer) -> Answer:
        assert is_late.wait(PATIENCE)
        return Status(404)(answer)

    def go(answer: Answer) -> Answer:
        is_late.set()
        return Status(404)(answer)

    first, second = ("init", "kernel") if use in {use_lock, use_vendor} else ("kernel", "init")  # locks are sorted
    proxy.add(wait, path=f"{first}/manifests/v1")
    proxy.add(go, path=f"{second}/manifests/v1")
    with pytest.raises(NotFound) as caught:
        use(lab, proxy.host, ONLINE)
    assert [image_of(error) for error in (caught.value, *caught.value.others)] == [
        f"{proxy.host}/lab/{name}:v1" for name in (first, second)
    ]


@EACH_USE
def test_offline_every_image_that_is_not_there_is_named(lab: Lab, use: Use) -> None:
    with pytest.raises(Offline) as caught:
        use(lab, lab.registry.host, OFFLINE)
    assert {image_of(error) for error in (caught.value, *caught.value.others)} == {
        f"{lab.registry.host}/lab/{name}:v1" for name in ("kernel", "init", "web")
    }


def test_a_build_says_where_the_config_names_what_is_missing(lab: Lab) -> None:
    host = lab.registry.host
    config = lab.write(
        f"init:\n  - {host}/lab/init:v9\nservices:\n"
        f"  - name: one\n    image: {host}/lab/web:v9\n"
        f"  - {{name: two, image: '{host}/lab/web:v9'}}\n"
        f"volumes:\n  - {{name: v, image: '{host}/lab/web:v8', format: oci}}\n"
    )
    with pytest.raises(NotFound) as caught:
        build(BuildOptions((str(config),), formats=("tar",), directory=str(lab.out), cache=str(lab.cache)), Job())
    assert [error.where for error in (caught.value, *caught.value.others)] == [
        f"{config}:2:5: {host}/lab/init:v9",
        f"{config}:5:12: {host}/lab/web:v9",
        f"{config}:8:22: {host}/lab/web:v8",
    ]
