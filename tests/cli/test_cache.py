"""``lkboard cache`` from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from support.faults import FaultProxy, Hang
from support.home import empty_home
from support.images import file, image, index, layer, write_layout
from support.processes import ENVIRONMENT, lkboard
from support.waiting import PATIENCE, wait_until

from lkboard.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from support.lab import Lab

NAME = "docker.io/lab/x:v1"
AMD64 = image(layer(file("a")))
ARM64 = image(layer(file("b")), architecture="arm64")
BOTH = index([AMD64, ARM64])
OLD = 1_000_000_000


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with an image, of which one platform is whole."""
    empty_home(tmp_path / "home", monkeypatch)
    folder = write_layout(tmp_path / "cache", {NAME: BOTH.without(list(ARM64.blobs)[1])})
    monkeypatch.setenv("LKBOARD_CACHE", str(folder))
    monkeypatch.setitem(ENVIRONMENT, "LKBOARD_CACHE", str(folder))
    return folder


def blob(cache: Path, digest: str) -> Path:
    return cache / "blobs" / digest.replace(":", "/")


def results(text: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in text.splitlines()]
    return [event for event in events if event["event"] == "result"]


class TestList:
    def test_images_are_listed(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "ls"]) == 0
        line = capsys.readouterr().out
        assert line.split()[:2] == [NAME, BOTH.digest[:19]]
        assert line.endswith("linux/amd64 linux/arm64 (incomplete)\n")

    def test_the_list_is_there_for_machines(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "ls", "--json"]) == 0
        (found,) = results(capsys.readouterr().out)
        assert (found["name"], found["digest"]) == (NAME, BOTH.digest)
        assert found["size_bytes"] == sum(path.stat().st_size for path in (cache / "blobs/sha256").iterdir())
        assert found["platforms"] == [
            {"platform": "linux/amd64", "is_complete": True},
            {"platform": "linux/arm64", "is_complete": False},
        ]

    def test_an_empty_store_says_how_to_fill_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "ls", "--cache", str(tmp_path / "none")]) == 0
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "lkboard cache pull REF" in captured.err


FOREIGN = "x\ndocker.io/library/trusted:v1  sha256:0\t; y"
SHOWN = r"x\ndocker.io/library/trusted:v1  sha256:0\t; y"


class TestForeignNames:
    """The index.json of a store that somebody else made may call images anything."""

    @pytest.fixture
    def named(self, cache: Path) -> Path:
        return write_layout(cache, {FOREIGN: AMD64})

    def test_a_list_has_a_line_for_each_image(self, named: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "ls"]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith(f"{SHOWN}  {AMD64.digest[:19]}  ")

    def test_what_was_removed_is_one_line(self, named: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "rm", FOREIGN]) == 0
        assert capsys.readouterr().out == f"removed {SHOWN}\n"

    def test_damage_is_one_line_and_its_remedy_is_quoted(self, named: Path, capsys: pytest.CaptureFixture[str]) -> None:
        digest = list(AMD64.blobs)[1]
        blob(named, digest).write_bytes(b"x")
        assert main(["cache", "verify"]) == 1
        captured = capsys.readouterr()
        assert captured.out.splitlines()[0] == f"damaged, put away: {digest}  needed by {SHOWN}"
        assert captured.err.endswith(f"fetch it again: lkboard cache pull '{SHOWN}'\n")

    def test_machines_get_the_name_as_it_is(self, named: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "ls", "--json"]) == 0
        (found,) = results(capsys.readouterr().out)
        assert found["name"] == FOREIGN


class TestRemove:
    @pytest.mark.parametrize("name", [NAME, "lab/x:v1"])
    def test_a_name_is_removed_and_gc_frees_its_space(
        self, cache: Path, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        assert main(["cache", "rm", name]) == 0
        assert capsys.readouterr().out == f"removed {NAME}\n"
        for path in (cache / "blobs/sha256").iterdir():
            os.utime(path, (OLD, OLD))
        assert main(["cache", "gc"]) == 0
        assert list((cache / "blobs/sha256").iterdir()) == []

    def test_a_tag_may_be_left_out(self, cache: Path, tmp_path: Path) -> None:
        write_layout(cache, {"docker.io/library/redis:latest": AMD64})
        assert main(["cache", "rm", "redis"]) == 0

    def test_an_image_without_a_name_goes_by_its_digest(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (cache / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [AMD64.descriptor]}))
        main(["cache", "ls"])
        assert AMD64.digest in capsys.readouterr().out
        assert main(["cache", "rm", AMD64.digest]) == 0
        assert json.loads((cache / "index.json").read_bytes())["manifests"] == []

    def test_a_missing_name_removes_nothing(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "rm", NAME, "lab/x:v2"]) == 1
        assert capsys.readouterr().err == (f"lkboard: lab/x:v2: the store has no such image (did you mean '{NAME}'?)\n")
        assert main(["cache", "rm", NAME]) == 0


class TestCollect:
    def test_what_would_be_freed_is_told(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        garbage = blob(cache, "sha256:" + "0" * 64)
        garbage.write_bytes(bytes(5000))
        os.utime(garbage, (OLD, OLD))
        assert main(["cache", "gc", "--dry-run"]) == 0
        assert capsys.readouterr().out == "  4.9 KiB  blobs that no image needs (1)\n  4.9 KiB  would free in all\n"
        assert garbage.exists()
        assert main(["cache", "gc", "--json"]) == 0
        found = results(capsys.readouterr().out)
        assert found == [
            {"event": "result", "kind": "blob", "count": 1, "size_bytes": 5000},
            {"event": "result", "dry_run": False, "total_bytes": 5000},
        ]
        assert not garbage.exists()

    def test_named_images_stay(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for path in (cache / "blobs/sha256").iterdir():
            os.utime(path, (OLD, OLD))
        before = sorted((cache / "blobs/sha256").iterdir())
        assert main(["cache", "gc", "--keep-days", "0", "--keep-bytes", "0M"]) == 0
        assert sorted((cache / "blobs/sha256").iterdir()) == before

    @pytest.mark.parametrize("options", [["--keep-days", "1"], ["--keep-bytes", "0M"]])
    def test_derived_data_goes_on_request(self, cache: Path, options: list[str]) -> None:
        segment = cache / ".lkboard" / "segments" / "x.gz"
        segment.parent.mkdir(parents=True)
        segment.write_bytes(b"x")
        os.utime(segment, (OLD, OLD))
        assert main(["cache", "gc"]) == 0
        assert segment.exists()
        assert main(["cache", "gc", *options]) == 0
        assert not segment.exists()

    @pytest.mark.parametrize("days", ["-1", "x", "36501", "9" * 400, "9" * 5000], ids=len)
    def test_a_time_out_of_range_is_a_usage_error(self, cache: Path, days: str) -> None:
        assert main(["cache", "gc", "--keep-days", days]) == 2

    @pytest.mark.parametrize("size", ["5X", "", "9" * 400, "9" * 5000], ids=len)
    def test_a_size_out_of_range_is_a_usage_error(self, cache: Path, size: str) -> None:
        assert main(["cache", "gc", "--keep-bytes", size]) == 2

    def test_the_longest_time_is_taken(self, cache: Path) -> None:
        assert main(["cache", "gc", "--keep-days", "36500"]) == 0


class TestVerify:
    @pytest.fixture
    def cache(self, cache: Path) -> Path:
        """A store with an image that was pulled for one platform only."""
        blob(cache, ARM64.digest).unlink()
        return cache

    def test_a_sound_store_ends_well(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "verify"]) == 0
        assert capsys.readouterr().out.endswith(" 0 damaged, 0 incomplete\n")

    def test_what_an_image_lacks_is_named_with_what_to_do(
        self, cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        digest = list(AMD64.blobs)[1]
        blob(cache, digest).unlink()
        assert main(["cache", "verify"]) == 1
        captured = capsys.readouterr()
        lines = captured.out.splitlines()
        assert lines[0] == f"incomplete: {NAME} linux/amd64  lacks {digest}"
        assert lines[1].endswith(" 0 damaged, 1 incomplete")
        assert captured.err.splitlines()[-1] == f"fetch it again: lkboard cache pull {NAME} --arch linux/amd64"

    def test_gaps_are_there_for_machines(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        digest = list(AMD64.blobs)[1]
        blob(cache, digest).unlink()
        assert main(["cache", "verify", "--json"]) == 1
        gap, total = results(capsys.readouterr().out)
        assert gap == {"event": "result", "image": NAME, "platform": "linux/amd64", "missing": [digest]}
        assert (total["damaged_count"], total["incomplete_count"]) == (0, 1)

    def test_an_image_without_a_name_that_is_not_whole_can_only_be_forgotten(
        self, cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (cache / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [AMD64.descriptor]}))
        blob(cache, AMD64.digest).unlink()
        assert main(["cache", "verify"]) == 1
        repair = capsys.readouterr().err.splitlines()[-1]
        assert repair.endswith(f"lkboard cache rm {AMD64.digest}")
        assert main(repair.partition("lkboard ")[2].split()) == 0
        assert main(["cache", "verify"]) == 0

    def test_files_of_boards_come_back_with_a_build(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Their list has a name that no registry knows."""
        cache = write_layout(tmp_path / "files", {"lkboard.local/files:urls": AMD64})
        blob(cache, list(AMD64.blobs)[1]).unlink()
        assert main(["cache", "verify", "--cache", str(cache)]) == 1
        error = capsys.readouterr().err
        assert "cache pull" not in error
        assert "lkboard build --board BOARD CONFIG" in error

    def test_damage_is_told_with_the_images_that_it_hits(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        digest = list(AMD64.blobs)[1]
        blob(cache, digest).write_bytes(b"x")
        assert main(["cache", "verify"]) == 1
        captured = capsys.readouterr()
        assert f"damaged, put away: {digest}  needed by {NAME}\n" in captured.out
        assert f"fetch it again: lkboard cache pull {NAME}\n" in captured.err
        assert main(["cache", "verify"]) == 1
        assert f"incomplete: {NAME} linux/amd64  lacks {digest}" in capsys.readouterr().out

    @pytest.mark.parametrize("name", ["docker.io/lkboard/init:kit", "lkboard.local/debian-packages:amd64"])
    def test_damage_of_the_kit_is_repaired_by_the_kit(
        self, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cache = write_layout(tmp_path / "kit", {name: AMD64})
        blob(cache, list(AMD64.blobs)[1]).write_bytes(b"x")
        assert main(["cache", "verify", "--cache", str(cache)]) == 1
        assert capsys.readouterr().err.splitlines()[-1] == "make the kit again: lkboard kit build"

    def test_damage_is_there_for_machines(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        digest = list(AMD64.blobs)[1]
        blob(cache, digest).write_bytes(b"x")
        assert main(["cache", "verify", "--json"]) == 1
        damage, total = results(capsys.readouterr().out)
        assert (damage["digest"], damage["images"]) == (digest, [NAME])
        assert total["damaged_count"] == 1


class TestImport:
    def test_names_are_told(self, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "import", str(cache), "--cache", str(tmp_path / "other")]) == 0
        assert capsys.readouterr().out == f"imported {NAME}\n"

    def test_an_archive_comes_through_standard_input(self, cache: Path, tmp_path: Path) -> None:
        archive, other = tmp_path / "x.tar", tmp_path / "other"
        assert main(["cache", "export", NAME, "-o", str(archive), "--arch", "amd64"]) == 0
        with archive.open("rb") as stdin:
            command = [
                sys.executable,
                "-m",
                "lkboard",
                "cache",
                "import",
                "-",
                "--name",
                "lab/y",
                "--cache",
                str(other),
            ]
            done = subprocess.run(command, stdin=stdin, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "imported docker.io/lab/y\n"), done.stderr

    def test_what_is_no_archive_is_one_line(
        self, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "x").write_bytes(b"no archive")
        assert main(["cache", "import", str(tmp_path / "x")]) == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lkboard:")]
        assert line.startswith(f"lkboard: {tmp_path / 'x'}: ")

    def test_ctrl_c_ends_the_wait_for_standard_input(self, cache: Path) -> None:
        command = [sys.executable, "-m", "lkboard", "cache", "import", "-", "--json"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT
        ) as process:
            wait_until(lambda: any((cache / ".lkboard" / "ingest").glob("new-*")))
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 6
        assert list((cache / ".lkboard" / "ingest").iterdir()) == []


class TestExport:
    def test_the_file_is_told(self, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "x.tar"
        assert main(["cache", "export", "lab/x:v1", "--outfile", str(path), "--format", "docker", "--json"]) == 0
        (found,) = results(capsys.readouterr().out)
        assert found == {"event": "result", "path": str(path), "format": "docker", "size_bytes": path.stat().st_size}

    def test_an_archive_goes_to_standard_output(self, cache: Path, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "lkboard", "cache", "export", NAME, "-o", "-"]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True)
        (tmp_path / "x.tar").write_bytes(done.stdout)
        with tarfile.open(tmp_path / "x.tar") as tar:
            assert "index.json" in tar.getnames()

    def test_an_archive_and_json_do_not_mix(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cache", "export", NAME, "-o", "-", "--json"]) == 2


@pytest.mark.registry
class TestPull:
    def test_what_came_is_listed(self, lab: Lab) -> None:
        done = lkboard("cache", "pull", f"{lab.registry.host}/lab/web:v1", "--platform", "linux/arm64")
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("linux/amd64 (incomplete) linux/arm64\n")

    def test_a_build_finds_all_that_it_needs(self, lab: Lab) -> None:
        names = [f"{lab.registry.host}/lab/{name}:v1" for name in ("kernel", "init", "web")]
        assert lkboard("cache", "pull", "--arch", "arm64", *names).returncode == 0
        done = lkboard("build", lab.config(), "--arch", "arm64", "--format", "tar", "--dir", lab.out, "--offline")
        assert done.returncode == 0, done.stderr

    def test_ctrl_c_ends_it(self, lab: Lab, proxy: FaultProxy) -> None:
        hang = Hang()
        proxy.add(hang, path="/blobs/")
        command = [sys.executable, "-m", "lkboard", "cache", "pull", f"{proxy.host}/lab/web:v1"]
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert hang.has_come.wait(PATIENCE)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 6
            assert process.stderr
            assert b"Traceback" not in process.stderr.read()
        hang.release.set()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pull", "x@sha256:00"), "'x@sha256:00' has an invalid digest"),
        (("import", "x.tar", "--name", "BAD NAME"), "--name: 'BAD NAME' is not an image reference"),
        (("export", NAME, "-o", "x.tar", "--name", "A"), "--name: 'A' is not an image reference"),
    ],
    ids=["pull", "import", "export"],
)
def test_what_is_no_name_is_bad_usage(
    cache: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert main(["cache", *arguments]) == 2
    assert f"lkboard: {message}" in capsys.readouterr().err


def test_ctrl_c_ends_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blob is so large that nobody could have read it by then."""
    empty_home(tmp_path / "home", monkeypatch)
    huge = blob(tmp_path / "cache", "sha256:" + "0" * 64)
    huge.parent.mkdir(parents=True)
    huge.touch()
    os.truncate(huge, 1 << 38)
    command = [sys.executable, "-m", "lkboard", "cache", "verify", "--json", "--cache", str(tmp_path / "cache")]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["state"] == "started"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 6
    assert huge.exists()
