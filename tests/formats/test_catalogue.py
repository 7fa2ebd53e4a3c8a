from __future__ import annotations

from collections import Counter
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lkboard.errors import BuildError
from lkboard.formats import catalogue
from lkboard.formats.format import BuildInput, Format, PlannedFile
from lkboard.plugins import collect

REFERENCE = Path(__file__).parents[2] / "docs/reference/formats.md"
PLUG_IN = """
from lkboard.formats.format import Format

FORMAT = Format(name="{name}", title="a format from elsewhere", outputs=(".else",), plan=lambda build: ())
NOT_A_FORMAT = 42
"""


def plan_nothing(_build: BuildInput) -> tuple[PlannedFile, ...]:
    return ()


def named(name: str) -> Format:
    return Format(name=name, title=name, outputs=(".x",), plan=plan_nothing)


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module on the path; the name that pip would show is ``lkboard-else``."""
    (tmp_path / "lkboard_else.py").write_text(PLUG_IN.format(name="else"))
    (tmp_path / "lkboard_else_tar.py").write_text(PLUG_IN.format(name="tar"))
    (tmp_path / "lkboard_else_broken.py").write_text("1 / 0")
    folder = tmp_path / "lkboard_else-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: lkboard-else\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder / "entry_points.txt"


def declare(entry_points: Path, value: str) -> None:
    entry_points.write_text(f"[lkboard.formats]\nelse = {value}\n")


def test_formats_are_found_by_their_names() -> None:
    assert {"docker", "kernel+initrd", "qcow2-efi", "raw-efi", "sdcard", "tar", "tar-kernel-initrd"} <= set(catalogue())


@pytest.mark.parametrize("found", catalogue().values(), ids=lambda found: found.name)
class TestEachFormat:
    def test_it_is_listed_under_its_own_name(self, found: Format) -> None:
        assert catalogue()[found.name] == found

    def test_the_reference_says_what_starts_it(self, found: Format) -> None:
        rows = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
        assert any(f"`{found.name}`" in row.split("|")[1] for row in rows)

    def test_it_has_a_title_and_outputs(self, found: Format) -> None:
        assert found.title
        assert found.outputs
        assert all(suffix[0] in "-." for suffix in found.outputs)

    def test_a_stream_is_one_file(self, found: Format) -> None:
        assert not found.is_stream or len(found.outputs) == 1

    def test_its_boards_are_for_its_architectures(self, found: Format) -> None:
        assert set(found.boards or {}) <= set(found.architectures)


def test_two_formats_write_the_same_file_only_where_those_of_linuxkit_do() -> None:
    """A build that asks for both is refused (build.md section 6)."""
    counts = Counter(suffix for found in catalogue().values() for suffix in found.outputs)
    assert {suffix for suffix, count in counts.items() if count > 1} <= {"-kernel", "-cmdline", ".iso", ".vhd"}


def test_a_plug_in_is_found(plug_in: Path) -> None:
    declare(plug_in, "lkboard_else:FORMAT")
    assert catalogue()["else"].title == "a format from elsewhere"
    assert "tar" in catalogue()


def test_a_plug_in_does_not_replace_a_format(plug_in: Path) -> None:
    declare(plug_in, "lkboard_else_tar:FORMAT")
    with pytest.raises(BuildError) as caught:
        catalogue()
    assert str(caught.value) == (
        "the plug-in 'lkboard_else_tar:FORMAT' has a format 'tar', which is there already "
        "(update or remove it: pip uninstall lkboard-else)"
    )


def test_a_broken_plug_in_is_named(plug_in: Path) -> None:
    declare(plug_in, "lkboard_else_broken:FORMAT")
    with pytest.raises(BuildError, match=r"'lkboard_else_broken:FORMAT' cannot be loaded: division by zero .*pip"):
        catalogue()


@pytest.mark.parametrize(
    ("value", "message"),
    [("lkboard_else:NOT_A_FORMAT", "is not a format"), ("lkboard_else:GONE", "cannot be loaded: ")],
)
def test_a_plug_in_without_a_format_is_named(plug_in: Path, value: str, message: str) -> None:
    declare(plug_in, value)
    with pytest.raises(BuildError, match=f"the plug-in '{value}' {message}"):
        catalogue()


def test_two_plug_ins_of_one_name_collide(plug_in: Path) -> None:
    declare(plug_in, "lkboard_else:FORMAT")
    twice = EntryPoint("else", "lkboard_else:FORMAT", "lkboard.formats")
    with pytest.raises(BuildError, match=r"has a format 'else', which is there already \(.*pip uninstall lkboard_else"):
        collect([named("tar")], [twice, twice], Format, "format")
