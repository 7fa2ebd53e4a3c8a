"""The bill of materials of a system with every section, against build.md section 5.10 point by point.

The library of the SPDX project is the judge of what is valid.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.attestations import attestation, attested, statement
from support.images import Image, digest, file, image, index, layer, tar, write_layout
from support.jobs import RecordingJob
from support.pulls import resolve, resolve_whole
from support.stored import by_path, configured

from lkboard.disk.content import read
from lkboard.model.rootfs import EPOCH, Rootfs
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.store import Store
from lkboard.rootfs.assemble import AssembleOptions, assemble
from lkboard.rootfs.sbom import SbomOptions

if TYPE_CHECKING:
    from pathlib import Path

PATH = "sbom.spdx.json"
CONFIG = """
kernel: {image: 'lab/kernel:v1', cmdline: x}
init: ['lab/init:v1', 'lab/runc:v1']
volumes:
  - {name: blank}
  - {name: files, image: 'lab/data:v1'}
  - {name: layout, image: 'lab/whole:v1', format: oci}
onboot: [{name: dhcp, image: 'lab/net:v1', readonly: true}, {name: again, image: 'lab/net:v1'}]
onshutdown: [{name: bye, image: 'lab/bye:v1'}]
services: [{name: net, image: 'lab/net:v1'}, {name: web, image: 'lab/web:v1'}, {name: plain, image: 'lab/plain:v1'}]
"""
PREFIXES = {
    "kernel": "",
    "init": "",
    "runc": "",
    "data": "containers/volumes/files/lower",
    "net": "containers/onboot/000-dhcp/rootfs",
    "bye": "containers/onshutdown/000-bye/lower",
    "web": "containers/services/web/lower",
}
"""Where the files of every image go that says what is in it; others say nothing, or go nowhere."""


def bill(name: str) -> dict[str, Any]:
    """Return what a scanner says of an image: two packages, one of them in all images under the same id, and a file."""
    licence = {"licenseId": "LicenseRef-own", "extractedText": f"the licence of {name}"}
    common = {"downloadLocation": "NOASSERTION", "licenseConcluded": "LicenseRef-own OR MIT"}
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "dataLicense": "CC0-1.0",
        "name": name,
        "documentNamespace": f"https://example.com/{name}",
        "creationInfo": {"created": "2020-01-01T00:00:00Z", "creators": ["Tool: scanner"]},
        "packages": [
            {"SPDXID": "SPDXRef-Package-libc", "name": f"libc of {name}", "filesAnalyzed": False, **common},
            {"SPDXID": f"SPDXRef-Package-{name}", "name": name, "packageFileName": f"bin/{name}", **common},
        ],
        "files": [
            {
                "SPDXID": "SPDXRef-File",
                "fileName": f"bin/{name}",
                "checksums": [{"algorithm": "SHA1", "checksumValue": "a" * 40}],
            }
        ],
        "hasExtractedLicensingInfos": [licence],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": f"SPDXRef-Package-{name}",
            },
            {
                "spdxElementId": f"SPDXRef-Package-{name}",
                "relationshipType": "CONTAINS",
                "relatedSpdxElement": "SPDXRef-File",
            },
        ],
    }


def described(name: str, member: Image | None = None) -> Image:
    member = member or image(layer(file(f"bin/{name}", name.encode())))
    other = image(layer(file("other")), architecture="arm64")
    proofs = {"amd64": [attestation(statement(bill(name)))], "arm64": [attestation(statement(bill("wrong")))]}
    return attested({"amd64": member, "arm64": other}, proofs)


def images() -> dict[str, Image]:
    modules = tar(file("lib/modules/x.ko"))
    kernel = image(layer(file("kernel", b"k"), file("kernel.tar", modules)))
    found = {name: described(name) for name in ("init", "runc", "data", "net", "bye", "web", "whole")}
    found |= {"kernel": described("kernel", kernel), "plain": index([image(layer(file("bin/plain")))])}
    return {f"docker.io/lab/{name}:v1": one for name, one in found.items()}


def assembled(folder: Path) -> Rootfs:
    job, config = RecordingJob(), configured(CONFIG)
    store = Store(write_layout(folder / "cache", images()))
    puller = Puller(store, RegistrySettings(), job)
    wanted = {str(name.reference): resolve(store, str(name.reference), job) for name in config.images}
    resolved = {name: puller.with_sboms(one) for name, one in wanted.items()}
    layouts = {2: resolve_whole(store, "docker.io/lab/whole:v1", job)}
    return assemble(config, resolved, store, AssembleOptions(sbom=SbomOptions(PATH)), job, layouts=layouts)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Rootfs:
    return assembled(tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="module")
def data(root: Rootfs) -> bytes:
    return read(root.entries[-1].content)


@pytest.fixture(scope="module")
def found(data: bytes) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(data)
    return result


def test_it_is_valid(data: bytes, tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    path = tmp_path / PATH
    path.write_bytes(data)
    assert [message.validation_message for message in validate_full_spdx_document(parse_file(str(path)))] == []


def test_every_extracted_image_is_there_once_in_the_order_of_the_archive(found: dict[str, Any]) -> None:
    names = [one["name"] for one in found["packages"] if not one["name"].startswith("libc")]
    assert names == list(PREFIXES)


def test_packages_and_files_are_where_the_files_of_their_image_went(root: Rootfs, found: dict[str, Any]) -> None:
    named = {one["name"]: one for one in found["packages"]}
    files = [one["fileName"] for one in found["files"]]
    there = by_path(root)
    for name, prefix in PREFIXES.items():
        path = f"{prefix}/bin/{name}".lstrip("/")
        assert named[name]["packageFileName"] == path
        assert path in files
        assert named[f"libc of {name}"].get("packageFileName", "") == prefix
        if name != "kernel":  # of which only the kernel, its modules and its microcode are taken
            assert read(there[path].content) == name.encode()


def test_ids_are_unique_and_everything_refers_to_something(found: dict[str, Any]) -> None:
    ids = ["SPDXRef-DOCUMENT", *(one["SPDXID"] for one in [*found["packages"], *found["files"]])]
    assert len(ids) == len(set(ids)) == 1 + 3 * len(PREFIXES)
    for one in found["relationships"]:
        assert {one["spdxElementId"], one["relatedSpdxElement"]} <= set(ids)
    owners = {one["SPDXID"]: one["name"] for one in found["packages"]}
    contained = {
        one["relatedSpdxElement"]: one for one in found["relationships"] if one["relationshipType"] == "CONTAINS"
    }
    for file_ in found["files"]:
        assert owners[contained[file_["SPDXID"]]["spdxElementId"]] == file_["fileName"].rpartition("/")[2]


def test_licences_of_one_id_stay_those_of_their_image(found: dict[str, Any]) -> None:
    texts = {one["licenseId"]: one["extractedText"] for one in found["hasExtractedLicensingInfos"]}
    for package in found["packages"]:
        licence = package["licenseConcluded"].removesuffix(" OR MIT")
        assert texts[licence] == f"the licence of {package['name'].removeprefix('libc of ')}"


def test_whether_files_were_analysed_is_always_said(found: dict[str, Any]) -> None:
    assert [one["filesAnalyzed"] for one in found["packages"]] == [False, True] * len(PREFIXES)


def test_it_is_the_last_file_compact_and_without_an_owner(root: Rootfs, data: bytes, found: dict[str, Any]) -> None:
    entry = root.entries[-1]
    assert (entry.path, entry.mode, entry.mtime_ns, entry.origin.source) == (PATH, 0o644, EPOCH * 10**9, "")
    assert data == json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    head = ["spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"]
    assert list(found) == [*head, "packages", "files", "hasExtractedLicensingInfos", "relationships"]
    assert found["creationInfo"]["created"] == "2017-04-18T16:30:00Z"


def test_it_is_the_same_on_every_machine(data: bytes, tmp_path: Path) -> None:
    assert digest(read(assembled(tmp_path).entries[-1].content)) == digest(data)
