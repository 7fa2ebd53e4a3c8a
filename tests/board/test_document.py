"""Reading YAML strictly, with places."""

from __future__ import annotations

import pytest

from lkboard.board.document import Value, parse, suggest
from lkboard.errors import BoardError


def field(text: str, name: str = "f") -> Value:
    return parse(text, "b.yml").record(name)[name]


def test_text_is_taken_as_written() -> None:
    assert [field(f"f: {raw}").text() for raw in ("0c", "07", "yes", "1.50", "2026-01-01")] == [
        "0c",
        "07",
        "yes",
        "1.50",
        "2026-01-01",
    ]


@pytest.mark.parametrize(
    ("written", "size"),
    [("512", 512), ("512 B", 512), ("1KiB", 1024), ("36 MiB", 36 << 20), ("2 GiB", 2 << 30)],
)
def test_sizes_are_bytes(written: str, size: int) -> None:
    assert field(f"f: {written}").size() == size


@pytest.mark.parametrize(
    ("text", "read", "message"),
    [
        ("f: [1]", "text", "b.yml:1:4: f: a text is expected here"),
        ("f:", "text", "b.yml:1:3: f: a text is expected here"),
        ('f: "a\\0b"', "text", "b.yml:1:4: f: the text has a NUL in it (remove it)"),
        ("f: 12 MB", "size", "b.yml:1:4: f: '12 MB' is not a size (write it as 36 MiB (B, KiB, MiB, GiB))"),
        (f"f: {'9' * 16}", "size", f"b.yml:1:4: f: '{'9' * 16}' is not a size (write it as 36 MiB (B, KiB, MiB, GiB))"),
        ("f: -1", "integer", "b.yml:1:4: f: '-1' is not a number"),
        ("f: yes", "boolean", "b.yml:1:4: f: 'yes' is not known here (known: true, false)"),
        ("f: x", "items", "b.yml:1:4: f: a list is expected here"),
        ("f: x", "record", "b.yml:1:4: f: fields with values are expected here"),
        ("f:\n  - [1]", "texts", "b.yml:2:5: f.0: a text is expected here"),
    ],
)
def test_wrong_kinds_are_refused_with_place_and_field(text: str, read: str, message: str) -> None:
    with pytest.raises(BoardError) as caught:
        getattr(field(text), read)()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmae: x", "b.yml:1:1: unknown field 'nmae' (did you mean 'name'?)"),
        ("a: 1", "b.yml:1:1: unknown field 'a' (known: name, size)"),
        ("name: a\nname: b", "b.yml:2:1: the key 'name' occurs twice (it is in line 1 already; remove one of them)"),
        ("? [x]\n: 1", "b.yml:1:3: a key must be text (remove the brackets)"),
        ("- 1", "b.yml:1:1: fields with values are expected here"),
    ],
)
def test_mappings_hold_only_known_fields(text: str, message: str) -> None:
    with pytest.raises(BoardError) as caught:
        parse(text, "b.yml").record("name", "size")
    assert str(caught.value) == message


def test_a_missing_field_is_named_at_the_mapping() -> None:
    record = parse("a:\n  b: 1", "b.yml").record("a")["a"].record("b", "c")
    with pytest.raises(BoardError, match=r"^b.yml:2:3: a: field 'c' is missing$"):
        record["c"]


@pytest.mark.parametrize("text", ["{}", "url: x\nlocal: y"])
def test_only_refuses_none_and_several(text: str) -> None:
    record = parse(text, "b.yml").record("url", "local")
    with pytest.raises(BoardError, match="exactly one of url, local is expected here"):
        record.only("url", "local")


def test_fields_that_are_not_there_have_defaults() -> None:
    record = parse("{}", "b.yml").record("x")
    assert (record.text("x", "d"), record.texts("x"), record.integer("x", 3)) == ("d", (), 3)
    assert (record.boolean("x"), record.size("x"), record.items("x"), record.get("x")) == (False, 0, [], None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"b.yml: the file is empty \(write at least {}\)"),
        ("a: [", r"b.yml:1:5: did not find expected node content .* \(write a value, or close the bracket\)"),
        ("[" * 3000, r"b.yml:1:101: lists and mappings are nested more than 100 deep \(flatten the structure\)"),
        ("a: \x07", r"b.yml:1:4: the character U\+0007 is not allowed in YAML .*"),
    ],
)
def test_what_is_not_yaml_is_refused(text: str, message: str) -> None:
    with pytest.raises(BoardError, match=rf"(?s)\A{message}\Z"):
        parse(text, "b.yml")


def test_suggest_prefers_a_close_match_to_a_list() -> None:
    assert suggest("rpi4", ["rpi3", "pc"]) == "did you mean 'rpi3'?"
    assert suggest("zzz", ["rpi3", "pc"]) == "known: rpi3, pc"
    assert suggest("zzz", ["rpi3", "pc"], fallback=["pc"]) == "known: pc"
