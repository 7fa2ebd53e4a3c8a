"""Builds that keep to a lock: they give the same bytes, or say what they would need to use besides."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from support.boards import UEFI_BOARD, write_board
from support.images import Image, file, image, index, layer
from support.tools import need

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.app.lock import LockOptions, make_lock
from lkboard.app.locked import remake_command
from lkboard.app.registry_options import RegistryOptions
from lkboard.app.write import WriteOptions, plan_write, write
from lkboard.errors import BuildError, LockMismatch
from lkboard.events import Job

if TYPE_CHECKING:
    from pathlib import Path

    from support.lab import Lab

pytestmark = pytest.mark.registry


def service(lab: Lab, name: str, data: bytes) -> Image:
    """Push a service of the test's own, or another one in its place."""
    made = index([image(layer(file("bin/x", data, 0o755)), architecture=arch) for arch in ("amd64", "arm64")])
    lab.registry.push(made, name)
    return made


def services(lab: Lab, *names: str) -> Path:
    """Write a config of nothing but services."""
    rows = [f'  - {{name: s{number}, image: "{lab.registry.host}/{name}"}}' for number, name in enumerate(names)]
    return lab.write("\n".join(["services:", *rows, ""]), "own.yml")


def lock(config: Path, lab: Lab, **options: Any) -> None:
    make_lock(LockOptions((str(config),), cache=str(lab.cache), **options), Job())


def built(config: Path, lab: Lab, *, cache: str = "", **options: Any) -> bytes:
    """Build, keeping to the lock beside the config unless another one is given, and return the bytes."""
    options = {"lock": "", "architecture": "" if "board" in options else "amd64", **options}
    output = lab.out / "made"
    build(BuildOptions((str(config),), output=str(output), cache=cache or str(lab.cache), **options), Job())
    return output.read_bytes()


def changed(lab: Lab, section: str, **changes: str) -> None:
    """Change the first item of a section of the lock."""
    path = lab.folder / "lkboard.lock"
    document = json.loads(path.read_text())
    document[section][0] |= changes
    path.write_text(json.dumps(document))


# images


def test_a_locked_build_gives_the_same_bytes(lab: Lab) -> None:
    config = lab.config()
    lock(config, lab)
    assert built(config, lab) == built(config, lab, lock=None)


def test_a_lock_of_another_name_is_used(lab: Lab) -> None:
    config, other = lab.config(), str(lab.folder / "other.lock")
    lock(config, lab, output=other)
    assert built(config, lab, lock=other) == built(config, lab, lock=None)


def test_a_tag_that_moved_changes_nothing_in_a_new_store(lab: Lab) -> None:
    config = services(lab, "locked-moved/x:1")
    service(lab, "locked-moved/x:1", b"old")
    lock(config, lab)
    before = built(config, lab)
    service(lab, "locked-moved/x:1", b"new")
    assert built(config, lab, cache=str(lab.folder / "one")) == before
    assert built(config, lab, cache=str(lab.folder / "two"), lock=None) != before


def test_a_name_in_the_store_that_moved_changes_nothing(lab: Lab) -> None:
    config = services(lab, "locked-pulled/x:1")
    service(lab, "locked-pulled/x:1", b"old")
    lock(config, lab)
    before = built(config, lab)
    service(lab, "locked-pulled/x:1", b"new")
    lock(config, lab, output=str(lab.folder / "other.lock"), registry=RegistryOptions(always_pull=True))
    assert built(config, lab, lock=None) != before
    assert built(config, lab) == before


def test_an_image_that_is_not_locked_is_named_with_its_place(lab: Lab) -> None:
    service(lab, "locked-named/x:1", b"x")
    service(lab, "locked-named/y:1", b"y")
    lock(services(lab, "locked-named/x:1"), lab)
    config = services(lab, "locked-named/x:1", "locked-named/y:1")
    with pytest.raises(LockMismatch, match=f"the lock has no image '{lab.registry.host}/locked-named/y:1'") as caught:
        built(config, lab)
    assert caught.value.where == f"{config}:3:23"
    assert caught.value.hint == f"lock it: lkboard lock {config} --arch amd64"


def test_the_command_that_mends_a_lock_shows_no_secret_of_an_address() -> None:
    files = ["https://me:secret@host/a.yml?token=secret", "-", "b c.yml"]
    command = remake_command(("lock",), files, boards=["rpi3"], formats=[], architectures=[""])
    assert command == "lkboard lock https://host/a.yml - 'b c.yml' --board rpi3"


def test_a_digest_that_the_registry_no_longer_has_is_named_with_its_place(lab: Lab) -> None:
    service(lab, "locked-gone/x:1", b"x")
    config = services(lab, "locked-gone/x:1")
    lock(config, lab)
    changed(lab, "images", digest=f"sha256:{64 * '0'}")
    name = f"{lab.registry.host}/locked-gone/x:1"
    with pytest.raises(LockMismatch, match=f"'{name}' is locked as sha256:000.*, which is not to be had") as caught:
        built(config, lab)
    assert caught.value.where == f"{config}:2:23"
    assert str(caught.value.hint).endswith(f"lkboard lock {config} --arch amd64 --update {name}")


def test_the_image_of_a_whole_volume_is_locked_as_well(lab: Lab) -> None:
    service(lab, "locked-whole/x:1", b"old")
    text = f'volumes:\n  - {{name: v, format: oci, image: "{lab.registry.host}/locked-whole/x:1"}}\n'
    config = lab.write(text, "own.yml")
    lock(config, lab)
    before = built(config, lab)
    service(lab, "locked-whole/x:1", b"new")
    assert built(config, lab, cache=str(lab.folder / "one")) == before
    with pytest.raises(LockMismatch, match="no image"):
        built(lab.write(text.replace("x:1", "x"), "own.yml"), lab)


# the lock itself


def test_a_missing_lock_says_how_to_make_it(lab: Lab) -> None:
    config = lab.config()
    with pytest.raises(BuildError, match="the lock cannot be read") as caught:
        built(config, lab)
    assert caught.value.where == str(lab.folder / "lkboard.lock")
    assert caught.value.hint == f"make one: lkboard lock {config} --arch amd64"


def test_a_damaged_lock_is_refused_with_line_and_field(lab: Lab) -> None:
    config = lab.config()
    lock(config, lab)
    path = lab.folder / "lkboard.lock"
    path.write_text(path.read_text().replace("sha256:", "sha1:", 1))
    with pytest.raises(BuildError, match=r"images\[0\]: 'digest' is wrong") as caught:
        built(config, lab)
    assert caught.value.where == f"{path}:4"


# files of boards

BOARD = (
    UEFI_BOARD
    + """\
files:
"""
)
LOGO = "  - {to: logo.bmp, local: logo.bmp}\n"


def toy(lab: Lab, files: str = LOGO) -> str:
    """Write the board and return the name that options take."""
    return f"{write_board(lab.folder / 'toy', BOARD + files)}/"


def test_files_that_are_as_locked_are_used(lab: Lab) -> None:
    config, board = lab.config(), toy(lab)
    lock(config, lab, boards=(board,))
    assert built(config, lab, board=board) == built(config, lab, board=board, lock=None)


def test_a_file_that_changed_is_refused(lab: Lab) -> None:
    config, board = lab.config(), toy(lab)
    lock(config, lab, boards=(board,))
    (lab.folder / "toy/logo.bmp").write_bytes(b"other")
    with pytest.raises(LockMismatch, match=r"'logo.bmp' of the board 'toy' is sha256:.*the lock has sha256:") as caught:
        built(config, lab, board=board)
    assert str(caught.value.where).startswith(f"{lab.folder}/toy/board.yml")
    assert str(caught.value.hint).endswith(f"lkboard lock {config} --board {board}")


def test_a_file_that_is_not_locked_is_refused(lab: Lab) -> None:
    config, board = lab.config(), toy(lab)
    lock(config, lab)
    with pytest.raises(
        LockMismatch, match=r"'logo.bmp' of the board 'toy' is sha256:.*, and the lock does not have it"
    ):
        built(config, lab, board=board)


def test_an_optional_file_that_is_missing_now_is_refused(lab: Lab) -> None:
    service(lab, "locked-optional/fw:1", b"firmware")
    source = (
        f'{{to: fw, image: {{reference: "{lab.registry.host}/locked-optional/fw:1", path: bin/x}}, optional: true}}'
    )
    config, board = lab.config(), toy(lab, f"  - {source}\n")
    lock(config, lab, boards=(board,))
    toy(lab, f"  - {source}\n".replace("bin/x", "bin/none"))
    with pytest.raises(LockMismatch, match="'fw' of the board 'toy' is missing, and the lock has sha256:"):
        built(config, lab, board=board)


def test_an_optional_file_that_was_missing_before_is_no_mismatch(lab: Lab) -> None:
    service(lab, "locked-never/fw:1", b"firmware")
    source = f'{{to: fw, image: {{reference: "{lab.registry.host}/locked-never/fw:1", path: none}}, optional: true}}'
    config, board = lab.config(), toy(lab, f"  - {source}\n")
    lock(config, lab, boards=(board,))
    assert built(config, lab, board=board) == built(config, lab, board=board, lock=None)


def test_firmware_stays_when_the_tag_of_its_image_moves(lab: Lab) -> None:
    service(lab, "locked-fw/fw:1", b"old firmware")
    source = f'{{to: fw, image: {{reference: "{lab.registry.host}/locked-fw/fw:1", path: bin/x}}}}'
    config, board = lab.config(), toy(lab, f"  - {source}\n")
    lock(config, lab, boards=(board,))
    service(lab, "locked-fw/fw:1", b"new firmware")
    assert b"old firmware" in built(config, lab, cache=str(lab.folder / "one"), board=board)


# programs of others


def test_a_program_of_the_locked_version_is_used(lab: Lab) -> None:
    need("mksquashfs")
    config = lab.config()
    lock(config, lab, formats=("kernel+squashfs",), architectures=("amd64",))
    options = BuildOptions(
        (str(config),), formats=("kernel+squashfs",), architecture="amd64", directory=str(lab.out), lock=""
    )
    made = build(options, Job())
    assert "x-squashfs.img" in lab.made()
    locked = json.loads((lab.folder / "lkboard.lock").read_text())["tools"]
    assert [[asdict(tool) for tool in artifact.tools] for artifact in made] == len(made) * [locked]


@pytest.mark.parametrize("formats", [("kernel+squashfs",), ()])
def test_a_program_of_another_version_is_refused(lab: Lab, formats: tuple[str, ...]) -> None:
    need("mksquashfs")
    config = lab.config()
    lock(config, lab, formats=formats)
    if formats:
        changed(lab, "tools", version="9.9")
    message = "version .*, and the lock has 9.9" if formats else "the lock has no program 'mksquashfs'"
    with pytest.raises(LockMismatch, match=message):
        build(BuildOptions((str(config),), formats=("kernel+squashfs",), directory=str(lab.out), lock=""), Job())
    assert lab.made() == []


# write


def test_what_is_written_keeps_to_the_lock_as_well(lab: Lab) -> None:
    config, board = lab.config(), toy(lab)
    options = WriteOptions(str(config), str(lab.out / "card"), board=board, cache=str(lab.cache), lock="")
    with pytest.raises(BuildError, match="the lock cannot be read"):
        write(options, plan_write(options), Job())
    lock(config, lab, boards=(board,))
    write(options, plan_write(options), Job())
    assert (lab.out / "card").read_bytes() == built(config, lab, board=board)
