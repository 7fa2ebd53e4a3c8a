"""What holds for every kind of target: all or nothing, and what arrived is what was sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.maps import MIB, NOISE, Recipe, recipes
from support.places import CARD_SIZE, Place, place
from support.processes import run_killed
from support.writes import cancel, job_that_acts, job_that_acts_at, job_that_spoils

from lkboard.errors import Cancelled, VerifyFailed
from lkboard.events import Event, Job, Note, Progress, Step
from lkboard.model.device import BlockDevice
from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros
from lkboard.model.target import WritePlan, WriteResult
from lkboard.targets import catalogue, kind_for
from lkboard.targets.chunks import plan_chunks
from lkboard.targets.engine import write_image

IMAGE = ExtentMap((Extent(0, Inline(NOISE)), Extent(4 * MIB, Inline(NOISE)), Extent(8 * MIB, Zeros(MIB))), 9 * MIB)
WHOLE = NOISE + bytes(2 * MIB) + NOISE + bytes(3 * MIB)
DYING_WRITER = Path(__file__).parents[1] / "support" / "dying_writer.py"
STICK = BlockDevice("/dev/sdb", (8, 16), 32 << 30, "4C53")
many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
each_kind = pytest.mark.parametrize(
    "kind", [pytest.param(name, marks=pytest.mark.device if name == "block" else ()) for name in catalogue()]
)
PLUG_IN = """
from lkboard.targets.kind import TargetKind

TARGET = TargetKind("else", "elsewhere", lambda plan: plan.target.endswith(".else"), lambda plan: None)
"""


def _write(where: Place, image: ExtentMap = IMAGE, job: Job | None = None, *, verify: bool = True) -> WriteResult:
    return write_image(kind_for(where.plan).make(where.plan), image, job or Job(), verify=verify)


def test_kinds_are_found_by_their_names() -> None:
    assert {name: kind.name for name, kind in catalogue().items()} == {"block": "block", "file": "file"}
    assert all(kind.title for kind in catalogue().values())


@pytest.mark.parametrize(("device", "kind"), [(None, "file"), (STICK, "block")])
def test_a_plan_is_for_one_kind(device: BlockDevice | None, kind: str) -> None:
    plan = WritePlan("card.img", "/somewhere", 0, 0, device=device)
    assert [name for name, found in catalogue().items() if found.accepts(plan)] == [kind]


def test_a_plug_in_may_take_some_of_the_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lkboard_elsewhere.py").write_text(PLUG_IN)
    folder = tmp_path / "lkboard_elsewhere-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: lkboard-elsewhere\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[lkboard.targets]\nelse = lkboard_elsewhere:TARGET\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert kind_for(WritePlan("card.img", "/out.else", 0, 0)).name == "else"
    assert kind_for(WritePlan("card.img", "/out.img", 0, 0)).name == "file"


@each_kind
@many
@given(recipe=recipes(max_size=CARD_SIZE))
def test_any_map_arrives_as_it_is(tmp_path: Path, kind: str, recipe: Recipe) -> None:
    with place(kind, tmp_path) as where:
        result = _write(where, recipe.make(tmp_path))
        assert where.finished.read_bytes().rstrip(b"\0") == recipe.bytes().rstrip(b"\0")
    assert result.state == "verified"
    assert result.bytes_written == result.bytes_verified


@each_kind
@many
@given(recipe=recipes(max_size=CARD_SIZE, min_pieces=1), number=st.integers(0, 40))
def test_a_stop_leaves_the_whole_image_or_nothing(tmp_path: Path, kind: str, recipe: Recipe, number: int) -> None:
    image = recipe.make(tmp_path)
    with place(kind, tmp_path, used=True) as where:
        try:
            _write(where, image, job_that_acts_at(number, cancel))
        except Cancelled:
            assert where.is_unfinished()
        else:
            data, whole = where.finished.read_bytes(), recipe.bytes()
            ranges = [slice(piece.offset, piece.offset + piece.size) for piece in recipe.pieces]
            assert all(data[part] == whole[part] for part in ranges)


@each_kind
@pytest.mark.parametrize("event", [0, 3, 6, 8])
def test_a_stop_tells_what_is_lost(tmp_path: Path, kind: str, event: int) -> None:
    notes: list[Note] = []
    progress = 0

    def listen(happened: Event) -> None:
        nonlocal progress
        if isinstance(happened, Note):
            notes.append(happened)
        elif isinstance(happened, Progress):
            if progress == event:
                job.cancel()
            progress += 1

    job = Job(listen, progress_interval=0)
    with place(kind, tmp_path, used=True) as where, pytest.raises(Cancelled):
        _write(where, IMAGE, job)
    lost = Note(f"{where.plan.target} is unfinished and what it held is lost: write it again", "warning")
    assert notes == ([lost] if where.plan.device else [])


@each_kind
@many
@given(recipe=recipes(max_size=CARD_SIZE, min_pieces=1), data=st.data())
def test_one_wrong_bit_is_found(tmp_path: Path, kind: str, recipe: Recipe, data: st.DataObject) -> None:
    offset = data.draw(st.sampled_from(recipe.mapped))
    image = recipe.make(tmp_path)
    is_edge = any(0 <= offset - chunk.offset < chunk.size for chunk in plan_chunks(image).edges)

    def flip() -> None:
        with where.medium().open("r+b") as file:
            byte = os.pread(file.fileno(), 1, offset)
            os.pwrite(file.fileno(), bytes((byte[0] ^ 4,)), offset)

    with place(kind, tmp_path) as where:
        with pytest.raises(VerifyFailed, match="what was read back is not what was written"):
            _write(where, image, job_that_spoils(flip, edges=is_edge))
        assert where.is_unfinished()


@each_kind
def test_without_reading_back_the_result_says_so(tmp_path: Path, kind: str) -> None:
    with place(kind, tmp_path) as where:
        result = _write(where, verify=False)
        assert where.finished.read_bytes()[: len(WHOLE)] == WHOLE
    assert (result.state, result.bytes_verified) == ("written-not-verified", 0)


@each_kind
def test_a_failing_look_at_the_result_undoes_it(tmp_path: Path, kind: str) -> None:
    def look(medium: Path) -> None:
        with medium.open("rb") as file:
            assert file.read(len(WHOLE)) == WHOLE
        raise VerifyFailed("cannot be read")

    with place(kind, tmp_path) as where:
        with pytest.raises(VerifyFailed):
            write_image(kind_for(where.plan).make(where.plan), IMAGE, Job(), check=look)
        assert where.is_unfinished()


@each_kind
@pytest.mark.parametrize("step", ["Write", "Verify", "Commit"])
def test_it_is_unfinished_until_the_end(tmp_path: Path, kind: str, step: str) -> None:
    with place(kind, tmp_path, used=True) as where:
        seen: list[bool] = []
        _write(where, IMAGE, job_that_acts(step, "started", lambda: seen.append(_has_no_head(where))))
        assert seen == [True]
        assert where.finished.read_bytes()[: len(NOISE)] == NOISE


def _has_no_head(where: Place) -> bool:
    return not where.finished.exists() or not any(where.finished.read_bytes()[:MIB])


@each_kind
def test_steps_and_totals(tmp_path: Path, kind: str) -> None:
    events: list[object] = []
    with place(kind, tmp_path) as where:
        _write(where, IMAGE, Job(events.append, progress_interval=0))
    done = [event.name for event in events if isinstance(event, Step) and event.state == "done"]
    assert done == ["Write", "Flush", "Verify", "Commit"]
    written = [event for event in events if isinstance(event, Progress) and event.step == "Write"]
    assert [event.total for event in written] == [3 * MIB] * len(written)
    assert written[-1].done == 3 * MIB


@each_kind
@pytest.mark.parametrize("event", [0, 3, 6, 8])
def test_kill_leaves_nothing_finished_and_the_next_run_takes_over(tmp_path: Path, kind: str, event: int) -> None:
    (tmp_path / "image").write_bytes(NOISE * 3)
    with place(kind, tmp_path, used=True) as where:
        run_killed(DYING_WRITER, tmp_path / "image", Path(where.plan.target), event)
        assert _has_no_head(where)
        assert _write(where).state == "verified"
        assert where.medium() == where.finished or not where.medium().exists()
        assert where.finished.read_bytes()[: len(NOISE)] == NOISE
