"""A folder with everything that a build reads: what is in it, and what becomes of a folder that is there already."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.attestations import attestation, attested, statement
from support.boards import UEFI_BOARD, write_board
from support.images import REF_NAME, file, image, index, layer, write_layout
from support.lab import IMAGES
from support.mirror import Mirror
from support.processes import run_killed
from support.read_only import read_only
from support.tools import need
from support.web import Answer, running_web_server

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.app.lock import LockOptions
from lkboard.app.registry_options import RegistryOptions
from lkboard.app.vendor import STEP, VendorResult, vendor
from lkboard.app.write import WriteOptions, plan_write, write
from lkboard.errors import Cancelled, LkboardError, LockMismatch, Offline, OutputError, StoreCorrupt, UsageError
from lkboard.events import Event, Job, Step
from lkboard.oci.store.store import Store
from lkboard.sources.apt.packages import DebianPackages

if TYPE_CHECKING:
    from pathlib import Path

    from support.lab import Lab

pytestmark = pytest.mark.registry


def vendored(lab: Lab, *files: Path, job: Job | None = None, **options: Any) -> VendorResult:
    """Fill the folder ``vendored`` for a build of the lab's config, unless another one is given."""
    chosen = LockOptions(
        tuple(map(str, files or [lab.config()])),
        **{"cache": str(lab.cache), "architectures": () if "boards" in options else ("amd64",), **options},
    )
    return vendor(str(lab.folder / "vendored"), chosen, job or Job())


def built(lab: Lab, config: Path | None = None, *, name: str = "made", **options: Any) -> bytes:
    """Return what a build of the vendored folder makes, in a cache of its own."""
    options = {"architecture": "" if "board" in options else "amd64", **options}
    options.setdefault("vendored", str(lab.folder / "vendored"))
    options.setdefault("cache", str(lab.folder / f"cache of {name}"))
    output = lab.out / name
    build(BuildOptions((str(config or lab.config()),), output=str(output), **options), Job())
    return output.read_bytes()


def built_online(lab: Lab, config: Path | None = None, **options: Any) -> bytes:
    return built(lab, config, name="online", vendored="", cache=str(lab.cache), **options)


def spoil(blob: Path) -> None:
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")


def layout(folder: Path) -> dict[str, str]:
    """Return the digests in the folder's index by their names."""
    entries = json.loads((folder / "index.json").read_text())["manifests"]
    return {entry["annotations"][REF_NAME]: entry["digest"] for entry in entries}


def blobs(folder: Path) -> set[str]:
    return {f"{path.parent.name}:{path.name}" for path in folder.glob("blobs/*/*")}


def listed(folder: Path) -> set[str]:
    """Return everything that the index leads to, by digest."""
    found: set[str] = set()
    waiting = [*layout(folder).values()]
    while waiting:
        digest = waiting.pop()
        found.add(digest)
        path = folder / "blobs" / digest.replace(":", "/")
        try:
            document = json.loads(path.read_bytes()) if path.exists() else {}
        except ValueError:
            continue
        if isinstance(document, dict):
            below = [*document.get("manifests", []), *document.get("layers", []), document.get("config", {})]
            waiting += [one["digest"] for one in below if isinstance(one, dict) and "digest" in one]
    return found


def look(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# what is in it


def test_a_build_from_the_folder_gives_the_same_bytes(lab: Lab) -> None:
    vendored(lab)
    assert built(lab) == built_online(lab)


def test_the_folder_is_a_layout_with_a_lock_and_nothing_else(lab: Lab) -> None:
    result = vendored(lab)
    folder = lab.folder / "vendored"
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "index.json", "lkboard.lock", "oci-layout"]
    assert blobs(folder) <= listed(folder)
    assert (result.blobs, result.size_bytes) == (
        len(blobs(folder)),
        sum(path.stat().st_size for path in folder.glob("blobs/*/*")),
    )


def test_the_names_are_those_of_the_config(lab: Lab) -> None:
    vendored(lab)
    expected = {f"{lab.registry.host}/lab/{name}:v1": one.digest for name, one in IMAGES.items()}
    assert layout(lab.folder / "vendored") == expected


def test_images_for_other_architectures_are_not_in_it(lab: Lab) -> None:
    vendored(lab)
    kernel = json.loads(IMAGES["kernel"].data)["manifests"]
    by_architecture = {entry["platform"]["architecture"]: entry["digest"] for entry in kernel}
    assert by_architecture["amd64"] in blobs(lab.folder / "vendored")
    assert by_architecture["arm64"] not in blobs(lab.folder / "vendored")


def test_skopeo_reads_it(lab: Lab) -> None:
    need("skopeo")
    vendored(lab)
    name = f"oci:{lab.folder}/vendored:{lab.registry.host}/lab/web:v1"
    inspected = json.loads(lab.registry.skopeo("inspect", "--override-arch=amd64", "--override-os=linux", name))
    assert inspected["Architecture"] == "amd64"


def test_the_same_inputs_give_the_same_folder(lab: Lab) -> None:
    vendored(lab)
    first = look(lab.folder / "vendored")
    (lab.folder / "vendored").rename(lab.folder / "first")
    vendored(lab, cache=str(lab.folder / "another cache"))
    assert look(lab.folder / "vendored") == first


def test_bills_of_materials_are_in_it(lab: Lab) -> None:
    sbom = {"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "SPDXRef-a", "name": "a", "packageFileName": "bin/web"}]}
    web = image(layer(file("bin/web", b"web", 0o755)))
    said = attestation(statement(sbom))
    lab.registry.push(attested({"amd64": web}, {"amd64": [said]}), "vendor-sbom/web:1")
    config = lab.write(f'services:\n  - {{name: web, image: "{lab.registry.host}/vendor-sbom/web:1"}}\n', "sbom.yml")
    vendored(lab, config)
    made = built(lab, config)
    assert b"services/web/lower/bin/web" in made
    assert made == built_online(lab, config)


def test_bills_of_materials_that_the_registry_lost_are_no_obstacle(lab: Lab) -> None:
    web = image(layer(file("bin/web", b"web", 0o755)))
    said = attestation(statement({"packages": []}))
    name = f"{lab.registry.host}/vendor-lost/web:1"
    write_layout(lab.cache, {name: attested({"amd64": web}, {"amd64": [said]}).without(said.digest)})
    config = lab.write(f'services:\n  - {{name: web, image: "{name}"}}\n', "lost.yml")
    vendored(lab, config)
    assert built(lab, config) == built_online(lab, config)


def test_images_of_whole_volumes_are_in_it_with_the_platforms_that_are_asked_for(lab: Lab) -> None:
    volume = f'{{name: v, format: oci, platforms: [linux/arm64], image: "{lab.registry.host}/lab/web:v1"}}'
    config = lab.write(f"volumes:\n  - {volume}\n", "volume.yml")
    vendored(lab, config)
    assert built(lab, config) == built_online(lab, config)


def test_a_tag_that_moved_since_it_was_locked_is_vendored_as_locked(lab: Lab) -> None:
    config = lab.write(f'services:\n  - {{name: x, image: "{lab.registry.host}/vendor-moved/x:1"}}\n', "moved.yml")
    old, new = (index([image(layer(file("bin/x", data)))]) for data in (b"old", b"new"))
    lab.registry.push(old, "vendor-moved/x:1")
    vendored(lab, config)
    before = built(lab, config)
    lab.registry.push(new, "vendor-moved/x:1")
    vendored(lab, config, cache=str(lab.folder / "another cache"))
    assert [*layout(lab.folder / "vendored").values()] == [old.digest]
    assert built(lab, config, name="again") == before


FILES = """\
files:
  - {{to: web.bin, url: "{url}", sha256: {sha256}}}
  - {{to: fw.bin, image: {{reference: "{host}/vendor-board/fw:1", path: fw}}}}
  - {{to: deb.bin, debian: {{package: loader, path: usr/lib/loader.bin}}}}
"""


def test_files_of_boards_are_in_it_from_every_kind_of_source(lab: Lab) -> None:
    mirror = Mirror(lab.folder / "mirror")
    mirror.add("loader", "1", {"usr/lib/loader.bin": b"of Debian"})
    mirror.publish()
    packages = DebianPackages(Store(lab.cache), Job(), host=mirror.host)
    packages.fetch(packages.newest(["loader"], "amd64"))
    lab.registry.push(index([image(layer(file("fw", b"of an image")))]), "vendor-board/fw:1")
    with running_web_server(firmware=Answer(b"of the web")) as web:
        sha256 = hashlib.sha256(b"of the web").hexdigest()
        text = UEFI_BOARD + FILES.format(url=f"{web.url}/firmware", sha256=sha256, host=lab.registry.host)
        board = f"{write_board(lab.folder / 'toy', text)}/"
        vendored(lab, boards=(board,))
        expected = built_online(lab, board=board)
    made = built(lab, board=board)
    assert made == expected
    assert all(data in made for data in (b"of the web", b"of an image", b"of Debian"))
    folder = lab.folder / "vendored"
    assert blobs(folder) <= listed(folder)
    assert {"lkboard.local/debian-packages:amd64", "lkboard.local/files:urls"} <= {*layout(folder)}
    (package,) = packages.stored("amd64")
    spoil(folder / "blobs/sha256" / package.sha256)
    with pytest.raises(StoreCorrupt, match="the Debian package 'loader' 1 is missing or damaged there") as caught:
        built(lab, board=board, name="damaged")
    assert caught.value.where == str(folder)
    assert str(caught.value.hint).startswith(f"make the folder anew: lkboard vendor {folder} ")


def test_a_config_without_images_is_vendored_as_an_empty_layout(lab: Lab) -> None:
    config = lab.write('files: [{path: etc/motd, contents: "hello"}]\n', "none.yml")
    result = vendored(lab, config)
    assert (result.blobs, layout(lab.folder / "vendored")) == (0, {})
    assert {path.name for path in (lab.folder / "vendored").iterdir()} == {"index.json", "lkboard.lock", "oci-layout"}
    assert built(lab, config) == built_online(lab, config)


def test_the_folder_is_only_read_by_builds(lab: Lab) -> None:
    vendored(lab)
    folder = lab.folder / "vendored"
    before = look(folder)
    built(lab)
    assert look(folder) == before


def test_a_card_is_written_from_the_folder(lab: Lab) -> None:
    board = f"{write_board(lab.folder / 'toy', UEFI_BOARD)}/"
    vendored(lab, boards=(board,))
    card = lab.out / "card"
    options = WriteOptions(
        str(lab.config()), str(card), board=board, cache=str(lab.folder / "c"), vendored=str(lab.folder / "vendored")
    )
    write(options, plan_write(options), Job())
    assert card.read_bytes() == built_online(lab, board=board)


# what is not in it


def test_a_build_for_another_architecture_is_refused(lab: Lab) -> None:
    vendored(lab)
    with pytest.raises(LockMismatch, match=r"which is not to be had: its manifest .* is not in the folder") as caught:
        built(lab, architecture="arm64")
    assert str(caught.value.where).startswith(str(lab.folder / "x.yml"))
    assert caught.value.hint == (
        f"make the folder anew: lkboard vendor {lab.folder}/vendored {lab.folder}/x.yml --arch arm64"
    )


def test_a_folder_for_one_board_is_made_anew_for_that_one_too(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(lab.folder))
    text = f"{UEFI_BOARD}files: [{{to: logo.bmp, local: logo.bmp}}]\n"
    folder = write_board(lab.folder / "lkboard/boards/toy", text)
    (folder / "logo.bmp").write_bytes(b"logo")
    vendored(lab, boards=("toy",))
    with pytest.raises(LockMismatch) as caught:
        built(lab, board="arm64-efi")
    assert str(caught.value.hint).endswith(f"{lab.folder}/x.yml --board arm64-efi --board toy")


def test_an_image_that_is_not_in_it_is_refused(lab: Lab) -> None:
    vendored(lab)
    config = lab.config(f'  - {{name: other, image: "{lab.registry.host}/lab/other:1"}}\n', name="other.yml")
    with pytest.raises(LockMismatch, match=r"the lock has no image '.*/lab/other:1'") as caught:
        built(lab, config)
    assert str(caught.value.hint).startswith(f"lock it: lkboard vendor {lab.folder}/vendored ")


def test_a_blob_that_was_lost_is_named(lab: Lab) -> None:
    vendored(lab)
    largest = max((lab.folder / "vendored").glob("blobs/*/*"), key=lambda path: path.stat().st_size)
    largest.unlink()
    with pytest.raises(LkboardError) as caught:
        built(lab)
    assert f": its blob sha256:{largest.name} is not in the folder {lab.folder}/vendored" in str(caught.value)
    assert str(caught.value.hint).startswith(f"make the folder anew: lkboard vendor {lab.folder}/vendored ")


def test_damaged_blobs_are_named_and_stay_where_they_are(lab: Lab) -> None:
    vendored(lab)
    for blob in (lab.folder / "vendored").glob("blobs/*/*"):
        before = blob.read_bytes()
        spoil(blob)
        with pytest.raises(LkboardError) as caught:
            built(lab, name=blob.name)
        assert f"its blob sha256:{blob.name} is damaged in the folder {lab.folder}/vendored" in str(caught.value)
        assert str(caught.value.hint).startswith(f"make the folder anew: lkboard vendor {lab.folder}/vendored ")
        blob.write_bytes(before)
    built(lab)


def test_a_folder_that_is_none_is_refused(lab: Lab) -> None:
    with pytest.raises(LkboardError, match="the lock cannot be read") as caught:
        built(lab)
    assert str(caught.value.hint).startswith(f"make one: lkboard vendor {lab.folder}/vendored ")


def test_a_vendored_build_does_not_ask_a_registry(lab: Lab) -> None:
    vendored(lab)
    with pytest.raises(UsageError, match="--pull asks the registry"):
        built(lab, registry=RegistryOptions(always_pull=True))


def test_vendoring_without_a_network_needs_everything_in_the_store(lab: Lab) -> None:
    with pytest.raises(Offline):
        vendored(lab, registry=RegistryOptions(offline=True))
    vendored(lab)
    vendored(lab, registry=RegistryOptions(offline=True))


# folders that are there already


def test_a_folder_that_was_made_before_is_replaced(lab: Lab) -> None:
    vendored(lab, architectures=("arm64",))
    vendored(lab)
    assert built(lab) == built_online(lab)
    folder = lab.folder / "vendored"
    (lab.folder / "other").mkdir()
    folder.rename(lab.folder / "other/vendored")
    vendored(lab)
    assert look(folder) == look(lab.folder / "other/vendored")


def test_an_empty_folder_is_used(lab: Lab) -> None:
    (lab.folder / "vendored").mkdir()
    vendored(lab)
    assert built(lab) == built_online(lab)


def test_a_folder_that_a_build_used_as_its_cache_may_be_replaced(lab: Lab) -> None:
    vendored(lab)
    folder = lab.folder / "vendored"
    built(
        lab, vendored="", lock=str(folder / "lkboard.lock"), cache=str(folder), registry=RegistryOptions(offline=True)
    )
    vendored(lab)
    assert not (folder / ".lkboard").exists()


@pytest.mark.parametrize("names", [("notes.txt",), ("lkboard.lock", "notes.txt"), ("oci-layout", "index.json")])
def test_a_folder_of_somebody_else_is_not_touched(lab: Lab, names: tuple[str, ...]) -> None:
    folder = lab.folder / "vendored"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("mine")
    with pytest.raises(OutputError, match="was not made by 'lkboard vendor'") as caught:
        vendored(lab)
    assert caught.value.where == str(folder)
    assert look(folder) == dict.fromkeys(names, b"mine")


def test_a_file_is_not_replaced(lab: Lab) -> None:
    (lab.folder / "vendored").write_text("mine")
    with pytest.raises(OutputError, match="this is a file"):
        vendored(lab)


def test_the_folder_above_must_be_there(lab: Lab) -> None:
    with pytest.raises(OutputError, match="there is no such folder") as caught:
        vendor(str(lab.folder / "no such/vendored"), LockOptions((str(lab.config()),)), Job())
    assert caught.value.hint == f"mkdir -p '{lab.folder}/no such'"


class SteplessJob(Job):
    """A job in which nothing may be begun."""

    def __init__(self) -> None:
        super().__init__(self._see)

    def _see(self, event: Event) -> None:
        assert not isinstance(event, Step), event


def test_a_folder_above_that_nothing_can_be_made_in_is_refused_at_once(lab: Lab) -> None:
    above = lab.folder / "above"
    above.mkdir()
    with read_only(above), pytest.raises(OutputError, match="nothing may be made in this folder") as caught:
        vendor(str(above / "vendored"), LockOptions((str(lab.config()),), cache=str(lab.cache)), SteplessJob())
    assert caught.value.where == str(above)
    assert not (lab.folder / "lkboard.lock").exists()


def test_the_store_that_is_copied_from_is_not_replaced(lab: Lab) -> None:
    vendored(lab)
    folder = lab.folder / "vendored"
    before = look(folder)
    with pytest.raises(UsageError, match="this is the store that is copied from"):
        vendored(lab, cache=str(folder))
    assert look(folder) == before


@pytest.mark.parametrize("name", [".vendored.new", ".vendored.old", ".vendored.lkboard-mine"])
def test_a_hidden_folder_beside_it_is_not_touched(lab: Lab, name: str) -> None:
    (lab.folder / name).mkdir()
    (lab.folder / name / "notes.txt").write_text("mine")
    vendored(lab)
    vendored(lab)
    assert look(lab.folder / name) == {"notes.txt": b"mine"}


class VendoringJob(Job):
    """A job that has another run fill the same folder, while it copies."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        super().__init__(self._see)

    def _see(self, event: Event) -> None:
        if isinstance(event, Step) and event.name == STEP and event.state == "started":
            vendored(self._lab, architectures=("arm64",))


@pytest.mark.parametrize("is_there", [True, False])
def test_of_two_runs_into_one_folder_the_last_to_end_wins(lab: Lab, *, is_there: bool) -> None:
    if is_there:
        vendored(lab, architectures=("amd64", "arm64"))
    vendored(lab, job=VendoringJob(lab))
    assert built(lab) == built_online(lab)
    assert [path.name for path in lab.folder.glob(".vendored*")] == []


class SquattingJob(Job):
    """A job during which somebody puts a file of their own into the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(self._see)

    def _see(self, event: Event) -> None:
        if isinstance(event, Step) and event.name == STEP:
            self._folder.mkdir(exist_ok=True)
            (self._folder / "notes.txt").write_text("mine")


def test_a_folder_that_became_somebody_elses_meanwhile_is_not_touched(lab: Lab) -> None:
    with pytest.raises(OutputError, match=r"was not made by 'lkboard vendor': it has notes\.txt"):
        vendored(lab, job=SquattingJob(lab.folder / "vendored"))
    assert look(lab.folder / "vendored") == {"notes.txt": b"mine"}


class StoppingJob(Job):
    """A job that is stopped when a step begins."""

    def __init__(self, step: str) -> None:
        self._step = step
        super().__init__(self._see)

    def _see(self, event: Event) -> None:
        if isinstance(event, Step) and event.name == self._step:
            self.cancel()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_stop_leaves_what_was_there(lab: Lab, *, is_there: bool) -> None:
    folder = lab.folder / "vendored"
    if is_there:
        vendored(lab, architectures=("arm64",))
    before = look(folder)
    with pytest.raises(Cancelled):
        vendored(lab, job=StoppingJob(STEP))
    assert look(folder) == before
    assert [path.name for path in lab.folder.glob(".vendored*")] == []


KILLED = """
import os, signal, sys
from lkboard.app.lock import LockOptions
from lkboard.app.vendor import STEP, vendor
from lkboard.events import Job, Progress

folder, config, cache = sys.argv[1:]

def die(event):
    if isinstance(event, Progress) and event.step == STEP and event.done * 2 > event.total:
        os.kill(os.getpid(), signal.SIGKILL)

vendor(folder, LockOptions((config,), architectures=("amd64",), cache=cache), Job(die, progress_interval=0))
"""


@pytest.mark.parametrize("is_there", [True, False])
def test_a_run_that_is_killed_leaves_what_was_there_and_the_next_one_goes_on(lab: Lab, *, is_there: bool) -> None:
    folder, config = lab.folder / "vendored", lab.config()
    if is_there:
        vendored(lab, architectures=("arm64",))
    before = look(folder)
    run_killed("-c", KILLED, folder, config, lab.cache)
    assert look(folder) == before
    assert [path.name for path in lab.folder.glob(".vendored.*/new/blobs")] == ["blobs"]
    vendored(lab)
    assert built(lab) == built_online(lab)
    assert [path.name for path in lab.folder.glob(".vendored*")] == []


def test_a_vendored_folder_and_a_registry_exclude_each_other(lab: Lab) -> None:
    vendored(lab)
    with pytest.raises(UsageError, match="--pull asks the registry, which --vendored forbids"):
        built(lab, registry=RegistryOptions(always_pull=True))
