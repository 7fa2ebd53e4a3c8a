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


def test_it_does_not_go_with_asking_for_new_images(lab: Lab) -> None:
    done = lkboard("build", lab.config(), "--input-tar", "x.tar", "--pull", "-o", lab.out / "x.tar")
    assert done.returncode == 2
    assert "--input-tar keeps what is there, --pull asks for what is new (leave out one of them)" in done.stderr
    assert lab.made() == []
