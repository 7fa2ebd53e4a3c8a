"""The YAML tree: places, anchors, merges, and the limits that protect against hostile texts."""

from __future__ import annotations

import time

import pytest

from lkboard.errors import Place
from lkboard.yaml.limits import MAX_ALIASED_VALUES, MAX_DEPTH, MAX_VALUES
from lkboard.yaml.nodes import Mapping, Node, Scalar, Sequence, read_document


def tree(text: str) -> object:
    """Return a document as plain values; the text must be free of problems."""
    node, problems = read_document(text, "f.yml", "config")
    assert problems == ()
    assert node is not None
    return plain(node)


def plain(node: Node) -> object:
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.pairs}
    return node.value


def complaint(text: str) -> str:
    """Return the one problem that ends the reading."""
    node, problems = read_document(text, "f.yml", "config")
    assert node is None
    (problem,) = problems
    return str(problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, x]\nb: {c: ~}\n", {"a": [1, "x"], "b": {"c": None}}),
        ("a: 1\n---\nb: 2\n", {"a": 1}),
        ("a: 1\n...\n\t[not read", {"a": 1}),
        ("---\na: 1", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("~", None),
        ("---\n", None),
        ("{}", {}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}", {"a": {"p": 1, "q": 2}, "b": {"q": 3, "p": 1}}),
        ("- &x {p: 1}\n- &y {p: 2, q: 2}\n- {<<: [*x, *y]}", [{"p": 1}, {"p": 2, "q": 2}, {"p": 1, "q": 2}]),
        ("- &x {p: 1}\n- &y {<<: *x, q: 2}\n- {<<: *y}", [{"p": 1}, {"q": 2, "p": 1}, {"q": 2, "p": 1}]),
        ("a: ['<<', \"5\", '~', 5]", {"a": ["<<", "5", "~", 5]}),
        ("'<<': {a: 1}", {"<<": {"a": 1}}),
        ("a: |\n  1\n", {"a": "1\n"}),
        ("a: ! 5", {"a": 5}),
        ("a: !!str 5", {"a": "5"}),
        ('a: "\\u00fc\\U0001F433"', {"a": "ü🐳"}),
    ],
)  # fmt: skip
def test_documents(text: str, expected: object) -> None:
    assert tree(text) == expected


def test_every_node_knows_its_place() -> None:
    node, _problems = read_document("é: [x,\n  {key: y}]\n", "f.yml", "config")
    assert isinstance(node, Mapping)
    ((key, value),) = node.pairs
    assert isinstance(value, Sequence)
    first, second = value.items
    assert isinstance(second, Mapping)
    assert [n.place for n in (key, value, first, second, second.pairs[0][1])] == [
        Place("f.yml", 1, 1),
        Place("f.yml", 1, 4),
        Place("f.yml", 1, 5),
        Place("f.yml", 2, 3),
        Place("f.yml", 2, 9),
    ]


def test_a_scalar_keeps_what_was_written() -> None:
    node, _problems = read_document("0644", "f.yml", "config")
    assert node == Scalar(Place("f.yml", 1, 1), "integer", 0o644, "0644")


NESTED = {
    "brackets": "[" * 1_000_000,
    "braces": "{a: " * 250_000,
    "dashes": "- " * 500_000,
    "question marks": "? " * 500_000,
    "indentation": "".join(f"{' ' * depth}a:\n" for depth in range(1400)),
    "anchors": "".join(f"&a{index} [" for index in range(100_000)),
}


@pytest.mark.parametrize("loader", ["libyaml", "python"])
@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_deep_nesting_is_a_clear_error_at_once(text: str, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if loader == "python":
        monkeypatch.delattr("yaml.CSafeLoader")
    start = time.process_time()
    assert f"nested more than {MAX_DEPTH} deep" in complaint(text)
    assert time.process_time() - start < 5  # it would be minutes


def test_nesting_up_to_the_limit_is_read() -> None:
    node, problems = read_document("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f.yml", "config")
    assert (isinstance(node, Sequence), problems) == (True, ())


def _lists_of_lists() -> str:
    rows = [f"a{index}: &a{index} [{', '.join([f'*a{index - 1}'] * 10)}]\n" for index in range(1, 12_000)]
    return "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(rows)


def _merges_of_merges() -> str:
    rows = [f"a{index}: &a{index} {{<<: *a{index - 1}, k{index}: 1}}\n" for index in range(1, 30_000)]
    return "a0: &a0 {k: 1}\n" + "".join(rows)


BOMBS = {
    "lists of lists": _lists_of_lists(),
    "merges of merges": _merges_of_merges(),
    "one alias very often": "a: &a 1\nb: [" + "*a," * 330_000 + "]",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_megabyte_of_nested_anchors_is_a_clear_error_at_once(text: str) -> None:
    assert len(text) > 900_000
    start = time.process_time()
    message = complaint(text)
    assert time.process_time() - start < 5  # it would be minutes
    assert f"the aliases stand for more than {MAX_ALIASED_VALUES} values (use fewer aliases of large values)" in message


def test_aliases_up_to_the_limit_are_read() -> None:
    node, problems = read_document("a: &a [1]\nb: [" + "*a," * (MAX_ALIASED_VALUES // 2) + "]", "f.yml", "config")
    assert (isinstance(node, Mapping), problems) == (True, ())


def test_too_many_values_without_aliases_are_refused_as_well() -> None:
    assert "split it into several files" in complaint("- a\n" * (MAX_VALUES + 1))


ESCAPE = 'write it as an escape in double quotes: "\\x.."'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.yml: the file is empty (write at least {})"),
        ("# only a comment", "f.yml: the file is empty (write at least {})"),
        ("a:\n\t- b", "f.yml:2:1: a tab cannot be used for indentation (indent with blanks)"),
        ("a: @b", "f.yml:1:4: text cannot begin with '@' (put it in quotes)"),
        ("a: `b`", "f.yml:1:4: text cannot begin with '`' (put it in quotes)"),
        ("a: *b", "f.yml:1:4: there is no anchor 'b' above (write &b before the value that is meant)"),
        ("a: &b [*b]", "f.yml:1:8: the anchor 'b' contains itself (remove *b)"),
        ("a: 1\nb: \x07", f"f.yml:2:4: the character U+0007 is not allowed in YAML ({ESCAPE})"),
        ("\ud800", f"f.yml:1:1: the character U+D800 is not allowed in YAML ({ESCAPE})"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str, expected: str) -> None:
    assert complaint(text) == expected


@pytest.mark.parametrize("text", ["a: b: c", "a: [1", "a: 'x", "- a\nb: c", "%YAML 9.9\n---\na: 1", "a: 1\n b: 2", "}"])
def test_syntax_errors_have_a_place_on_a_single_line(text: str) -> None:
    message = complaint(text)
    assert message.startswith("f.yml:")
    assert "\n" not in message


def test_half_a_surrogate_pair_is_refused_whichever_loader_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'a: "\\ud800"'
    assert read_document(text, "f.yml", "config")[1]
    monkeypatch.delattr("yaml.CSafeLoader")
    _node, (problem,) = read_document(text, "f.yml", "config")
    assert str(problem) == "f.yml:1:4: half of a surrogate pair is no character (write \\U and eight digits)"
