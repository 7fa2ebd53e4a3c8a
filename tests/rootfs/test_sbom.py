"""The bill of materials of a whole system."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.attestations import SPDX, attestation, attested, statement
from support.images import Image, digest, file, image, layer, tar, write_layout
from support.jobs import RecordingJob
from support.pulls import resolve
from support.stored import configured

from lkboard.disk.content import read
from lkboard.errors import ImageConflict
from lkboard.model.rootfs import EPOCH, Kind, Origin, Rootfs
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.store import Store
from lkboard.rootfs.assemble import AssembleOptions, assemble
from lkboard.rootfs.sbom import SEGMENT, SbomOptions

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
kernel: {image: 'lab/kernel:v1', cmdline: x}
init: ['lab/tool:v1']
volumes: [{name: v, image: 'lab/tool:v1'}]
onboot: [{name: a, image: 'lab/web:v1', readonly: true}]
services: [{name: b, image: 'lab/web:v1'}, {name: c, image: 'lab/tool:v1'}]
"""


def bill(name: str) -> dict[str, Any]:
    package = {"SPDXID": f"SPDXRef-{name}", "name": name, "packageFileName": f"/bin/{name}"}
    return {"spdxVersion": "SPDX-2.3", "packages": [package]}


def described(name: str, *statements: bytes) -> Image:
    member = image(layer(file(f"bin/{name}")))
    return attested({"amd64": member}, {"amd64": [attestation(*(statements or (statement(bill(name)),)))]})


def images() -> dict[str, Image]:
    modules = tar(file("lib/modules/x.ko"))
    kernel = image(layer(file("kernel", b"k"), file("kernel.tar", modules)))
    return {
        "lab/kernel:v1": attested({"amd64": kernel}, {"amd64": [attestation(statement(bill("kernel")))]}),
        "lab/tool:v1": described("tool"),
        "lab/web:v1": described("web"),
    }


def assembled(
    folder: Path, text: str, found: dict[str, Image], options: SbomOptions | None, job: RecordingJob | None = None
) -> Rootfs:
    job = job or RecordingJob()
    full = {f"docker.io/{name}": one for name, one in found.items()}
    store = Store(write_layout(folder / "cache", full))
    puller = Puller(store, RegistrySettings(), job)
    resolved = {name: puller.with_sboms(resolve(store, name, job)) for name in full}
    return assemble(configured(text), resolved, store, AssembleOptions(sbom=options), job)


def packages(root: Rootfs, path: str = "sbom.spdx.json") -> list[str]:
    (entry,) = (entry for entry in root.entries if entry.path == path)
    found = json.loads(read(entry.content))
    return [f"{one['name']} {one.get('packageFileName', '-')}" for one in found.get("packages", [])]


def test_every_image_is_listed_where_its_files_went(tmp_path: Path) -> None:
    root = assembled(tmp_path, CONFIG, images(), SbomOptions("sbom.spdx.json"))
    assert packages(root) == [
        "kernel /bin/kernel",
        "tool /bin/tool",
        "tool containers/volumes/v/lower/bin/tool",
        "web containers/onboot/000-a/rootfs/bin/web",
        "tool containers/services/c/lower/bin/tool",
    ]


def test_it_is_the_last_entry_and_belongs_to_nobody(tmp_path: Path) -> None:
    root = assembled(tmp_path, CONFIG + "files: [{path: z, contents: z}]\n", images(), SbomOptions("sbom.spdx.json"))
    entry = root.entries[-1]
    assert (entry.path, entry.kind, entry.mode, entry.uid) == ("sbom.spdx.json", Kind.FILE, 0o644, 0)
    assert (entry.mtime_ns, entry.origin) == (EPOCH * 10**9, Origin("", ""))
    assert root.segments[-1].name == SEGMENT


def test_without_statements_it_is_empty(tmp_path: Path) -> None:
    root = assembled(tmp_path, "{}", {}, SbomOptions("sbom.spdx.json"))
    assert packages(root) == []


def test_it_is_left_out_on_request(tmp_path: Path) -> None:
    root = assembled(tmp_path, CONFIG, images(), None)
    assert not any("sbom" in entry.path for entry in root.entries)


def test_it_goes_where_it_is_wanted(tmp_path: Path) -> None:
    root = assembled(tmp_path, CONFIG, images(), SbomOptions("usr/share/bill.json"))
    assert len(packages(root, "usr/share/bill.json")) == 5


def test_it_replaces_what_is_there(tmp_path: Path) -> None:
    root = assembled(tmp_path, "files: [{path: sbom.spdx.json, contents: x}]", {}, SbomOptions("sbom.spdx.json"))
    assert packages(root) == []


def test_it_bears_the_wanted_time(tmp_path: Path) -> None:
    root = assembled(tmp_path, "{}", {}, SbomOptions("s", created=0))
    assert json.loads(read(root.entries[-1].content))["creationInfo"]["created"] == "1970-01-01T00:00:00Z"


def test_two_builds_make_the_same(tmp_path: Path) -> None:
    first, second = (
        read(assembled(tmp_path / name, CONFIG, images(), SbomOptions("s")).entries[-1].content) for name in "12"
    )
    assert first == second


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (b"{", "Expecting property name"),
        (b"[1]", "it is not a statement about an SPDX document"),
        (statement(bill("x"), "https://slsa.dev/provenance/v1"), "it is not a statement about an SPDX document"),
        (statement([]), "it is not an object"),
        (statement({"spdxVersion": "SPDX-3.0"}), "its version is 'SPDX-3.0'"),
        (b'{"predicateType":"%b","predicate":%b1%b}' % (SPDX.encode(), b"[" * 5000, b"]" * 5000), "recursion"),
        (b'{"predicateType":"\xff"}', "utf-8"),
    ],
)
def test_a_statement_that_cannot_be_used_is_told(made: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageConflict, match=message) as caught:
        assembled(tmp_path, "init: ['lab/x:v1']", {"lab/x:v1": described("x", made)}, SbomOptions("s"))
    text = str(caught.value)
    assert text.startswith(f"docker.io/lab/x:v1: its bill of materials {digest(made)} cannot be used: ")
    assert text.endswith("(build without a bill of materials: --no-sbom)")


def test_a_statement_of_absurd_size_is_told(tmp_path: Path) -> None:
    found = {"lab/x:v1": described("x", b"{" + b" " * (64 << 20))}
    with pytest.raises(ImageConflict, match="it has more than 64 MiB"):
        assembled(tmp_path, "init: ['lab/x:v1']", found, SbomOptions("s"))


@pytest.mark.parametrize(("path", "is_told"), [("boot/bill", True), ("/boot//bill", True), ("bootbill", False)])
def test_a_bill_where_no_boot_loader_takes_it_is_told(path: str, is_told: bool, tmp_path: Path) -> None:
    job = RecordingJob()
    assembled(tmp_path, "{}", {}, SbomOptions(path), job)
    text = f"the bill of materials '{path}' will be in tars only: boot loaders take no more than kernel, command line "
    assert [note for note in job.notes if "bill" in note] == [
        *[f"{text}and microcode from there (--sbom-output PATH)"] * is_told
    ]


@pytest.mark.parametrize(
    ("more", "path", "told"),
    [
        ("files: [{path: etc/bill, contents: x}]", "etc/bill", "file '/etc/bill' of files[0] (linuxkit.files)"),
        ("files: [{path: etc/bill, symlink: x}]", "etc/bill", "symbolic link '/etc/bill' of files[0] (linuxkit.files)"),
        ("", "bin/tool", "file '/bin/tool' of init[0] (docker.io/lab/tool:v1)"),
        ("", "etc/bill", ""),
    ],
)
def test_a_file_whose_place_it_takes_is_told(tmp_path: Path, more: str, path: str, told: str) -> None:
    job = RecordingJob()
    root = assembled(tmp_path, CONFIG + more, images(), SbomOptions(path), job)
    assert packages(root, path)
    said = f"the bill of materials replaces the {told} (give it another place: --sbom-output PATH)"
    assert [note for note in job.notes if "bill of materials" in note] == ([said] if told else [])
