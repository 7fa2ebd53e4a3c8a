from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyfatfs.EightDotThree import EightDotThree

from lkboard.disk import fat_names
from lkboard.errors import BuildError

# everything that may be in a name, weighted towards what is special in 8.3 names
CHARACTERS = st.one_of(
    st.sampled_from("abAB01.~ _-+,;=[]öß"),
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"*/:<>?\\|\uffff'),
)
NAMES = st.text(CHARACTERS, min_size=1, max_size=30).filter(lambda name: name[-1] not in " .")
NAME_LISTS = st.lists(NAMES, max_size=30, unique_by=fat_names.fold)
SHORT = re.compile(rb"[A-Z0-9!#$%&'()@^_`{}~-]{1,8} *")


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("KERNEL", b"KERNEL     "),
        ("kernel8.img", b"KERNEL8 IMG"),
        ("BOOTX64.EFI", b"BOOTX64 EFI"),
        ("bcm2837-rpi-3-b.dtb", b"BCM283~1DTB"),
        ("initrd.image", b"INITRD~1IMA"),
        ("a.b.c", b"AB~1    C  "),
        (".hidden", b"HIDDEN~1   "),
        ("with space.txt", b"WITHSP~1TXT"),
        ("grüße.conf", b"GR__E~1 CON"),
        ("ö", b"_~1        "),
        ("x+y", b"X_Y~1      "),
        ("...", b"_~1        "),
    ],
)
def test_aliases(name: str, alias: bytes) -> None:
    assert fat_names.aliases([name]) == [alias]


def test_similar_names_are_numbered_in_their_order() -> None:
    names = [f"device-tree-{index}.dtb" for index in range(12)]
    assert fat_names.aliases(names)[0] == b"DEVICE~1DTB"
    assert fat_names.aliases(names)[8] == b"DEVICE~9DTB"
    assert fat_names.aliases(names)[9] == b"DEVIC~10DTB"


@pytest.mark.parametrize("names", [["long name.txt", "LONGNA~1.TXT"], ["LONGNA~1.TXT", "long name.txt"]])
def test_a_made_up_alias_makes_way_for_a_real_name(names: list[str]) -> None:
    aliases = dict(zip(names, fat_names.aliases(names), strict=True))
    assert aliases["LONGNA~1.TXT"] == b"LONGNA~1TXT"
    assert aliases["long name.txt"] == b"LONGNA~2TXT"


def test_thousands_of_similar_names_take_no_time() -> None:
    aliases = fat_names.aliases([f"entry-number-{index:06}.conf" for index in range(5000)])
    assert len(set(aliases)) == 5000
    assert aliases[-1] == b"ENT~5000CON"


@given(NAME_LISTS)
def test_aliases_of_a_folder_are_legal_and_all_different(names: list[str]) -> None:
    aliases = fat_names.aliases(names)
    assert len(set(aliases)) == len(names)
    for alias in aliases:
        assert len(alias) == 11
        assert SHORT.fullmatch(alias[:8])
        assert alias[8:].strip() == b"" or SHORT.fullmatch(alias[8:])


@given(NAMES)
def test_long_entries_say_the_name(name: str) -> None:
    (alias,) = fat_names.aliases([name])
    entries = fat_names.long_entries(name, alias)
    assert len(entries) == 32 * (fat_names.slots(name) - 1)
    slots = [entries[start : start + 32] for start in range(0, len(entries), 32)]
    units = b"".join(slot[1:11] + slot[14:26] + slot[28:32] for slot in reversed(slots))
    if slots:
        assert units.decode("utf-16-le").rstrip("\uffff").removesuffix("\0") == name
        assert [slot[0] for slot in reversed(slots)][:-1] == list(range(1, len(slots)))
        assert slots[0][0] == 0x40 | len(slots)
        assert {(slot[11], slot[12], slot[26:28]) for slot in slots} == {(0x0F, 0, b"\0\0")}
    else:
        assert alias.decode().replace(" ", "") == name.replace(".", "")


@given(NAMES)
def test_the_checksum_binds_long_entries_to_their_alias(name: str) -> None:
    (alias,) = fat_names.aliases([name])
    independent = EightDotThree()
    independent.set_byte_name(alias)
    assert set(fat_names.long_entries(name, alias)[13::32]) <= {independent.checksum()}


@pytest.mark.parametrize(("size", "slots"), [(1, 2), (13, 2), (14, 3), (255, 21)])
def test_a_slot_holds_13_characters(size: int, slots: int) -> None:
    assert fat_names.slots("x" * size) == slots
    assert fat_names.slots("X") == 1


def check_all(path: str) -> None:
    for name in path.split("/"):
        fat_names.check(name, path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "'' is not a path on a boot file system (write it as folder/file)"),
        ("a//b", "'a//b' is not a path on a boot file system (write it as folder/file)"),
        ("../b", "'../b' is not a path on a boot file system (write it as folder/file)"),
        ("./b", "'./b' is not a path on a boot file system (write it as folder/file)"),
        ("a:b", "'a:b' has a ':' in it, which a FAT file system does not allow (rename it)"),
        ("a\\b", r"'a\b' has a '\\' in it, which a FAT file system does not allow (rename it)"),
        ("a\nb", "'a b' has a '\\n' in it, which a FAT file system does not allow (rename it)"),
        ("a\udcff", "'a\udcff' has a '\\udcff' in it, which a FAT file system does not allow (rename it)"),
        ("dot.", "'dot.' has a name that ends in '.', which FAT readers drop (rename it)"),
        ("blank ", "'blank ' has a name that ends in ' ', which FAT readers drop (rename it)"),
        ("n" * 256, f"'{'n' * 256}' has a name of more than 255 characters (shorten it)"),
    ],
)
def test_bad_names_are_refused_with_their_path(path: str, message: str) -> None:
    with pytest.raises(BuildError) as caught:
        check_all(path)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["n" * 255, "🚀" * 127, " leading", "a b", "ünïcödé", "con", "-", "~1"])
def test_good_names(name: str) -> None:
    fat_names.check(name, name)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("EFI", "efi", True), ("Ä", "ä", True), ("ß", "SS", False), ("a", "b", False), ("ﬁ", "FI", False)],
)
def test_case_does_not_tell_names_apart(one: str, other: str, *, same: bool) -> None:
    assert (fat_names.fold(one) == fat_names.fold(other)) is same


@pytest.mark.parametrize(("label", "field"), [("boot", b"BOOT       "), ("EFI System", b"EFI SYSTEM ")])
def test_labels(label: str, field: bytes) -> None:
    assert fat_names.label_field(label) == field


@pytest.mark.parametrize("label", ["twelve chars", "grün", "a.b", "x/y"])
def test_bad_labels(label: str) -> None:
    with pytest.raises(BuildError, match=f"'{label}' is not a volume label .*up to 11"):
        fat_names.label_field(label)
