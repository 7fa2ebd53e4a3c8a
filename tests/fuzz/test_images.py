"""Damaged layers, manifests and archives of images."""

from __future__ import annotations

import gzip
import json
import lzma
import struct
import tarfile
from typing import TYPE_CHECKING

import zstandard
from support.archives import ancient_members, docker_members
from support.attestations import SPDX, statement
from support.fuzzing import Target, fuzz_tests
from support.images import (
    REF_NAME,
    Member,
    character,
    directory,
    dumps,
    file,
    hardlink,
    image,
    index,
    layer,
    noise,
    opaque,
    symlink,
    tar,
    whiteout,
)

from lkboard.disk.content import read
from lkboard.errors import LkboardError
from lkboard.events import Job
from lkboard.model.extents import Content, Inline
from lkboard.model.rootfs import Origin
from lkboard.oci.archives.importing import import_archive
from lkboard.oci.image_spec.documents import parse_document, parse_image_config
from lkboard.oci.layers.file_tree import entries_of, walk
from lkboard.oci.layers.flatten import tar_tree
from lkboard.oci.layers.inflate import inflated
from lkboard.oci.store.store import Store
from lkboard.rootfs.kernel_payload import unwrap_kernel
from lkboard.rootfs.spdx import Merger, SpdxInvalid

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 512
MIB = 1 << 20
JSON_WORDS = (b"[", b"{", b'{"a":', b"null", b"-1", b"1e999", b'""', b"[]", b"{}", b'"\\ud800"', b"NaN", b"true")


# layers


def members() -> list[Member]:
    return [
        directory("etc", 0o700),
        file("etc/passwd", b"root\n" * 40, uid=70_000_000, gid=5),
        file("etc/" + "long" * 60, b"x", pax=(("SCHILY.xattr.user.a", "1"), ("mtime", "1.5"))),
        symlink("bin", "usr/bin"),
        file("bin/sh", noise(700), 0o4755),
        hardlink("bin/ash", "bin/sh"),
        symlink("loop", "loop"),
        character("dev/null", 1, 3),
        whiteout("etc/gone"),
        opaque("var"),
        file("old" + "/deep" * 30 + "/file", b"y"),
    ]


def tars() -> list[bytes]:
    map_1 = (("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "200"))
    map_0 = (("GNU.sparse.map", "0,3,100,3"), ("GNU.sparse.size", "200"), ("GNU.sparse.name", "s"))
    gnu = tarfile.TarInfo("g" * 150)
    gnu.linkname, gnu.type, gnu.uid = "l" * 150, tarfile.SYMTYPE, 1 << 40
    old_sparse = bytearray(tarfile.TarInfo("s").tobuf(tarfile.GNU_FORMAT))
    old_sparse[156:157], old_sparse[386:410], old_sparse[483:495] = b"S", b"%011o\0%011o\0" % (0, 0), b"%011o\0" % 200
    return [
        tar(*members()),
        tar(file("s", b"2\n0\n3\n100\n3\n".ljust(BLOCK, b"\0") + b"abcdef", pax=map_1)),
        tar(file("s", b"abcdef", pax=map_0)),
        gnu.tobuf(tarfile.GNU_FORMAT) + bytes(2 * BLOCK),
        with_sums(bytes(old_sparse)) + bytes(2 * BLOCK),
    ]


def with_sums(data: bytes) -> bytes:
    """Return an archive in which each block that looks like a header has the right sum."""
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    for number, block in enumerate(blocks):
        if block[257:262] == b"ustar" and len(block) == BLOCK:
            total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
            blocks[number] = block[:148] + b"%06o\0 " % total + block[156:]
    return b"".join(blocks)


def read_layer(data: bytes, work: Path) -> None:
    tree = tar_tree(Inline(data), where="fuzz", origin=Origin("fuzz", ""), job=Job())
    for entry in entries_of(walk(tree.root.children or {})):
        if entry.content.size < MIB:
            read(entry.content)


def packed_layers() -> list[bytes]:
    plain = tar(*members())
    zstd = zstandard.ZstdCompressor().compress(plain)
    return [gzip.compress(plain, 1, mtime=0), gzip.compress(plain[:99]) + gzip.compress(plain[99:]), zstd, zstd * 2]


def inflate(data: bytes, work: Path) -> None:
    path = work / "layer"
    path.write_bytes(data)
    size = 0
    for piece in inflated(path, "fuzz", lambda _size: None):
        assert len(piece) <= MIB
        size += len(piece)
        if size > 64 * MIB:
            return


# manifests


def documents() -> list[bytes]:
    one = image(layer(file("a")), config={"Env": ["A=b"], "Labels": {"a": "b"}, "Entrypoint": ["/x"]})
    return [one.data, index({"amd64": one}).data, index([one], docker=True).data]


def configurations() -> list[bytes]:
    one = image(layer(file("a")), config={"Env": ["A=b"], "Labels": {"a": "b"}, "Entrypoint": ["/x"], "Cmd": []})
    return [json.dumps({**json.loads(data), "history": [{"created_by": "x"}, {"empty_layer": True}]}).encode()
            for data in one.blobs.values() if b"rootfs" in data]  # fmt: skip


def layout_index() -> bytes:
    entry = image().descriptor | {"annotations": {REF_NAME: "docker.io/lab/x:v1"}}
    return dumps({"schemaVersion": 2, "manifests": [entry]})


def read_store(data: bytes, work: Path) -> None:
    (work / "index.json").write_bytes(data)
    Store(work).names()


def merge_bill(data: bytes, work: Path) -> None:
    merger = Merger()
    try:
        merger.add(json.loads(data).get("predicate"), "a/b")
    except (ValueError, RecursionError, AttributeError) as error:  # what the caller of `add` expects of a statement
        raise LkboardError(str(error)) from error
    merger.encode(created=0, tool="fuzz")


def bills() -> list[bytes]:
    package = {
        "SPDXID": "SPDXRef-a",
        "name": "a",
        "packageFileName": "/a",
        "licenseConcluded": "LicenseRef-x",
        "hasFiles": ["SPDXRef-f"],
    }
    found = {"SPDXID": "SPDXRef-f", "fileName": "./f", "checksums": [{"algorithm": "SHA1", "checksumValue": "0"}]}
    licence = {"licenseId": "LicenseRef-x", "extractedText": "x"}
    relation = {"spdxElementId": "SPDXRef-a", "relatedSpdxElement": "SPDXRef-f", "relationshipType": "CONTAINS"}
    document = {"spdxVersion": "SPDX-2.3", "packages": [package], "files": [found], "relationships": [relation],
                "hasExtractedLicensingInfos": [licence], "documentDescribes": ["SPDXRef-a"]}  # fmt: skip
    return [statement(document)]


# archives


def archives() -> list[bytes]:
    layers = [layer(file("lower", b"1"), compression="none"), layer(file("upper", b"2"), compression="none")]
    one = image(layer(file("a", b"b")))
    blobs = [Member(f"blobs/{name.replace(':', '/')}", data=data) for name, data in one.blobs.items()]
    entry = one.descriptor | {"annotations": {REF_NAME: "docker.io/lab/x:v1"}}
    top = Member("index.json", data=dumps({"schemaVersion": 2, "manifests": [entry]}))
    return [
        tar(*docker_members(layers, ["lab/x:v1"])),
        tar(*ancient_members(layers, {"lab/x": {"v1": "id1"}})),
        tar(Member("oci-layout", data=b'{"imageLayoutVersion":"1.0.0"}'), top, *blobs),
    ]


def import_one(data: bytes, work: Path) -> None:
    path = work / "archive.tar"
    path.write_bytes(data)
    store = Store(work / "store")
    import_archive(store, path, Job())
    store.names()


# kernels


def kernels() -> list[bytes]:
    plain = b"\0" * 56 + b"ARM\x64" + b"kernel" * 500
    packed = [gzip.compress(plain), zstandard.ZstdCompressor().compress(plain), lzma.compress(plain), lz4(plain)]
    bzimage = bytearray(0x400)
    bzimage[0x1FE:0x206], bzimage[0x1F1] = b"\x55\xaa\0\0HdrS", 1
    bzimage[0x248:0x250] = struct.pack("<II", 0, len(packed[0]))
    zboot = b"MZ\0\0zimg" + struct.pack("<II", 64, len(packed[1])).ljust(56, b"\0") + packed[1]
    return [*packed, bytes(bzimage) + packed[0], zboot]


def lz4(plain: bytes) -> bytes:
    block = b"\xf0" + bytes([255] * ((len(plain) - 15) // 255)) + bytes([(len(plain) - 15) % 255]) + plain
    return b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block


test_damaged, test_damaged_for_long = fuzz_tests(
    (
        Target("layer", tars, read_layer, (b"../", b"/", b"\0", b"GNU.sparse.", b"99 path=", b".wh."), with_sums),
        Target("packed-layer", packed_layers, inflate, (b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")),
        Target(
            "manifest", documents, lambda data, _work: parse_document(data, "", "fuzz"), (*JSON_WORDS, b'"layers":')
        ),
        Target("configuration", configurations, lambda data, _work: parse_image_config(data, "fuzz"), JSON_WORDS),
        Target("store-index", lambda: [layout_index()], read_store, JSON_WORDS),
        Target("bill", bills, merge_bill, (*JSON_WORDS, b"SPDXRef-", SPDX.encode()), allowed=(SpdxInvalid,)),
        Target("archive", archives, import_one, (*JSON_WORDS, b"../"), with_sums),
        Target("kernel", kernels, lambda data, _work: unwrap_kernel(Content.of(data))),
    )
)
