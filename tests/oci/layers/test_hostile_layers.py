"""Layers made to use up memory: small when packed, correct as tar archives."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
from support.images import Member, directory, file, hardlink, layer, symlink, tar
from support.jobs import RecordingJob
from support.stored import stored

from lkboard.errors import LayerInvalid, LkboardError
from lkboard.model.extents import Inline
from lkboard.model.rootfs import Origin
from lkboard.oci.layers import flatten as flatten_module
from lkboard.oci.layers import tar_reader
from lkboard.oci.layers.flatten import flatten, tar_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def flat(folder: Path, members: Sequence[Member]) -> list[str]:
    store, image = stored(folder, layer(*members))
    return [entry.path for entry in flatten(image, store, RecordingJob())]


def refused(*members: Member) -> str:
    with pytest.raises(LkboardError) as caught:
        tar_tree(Inline(tar(*members)), where="here", origin=Origin("", ""), job=RecordingJob())
    assert caught.value.where == "here"
    return caught.value.message


def test_folders_may_be_as_deep_as_linux_allows(tmp_path: Path) -> None:
    deepest = "a" + "/a" * 2046
    assert flat(tmp_path, [file(f"{deepest}/f")])[-1] == f"{deepest}/f"


@pytest.mark.parametrize("depth", [2048, 10_000])
def test_deeper_folders_are_refused(depth: int) -> None:
    assert "has a path of more than 4095 bytes" in refused(file("a" + "/a" * depth))
    assert "has a path of more than 4095 bytes" in refused(symlink("l", "a" + "/a" * depth))
    assert "has a path of more than 4095 bytes" in refused(hardlink("l", "a" + "/a" * depth))


def ladder(steps: int, depth: int) -> list[Member]:
    """Return folders below one another, each step through a link to the end of the step before."""
    below = "/".join("a" * depth)
    first = [directory(below), symlink("l0", below)]
    return first + [
        member
        for step in range(1, steps)
        for member in (directory(f"l{step - 1}/{below}"), symlink(f"l{step}", f"l{step - 1}/{below}"))
    ]


def test_links_do_not_make_deeper_folders(tmp_path: Path) -> None:
    assert max(map(len, flat(tmp_path, ladder(3, 600)))) == 2 * 3 * 600 - 1
    assert refused(*ladder(20, 600)) == f"the path {'a/' * 40!r}… has more than 4095 characters"


def test_links_do_not_make_a_few_bytes_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [*ladder(3, 600), *(file(f"l2/f{number}") for number in range(400))]
    assert len(flat(tmp_path, members)) == 3 * 600 + 3 + 400
    monkeypatch.setattr(flatten_module, "_PATHS_LIMIT", 4 << 20)
    assert refused(*members) == "all paths together have more than 4 MiB"


@pytest.mark.parametrize(
    "member",
    [
        file("f", pax=(("SCHILY.xattr.user.a", "x" * 900_000),)),
        file("d/" + "n" * 3000),
        symlink("l", "t" * 3000),
        Member("s", data=b"", pax=(("GNU.sparse.size", "9"), ("GNU.sparse.map", ",".join(["0,0"] * 9000)))),
    ],
    ids=["attribute", "name", "link", "sparse map"],
)
def test_what_is_held_in_memory_is_limited(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Inline(tar(*[member] * 5))
    assert list(tar_reader.read_tar(archive, where="", origin=Origin("", "")))[4].path.startswith(member.path[:1])
    monkeypatch.setattr(tar_reader, "_DETAIL_LIMIT", 10_000)
    assert refused(*[member] * 5) == "the tar archive has more than 0 MiB of names, attributes and sparse maps"


def test_an_attribute_of_more_than_a_mebibyte_is_refused() -> None:
    big = file("f", pax=(("SCHILY.xattr.user.a", "x" * (1 << 20)),))
    assert "announces 1048" in refused(big)


def test_sizes_that_lie_are_noticed() -> None:
    whole = tar(file("f", b"x" * 600), file("g"))
    for size in (b"77777777777\0", b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7, b"\xff" * 12):
        block = bytearray(whole[:512])
        block[124:136], block[148:156] = size, b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        with pytest.raises(LayerInvalid, match=r"is cut in the middle|a size that makes no sense"):
            tar_tree(Inline(bytes(block) + whole[512:]), where="", origin=Origin("", ""), job=RecordingJob())


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_entries_and_never_made_here(kind: bytes, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    assert flat(tmp_path / "store", [Member("dev/x", kind, device=(8, 0))]) == ["dev", "dev/x"]
    made = [path for path in set(tmp_path.rglob("*")) - before if not (path.is_file() or path.is_dir())]
    assert made == []
