"""Extended attributes behind an inode, as the reader of the tests and fsck.erofs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import device, file, folder, hard_link, symlink
from support.erofs import Volume, check
from support.plans import map_bytes, save

from lkboard.disk import erofs
from lkboard.disk.erofs_attributes import area_of, unit_count
from lkboard.errors import BuildError
from lkboard.model.rootfs import EPOCH, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CAPABILITY = b"\1\0\0\2" + bytes(16)
ACL = b"\2\0\0\0" + bytes(24)


def pax(attributes: Mapping[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    return tuple((f"SCHILY.xattr.{name}", value) for name, value in attributes.items())


def seen(attributes: Mapping[str, bytes]) -> Mapping[str, bytes]:
    made = erofs.plan([file("a", b"text", pax=pax(attributes))], epoch=EPOCH)
    return Volume(map_bytes(made)).files["a"].attributes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("security.capability", CAPABILITY),
        ("system.posix_acl_access", ACL),
        ("system.posix_acl_default", ACL),
        ("trusted.overlay.opaque", b"y"),
        ("user.empty", b""),
        ("user." + "n" * 250, b"v" * 65_535),
    ],
)
def test_what_linux_has_is_kept(tmp_path: Path, name: str, value: bytes) -> None:
    assert seen({name: value}) == {name: value}
    check(save(erofs.plan([file("a", pax=pax({name: value}))], epoch=EPOCH), tmp_path / "image"))


def test_several_are_in_the_order_of_their_names() -> None:
    attributes = {"user.b": b"1", "security.capability": CAPABILITY, "user.a": b"2"}
    assert list(seen(attributes)) == sorted(attributes)
    assert area_of(file("a", pax=pax(attributes))) == area_of(file("a", pax=pax(attributes)[::-1]))


def test_what_linux_has_not_and_other_records_are_left_out() -> None:
    records = (("SCHILY.xattr.com.apple.quarantine", b"x"), ("GNU.other", b"SCHILY.xattr.user.a"))
    assert area_of(file("a", pax=records)) == b""
    assert unit_count(b"") == 0


def test_a_hard_link_has_those_of_its_file() -> None:
    entries = [file("a", pax=pax({"user.a": b"1"})), hard_link("b", "a", pax=pax({"user.b": b"2"}))]
    assert Volume(map_bytes(erofs.plan(entries, epoch=EPOCH))).files["b"].attributes == {"user.a": b"1"}


def test_folders_and_links_have_them_too(tmp_path: Path) -> None:
    more = pax({"trusted.a": b"1"})
    entries = [folder("f", pax=more), symlink("s", "f" * 4000, pax=more), device("d", Kind.CHAR, 1, 3, pax=more)]
    path = save(erofs.plan(entries, epoch=EPOCH), tmp_path / "image")
    check(path)
    files = Volume(path.read_bytes()).files
    assert [files[entry.path].attributes for entry in entries] == [{"trusted.a": b"1"}] * 3


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"user.large": bytes(65_536)}, "'a' has an extended attribute 'user.large' that is too large for erofs"),
        ({"user." + "n" * 256: b""}, "'a' has an extended attribute 'user.n+' that is too large"),
        ({f"user.{n}": bytes(65_535) for n in range(4)}, "'a' has 256 KiB of extended attributes, and erofs holds 255"),
    ],
)
def test_what_does_not_fit_is_refused(attributes: Mapping[str, bytes], message: str) -> None:
    with pytest.raises(BuildError, match=message) as caught:
        area_of(file("a", pax=pax(attributes)))
    assert caught.value.hint


@given(st.dictionaries(st.from_regex(r"(user|trusted|security)\.[a-z]{1,40}", fullmatch=True), st.binary(max_size=300)))
def test_any_come_back(attributes: dict[str, bytes]) -> None:
    assert seen(attributes) == attributes
