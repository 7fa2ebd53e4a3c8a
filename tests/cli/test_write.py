"""``lkboard write`` as users and scripts run it."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.cards import SIZE, card_image, files_of
from support.faulty_device import faulty_device
from support.loops import add_partitions, attached, filled_file, partition, run, sparse_file
from support.maps import MIB
from support.processes import ENVIRONMENT, lkboard
from support.terminal import terminal
from support.tools import need
from support.waiting import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

needs_loops = pytest.mark.device
CARD_SIZE = 48 * MIB


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "LKBOARD_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return card_image(tmp_path_factory.mktemp("template") / "card.img")


@pytest.fixture
def image(template: Path, tmp_path: Path) -> Path:
    run("cp", "--sparse=always", str(template), str(tmp_path / "card.img"))
    return tmp_path / "card.img"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The file behind a used card that is larger than the image."""
    return filled_file(tmp_path / "card", CARD_SIZE)


def _is_untouched(card: Path) -> bool:
    return card.read_bytes() == b"\xa5" * card.stat().st_size


# files


def test_an_image_to_a_new_file(image: Path, tmp_path: Path) -> None:
    done = lkboard("write", image, "--to", tmp_path / "out.img")
    assert (done.returncode, done.stderr.count("Verify")) == (0, 1)
    assert done.stdout.startswith(f"{tmp_path}/out.img  verified  ")
    assert (tmp_path / "out.img").read_bytes() == image.read_bytes()


def test_json_lines(image: Path, tmp_path: Path) -> None:
    done = lkboard("write", image, "--to", tmp_path / "out.img", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    finished = [line["name"] for line in lines if line["event"] == "step" and line["state"] == "done"]
    assert finished == ["Write", "Flush", "Verify", "Commit", "Check"]
    result = lines[-1]
    assert (result["event"], result["state"], result["target"]) == ("result", "verified", f"{tmp_path}/out.img")
    assert result["bytes_written"] == result["bytes_verified"] > 0


def test_without_reading_back(image: Path, tmp_path: Path) -> None:
    done = lkboard("write", image, "--to", tmp_path / "out.img", "--no-verify")
    assert "written-not-verified" in done.stdout
    assert "Verify" not in done.stderr


@pytest.mark.parametrize(("program", "suffix"), [("gzip", "gz"), ("zstd", "zst"), ("xz", "xz")])
def test_compressed_images_whatever_their_names(image: Path, tmp_path: Path, program: str, suffix: str) -> None:
    need(program)
    run(program, "-1", "--keep", str(image))
    (tmp_path / f"card.img.{suffix}").rename(tmp_path / "packed.img")
    done = lkboard("write", tmp_path / "packed.img", "--to", tmp_path / "out.img")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.img").read_bytes() == image.read_bytes()
    assert list((tmp_path / "cache/.lkboard/write").iterdir()) == []


def test_a_damaged_compressed_image(image: Path, tmp_path: Path) -> None:
    run("gzip", "-1", str(image))
    packed = tmp_path / "card.img.gz"
    packed.write_bytes(packed.read_bytes()[:-100])
    done = lkboard("write", packed, "--to", tmp_path / "out.img")
    assert (done.returncode, (tmp_path / "out.img").exists()) == (1, False)
    assert "is damaged: its gzip data cannot be unpacked" in done.stderr


def test_a_compressed_text_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"text\n" * 1000)
    run("gzip", str(tmp_path / "text"))
    done = lkboard("write", tmp_path / "text.gz", "--to", tmp_path / "out.img")
    assert done.returncode == 2
    assert f"{tmp_path}/text.gz: this is not a disk image" in done.stderr


def test_an_existing_file_is_not_replaced_by_a_script(image: Path, tmp_path: Path) -> None:
    (tmp_path / "out.img").write_bytes(b"old")
    done = lkboard("write", image, "--to", tmp_path / "out.img")
    assert (done.returncode, (tmp_path / "out.img").read_bytes()) == (3, b"old")
    assert "to replace it, add: --force" in done.stderr


def test_an_existing_file_is_replaced_by_force(image: Path, tmp_path: Path) -> None:
    (tmp_path / "out.img").write_bytes(b"old")
    assert lkboard("write", image, "--to", tmp_path / "out.img", "--force").returncode == 0
    assert (tmp_path / "out.img").read_bytes() == image.read_bytes()


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("y", 0), ("no", 3), ("", 3)])
def test_a_terminal_asks_before_a_file_is_replaced(image: Path, tmp_path: Path, answer: str, status: int) -> None:
    (tmp_path / "out.img").write_bytes(b"old")
    with terminal("write", image, "--to", tmp_path / "out.img") as screen:
        screen.expect("Replace it? (yes/no)")
        assert f"This will be replaced: {tmp_path}/out.img, a file of 3 B\n" in screen.shown
        screen.type(answer)
        assert screen.wait() == status
    assert ((tmp_path / "out.img").read_bytes() == b"old") == (status == 3)


def test_ctrl_c_at_the_question(image: Path, tmp_path: Path) -> None:
    (tmp_path / "out.img").write_bytes(b"old")
    with terminal("write", image, "--to", tmp_path / "out.img") as screen:
        screen.expect("(yes/no)")
        screen.press_ctrl_c()
        assert screen.wait() == 6
    assert (tmp_path / "out.img").read_bytes() == b"old"


def test_bars_on_a_terminal(image: Path, tmp_path: Path) -> None:
    with terminal("write", image, "--to", tmp_path / "out.img") as screen:
        assert screen.wait() == 0
    assert "Verify  " in screen.shown
    assert "100 %" in screen.shown


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["{image}"], 2, "--to"),
        (["{image}", "--to", "{tmp}/a", "--to", "{tmp}/b"], 2, "one target at a time"),
        (["{tmp}/gone.img", "--to", "{tmp}/a"], 2, "there is no such image"),
        (["{tmp}/x.yml", "--to", "{tmp}/a"], 2, "a config is written for a board (name it: --board ID"),
        (["{image}", "--board", "rpi3", "--to", "{tmp}/a"], 2, "'--board' goes with a config"),
        (["{image}", "--to", "{tmp}"], 2, "the target is a folder"),
        (["{image}", "--to", "{image}"], 2, "the target is the image itself"),
        (["{image}", "--to", "/dev/null"], 2, "neither a file nor a block device"),
        (["{image}", "--to", "{tmp}/none/a"], 1, "there is no such folder (mkdir -p {tmp}/none)"),
        (["{image}", "--to", "/dev/lkboard-none"], 4, "there is no such device (see: lkboard devices --all)"),
        (["{tmp}", "--to", "{tmp}/a"], 2, "{tmp}: this is a folder, not an image file"),
    ],
)
def test_what_cannot_work(image: Path, tmp_path: Path, arguments: list[str], status: int, message: str) -> None:
    before = sorted(tmp_path.iterdir())
    done = lkboard("write", *(argument.format(image=image, tmp=tmp_path) for argument in arguments))
    assert done.returncode == status, done.stderr
    assert message.format(tmp=tmp_path) in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_of_unknown_kind_needs_force(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"firmware" * 1000)
    refused = lkboard("write", tmp_path / "blob", "--to", tmp_path / "out")
    assert (refused.returncode, "this is not a disk image" in refused.stderr) == (2, True)
    assert lkboard("write", tmp_path / "blob", "--to", tmp_path / "out", "--force").returncode == 0
    assert (tmp_path / "out").read_bytes() == b"firmware" * 1000


# devices


@needs_loops
def test_a_script_writes_a_device(image: Path, card: Path) -> None:
    with attached(card) as path:
        done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{path}  verified  ")
        assert sorted(files_of(path).split()) == ["::/config.txt", "::/kernel"]
    assert card.read_bytes()[: 3 * MIB] == image.read_bytes()[: 3 * MIB]


@needs_loops
@pytest.mark.parametrize("options", [[], ["--force"]], ids=["", "force"])
def test_a_device_as_source_is_refused(image: Path, card: Path, options: list[str]) -> None:
    with attached(image, "--read-only") as source, attached(card) as path:
        done = lkboard("write", source, "--to", path, "--allow-loop", "--yes-erase", path, *options)
    assert done.returncode == 2
    assert f"{source}: this is a device, not an image file (copy it into a file first: dd if={source} " in done.stderr
    assert _is_untouched(card)


@needs_loops
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_empty_image_is_refused_by_force_too(card: Path, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))
    with attached(card) as path:
        image = f"{tmp_path}/empty{suffix}"
        done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path, "--force")
    assert (done.returncode, f"{image}: the image is empty" in done.stderr) == (2, True), done.stderr
    assert _is_untouched(card)


@needs_loops
def test_the_fat_on_a_used_card_is_sound(image: Path, card: Path, tmp_path: Path) -> None:
    need("fsck.fat")
    with attached(card) as path:
        assert lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path).returncode == 0
    (tmp_path / "fat").write_bytes(card.read_bytes()[MIB : 37 * MIB])
    run("fsck.fat", "-n", str(tmp_path / "fat"))


@needs_loops
def test_free_space_is_not_written(image: Path, card: Path) -> None:
    with attached(card) as path:
        assert lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path).returncode == 0
    assert card.read_bytes()[30 * MIB : 31 * MIB] == b"\xa5" * MIB


@needs_loops
def test_a_gpt_grows_to_a_larger_device(tmp_path: Path, card: Path) -> None:
    need("sgdisk")
    image = card_image(tmp_path / "gpt.img", table="gpt")
    with attached(card) as path:
        done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path)
        assert done.returncode == 0, done.stderr
        assert "No problems found" in run("sgdisk", "--verify", str(path))
        assert "::/kernel" in files_of(path)


@needs_loops
def test_a_gpt_without_its_backup_is_mended_on_a_larger_device(tmp_path: Path, card: Path) -> None:
    need("sgdisk")
    image = card_image(tmp_path / "gpt.img", table="gpt")
    os.truncate(image, SIZE - MIB)
    with attached(card) as path:
        done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path)
        assert (done.returncode, "verified" in done.stdout) == (0, True), done.stderr
        assert "No problems found" in run("sgdisk", "--verify", str(path))
        assert "::/kernel" in files_of(path)


@needs_loops
def test_a_gpt_on_large_sectors_is_warned_about(tmp_path: Path, card: Path) -> None:
    image = card_image(tmp_path / "gpt.img", table="gpt")
    with attached(card, "--sector-size", "4096") as path:
        done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path)
    assert done.returncode == 0, done.stderr
    assert "warning: the image counts in sectors of 512 bytes" in done.stderr


@needs_loops
def test_a_compressed_image_on_a_device(image: Path, card: Path) -> None:
    need("zstd")
    run("zstd", "-q", str(image))
    with attached(card) as path:
        done = lkboard("write", f"{image}.zst", "--to", path, "--allow-loop", "--yes-erase", path)
        assert done.returncode == 0, done.stderr
        assert "::/kernel" in files_of(path)


@needs_loops
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "refused: it is a loop device (if this is the right one, add: --allow-loop)"),
        (["--allow-loop"], "writing this device was not confirmed"),
        (["--allow-loop"], "(to erase it, add: --yes-erase '{path}')"),
        (["--allow-loop", "--yes-erase", "4C53"], "'4C53' is not the id of this device"),
        (["--allow-loop", "--yes-erase", "4C53"], "(to erase it, add: --yes-erase '{path}')"),
        (["--allow-loop", "--force"], "writing this device was not confirmed"),
        (["--yes-erase", "{path}"], "--allow-loop"),
    ],
)
def test_a_device_is_refused_without_its_id(image: Path, card: Path, options: list[str], message: str) -> None:
    with attached(card) as path:
        done = lkboard("write", image, "--to", path, *(option.format(path=path) for option in options))
        assert (done.returncode, message.format(path=path) in done.stderr) == (3, True), done.stderr
    assert _is_untouched(card)


@needs_loops
def test_a_device_that_is_too_small(image: Path, tmp_path: Path) -> None:
    card = filled_file(tmp_path / "small", SIZE - 512)
    with attached(card) as path:
        done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path)
    assert (done.returncode, "(512 bytes are missing)" in done.stderr) == (3, True)
    assert _is_untouched(card)


@needs_loops
def test_a_compressed_image_that_turns_out_too_large(image: Path, tmp_path: Path) -> None:
    run("gzip", "-1", str(image))
    card = filled_file(tmp_path / "small", SIZE - 512)
    with attached(card) as path:
        done = lkboard("write", f"{image}.gz", "--to", path, "--allow-loop", "--yes-erase", path)
    assert (done.returncode, "it is too small" in done.stderr) == (3, True)
    assert _is_untouched(card)


@needs_loops
def test_a_read_only_device(image: Path, card: Path) -> None:
    with attached(card, "--read-only") as path:
        done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path)
    assert (done.returncode, "it is read-only" in done.stderr) == (3, True)
    assert _is_untouched(card)


@needs_loops
def test_a_partition(image: Path, tmp_path: Path) -> None:
    card = partition(sparse_file(tmp_path / "card", CARD_SIZE), "label: dos\nstart=2048, type=83\n")
    with attached(card) as path:
        add_partitions(path)
        done = lkboard("write", image, "--to", f"{path}p1", "--allow-loop", "--yes-erase", f"{path}p1")
    assert (done.returncode, "it is a partition, not a whole device" in done.stderr) == (3, True)


@needs_loops
def test_a_mounted_device_names_the_way_out(image: Path, tmp_path: Path) -> None:
    card = sparse_file(tmp_path / "card", CARD_SIZE)
    place = tmp_path / "my place"
    place.mkdir()
    with attached(card) as path:
        run("mkfs.ext4", "-q", str(path))
        run("mount", str(path), str(place))
        try:
            done = lkboard("write", image, "--to", path, "--allow-loop", "--yes-erase", path)
        finally:
            run("umount", str(path))
    assert done.returncode == 3
    assert f"refused: {path} is mounted at {place} (unmount it first: umount '{place}')" in done.stderr


@needs_loops
@pytest.mark.parametrize("options", [[], ["--quiet"]], ids=["", "quiet"])
def test_a_terminal_shows_what_is_lost_and_asks(image: Path, tmp_path: Path, options: list[str]) -> None:
    card = partition(sparse_file(tmp_path / "card", CARD_SIZE), "label: dos\nstart=2048, size=8M, type=83\n")
    with attached(card) as path:
        add_partitions(path)
        run("mkfs.ext4", "-q", "-L", "holiday", f"{path}p1")
        with terminal("write", image, "--to", path, "--allow-loop", *options) as screen:
            screen.expect(f"To go on, type {path}:")
            assert f"Everything on {path} will be erased: {path}, 48.0 MiB\n" in screen.shown
            assert f"  {path}p1  8.0 MiB  ext4  holiday\n" in screen.shown
            screen.type(str(path))
            assert screen.wait() == 0
        assert f"{path}  verified" in screen.shown


@needs_loops
@pytest.mark.parametrize("answer", ["yes", "", "/dev/loop", "y"])
def test_another_answer_changes_nothing(image: Path, card: Path, answer: str) -> None:
    with attached(card) as path, terminal("write", image, "--to", path, "--allow-loop") as screen:
        screen.expect("To go on, type")
        screen.type(answer)
        assert screen.wait() == 3
        assert "not confirmed; nothing was changed" in screen.shown
    assert _is_untouched(card)


@needs_loops
def test_ctrl_c_stops_a_slow_write_and_leaves_a_blank_card(image: Path, tmp_path: Path) -> None:
    folder = tmp_path / "device"
    folder.mkdir()
    with faulty_device(folder, SIZE) as card:
        card.set_faults(delay=0.02)
        writer = subprocess.Popen(
            [sys.executable, "-m", "lkboard", "write", str(image), "--to", str(card.path), "--allow-loop",
             "--yes-erase", str(card.path), "--json"],
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert writer.stdout is not None
        for line in writer.stdout:
            event = json.loads(line)
            if event["event"] == "progress" and event["step"] == "Write" and event["done"] > MIB:
                break
        writer.send_signal(signal.SIGINT)
        output, errors = writer.communicate(timeout=PATIENCE)
        assert writer.returncode == 6, errors
        notes = [event for event in map(json.loads, output.splitlines()) if event["event"] == "note"]
        text = f"{card.path} is unfinished and what it held is lost: write it again"
        assert {"event": "note", "text": text, "level": "warning"} in notes
        card.set_faults()
        head = os.open(card.path, os.O_RDONLY)
        try:
            assert not any(os.read(head, MIB))
        finally:
            os.close(head)


@needs_loops
def test_a_failing_card(image: Path, tmp_path: Path) -> None:
    folder = tmp_path / "device"
    folder.mkdir()
    with faulty_device(folder, SIZE) as card:
        card.set_faults(fail_write=[2 * MIB, "EIO"])
        done = lkboard("write", image, "--to", card.path, "--allow-loop", "--yes-erase", card.path)
    assert done.returncode == 4
    assert f"{card.path}: cannot write at byte {2 * MIB}: Input/output error (try another card" in done.stderr


@needs_loops
def test_a_lying_card(image: Path, tmp_path: Path) -> None:
    folder = tmp_path / "device"
    folder.mkdir()
    with faulty_device(folder, SIZE) as card:
        card.set_faults(flip_write=2 * MIB)
        done = lkboard("write", image, "--to", card.path, "--allow-loop", "--yes-erase", card.path)
    assert done.returncode == 5
    assert "what was read back is not what was written" in done.stderr
