"""What it costs to pull a large image from a registry on this machine, against skopeo, which is written in Go.

    python benchmarks/pull.py [--mib 1024] [--layers 8] [--runs 5] [--dir DIR]

The image is made here, and served by docker-registry. Runs alternate, each into an empty folder. Memory is the largest
resident set of the process, without what the same program takes for an image of some bytes. Fails when the fastest run
is slower than 250 MB/s, or the smallest takes more than 80 MiB (registry.md section 14); a busy machine proves nothing.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from measure import LKBOARD, MIB, cost

from lkboard.events import Job
from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.digest import digest_of
from lkboard.oci.image_spec.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from measure import Cost

    Command = Callable[[str, Path], list[str]]

LEAST_SPEED, MOST_MEMORY = 250.0, 80.0
ENVIRONMENT = {**os.environ, "LKBOARD_OFFLINE": ""}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="of the image")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", type=Path, help="where to work, instead of a temporary folder")
    options = parser.parse_args()
    if missing := [name for name in ("docker-registry", "skopeo") if not shutil.which(name)]:
        sys.exit(f"install {' and '.join(missing)} first")
    with tempfile.TemporaryDirectory(dir=options.dir) as folder, running_registry(Path(folder)) as host:
        work = Path(folder)
        store = Store(work / "store")
        serve(store, f"{host}/bench/small:1", 1, 1)
        serve(store, f"{host}/bench/large:1", options.layers, options.mib * MIB // options.layers)
        shutil.rmtree(store.root)
        return report(compared(host, work, options.runs), options.mib)


def report(costs: Mapping[str, tuple[list[Cost], int]], mib: int) -> int:
    """Print a line for each program, and return whether lkboard misses its goal."""
    print(f"{'':10} {'MB/s best':>10} {'median':>8} {'CPU s':>7} {'MiB above idle':>15}")
    for name, (runs, idle) in costs.items():
        walls = [run.wall for run in runs]
        best, median = (mib * MIB / seconds / 1e6 for seconds in (min(walls), statistics.median(walls)))
        memory = (min(run.memory for run in runs) - idle) / MIB
        print(f"{name:10} {best:10.0f} {median:8.0f} {min(run.processor for run in runs):7.2f} {memory:15.1f}")
        if name == "lkboard":
            is_missed = best < LEAST_SPEED or memory > MOST_MEMORY
    return int(is_missed)


def compared(host: str, work: Path, count: int) -> dict[str, tuple[list[Cost], int]]:
    """Return the costs of pulling the large image, and the memory for the small one, of each program."""
    programs: dict[str, Command] = {"lkboard": lkboard_pull, "skopeo": skopeo_copy}
    idle = {name: pulled(command, f"{host}/bench/small:1", work).memory for name, command in programs.items()}
    runs: dict[str, list[Cost]] = {name: [] for name in programs}
    for _ in range(count):
        for name, command in programs.items():
            runs[name].append(pulled(command, f"{host}/bench/large:1", work))
    return {name: (runs[name], idle[name]) for name in programs}


def lkboard_pull(image: str, target: Path) -> list[str]:
    return [*LKBOARD, "cache", "pull", "-q", "--arch", "amd64", "--cache", str(target), image]


def skopeo_copy(image: str, target: Path) -> list[str]:
    options = ["-q", "--src-tls-verify=false", "--preserve-digests"]  # or it would pack the layers
    return ["skopeo", "--insecure-policy", "copy", *options, f"docker://{image}", f"oci:{target}:x"]


def pulled(command: Command, image: str, work: Path) -> Cost:
    """Pull an image into an empty folder."""
    target = work / "pulled"
    run = cost(command(image, target), ENVIRONMENT)
    shutil.rmtree(target)
    return run


def serve(store: Store, name: str, layers: int, size: int) -> None:
    """Give the registry an image with layers of ``size`` bytes, which do not compress."""
    found = [add_layer(store, f"{name} {number}", size) for number in range(layers)]
    rootfs = {"type": "layers", "diff_ids": [layer["digest"] for layer in found]}
    config = add(store, OCI_CONFIG, json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode())
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": found}
    data = json.dumps(document).encode()
    add(store, OCI_MANIFEST, data)
    store.set_name(name, Descriptor(OCI_MANIFEST, digest_of(data), len(data)), Job())
    source, target = f"oci:{store.root}:{name}", f"docker://{name}"
    options = ["--insecure-policy", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false"]
    subprocess.run(["skopeo", *options, source, target], check=True)


def add_layer(store: Store, seed: str, size: int) -> dict[str, object]:
    # through a file: what this process has needed counts as memory of those that it starts
    with tempfile.NamedTemporaryFile(dir=store.root.parent) as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            info = tarfile.TarInfo("noise")
            info.size = size
            archive.addfile(info, Noise(seed))
        file.flush()
        digest, length = store.add_file(Path(file.name))
    return {"mediaType": OCI_LAYER, "digest": digest, "size": length}


class Noise(io.RawIOBase):
    """Endless bytes that do not compress."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def read(self, size: int = -1) -> bytes:
        return self._random.randbytes(size)


def add(store: Store, media_type: str, data: bytes) -> dict[str, object]:
    """Store a blob and return its descriptor."""
    return {"mediaType": media_type, "digest": store.add(data), "size": len(data)}


@contextmanager
def running_registry(work: Path) -> Iterator[str]:
    """Run docker-registry, and give its ``host:port``."""
    storage = {"filesystem": {"rootdirectory": str(work / "registry")}}
    config = {"version": 0.1, "log": {"level": "info"}, "storage": storage, "http": {"addr": "127.0.0.1:0"}}
    (work / "registry.json").write_text(json.dumps(config))  # JSON is YAML
    command = ["docker-registry", "serve", str(work / "registry.json")]
    with (work / "registry.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield listening(process, work / "registry.log")
        finally:
            process.terminate()


def listening(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        _, mark, rest = log.read_text().partition("listening on ")
        if mark and '"' in rest:
            return rest.partition('"')[0]
        time.sleep(0.05)
    sys.exit(f"docker-registry did not start: {log.read_text()}")


if __name__ == "__main__":
    sys.exit(main())
