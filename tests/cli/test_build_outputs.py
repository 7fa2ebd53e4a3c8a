"""``lkboard build --compress`` and ``--sidecars``, judged by the programs that people use on what they make."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.fat import extracted, fsck
from support.loops import attached, filled_file
from support.maps import MIB, NOISE
from support.processes import ENVIRONMENT, lkboard
from support.tools import need
from support.toy import toy

from lkboard.model.artifact import COMPRESSIONS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["toy"]

PROGRAMS = {"zst": "zstd", "xz": "xz", "gz": "gzip"}


def build(toy: Path, *options: object) -> list[str]:
    """Build into the folder ``out`` and return what is there."""
    out = toy / "out"
    out.mkdir(exist_ok=True)
    done = lkboard("build", toy / "x.yml", "--arch", "amd64", "--dir", out, *options)
    assert done.returncode == 0, done.stderr
    return sorted(path.name for path in out.iterdir())


def unpacked(program: str, path: Path) -> bytes:
    need(program)
    return subprocess.run([program, "-dc", path], capture_output=True, check=True).stdout


def test_the_image_of_a_board_has_a_sum_and_a_block_map(toy: Path) -> None:
    need("bmaptool")
    assert build(toy, "--board", toy / "toy") == ["x-toy.img", "x-toy.img.bmap", "x-toy.img.sha256"]
    subprocess.run(["sha256sum", "--strict", "-c", "x-toy.img.sha256"], cwd=toy / "out", check=True)
    subprocess.run(["bmaptool", "-q", "copy", toy / "out/x-toy.img", toy / "copy"], check=True, capture_output=True)
    assert (toy / "copy").read_bytes() == (toy / "out/x-toy.img").read_bytes()


def test_other_formats_have_none(toy: Path) -> None:
    assert build(toy, "--format", "tar") == ["x.tar"]
    assert build(toy) == ["x-cmdline", "x-initrd.img", "x-kernel", "x.tar"]


def test_every_format_has_a_sum_on_request(toy: Path) -> None:
    assert build(toy, "--format", "tar", "--sidecars") == ["x.tar", "x.tar.sha256"]
    subprocess.run(["sha256sum", "--strict", "-c", "x.tar.sha256"], cwd=toy / "out", check=True)


def test_there_are_none_when_nobody_wants_them(toy: Path) -> None:
    build(toy, "--board", toy / "toy")
    assert build(toy, "--board", toy / "toy", "--no-sidecars") == ["x-toy.img"]


def test_results_name_the_sidecars_and_the_sum(toy: Path) -> None:
    image = toy / "x.img"
    done = lkboard("build", toy / "x.yml", "--board", toy / "toy", "-o", image, "--json")
    (result,) = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "result"]
    assert result["sidecars"] == [f"{image}.sha256", f"{image}.bmap"]
    assert (toy / "x.img.sha256").read_text() == f"{result['sha256']}  x.img\n"
    assert (result["path"], result["size_bytes"], result["unpacked_bytes"]) == (str(image), image.stat().st_size, 0)


def test_writing_a_config_leaves_the_target_alone(toy: Path) -> None:
    (toy / "out").mkdir()
    done = lkboard("write", toy / "x.yml", "--board", toy / "toy", "--to", toy / "out/x.img")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (toy / "out").iterdir()] == ["x.img"]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_image_that_is_compressed_is_the_image(toy: Path, compression: str) -> None:
    program = PROGRAMS[compression]
    packed = f"x-toy.img.{compression}"
    assert build(toy, "--board", toy / "toy", "--compress", compression) == [
        packed,
        f"{packed}.bmap",
        f"{packed}.sha256",
    ]
    build(toy, "--board", toy / "toy")
    image = (toy / "out/x-toy.img").read_bytes()
    assert unpacked(program, toy / "out" / packed) == image
    subprocess.run(["sha256sum", "--strict", "-c", f"{packed}.sha256"], cwd=toy / "out", check=True)
    assert (toy / "out" / f"{packed}.bmap").read_bytes() == (toy / "out/x-toy.img.bmap").read_bytes()
    done = lkboard("write", toy / "out" / packed, "--to", toy / "card.img")
    assert done.returncode == 0, done.stderr
    assert (toy / "card.img").read_bytes() == image


def test_bmaptool_copies_a_compressed_image(toy: Path) -> None:
    need("bmaptool", "zstd")
    build(toy, "--board", toy / "toy", "--compress", "zst")
    packed = toy / "out/x-toy.img.zst"
    subprocess.run(["bmaptool", "-q", "copy", packed, toy / "copy"], check=True, capture_output=True)
    assert (toy / "copy").read_bytes() == unpacked("zstd", packed)


@pytest.mark.device
@pytest.mark.parametrize("compression", ["", ".zst"])
def test_bmaptool_makes_a_card_of_what_was_full_of_something_else(toy: Path, compression: str) -> None:
    """What a block map leaves out keeps its old bytes, so nothing that is read may be left out."""
    need("bmaptool", "zstd")
    image = toy / f"x.img{compression}"
    assert lkboard("build", toy / "x.yml", "--board", toy / "toy", "-o", image).returncode == 0
    card = filled_file(toy / "card", 64 * MIB)
    with attached(card) as path:
        subprocess.run(["bmaptool", "-q", "copy", image, path], check=True, capture_output=True)
    data = card.read_bytes()
    start, size = (512 * number for number in struct.unpack_from("<II", data, 446 + 8))  # the first partition
    (toy / "boot").write_bytes(data[start : start + size])
    fsck(toy / "boot")
    assert b"\xa5" * MIB in data[start : start + size]
    (toy / "files").mkdir()
    assert extracted(toy / "boot", toy / "files")["kernel"] == NOISE


def test_all_files_of_a_format_are_compressed(toy: Path) -> None:
    plain = build(toy)
    packed = {name for name in build(toy, "--compress", "gz") if name.endswith(".gz")}
    assert packed == {f"{name}.gz" for name in plain}
    for name in plain:
        assert unpacked("gzip", toy / "out" / f"{name}.gz") == (toy / "out" / name).read_bytes()


def test_the_name_of_the_output_says_how_it_is_compressed(toy: Path) -> None:
    lkboard("build", toy / "x.yml", "--arch", "amd64", "-o", toy / "x.tar")
    done = lkboard("build", toy / "x.yml", "--arch", "amd64", "-o", toy / "x.tar.zst", "--json")
    (result,) = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "result"]
    plain = (toy / "x.tar").read_bytes()
    assert unpacked("zstd", toy / "x.tar.zst") == plain
    assert (result["size_bytes"], result["unpacked_bytes"]) == ((toy / "x.tar.zst").stat().st_size, len(plain))


def test_the_result_tells_both_sizes(toy: Path) -> None:
    done = lkboard("build", toy / "x.yml", "--board", toy / "toy", "-o", toy / "x", "--compress", "zst")
    assert done.stdout.startswith(f"{toy}/x  2.")
    assert done.stdout.endswith("MiB unpacked)\n")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_stream_is_compressed_on_its_way(toy: Path, compression: str) -> None:
    command = [sys.executable, "-m", "lkboard", "build", toy / "x.yml", "--arch", "amd64", "-o", "-"]
    plain = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True).stdout
    with (toy / "packed").open("wb") as packed:
        subprocess.run([*command, "--compress", compression], env=ENVIRONMENT, stdout=packed, check=True)
    assert unpacked(PROGRAMS[compression], _named(toy / "packed", compression)) == plain


def _named(path: Path, compression: str) -> Path:
    """Give a file the name without which its program does not unpack it."""
    return path.rename(f"{path}.{compression}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--compress", "bz2"], "--compress: there is no 'bz2' (known: zst, xz, gz)"),
        (["-o", "x.tar.xz", "--compress", "gz"], "'x.tar.xz' is no name for --compress gz (--compress xz, or another"),
        (["-o", "-", "--sidecars"], "standard output has no sidecars (leave out --sidecars, or name a file: -o FILE)"),
    ],
)
def test_wrong_use_is_status_2(toy: Path, options: list[str], message: str) -> None:
    done = lkboard("build", toy / "x.yml", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"lkboard: {message}" in done.stderr


def test_a_compressed_image_does_not_boot_but_says_what_to_do(toy: Path) -> None:
    build(toy, "--board", toy / "toy", "--compress", "zst")
    image = toy / "out/x-toy.img.zst"
    done = lkboard("test", image, "--board", "x86-efi")
    assert f"{image}: this is compressed with zstd, not a raw disk image (unpack it: zstd -dc {image} > " in done.stderr


@pytest.mark.parametrize(
    ("name", "config", "output", "message"),
    [
        ("data", "files: [{path: etc/data, source: data}]\n", "data", "data: the output is a source of 'files' itself"),
        ("img.bmap", "", "img", "img.bmap: a sidecar of the output is the config itself (name another file)"),
    ],
)
def test_what_a_build_reads_stays(
    toy: Path, monkeypatch: pytest.MonkeyPatch, name: str, config: str, output: str, message: str
) -> None:
    monkeypatch.chdir(toy)
    text = (toy / "x.yml").read_text() + config
    (toy / "x.yml").write_text(text)
    (toy / name).write_text(text)
    given = "x.yml" if config else name
    done = lkboard("build", given, "--arch", "amd64", "--format", "tar", "-o", output)
    assert done.returncode == 2
    assert message in done.stderr
    assert (toy / name).read_text() == text


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        (["--format", "tar"], ["warning: --size is that of disks and says nothing about tar"]),
        (
            ["--format", "kernel+initrd,kernel+iso"],
            ["warning: --size is that of disks and says nothing about kernel+initrd and kernel+iso"],
        ),
        (["--board", "./toy"], []),
    ],
)
def test_a_size_without_a_disk_is_told(
    toy: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], notes: list[str]
) -> None:
    monkeypatch.chdir(toy)
    arch = [] if "--board" in given else ["--arch", "amd64"]
    done = lkboard("build", "x.yml", *arch, *given, "--size", "512M")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "--size" in line] == notes
