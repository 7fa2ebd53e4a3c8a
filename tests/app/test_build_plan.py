"""Which files a build will make, and everything that can be wrong with a command."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.boards import write_board

from lkboard.app.build_options import BuildOptions, epoch_of
from lkboard.app.formats import list_formats
from lkboard.app.planning import plan_build
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import BoardError, OutputError, UsageError
from lkboard.model.rootfs import EPOCH

NO_NAMES = [".", "..", "/", "./", "there/.."]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that commands are given in, on a machine that is always the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return tmp_path


def options(*files: str, **fields: object) -> BuildOptions:
    formats = str(fields.pop("format", "")).split(",")
    return BuildOptions(files or ("x.yml",), formats=tuple(filter(None, formats)), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{"board": "x86-bios"}, {"format": "vhd"}], ids=["board", "format"])
def test_the_size_of_disks_is_the_usual_or_what_is_asked_for(folder: Path, given: dict[str, str]) -> None:
    assert plan_build(options(**given)).size_bytes == 0
    assert plan_build(options(**given, size_bytes=7)).size_bytes == 7
    assert plan_build(options(**given, size_bytes=2 << 40)).size_bytes == 2 << 40


@pytest.mark.parametrize(
    ("given", "architecture", "expected"),
    [
        (options(), "amd64", ["x-kernel", "x-initrd.img", "x-cmdline"]),
        (options(architecture="arm64"), "arm64", ["x-kernel", "x-initrd.img", "x-cmdline"]),
        (options(architecture="aarch64"), "arm64", ["x-kernel", "x-initrd.img", "x-cmdline"]),
        (options(architecture="x86_64"), "amd64", ["x-kernel", "x-initrd.img", "x-cmdline"]),
        (options(architecture="riscv64", format="tar"), "riscv64", ["x.tar"]),
        (options(format="tar-kernel-initrd"), "amd64", ["x-initrd.tar"]),
        (options(format="raw-efi"), "amd64", ["x-efi.img"]),
        (options(format="raw-efi", architecture="arm64"), "arm64", ["x-efi.img"]),
        (
            options(format="raw-efi,kernel+initrd"),
            "amd64",
            ["x-efi.img", "x-kernel", "x-initrd.img", "x-cmdline"],
        ),
        (
            options(format="kernel+initrd,kernel+squashfs,kernel+iso"),
            "amd64",
            ["x-kernel", "x-initrd.img", "x-cmdline", "x-squashfs.img", "x.iso"],
        ),
        (options(format="tar", name="n"), "amd64", ["n.tar"]),
        (options(format="tar", directory="."), "amd64", ["x.tar"]),
        (options(output="y.tar"), "amd64", ["y.tar"]),
        (options(output="y", format="raw-efi"), "amd64", ["y"]),
        (options(output="-"), "amd64", ["-"]),
        (options(board="rpi3"), "arm64", ["x-rpi3.img"]),
        (options(board="pi3"), "arm64", ["x-rpi3.img"]),
        (options(board="x86-efi"), "amd64", ["x-x86-efi.img"]),
        (options(board="rpi3", architecture="arm64"), "arm64", ["x-rpi3.img"]),
        (options(board="rpi3", architecture="aarch64"), "arm64", ["x-rpi3.img"]),
        (options(board="rpi3", format="sdcard"), "arm64", ["x-rpi3.img"]),
        (options(board="rpi3", format="rpi3"), "arm64", ["x-rpi3.img"]),
        (options(board="arm64-efi", format="raw-efi", architecture="arm64"), "arm64", ["x-arm64-efi.img"]),
        (options(board="rpi3", name="n"), "arm64", ["n-rpi3.img"]),
        (options(board="rpi3", output="card"), "arm64", ["card"]),
        (options(format="rpi3"), "arm64", ["x-rpi3.img"]),
        (options(format="rpi3", architecture="arm64"), "arm64", ["x-rpi3.img"]),
        (options(compression="gz"), "amd64", ["x-kernel.gz", "x-initrd.img.gz", "x-cmdline.gz"]),
        (options(format="tar,", compression="xz", name="n"), "amd64", ["n.tar.xz"]),
        (options(format="gcp", compression="xz"), "amd64", ["x.img.tar.gz.xz"]),
        (options(board="rpi3", compression="zst"), "arm64", ["x-rpi3.img.zst"]),
        (options(board="rpi3", compression="zst", output="card"), "arm64", ["card"]),
        (options(output="-", compression="zst"), "amd64", ["-"]),
    ],
)
def test_what_is_made(given: BuildOptions, architecture: str, expected: list[str]) -> None:
    plan = plan_build(given)
    assert plan.architecture == architecture
    assert [str(path) for planned in plan.formats for path in planned.paths] == expected


@pytest.mark.parametrize(
    ("files", "with_format", "with_board"),
    [
        (("x.yml",), "x", "x"),
        (("a.yml", "b.yml"), "b", "a"),
        (("o.a.yml",), "o.a", "o.a"),
        (("in/a folder/x.yaml",), "x", "x"),
        (("noextension",), "noextension", "noextension"),
        ((".yml",), ".yml", ".yml"),
        ((".",), "moby", "moby"),
        (("..",), "moby", "moby"),
        (("/",), "moby", "moby"),
        (("..yml",), "moby", "moby"),
        (("http://h/..",), "moby", "moby"),
        (("-",), "moby", "moby"),
        (("x.yml", "-"), "moby", "x"),
        (("http://h/u.yml",), "u", "u"),
        (("http://h/u.yml?x=1",), "u", "u"),
        (("http://u:pw@h/conf?token=s3.cr3t",), "conf", "conf"),
        (("http://u:pw@h/conf#top/x",), "conf", "conf"),
        (("http://u:pw@h",), "h", "h"),
        (("http://u:p/w@h",), "moby", "moby"),
        (("what?.yml",), "what?", "what?"),
        (("https://h/a/u.yml/",), "u", "u"),
    ],
)
def test_files_are_named_after_a_config(files: tuple[str, ...], with_format: str, with_board: str) -> None:
    assert plan_build(options(*files, format="tar")).formats[0].paths == (Path(f"{with_format}.tar"),)
    assert plan_build(options(*files, board="rpi3")).formats[0].paths == (Path(f"{with_board}-rpi3.img"),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (options(output="y", name="n"), "-o does not go with --name or --dir (give the whole path to -o)"),
        (options(output="y", directory="."), "-o does not go with --name or --dir (give the whole path to -o)"),
        *((options(output=name, format="raw-efi"), f"-o: '{name}' names no file (-o NAME)") for name in NO_NAMES),
        *((options(name=name), f"--name: '{name}' names no file (--name NAME)") for name in NO_NAMES),
        *((options(name=name, board="rpi3"), f"--name: '{name}' names no file") for name in NO_NAMES),
        (options(output="y", format="kernel+initrd"), "-o names one file, but several would be made"),
        (options(output="y", format="raw-efi,tar-kernel-initrd"), "-o names one file, but several would be made"),
        (options(format="tar,kernel+initrd"), "the format 'tar' must be the only one (build it by itself)"),
        (options(format="tar,tar"), "the format 'tar' must be the only one"),
        (options(format="raw-efi,raw-efi"), "two formats would both write 'x-efi.img'"),
        (options(output="-", format="raw-efi"), "the format 'raw-efi' cannot go to standard output (name a file"),
        (options(output="-", board="rpi3"), "the format 'sdcard' cannot go to standard output (name a file"),
        (options(format="tarr"), "there is no output format 'tarr' (did you mean 'tar'?)"),
        (options(format="kernel-initrd"), "there is no output format 'kernel-initrd' (did you mean 'kernel+initrd'?)"),
        (options(format="zip"), "there is no output format 'zip' (known: aws, docker, "),
        (options(format="rpi4"), "there is no output format 'rpi4' (did you mean 'rpi3'?)"),
        (options(format="gcp", compression="gz"), "the format 'gcp' is compressed with gz by itself (leave out --c"),
        (options(format="raw-efi", size_bytes=(2 << 40) + 1), "--size: a disk can have 2 TiB (write 2048G or less; "),
        (options(board="rpi3", size_bytes=9 << 40), "--size: a disk can have 2 TiB (write 2048G or less; "),
        (options(format="x86-efi"), "there is no output format 'x86-efi' (it is a board: --board x86-efi)"),
        (options(format="tar,rpi3"), "there is no output format 'rpi3' (it is a board: --board rpi3)"),
        (
            options(format="raw-efi", architecture="riscv64"),
            "the format 'raw-efi' is for amd64 and arm64, not for riscv64 (add --arch amd64, or choose another: lkb",
        ),
        (options(format="iso-bios", architecture="arm64"), "the format 'iso-bios' is for amd64, not for arm64"),
        (options(format="iso-bios,kernel+iso"), "two formats would both write 'x.iso'"),
        (options(format="vhd,dynamic-vhd"), "two formats would both write 'x.vhd'"),
        (options(format="kernel+initrd,kernel+initrd"), "two formats would both write 'x-initrd.img'"),
        (options(format="sdcard"), "the format 'sdcard' for amd64 needs a board (name it: --board ID"),
        (
            options(board="rpi3", format="tar"),
            "the board 'rpi3' is written as 'sdcard', not 'tar' (leave out --format)",
        ),
        (
            options(board="pi3", format="sdcard,tar"),
            "the board 'rpi3' is written as 'sdcard', not 'sdcard,tar' (leave out --format)",
        ),
        (
            options(board="x86-efi", format="rpi3"),
            "the board 'x86-efi' is written as 'raw-efi', not 'rpi3' (leave out --format)",
        ),
        (
            options(board="rpi3", architecture="x86_64"),
            "the board 'rpi3' is arm64, not 'x86_64' (leave out --arch)",
        ),
        (options(format="rpi3", architecture="amd64"), "the board 'rpi3' is arm64, not 'amd64' (leave out --arch)"),
    ],
)
def test_what_does_not_go_together(given: BuildOptions, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_build(given)
    assert str(caught.value).startswith(message)
    assert caught.value.hint


def test_a_board_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"there is no board 'rpi33' \(did you mean 'rpi3'\?\)"):
        plan_build(options(board="rpi33"))


def test_a_board_by_its_folder(folder: Path) -> None:
    write_board(folder / "toy")
    plan = plan_build(options(board="./toy"))
    assert (plan.architecture, plan.formats[0].paths) == ("arm64", (Path("x-toy.img"),))


def test_a_board_that_names_an_unknown_format(folder: Path) -> None:
    board = write_board(folder / "toy") / "board.yml"
    board.write_text(board.read_text().replace("format: sdcard", "format: floppy"))
    with pytest.raises(UsageError, match="there is no output format 'floppy'"):
        plan_build(options(board="./toy"))


def test_only_streams_go_to_standard_output() -> None:
    assert plan_build(options(output="-")).to_stdout
    assert plan_build(options(output="-", format="tar")).to_stdout
    assert not plan_build(options(output="./-")).to_stdout


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (options(directory="no"), "no/x-kernel: the folder '{}/no' does not exist (create it: mkdir -p {}/no)"),
        (options(output="no/x.tar"), "no/x.tar: the folder '{}/no' does not exist (create it: mkdir -p {}/no)"),
        (options(name="no/x"), "no/x-kernel: the folder '{}/no' does not exist (create it: mkdir -p {}/no)"),
        (options(board="rpi3", output="file/y"), "file/y: cannot be written: Not a directory"),
        (options(output="full"), "full: is there and is not an ordinary file (choose another name)"),
        (options(output="/dev/null"), "/dev/null: is there and is not an ordinary file"),
        (options(output="link"), "link: the folder '{}/gone' does not exist (create it: mkdir -p {}/gone)"),
    ],
)
def test_places_where_no_file_can_be(folder: Path, given: BuildOptions, message: str) -> None:
    (folder / "full").mkdir()
    (folder / "file").touch()
    (folder / "link").symlink_to("gone/file")
    with pytest.raises(OutputError) as caught:
        plan_build(given)
    assert str(caught.value).startswith(message.replace("{}", str(folder)))


def test_a_folder_that_may_not_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere: the question to the system is answered for an ordinary user."""
    monkeypatch.setattr(os, "access", lambda *_arguments, **_options: False)
    with pytest.raises(OutputError, match=r"y\.tar: may not be written \(choose another folder"):
        plan_build(options(output="y.tar"))


@pytest.mark.parametrize("output", ["x.yml", "./x.yml", "link.yml"])
def test_the_config_is_not_overwritten(folder: Path, output: str) -> None:
    (folder / "x.yml").touch()
    (folder / "link.yml").symlink_to("x.yml")
    with pytest.raises(UsageError, match="the output is the config itself"):
        plan_build(options("base.yml", "x.yml", output=output))


def test_an_older_output_is_replaced(folder: Path) -> None:
    (folder / "x.yml").touch()
    (folder / "y.tar").touch()
    assert plan_build(options(output="y.tar")).formats[0].paths == (Path("y.tar"),)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (options(), []),
        (options(format="tar"), []),
        (options(board="rpi3"), ["x-rpi3.img.sha256", "x-rpi3.img.bmap"]),
        (options(board="rpi3", compression="xz"), ["x-rpi3.img.xz.sha256", "x-rpi3.img.xz.bmap"]),
        (options(board="rpi3", has_sidecars=False), []),
        (options(format="raw-efi,tar-kernel-initrd"), ["x-efi.img.sha256", "x-efi.img.bmap"]),
        (options(format="vmdk"), ["x.vmdk.sha256"]),
        (options(format="tar", has_sidecars=True), ["x.tar.sha256"]),
        (options(output="-"), []),
    ],
)
def test_what_is_put_beside_it(given: BuildOptions, expected: list[str]) -> None:
    plan = plan_build(given)
    assert [str(path) for planned in plan.formats for path in planned.sidecar_paths] == expected


def test_standard_output_has_no_sidecars() -> None:
    with pytest.raises(UsageError, match="standard output has no sidecars"):
        plan_build(options(output="-", has_sidecars=True))


@pytest.mark.parametrize("name", ["x.img.sha256", "x.img.bmap"])
def test_a_folder_in_the_place_of_a_sidecar_is_found_out_at_once(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    with pytest.raises(OutputError, match=f"{name}: is there and is not an ordinary file"):
        plan_build(options(board="rpi3", output="x.img"))


def test_planning_makes_nothing(folder: Path) -> None:
    plan_build(options(format="raw-efi,kernel+initrd"))
    assert list(folder.iterdir()) == []


@given(
    st.builds(
        options,
        board=st.sampled_from(["", "rpi3", "x86-efi", "nothing"]),
        format=st.lists(st.sampled_from(["tar", "kernel+initrd", "raw-efi", "rpi3", "sdcard", "zip"])).map(",".join),
        architecture=st.sampled_from(["", "amd64", "arm64", "x86_64", "riscv64"]),
        output=st.sampled_from(["", "-", "y.img"]),
        name=st.sampled_from(["", "n"]),
    )
)
def test_any_options_are_a_plan_or_a_clear_error(given: BuildOptions) -> None:
    try:
        plan = plan_build(given)
    except (UsageError, BoardError):
        return
    paths = [path for planned in plan.formats for path in planned.paths]
    assert len(set(paths)) == len(paths) > 0
    assert given.board in {"", *(planned.board.id for planned in plan.formats if planned.board)}
    assert plan.to_stdout == (given.output == "-")


def test_registry_options_become_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINUXKIT_MIRROR", "quay.io=https://q.lab https://all.lab")
    wanted = RegistryOptions(
        mirrors=("https://other.lab",), insecure=("h:1",), ca_files=("ca.pem",), always_pull=True, allow_wrong_arch=True
    )
    settings = wanted.settings()
    assert dict(settings.mirrors) == {"quay.io": "https://q.lab", "*": "https://other.lab"}
    assert (settings.insecure, settings.ca_files) == (("h:1",), ("ca.pem",))
    assert (settings.always_pull, settings.allow_wrong_arch) == (True, True)
    assert replace(wanted, always_pull=False).settings().always_pull is False


def test_a_mirror_that_is_no_address() -> None:
    with pytest.raises(UsageError, match="must start with http"):
        RegistryOptions(mirrors=("lab",)).settings()


@pytest.mark.parametrize("path", ["", ".", "../x", "/", "a/../../b"])
def test_a_bill_of_materials_needs_a_place_in_the_system(path: str) -> None:
    with pytest.raises(UsageError, match="is no place for the bill of materials"):
        plan_build(options(sbom=path))


@pytest.mark.parametrize("path", [None, "x", "/usr/share/bill.json"])
def test_a_bill_of_materials_goes_anywhere_in_the_system(path: str | None) -> None:
    assert plan_build(options(sbom=path)).formats


@pytest.mark.parametrize(("text", "epoch"), [("", EPOCH), ("315532800", 315532800), ("4294967295", 4294967295)])
def test_the_time_of_what_is_made_up(text: str, epoch: int) -> None:
    assert epoch_of(text) == epoch


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "315532799", "4294967296", "²", " 1500000000", "1" * 5000])
def test_a_time_that_no_format_holds_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        epoch_of(text)


def test_formats_that_are_boards_are_known_as_well(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        plan_build(options(format="zip"))
    assert {*caught.value.hint.removeprefix("known: ").split(", ")} == {listed.name for listed in list_formats()}
