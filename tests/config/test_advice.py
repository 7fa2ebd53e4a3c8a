"""What is said about values of the wrong type, and about names that are misspelt."""

from __future__ import annotations

import pytest

from lkboard.config.advice import advice, describe
from lkboard.config.parse import parse_config
from lkboard.config.schema import Flag, Identity, Image, Integer, ListOf, Record, Text, TextMap, Type
from lkboard.config.sections import CONTAINER, MOUNT
from lkboard.model.suggest import MAX_CANDIDATES, nearest
from lkboard.yaml.nodes import Node, read_document


def node(text: str) -> Node:
    found, problems = read_document(text, "f.yml", "config")
    assert found is not None, problems
    return found


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("~", "nothing"),
        ("[a]", "a list"),
        ("{a: b}", "a mapping"),
        ("0644", "the number 0644"),
        ("1.0", "the number 1.0"),
        ("True", "the boolean True"),
        ("yes", "the text 'yes'"),
        ("'5'", "the text '5'"),
        ("|\n  two\n  lines", "the text 'two lines'"),
        ("x" * 100, f"the text '{'x' * 80}…'"),
    ],
)
def test_values_are_described_as_they_were_written(text: str, description: str) -> None:
    assert describe(node(text)) == description


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("0644", Text(), 'put it in quotes: f: "0644"'),
        ("true", Image(), 'put it in quotes: f: "true"'),
        ("~", Text(), "remove it, or write f: text"),
        ("[a]", Text(), "write f: text"),
        ("yes", Flag(), "write f: true"),
        ("'False'", Flag(), "write f: false"),
        ("1", Flag(), "write f: true"),
        ("maybe", Flag(), "write f: true or false"),
        ("'5'", Integer(), "write it without quotes: f: 5"),
        ("'0x10'", Integer(), "write it without quotes: f: 0x10"),
        ("2MB", Integer(), "write f: 1"),
        ("1.5", Integer(), "write f: 1"),
        ("1.0", Identity(), "write f: 1"),
        ("/a:/b", ListOf(Text()), 'write a list: f: ["/a:/b"]'),
        ("redis", ListOf(Image()), 'write a list: f: ["redis"]'),
        ("'a \"b\"\\c'", ListOf(Text()), 'write a list: f: ["a \\"b\\"\\\\c"]'),
        ("{}", ListOf(Text()), "write f: [text]"),
        ("x", ListOf(MOUNT), "write f: [{destination: DESTINATION}]"),
        ("x", CONTAINER, "write f: {name: NAME, image: IMAGE:TAG}"),
        ("x", TextMap(), 'write f: {name: "value"}'),
    ],
)
def test_advice_keeps_the_value_where_it_was_meant(text: str, wanted: Type, expected: str) -> None:
    assert advice(node(text), wanted, "f: ") == expected


def fields_of(record: Record) -> list[str]:
    return [f"{field.name}: {field.type.example}" for field in record.fields]


@pytest.mark.parametrize("line", fields_of(CONTAINER))
def test_examples_are_what_the_field_takes(line: str) -> None:
    """A hint that leads to the next error of the same kind would be worse than none."""
    name = line.partition(":")[0]
    others = [f"{field}: a:1" for field in ("name", "image") if field != name]
    text = f"services: [{{{', '.join([*others, line.replace('IMAGE:TAG', 'a:1')])}}}]"
    _config, problems = parse_config(text, "f.yml")
    assert [str(problem) for problem in problems if problem.code == "config.type"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("servises", "services"),
        ("Services", "services"),
        ("hostName", "hostname"),
        ("readOnly", "readonly"),
        ("nonewprivileges", "noNewPrivileges"),
        ("bind.add", "binds.add"),
        ("x", None),
        ("", None),
    ],
)
def test_the_nearest_name(name: str, expected: str | None) -> None:
    assert nearest(name, ("services", "hostname", "readonly", "noNewPrivileges", "binds.add")) == expected


def test_the_nearest_name_is_not_looked_for_among_very_many() -> None:
    names = [f"name{index}" for index in range(MAX_CANDIDATES)]
    assert nearest("nearby", [*names, "nearbyx"]) is None
    assert nearest("nearby", [*names[1:], "nearbyx"]) == "nearbyx"
