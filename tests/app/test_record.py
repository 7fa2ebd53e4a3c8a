"""What the record of a build says, held against the files that it is about."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.boards import UEFI_BOARD, write_board
from support.jobs import RecordingJob
from support.kit import kit_store
from support.lab import FILES, IMAGES
from support.processes import ROOT, lkboard
from support.tools import need
from support.writes import job_that_acts

import lkboard as package
from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.app.lock import LockOptions, make_lock
from lkboard.app.planning import plan_build
from lkboard.board.catalogue import find_board
from lkboard.errors import Cancelled, OutputError, UsageError
from lkboard.events import Event, Job, Note, Step
from lkboard.model import record as model
from lkboard.model.board import KernelSource
from lkboard.model.config import ConfigSource
from lkboard.model.lock import LockedTool
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from support.lab import Lab

    from lkboard.model.artifact import Artifact

BOARD = (
    UEFI_BOARD
    + """\
files:
  - {to: logo.bmp, local: logo.bmp}
  - {to: device.dtb, kernel: boot/x.dtb, optional: true}
  - {to: module.ko, kernel: lib/modules/net.ko, optional: true}
parts:
  - {name: unused, local: logo.bmp}
text:
  - {to: loader/entries/toy.conf, template: cmdline.txt}
"""
)


def sha256(data: bytes | Path) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else data.read_bytes()).hexdigest()


def made(lab: Lab, *files: Path, job: Job | None = None, **options: Any) -> tuple[Artifact, ...]:
    """Build the lab's config, or others, with a record."""
    given = {"architecture": "amd64", "cache": str(lab.cache), "record": str(lab.folder / "record.json"), **options}
    if not given.get("output"):
        given.setdefault("directory", str(lab.out))
    return build(BuildOptions(tuple(map(str, files or [lab.config()])), **given), job or RecordingJob())


def recorded(lab: Lab, *files: Path, **options: Any) -> dict[str, Any]:
    """Return what the record says then."""
    made(lab, *files, **options)
    found: dict[str, Any] = json.loads((lab.folder / "record.json").read_bytes())
    return found


def toy(lab: Lab) -> str:
    return f"{write_board(lab.folder / 'toy', BOARD)}/"


@pytest.mark.registry
class TestInputs:
    def test_lkboard_and_what_was_asked_for(self, lab: Lab) -> None:
        found = recorded(lab, formats=("kernel+iso", "kernel+initrd"))
        assert (found["version"], found["lkboard"]) == (1, package.__version__)
        assert (found["architecture"], found["formats"]) == ("amd64", ["kernel+initrd", "kernel+iso"])

    def test_configs_by_the_sums_of_their_files_in_order(self, lab: Lab) -> None:
        files = [lab.config(name="b.yml"), lab.write(FILES, "a.yml")]
        found = recorded(lab, *files)["configs"]
        assert found == [{"name": str(path), "sha256": sha256(path)} for path in files]

    def test_a_config_on_standard_input(self, lab: Lab) -> None:
        options = BuildOptions(
            ("-",), formats=("tar",), directory=str(lab.out), cache=str(lab.cache), record=str(lab.folder / "r.json")
        )
        build(options, RecordingJob(), stdin=b"files: [{path: a, contents: b}]")
        found = json.loads((lab.folder / "r.json").read_bytes())["configs"]
        assert found == [{"name": "<stdin>", "sha256": sha256(b"files: [{path: a, contents: b}]")}]

    def test_files_of_this_machine(self, lab: Lab) -> None:
        small, large = lab.folder / "small", lab.folder / "large"
        small.write_bytes(b"small")
        large.write_bytes(bytes(3 << 20))
        rows = [f"  - {{path: {path}, source: '{source}'}}" for path, source in (("z", small), ("a/b", large))]
        found = recorded(lab, lab.write("\n".join(["files:", *rows, "  - {path: c, contents: d}", ""])))
        assert found["host_files"] == [
            {"path": "a/b", "source": str(large), "sha256": sha256(large)},
            {"path": "z", "source": str(small), "sha256": sha256(small)},
        ]

    def test_a_file_that_is_edited_when_the_outputs_are_done_is_recorded_as_it_went_in(self, lab: Lab) -> None:
        large, output = lab.folder / "large", lab.out / "x.tar"
        large.write_bytes(bytes(3 << 20))
        before = sha256(large)
        job = job_that_acts(f"Write {output}", "done", lambda: large.write_bytes(b"edited"))
        config = lab.write(f"files: [{{path: a, source: '{large}'}}]")
        (one,) = recorded(lab, config, job=job, output=str(output))["host_files"]
        assert (one["sha256"], large.read_bytes()) == (before, b"edited")

    @pytest.mark.parametrize("architecture", ["amd64", "arm64"])
    def test_images_by_index_and_manifest(self, lab: Lab, architecture: str) -> None:
        found = recorded(lab, architecture=architecture)["images"]
        assert [(one["reference"].rpartition("/")[2], one["digest"]) for one in found] == [
            (f"{name}:v1", IMAGES[name].digest) for name in sorted(IMAGES)
        ]
        for one in found:
            index = json.loads((lab.cache / "blobs" / one["digest"].replace(":", "/")).read_bytes())
            (manifest,) = [
                entry["digest"] for entry in index["manifests"] if entry["platform"]["architecture"] == architecture
            ]
            assert (one["manifest"], one["platform"]) == (manifest, f"linux/{architecture}")

    def test_an_image_that_a_volume_holds_whole(self, lab: Lab) -> None:
        name = f"{lab.registry.host}/lab/web:v1"
        found = recorded(lab, lab.write(f"volumes: [{{name: v, format: oci, image: '{name}'}}]"), formats=("tar",))
        assert found["images"] == [{"reference": name, "digest": IMAGES["web"].digest, "platform": "", "manifest": ""}]

    def test_a_board_and_what_was_used_of_it(self, lab: Lab) -> None:
        board = toy(lab)
        found = recorded(lab, board=board, output=str(lab.out / "x.img"))
        assert found["boards"] == [{"id": "toy", "sha256": sha256(lab.folder / "toy/board.yml")}]
        template, logo = lab.folder / "toy/cmdline.txt", lab.folder / "toy/logo.bmp"
        assert found["board_files"] == [
            {"board": "toy", "to": "loader/entries/toy.conf", "size_bytes": 10, "sha256": sha256(template)},
            {"board": "toy", "to": "logo.bmp", "size_bytes": 2, "sha256": sha256(logo)},
        ]

    def test_programs_of_others(self, lab: Lab) -> None:
        need("mksquashfs")
        found = recorded(lab, formats=("kernel+squashfs", "kernel+initrd"))["tools"]
        assert [tool["name"] for tool in found] == ["mksquashfs"]
        assert re.fullmatch(r"\d+(\.\d+)+", found[0]["version"])

    def test_the_time_of_what_is_made_up(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        assert recorded(lab)["epoch"] == EPOCH
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        assert recorded(lab)["epoch"] == 1_700_000_000

    def test_options_that_change_bytes(self, lab: Lab) -> None:
        usual = {
            "compression": "", "decompress_kernel": False, "sbom": "sbom.spdx.json", "sbom_created": EPOCH,
            "size_bytes": 0, "unified_kernel": False,
        }  # fmt: skip
        assert recorded(lab)["options"] == usual
        given = {"compression": "gz", "decompress_kernel": True, "sbom": None, "sbom_created": 7}
        assert recorded(lab, **given)["options"] == {**usual, **given, "sbom": ""}

    def test_a_compression_that_the_name_of_the_output_says(self, lab: Lab) -> None:
        assert recorded(lab, output=str(lab.out / "x.tar.zst"))["options"]["compression"] == "zst"


@pytest.mark.registry
class TestOutputs:
    @pytest.mark.parametrize("has_sidecars", [True, False, None])
    @pytest.mark.parametrize("compression", [None, "gz"])
    def test_every_file_with_its_size_and_sum(
        self, lab: Lab, *, has_sidecars: bool | None, compression: str | None
    ) -> None:
        found = recorded(
            lab, formats=("kernel+iso", "kernel+initrd"), has_sidecars=has_sidecars, compression=compression
        )
        outputs = {one["name"]: one for one in found["outputs"]}
        files = [path for path in lab.out.iterdir() if path.suffix not in {".sha256", ".bmap"}]
        assert [*outputs] == sorted(path.name for path in files)
        for path in files:
            one = outputs[path.name]
            assert (one["sha256"], one["size_bytes"]) == (sha256(path), path.stat().st_size)

    def test_the_result_of_the_build_has_the_same_sums(self, lab: Lab) -> None:
        artifacts = made(lab, formats=("kernel+initrd",))
        outputs = json.loads((lab.folder / "record.json").read_bytes())["outputs"]
        assert {Path(one.path).name: one.sha256 for one in artifacts} == {one["name"]: one["sha256"] for one in outputs}

    @pytest.mark.parametrize("has_sidecars", [True, False])
    def test_a_file_whose_sidecar_has_its_sum_is_not_read_again(self, lab: Lab, *, has_sidecars: bool) -> None:
        job = RecordingJob()
        made(lab, job=job, output=str(lab.out / "x.tar"), has_sidecars=has_sidecars)
        steps = [event.name for event in job.events if isinstance(event, Step) and event.state == "done"]
        assert (f"Sum {lab.out / 'x.tar'}" in steps) is not has_sidecars

    def test_without_a_record_nothing_is_summed(self, lab: Lab) -> None:
        (artifact,) = made(lab, output=str(lab.out / "x.tar"), record="")
        assert artifact.sha256 == ""
        assert lab.made() == ["x.tar"]

    def test_two_builds_give_the_same_record(self, lab: Lab) -> None:
        records = []
        for name in ("one", "two"):
            (lab.folder / name).mkdir()
            config = lab.config(FILES)
            path = lab.folder / name / "record.json"
            made(
                lab, config, directory=str(lab.folder / name), cache=str(lab.folder / f"cache-{name}"), record=str(path)
            )
            records.append(path.read_bytes())
        assert records[0] == records[1]
        assert records[0] == (json.dumps(json.loads(records[0]), indent=2, sort_keys=True) + "\n").encode()


@pytest.mark.registry
class TestPlace:
    def test_an_older_record_is_replaced(self, lab: Lab) -> None:
        (lab.folder / "record.json").write_text("old")
        assert recorded(lab)["version"] == 1
        assert sorted(path.name for path in lab.folder.glob(".*")) == []

    @pytest.mark.parametrize("step", ["Sum {}/x-kernel", "Sum what went in"])
    def test_a_build_that_is_stopped_while_it_sums_tells_what_stays(self, lab: Lab, step: str) -> None:
        events: list[Event] = []

        def listen(event: Event) -> None:
            events.append(event)
            if event == Step(step.format(lab.out), "started"):
                job.cancel()

        job = Job(listen)
        (lab.folder / "source").write_bytes(b"to be summed")
        (lab.folder / "record.json").write_text("old")
        config = lab.config(f"files: [{{path: a, source: '{lab.folder}/source'}}]\n")
        with pytest.raises(Cancelled):
            made(lab, config, job=job, formats=("kernel+initrd",))
        names = ["x-kernel", "x-initrd.img", "x-cmdline"]
        assert lab.made() == sorted(names)
        assert not (lab.folder / "record.json").exists()
        stays = f"these are whole, and stay: {', '.join(f'{lab.out}/{name}' for name in names)}"
        assert [event.text for event in events if isinstance(event, Note)][-1] == stays

    def test_a_file_that_becomes_part_of_the_system_is_kept(self, lab: Lab) -> None:
        source = lab.folder / "record.json"
        source.write_text("mine")
        with pytest.raises(UsageError, match="the record is a source of 'files' itself"):
            made(lab, lab.write(f"files: [{{path: a, source: '{source}'}}]"))
        assert source.read_text() == "mine"
        assert lab.made() == []

    def test_from_the_command_line(self, lab: Lab) -> None:
        options = ("--format", "tar", "--dir", lab.out, "--record", lab.folder / "record.json", "--json")
        done = lkboard("build", lab.config(), *options)
        assert done.returncode == 0, done.stderr
        results = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "result"]
        found = json.loads((lab.folder / "record.json").read_bytes())
        assert [one["sha256"] for one in found["outputs"]] == [one["sha256"] for one in results]
        assert found["outputs"][0]["sha256"] == sha256(lab.out / "x.tar")


@pytest.mark.kit
@pytest.mark.parametrize(("board", "name"), [("x86-bios", "boot.img"), ("rpi3", "start.elf")])
def test_firmware_and_boot_loaders_are_those_that_a_lock_names(tmp_path: Path, board: str, name: str) -> None:
    config = tmp_path / "x.yml"
    config.write_text("kernel: {image: 'lkboard/kernel:kit', cmdline: x}\n")
    store, path = str(kit_store()), tmp_path / "record.json"
    lock = make_lock(LockOptions((str(config),), boards=(board,), cache=store), RecordingJob()).lock
    locked = {(file.to, file.sha256) for file in lock.files}
    build(
        BuildOptions((str(config),), board=board, directory=str(tmp_path), cache=store, record=str(path)),
        RecordingJob(),
    )
    used = {(file["to"], file["sha256"]) for file in json.loads(path.read_bytes())["board_files"]}
    assert name in {to for to, _sha256 in used}
    found = find_board(board)
    unlocked = {file.to for file in found.files if isinstance(file.source, KernelSource)}
    assert {to for to, _sha256 in used - locked} <= unlocked | {text.to for text in found.text}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a config and a lock."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yml").write_text("{}")
    (tmp_path / "lkboard.lock").write_text("{}")
    (tmp_path / "link").symlink_to("x.tar")
    return tmp_path


@pytest.mark.parametrize(
    ("record", "options", "error", "message"),
    [
        ("-", {}, UsageError, "the record is a file that is kept, not for standard output"),
        ("r.json", {"output": "-"}, UsageError, "what goes to standard output is not recorded"),
        ("x.yml", {}, UsageError, r"x\.yml: the record is the config itself"),
        ("./lkboard.lock", {"lock": ""}, UsageError, "the record is the lock itself"),
        ("x.tar", {}, UsageError, "the record would replace an output"),
        ("./x.tar", {}, UsageError, "the record would replace an output"),
        ("link", {}, UsageError, "the record would replace an output"),
        ("x.tar.sha256", {"has_sidecars": True}, UsageError, "the record would replace an output"),
        ("gone/r.json", {}, OutputError, "the folder '.*gone' does not exist"),
        (".", {}, OutputError, "is not an ordinary file"),
    ],
)
def test_a_place_where_no_record_can_be_is_refused_before_the_work(
    folder: Path, record: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plan_build(BuildOptions(("x.yml",), formats=("tar",), record=record, **options))
    assert (folder / "x.yml").read_text() == "{}"


PAGE = ROOT / "docs/reference/build-record.md"
OBJECTS = {
    "the record": model.BuildRecord,
    "`options`": model.RecordedOptions,
    "one of `configs`": ConfigSource,
    "one of `host_files`": model.RecordedHostFile,
    "one of `images`": model.RecordedImage,
    "one of `boards`": model.RecordedBoard,
    "one of `board_files`": model.RecordedBoardFile,
    "one of `tools`": LockedTool,
    "one of `outputs`": model.RecordedOutput,
}


@pytest.mark.parametrize("name", OBJECTS)
def test_the_page_names_every_field(name: str) -> None:
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {name} |")]
    named = re.findall(r"`(\w+)`", row.rpartition(" | ")[2])
    own = ["version"] if name == "the record" else []
    assert named == [*own, *(field.name for field in fields(OBJECTS[name]))]
