"""What a system is made of: every entry of the config has its share, and all of them are the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.explained import system
from support.images import file, image, layer, noise, tar
from support.jobs import RecordingJob

from lkboard.rootfs.image_files import HOSTS
from lkboard.rootfs.makeup import is_below, makeup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.images import Image

    from lkboard.model.explanation import Makeup, Share

KERNEL = image(layer(file("kernel", noise(900), 0o644), file("kernel.tar", tar(file("lib/modules/a.ko", noise(700))))))
INIT = image(layer(file("bin/tool", noise(5000), 0o4755), file("etc/motd", b"from the image")))
WEB = image(layer(file("bin/web", noise(3000))))
IMAGES = {"lab/kernel:v1": KERNEL, "lab/init:v1": INIT, "lab/web:v1": WEB}
CONFIG = """\
kernel: {image: "lab/kernel:v1", cmdline: "quiet"}
init: ["lab/init:v1"]
volumes:
  - {name: data}
services:
  - {name: web, image: "lab/web:v1"}
  - {name: copy, image: "lab/web:v1"}
files:
  - {path: srv/a/b, contents: "twelve bytes", mode: "0640"}
  - {path: etc/motd, contents: "of the config"}
"""


def made_of(folder: Path, text: str = CONFIG, images: Mapping[str, Image] = IMAGES) -> Makeup:
    return makeup(*system(folder, text, images), folder / "segments", RecordingJob())


def shares(found: Makeup) -> dict[str, Share]:
    return {str(share.maker): share for share in found.shares}


def test_everything_is_listed_once(tmp_path: Path) -> None:
    found = made_of(tmp_path)
    assert set(shares(found)) == {
        *("kernel", "init[0]", "volumes[0] data", "services[0] web", "services[1] copy", "files", "shared directories")
    }
    assert found.size_bytes == sum(share.size_bytes for share in found.shares)
    assert found.files == sum(share.files for share in found.shares)
    assert found.initrd_bytes == sum(share.initrd_bytes for share in found.shares)


def test_the_largest_comes_first(tmp_path: Path) -> None:
    sizes = [share.size_bytes for share in made_of(tmp_path).shares]
    assert sizes == sorted(sizes, reverse=True)


def test_a_share_has_what_its_maker_has_put_there(tmp_path: Path) -> None:
    found = shares(made_of(tmp_path))
    assert found["init[0]"].size_bytes == 5000 + len(HOSTS)
    assert found["files"].size_bytes == len("twelve bytes" + "of the config")
    assert found["services[0] web"].maker.image == f"docker.io/lab/web:v1@{WEB.digest}"


def test_what_boot_loaders_load_counts_for_the_kernel_and_not_for_the_initrd(tmp_path: Path) -> None:
    found = made_of(tmp_path)
    kernel = shares(found)["kernel"]
    assert (kernel.boot_bytes, kernel.size_bytes) == (900 + len("quiet"), 900 + len("quiet") + 700)
    assert found.boot_bytes == kernel.boot_bytes


def test_a_kernel_alone_takes_nothing_of_an_initrd_but_its_folder(tmp_path: Path) -> None:
    text = 'kernel: {image: "lab/kernel:v1", tar: none}\nfiles: [{path: boot/more, contents: abc}]'
    found = shares(made_of(tmp_path, text, {"lab/kernel:v1": KERNEL}))
    assert (found["files"].boot_bytes, found["files"].initrd_bytes) == (3, 0)


def test_a_share_is_what_its_segment_packs_to(tmp_path: Path) -> None:
    found = made_of(tmp_path)
    kept = {path.stat().st_size for path in (tmp_path / "segments").glob("*.gz")}
    assert {share.initrd_bytes for share in found.shares} == kept


def test_nothing_is_made_of_nothing(tmp_path: Path) -> None:
    found = made_of(tmp_path, "{}", {})
    assert (found.shares, found.files, found.size_bytes) == ((), 0, 0)


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [("a/b", "a", True), ("a/b/c", "a", True), ("a", "a", False), ("ab", "a", False), ("a", "", True)],
)
def test_what_is_below_a_folder(path: str, folder: str, expected: bool) -> None:
    assert is_below(path, folder) is expected
