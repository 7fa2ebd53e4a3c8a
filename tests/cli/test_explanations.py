"""Explanations and differences as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lkboard.cli.differences import difference_text
from lkboard.cli.explanations import explanation_text, explanations_table, makeup_table
from lkboard.cli.tables import counted, table
from lkboard.model.difference import Difference, FileChange, PrivilegeChange, ServiceChange, SizeChange
from lkboard.model.explanation import Explanation, LayerUse, Maker, Makeup, Part, Replaced, Share

INIT = Maker("init[0]", "", "x.yml:2:8", "lab/init:v1", LayerUse(2, 3, "sha256:1", "RUN make"))
FILE = Explanation("/bin/ls", "file", "0755", 0, 5, INIT, 1, 5000, 2500)
EQUAL = Difference((), (), (), (), 5, 5, "x", "x")


def said(found: Explanation) -> list[str]:
    return explanation_text(found).splitlines()


def test_a_file() -> None:
    assert said(FILE) == [
        "/bin/ls",
        "  is         a file, mode 0755, owner 0:5",
        "  from       init[0] (x.yml:2:8)",
        "  image      lab/init:v1",
        "  layer      2 of 3, sha256:1",
        "             RUN make",
        "  takes      4.9 KiB; about 2.4 KiB in the initrd",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"kind": "symbolic link", "link": "x y"}, "  is         a symbolic link -> x y, mode 0755, owner 0:5"),
        ({"kind": "block device", "device": (8, 0)}, "  is         a block device 8:0, mode 0755, owner 0:5"),
        (
            {"initrd_bytes": None, "path": "/boot/kernel"},
            "  takes      4.9 KiB; not in the initrd: boot loaders load it beside it",
        ),
        (
            {"initrd_bytes": None, "path": "/boot/extra"},
            "  takes      4.9 KiB; in no image that boots, unless its board loads it beside the initrd",
        ),
        ({"names": ("/a", "/b")}, "  also named /a, /b"),
        ({"names": tuple("abcdefgh")}, "  also named a, b, c, d, e and 3 more"),
        ({"users": ("services[1] b",)}, "  used by    services[1] b"),
        ({"maker": Maker("files[0]", "a")}, "  from       files[0] a"),
        ({"maker": Maker("", made="the bill of materials")}, "  made       the bill of materials"),
        ({"parts": (Part("init[0]", "", 1, 5000),)}, "  holds      1 file, 4.9 KiB of init[0]"),
        ({"maker": replace(INIT, image="a\nb")}, "  image      a\\nb"),
    ],
)
def test_what_else_is_said(changes: dict[str, object], line: str) -> None:
    assert line in said(replace(FILE, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "fate", "line"),
    [
        ("file", "replaced", "  replaces   the file of 3 B, mode 0600, of init[0], layer 2 of 3"),
        ("folder", "replaced", "  replaces   the folder, mode 0600, of init[0], layer 2 of 3"),
        (
            "file",
            "whiteout",
            "  before     the file of 3 B, mode 0600, of init[0], layer 2 of 3, which init[1] deletes",
        ),
        (
            "file",
            "left out",
            "  before     the file of 3 B, mode 0600, of init[0], layer 2 of 3, which init[1] leaves out",
        ),
    ],
)
def test_what_was_there_before(kind: str, fate: str, line: str) -> None:
    lost = Replaced(kind, "0600", 3, INIT, fate, Maker("init[1]"))  # type: ignore[arg-type]
    assert line in said(replace(FILE, replaced=(lost,)))


def test_a_path_with_a_line_break_is_one_line() -> None:
    odd = replace(FILE, path="/a\nb\tc")
    assert said(odd)[0] == "/a\\nb\\tc"
    assert explanations_table([odd]).splitlines() == ["0755  0:5  4.9 KiB  /a\\nb\\tc  init[0], layer 2 of 3"]


def test_columns_are_below_each_other() -> None:
    assert table([("a", "1", "x"), ("bcd", "20", "")], "<><") == "a     1  x\nbcd  20"


@pytest.mark.parametrize(("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_numbers_have_their_noun(count: int, text: str) -> None:
    assert counted(count, "file") == text


def test_shares_and_their_sum() -> None:
    shares = Share(Maker("kernel"), 2, 300, 200, 90), Share(Maker("files"), 1, 100, 0, 60)
    assert makeup_table(Makeup(shares, 3, 400, 200, 150)).splitlines() == [
        "          files   size  in initrd  share",
        "kernel        2  300 B       90 B   75 %",
        "files         1  100 B       60 B   25 %",
        "together      3  400 B      150 B",
        "200 B in /boot are not in the initrd: boot loaders load kernel, command line and microcode beside it",
    ]


def test_nothing_has_no_shares() -> None:
    assert makeup_table(Makeup((), 0, 0, 0, 0)).splitlines() == [
        "          files  size  in initrd  share",
        "together      0   0 B        0 B",
    ]


def differences(**changes: object) -> list[str]:
    all_files = bool(changes.pop("all_files", False))
    return difference_text(replace(EQUAL, **changes), all_files=all_files).splitlines()  # type: ignore[arg-type]


def test_no_difference_is_said() -> None:
    assert differences() == ["no difference"]
    assert differences(notes=("a", "b")) == ["no difference", "", "note: a", "note: b"]


def test_rights_that_changed_alike_are_one_line() -> None:
    def right(subject: str, direction: str, kind: str = "capability") -> PrivilegeChange:
        after = "granted" if direction == "more" else ""
        return PrivilegeChange("services/a", kind, subject, "" if after else "granted", after, direction)  # type: ignore[arg-type]

    changes = right("X", "more"), right("Y", "more"), right("/dev/x", "more", "device"), right("Z", "less")
    assert differences(privileges=changes) == [
        "more privilege",
        "  services/a: capability X, Y: none -> granted",
        "  services/a: device /dev/x: none -> granted",
        "",
        "less privilege",
        "  services/a: capability Z: granted -> none",
    ]


def test_an_image_is_only_named_when_it_is_another() -> None:
    changes = (
        ServiceChange("services/a", "added", image_after="a:1"),
        ServiceChange("services/b", "removed", image_before="b:1"),
        ServiceChange("services/c", "changed", "c:1", "c:2"),
        ServiceChange("services/d", "changed", "d:1", "d:1"),
    )
    assert differences(services=changes)[1:] == [
        "  + services/a  a:1",
        "  - services/b  b:1",
        "  ~ services/c  c:1 -> c:2",
        "  ~ services/d",
    ]


def test_files() -> None:
    changes = (
        FileChange("/a", "/", "changed", ("content", "mode 0644 -> 0600"), 1, 5, 6),
        FileChange("/b", "/", "changed", ("owner 0:0 -> 1:1",), 1, 5, 5),
        FileChange("/c", "/", "added", ("folder",), 1, 0, 7),
        FileChange("/d\n", "/", "removed", ("symbolic link",), 1, 0, 0),
        FileChange("/e", "/", "removed", ("file",), 1, 7, 0),
    )
    assert differences(files=changes) == [
        "files",
        "  ~ /a: content 5 B -> 6 B, mode 0644 -> 0600",
        "  ~ /b: owner 0:0 -> 1:1",
        "  + /c/: 1 file, 7 B",
        "  - /d\\n: symbolic link",
        "  - /e: 7 B",
    ]


def test_of_many_files_the_first_of_each_part_are_listed() -> None:
    changes = [FileChange(f"/{part}{n}", part, "added", ("file",), 1, 0, 1) for part in "ab" for n in range(41)]
    lines = differences(files=tuple(changes))
    assert len(lines) == 1 + 2 * 41
    assert lines[41] == "  … 1 more of a (all of them: --all-files)"
    assert len(differences(files=tuple(changes), all_files=True)) == 1 + 2 * 41
    assert "more of" not in "".join(differences(files=tuple(changes), all_files=True))


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(5, 8, "5 B -> 8 B (+3 B)"), (8, 5, "8 B -> 5 B (-3 B)"), (5, 5, "5 B -> 5 B (±0 B)")],
)
def test_sizes(before: int, after: int, text: str) -> None:
    lines = differences(
        sizes=(SizeChange("/", 1, 2),), size_before=before, size_after=after, services=(ServiceChange("a", "added"),)
    )
    assert lines[-3:] == ["size", f"  together: {text}", "  /: 1 B -> 2 B (+1 B)"]


def test_the_command_line() -> None:
    assert differences(cmdline_after="y") == ["kernel command line", "  - x", "  + y"]
