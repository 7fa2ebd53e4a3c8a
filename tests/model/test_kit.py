"""Which names are the kit's."""

from __future__ import annotations

import pytest

from lkboard.model.kit import image_name, is_kit, shelf_name


@pytest.mark.parametrize(
    "name", [image_name("init"), f"{image_name('kernel')}@sha256:{64 * 'a'}", shelf_name("amd64"), shelf_name("arm64")]
)
def test_what_a_kit_build_makes_is_the_kits(name: str) -> None:
    assert is_kit(name)


@pytest.mark.parametrize(
    "name",
    [
        "docker.io/lkboard/init:v1",
        "docker.io/lkboard/init",
        "docker.io/lab/init:kit",
        "registry.example/lkboard/init:kit",
        "lkboard.local/files:urls",
    ],
)
def test_other_names_are_not(name: str) -> None:
    assert not is_kit(name)
