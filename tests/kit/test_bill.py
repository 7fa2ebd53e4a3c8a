"""What an image of the kit says of itself, judged by the library of the SPDX project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lkboard.kit.bill import bill_of_materials, purl
from lkboard.model.image import Descriptor
from lkboard.model.package import Package

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = Descriptor("", f"sha256:{'1' * 64}", 1)
PACKAGES = {
    Package("libstdc++6", "12.2.0-14+deb12u1", "arm64", "a" * 64, 1, "bookworm/main"): "GPL-3.0-or-later",
    Package("linux-image-6.1.0-9-arm64", "6.1.9-1", "arm64", "b" * 64, 1, ""): "GPL-2.0-only WITH Linux-syscall-note",
    Package("libgmp10", "2:6.2.1~rc1-1.1", "arm64", "c" * 64, 1, ""): "LGPL-3.0-or-later OR GPL-2.0-or-later",
}


def bill(packages: dict[Package, str] = PACKAGES, image: Descriptor = IMAGE) -> dict[str, object]:
    return bill_of_materials("docker.io/lkboard/x:kit", image, "MIT AND Zlib", packages)


def test_it_is_valid(tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    path = tmp_path / "x.spdx.json"
    path.write_text(json.dumps(bill()))
    assert [message.validation_message for message in validate_full_spdx_document(parse_file(str(path)))] == []


def test_it_describes_the_image_which_contains_its_packages() -> None:
    found = bill()
    names = {one["SPDXID"]: one["name"] for one in found["packages"]}  # type: ignore[index, attr-defined]
    triples = [
        (names.get(one["spdxElementId"]), one["relationshipType"], names[one["relatedSpdxElement"]])
        for one in found["relationships"]  # type: ignore[attr-defined]
    ]
    whole = "docker.io/lkboard/x:kit"
    assert triples == [(None, "DESCRIBES", whole), *((whole, "CONTAINS", package.name) for package in PACKAGES)]


def test_it_says_of_every_package_what_the_lock_says() -> None:
    _image, *packages = bill()["packages"]  # type: ignore[misc]
    for found, (package, licence) in zip(packages, PACKAGES.items(), strict=True):
        assert (found["name"], found["versionInfo"]) == (package.name, package.version)
        assert found["licenseDeclared"] == licence
        assert found["checksums"] == [{"algorithm": "SHA256", "checksumValue": package.sha256}]
        assert found["externalRefs"][0]["referenceLocator"] == purl(package)


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("runc", "1.1.5+ds1-1", "pkg:deb/debian/runc@1.1.5%2Bds1-1?arch=arm64"),
        ("libstdc++6", "12.2.0-14", "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=arm64"),
        ("libgmp10", "2:6.2.1~rc1-1.1", "pkg:deb/debian/libgmp10@2:6.2.1~rc1-1.1?arch=arm64"),
    ],
)
def test_a_package_has_an_address_that_scanners_know(name: str, version: str, expected: str) -> None:
    assert purl(Package(name, version, "arm64", "a" * 64, 1, "")) == expected


def test_its_namespace_is_that_of_its_content() -> None:
    assert bill() == bill()
    other = Descriptor("", f"sha256:{'2' * 64}", 1)
    assert bill(image=other)["documentNamespace"] != bill()["documentNamespace"]
    assert bill(packages={})["documentNamespace"] != bill()["documentNamespace"]
