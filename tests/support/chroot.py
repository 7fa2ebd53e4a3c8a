"""Run what is in an image of this machine's architecture, in namespaces of its own: needs root, leaves nothing."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from lkboard.events import Job
from lkboard.model.architecture import host_architecture
from lkboard.model.image import Platform
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.store import Store
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

ISOLATED = ["unshare", "--net", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child"]


def unpacked(store: Path, name: str, root: Path) -> Path:
    """Return ``root`` with the files of a kit image in it. Skips unless we are root."""
    need("unshare", "tar", "ip")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    image = Puller(Store(store), RegistrySettings(), Job()).resolve(
        parse_reference(f"lkboard/{name}:kit"), Platform("linux", host_architecture())
    )
    root.mkdir()
    for layer in image.layers:
        blob = Store(store).blob_path(layer.digest)
        subprocess.run(["tar", "-xzpf", blob, "-C", root], check=True)
    for folder in ("proc", "sys", "dev", "run"):
        (root / folder).mkdir(exist_ok=True)
    return root


def run_isolated(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script of this machine's shell alone on a network, with mounts of its own; ``$1`` … are the arguments."""
    command = [*ISOLATED, "sh", "-eu", "-c", script, "script", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
