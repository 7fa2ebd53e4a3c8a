"""``--input-tar``, which LinuxKit has so that a build need not do everything again (build.md section 5.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.processes import lkboard

if TYPE_CHECKING:
    from support.lab import Lab

pytestmark = pytest.mark.registry


def test_an_earlier_archive_changes_nothing(lab: Lab) -> None:
    old, plain, new = (lab.out / name for name in ("old.tar", "plain.tar", "new.tar"))
    assert lkboard("build", lab.config(), "-o", old).returncode == 0
    changed = lab.config("files: [{path: etc/new, contents: x}]\n")
    assert lkboard("build", changed, "-o", plain).returncode == 0
    done = lkboard("build", changed, "-o", new, "-input-tar", old)
    assert done.returncode == 0, done.stderr
    assert "-input-tar is spelled --input-tar today" in done.stderr
    assert new.read_bytes() == plain.read_bytes() != old.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "old.tar: --input-tar cannot be read: No such file or directory (leave it out)"),
        (b"no tar", "old.tar: --input-tar is no tar archive (name an output of --format tar)"),
        (b"", "old.tar: --input-tar is no tar archive (name an output of --format tar)"),
        (b"x" * 2048, "old.tar: --input-tar is no tar archive (name an output of --format tar)"),
    ],
    ids=["missing", "text", "empty", "noise"],
)
def test_a_file_that_is_no_archive_is_told(lab: Lab, content: bytes | None, message: str) -> None:
    old = lab.folder / "old.tar"
    if content is not None:
        old.write_bytes(content)
    done = lkboard("build", lab.config(), "--input-tar", old, "-o", lab.out / "x.tar")
    assert done.returncode == 2
    assert message in done.stderr
    assert lab.made() == []


def test_the_output_is_no_input(lab: Lab) -> None:
    old = lab.out / "x.tar"
    old.write_bytes(b"precious")
    done = lkboard("build", lab.config(), "--input-tar", f"{lab.out}/../{lab.out.name}/x.tar", "-o", old)
    assert done.returncode == 2
    assert "the output is --input-tar itself (name another file)" in done.stderr
    assert old.read_bytes() == b"precious"


def test_it_does_not_go_with_asking_for_new_images(lab: Lab) -> None:
    done = lkboard("build", lab.config(), "--input-tar", "x.tar", "--pull", "-o", lab.out / "x.tar")
    assert done.returncode == 2
    assert "--input-tar keeps what is there, --pull asks for what is new (leave out one of them)" in done.stderr
    assert lab.made() == []
