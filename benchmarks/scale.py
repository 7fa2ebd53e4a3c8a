"""What a large system costs: 20 services, 1 GB, 60 000 files, built as several formats.

    python benchmarks/scale.py [--services 20] [--mib 1000] [--files 60000] [--formats tar,kernel+initrd,raw-efi]

The images are made here, into a store; a board's boot loader comes from the Debian mirrors. "First" unpacks and
compresses everything, "again" does not. Memory is the largest resident set of the process. With --services 1 --files 1
it is one large file.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from measure import LKBOARD, MIB, cost

from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.digest import Digester
from lkboard.oci.image_spec.media_types import OCI_INDEX, OCI_MANIFEST
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from measure import Cost

DERIVED = ("layers", "segments")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
STATEMENT_TYPE = "application/vnd.in-toto+json"
SPDX = "https://spdx.dev/Document"
FILES_PER_FOLDER = 50
STRIDE = 132_071
"""Between the beginnings of files in a pool: farther apart than deflate looks back."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--mib", type=int, default=1000, help="of all services together")
    parser.add_argument("--files", type=int, default=60_000, help="of all services together")
    parser.add_argument("--formats", default="tar,kernel+initrd,raw-efi")
    parser.add_argument("--dir", type=Path, help="where to work, instead of a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        work = Path(folder)
        config = make_system(work, options.services, options.mib * MIB, options.files)
        head = f"{'s':>8} {'CPU s':>7} {'MiB':>6}"
        print(f"{'':16} {'first':<23} | {'again':<23} | {'output':>10}\n{'':16} {head} | {head} | {'MiB':>10}")
        for name in options.formats.split(","):
            print(row(name, config, work), flush=True)


def row(name: str, config: Path, work: Path) -> str:
    """Build a format twice, the first time without anything that earlier builds made of the images."""
    out = work / "out"
    for folder in (out, *(work / "store/.lkboard" / kind for kind in DERIVED)):
        shutil.rmtree(folder, ignore_errors=True)
    out.mkdir()
    command = [*LKBOARD, "build", "-q", str(config), "--format", name, "--dir", str(out)]
    environment = {**os.environ, "LKBOARD_CACHE": str(work / "store")}
    costs = " | ".join(shown(cost(command, environment)) for _ in range(2))
    size = sum(path.stat().st_size for path in out.iterdir())
    return f"{name:16} {costs} | {size / MIB:10.1f}"


def shown(run: Cost) -> str:
    return f"{run.wall:8.2f} {run.processor:7.2f} {run.memory >> 20:6}"


def make_system(work: Path, services: int, size: int, files: int) -> Path:
    """Put the images of a system into a store and return its config."""
    store = Store(work / "store")
    add_image(store, work, "kernel", {"kernel": 8 * MIB})
    add_image(store, work, "init", {"init": MIB})
    lines = ["kernel:", "  image: bench/kernel:1", "  tar: none", "init:", "  - bench/init:1", "services:"]
    count = files // services
    names = [f"usr/lib/part{index // FILES_PER_FOLDER}/file{index}" for index in range(count)]
    for number in range(services):
        add_image(store, work, f"service{number}", dict.fromkeys(names, size // services // count))
        lines += [f"  - name: service{number}", f"    image: bench/service{number}:1", "    command: [/bin/true]"]
    config = work / "scale.yml"
    config.write_text("\n".join(lines) + "\n")
    return config


def add_image(store: Store, work: Path, name: str, files: Mapping[str, int]) -> None:
    """Store an image of one layer with files of given sizes, and a bill of materials that lists them."""
    layer, plain = work / "layer", Digester()
    with layer.open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
        write_tar(Tee(packed, plain), name, files)
    digest, size = store.add_file(layer)
    layer.unlink()
    image = add_manifest(store, "amd64", [plain.digest], {"mediaType": LAYER_TYPE, "digest": digest, "size": size})
    bill = descriptor(store, STATEMENT_TYPE, {"predicateType": SPDX, "predicate": bill_of(name, files)})
    attestation = add_manifest(store, "unknown", [], {**bill, "annotations": {"in-toto.io/predicate-type": SPDX}})
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"]}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [image, {**attestation, "annotations": marks}]}
    found = descriptor(store, OCI_INDEX, index)
    store.set_name(f"docker.io/bench/{name}:1", Descriptor(OCI_INDEX, str(found["digest"]), int(str(found["size"]))))


def add_manifest(
    store: Store, architecture: str, diff_ids: list[str], layer: Mapping[str, object]
) -> dict[str, object]:
    platform = {"architecture": architecture, "os": "linux" if diff_ids else "unknown"}
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    config = descriptor(store, CONFIG_TYPE, {**platform, "config": {}, "rootfs": rootfs})
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
    return {**descriptor(store, OCI_MANIFEST, manifest), "platform": platform}


def descriptor(store: Store, media_type: str, document: Mapping[str, object]) -> dict[str, object]:
    """Store a document and return its descriptor."""
    data = json.dumps(document).encode()
    return {"mediaType": media_type, "digest": store.add(data), "size": len(data)}


def bill_of(name: str, files: Mapping[str, int]) -> dict[str, object]:
    """Return what BuildKit's scanner would say of an image, about."""
    licence = {"licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": ""}
    listed = [
        {
            "SPDXID": f"SPDXRef-File-{name}-{number}",
            "fileName": path,
            "checksums": [{"algorithm": "SHA256", "checksumValue": f"{number:064x}"}],
            **licence,
        }
        for number, path in enumerate(files)
    ]
    package = {"SPDXID": f"SPDXRef-Package-{name}", "name": name, "downloadLocation": "NOASSERTION"}
    contained = [
        {
            "spdxElementId": package["SPDXID"],
            "relationshipType": "CONTAINS",
            "relatedSpdxElement": file["SPDXID"],
        }
        for file in listed
    ]
    return {"spdxVersion": "SPDX-2.3", "packages": [package], "files": listed, "relationships": contained}


def write_tar(target: Tee, seed: str, files: Mapping[str, int]) -> None:
    pool = random.Random(seed).randbytes(MIB // 2) + b"the quick brown fox " * (MIB // 40)
    with tarfile.open(fileobj=target, mode="w|", bufsize=MIB) as archive:  # type: ignore[arg-type]
        for number, (name, size) in enumerate(files.items()):
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, Body(pool, STRIDE * number))


class Tee:
    """Writes to a file and hashes what it writes."""

    def __init__(self, file: gzip.GzipFile, digester: Digester) -> None:
        self._file = file
        self._digester = digester

    def write(self, data: bytes) -> int:
        self._digester.update(data)
        return self._file.write(data)


class Body(io.RawIOBase):
    """Endless bytes, half of which can be compressed, that begin somewhere in a pool."""

    def __init__(self, pool: bytes, start: int) -> None:
        self._pool = pool
        self._at = start

    def read(self, size: int = -1) -> bytes:
        self._at %= len(self._pool)
        data = self._pool[self._at : self._at + size]
        while len(data) < size:
            data += self._pool[: size - len(data)]
        self._at += size
        return data


if __name__ == "__main__":
    main()
