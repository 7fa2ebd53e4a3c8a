from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.disk.iso_names import identifiers, order

# ECMA-119, sections 7.5.1 and 7.6.1
FILE = re.compile(rb"[A-Z0-9_]{0,20}\.[A-Z0-9_]{0,3};1")
FOLDER = re.compile(rb"[A-Z0-9_]{1,20}")


@pytest.mark.parametrize(
    ("name", "is_folder", "identifier"),
    [
        ("kernel", False, b"KERNEL.;1"),
        ("initrd.img", False, b"INITRD.IMG;1"),
        ("grub", True, b"GRUB"),
        ("conf.d", True, b"CONF_D"),
        (".profile", False, b"_PROFILE.;1"),
        ("a.b.html", False, b"A_B.HTM;1"),
        ("x" * 30, True, b"X" * 20),
    ],
)
def test_an_identifier_reminds_of_the_name(name: str, identifier: bytes, *, is_folder: bool) -> None:
    assert identifiers([(name, is_folder)]) == [identifier]


def test_names_that_would_be_the_same_get_numbers() -> None:
    names = [("a.txt", False), ("A.TXT", False), ("a_1.txt", False), ("a.txt2", False)]
    assert identifiers(names) == [b"A.TXT;1", b"A_1.TXT;1", b"A_1_1.TXT;1", b"A_2.TXT;1"]


def test_a_folder_and_a_file_are_never_the_same() -> None:
    assert identifiers([("a", True), ("a", False)]) == [b"A", b"A.;1"]


def test_shorter_names_come_first() -> None:
    found = identifiers([("ab.c", False), ("a.d", False), ("a", False), ("a", True)])
    assert sorted(found, key=order) == [b"A.;1", b"A", b"A.D;1", b"AB.C;1"]


@given(st.lists(st.tuples(st.text(min_size=1), st.booleans()), unique=True))
def test_identifiers_are_legal_and_all_different(names: list[tuple[str, bool]]) -> None:
    found = identifiers(names)
    assert len({*found}) == len(names)
    for identifier, (_name, is_folder) in zip(found, names, strict=True):
        assert (FOLDER if is_folder else FILE).fullmatch(identifier)
