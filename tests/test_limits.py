"""docs/reference/limits.md says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkboard.disk import cpio_reader, erofs_attributes, inodes
from lkboard.formats import kernel_iso
from lkboard.oci.archives import docker_archive, engine
from lkboard.oci.image_spec import documents
from lkboard.oci.layers import file_tree, flatten, tar_reader, unpack
from lkboard.oci.store import graph
from lkboard.rootfs import kernel_payload, sbom
from lkboard.yaml import limits

PAGE = Path(__file__).parents[1] / "docs/reference/limits.md"
MIB = 1 << 20


@pytest.mark.parametrize(
    "text",
    [
        f"| {limits.MAX_BYTES // MIB} MiB, {limits.MAX_VALUES:,} values",
        f" {limits.MAX_ALIASED_VALUES:,} of them through aliases, nested {limits.MAX_DEPTH} deep |",
        f"| a manifest, index or image configuration | {documents.DOCUMENT_LIMIT // MIB} MiB |",
        f"| indexes in indexes | {graph.INDEX_DEPTH} |",
        f"| images of a docker archive, layers of one of them | {docker_archive._IMAGES:,} |",
        f"| what a container engine sends | twice the size that it names, and {engine._OVERHEAD >> 30} GiB |",
        f"| {unpack.size_limit(1 << 40) >> 40} times its size, but always {unpack.size_limit(0) >> 30} GiB |",
        f"| headers in a layer, entries of an initrd that is compared | {tar_reader.ENTRY_LIMIT:,} |",
        f"entries of an initrd that is compared | {cpio_reader.ENTRY_LIMIT:,} |",
        f"| all paths and link targets of an initrd that is compared | {cpio_reader.TEXT_LIMIT // MIB} MiB |",
        f"| a path or link target | {tar_reader.PATH_LIMIT} bytes",
        f"| all paths of an image | {flatten._PATHS_LIMIT // MIB} MiB |",
        f"| directories that a layer uses and does not contain | {file_tree._MADE_LIMIT:,} |",
        f"| the attributes of one file in a layer | {tar_reader._EXTENSION_LIMIT // MIB} MiB |",
        f"| long names, attributes and sparse maps of a layer | {tar_reader._DETAIL_LIMIT // MIB} MiB |",
        f"| a bill of materials of an image | {sbom._SIZE_LIMIT // MIB} MiB |",
        f"in `kernel+erofs` | {erofs_attributes._VALUE_MAX:,} bytes, 255 KiB | refused |",
        f"| a name, in all but tars | {inodes.NAME_MAX} bytes; {kernel_iso._NAME_MAX} in `kernel+iso`, as in Linux |",
        f"| a compressed kernel, packed and unpacked | {kernel_payload.SIZE_LIMIT // MIB} MiB |",
    ],
)
def test_the_page_says_what_the_code_does(text: str) -> None:
    assert text.replace(",", " ") in PAGE.read_text().replace(",", " ")
