"""Images as they are written, read by other programs."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.tools import need

from lkboard.kit.image import ImageContent, write_image, write_index
from lkboard.kit.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.oci.store.store import Store

NAME = "docker.io/lab/tool:v1"


def content(architecture: str = "amd64", text: str = "hello") -> ImageContent:
    tree = Tree()
    tree.file("bin/tool", text, 0o755)
    tree.symlink("bin/alias", "/bin/tool")
    tree.directory("tmp", 0o1777)
    return ImageContent(
        architecture=architecture,
        entries=tree.entries(),
        entrypoint=("/bin/tool", "-1"),
        environment=("PATH=/bin",),
        labels={"org.mobyproject.config": '{"net":"host"}'},
        annotations={"org.opencontainers.image.licenses": "MIT"},
    )


def skopeo(*arguments: str) -> dict[str, object]:
    need("skopeo")
    result = subprocess.run(["skopeo", *arguments], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_equal_content_gives_equal_digests(store: Store) -> None:
    assert write_image(store, content()) == write_image(store, content())


@pytest.mark.parametrize("other", [content(text="other"), content(architecture="arm64")])
def test_other_content_gives_other_digests(store: Store, other: ImageContent) -> None:
    assert write_image(store, content()).digest != write_image(store, other).digest


def test_skopeo_shows_what_was_asked_for(store: Store) -> None:
    write_index(store, NAME, [write_image(store, content(one)) for one in ("arm64", "amd64")])
    shown = skopeo("inspect", "--override-arch", "arm64", f"oci:{store.root}:{NAME}")
    assert (shown["Architecture"], shown["Os"], shown["Created"]) == ("arm64", "linux", "2017-04-18T16:30:00Z")
    assert shown["Labels"] == {"org.mobyproject.config": '{"net":"host"}'}
    config = skopeo("inspect", "--config", "--override-arch", "arm64", f"oci:{store.root}:{NAME}")
    assert config["config"] == {
        "Entrypoint": ["/bin/tool", "-1"],
        "Env": ["PATH=/bin"],
        "Labels": {"org.mobyproject.config": '{"net":"host"}'},
    }


def test_an_index_lists_its_architectures_in_a_fixed_order(store: Store) -> None:
    manifests = [write_image(store, content(one)) for one in ("arm64", "amd64")]
    assert write_index(store, NAME, manifests) == write_index(store, NAME, manifests[::-1])
    index = skopeo("inspect", "--raw", f"oci:{store.root}:{NAME}")
    assert [one["platform"]["architecture"] for one in index["manifests"]] == ["amd64", "arm64"]  # type: ignore[index]


def test_umoci_unpacks_what_was_put_in(store: Store, tmp_path: Path) -> None:
    need("umoci", "skopeo")
    write_index(store, NAME, [write_image(store, content())])
    layout, bundle = tmp_path / "layout", tmp_path / "bundle"
    subprocess.run(["skopeo", "copy", "-q", f"oci:{store.root}:{NAME}", f"oci:{layout}:v1"], check=True)
    subprocess.run(
        ["umoci", "unpack", "--rootless", "--image", f"{layout}:v1", bundle], check=True, capture_output=True
    )
    root = bundle / "rootfs"
    assert (root / "bin/tool").read_text() == "hello"
    assert (root / "bin/tool").stat().st_mode & 0o777 == 0o755
    assert str((root / "bin/alias").readlink()) == "/bin/tool"
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (root / "bin/tool").stat().st_mtime == 1492533000
