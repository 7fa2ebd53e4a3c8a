"""Systems compared in every form that they have: as a config, as a tar, as an initrd."""

from __future__ import annotations

import gzip
import io
import itertools
import lzma
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from support.images import file, image, layer, noise, tar
from support.lab import CMDLINE, FILES
from support.tools import need

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.app.diff import diff
from lkboard.disk.cpio import trailer as cpio_trailer
from lkboard.errors import BuildError, Cancelled, ConfigError, LayerInvalid, UsageError
from lkboard.oci.layers import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.lab import Lab

    from lkboard.model.difference import Difference

pytestmark = pytest.mark.registry

LONELY = "not compared, because an initrd cannot have it: /boot/cmdline, /boot/kernel"


def compared(lab: Lab, job: RecordingJob, before: object, after: object, **options: Any) -> Difference:
    return diff(str(before), str(after), BuildOptions((), architecture="amd64", **options), job)


@pytest.fixture
def forms(lab: Lab, job: RecordingJob) -> dict[str, Path]:
    """One system in every form."""
    for format_ in ("tar", "kernel+initrd"):
        options = BuildOptions(
            (str(lab.config(FILES)),), formats=(format_,), architecture="amd64", directory=str(lab.out)
        )
        build(options, job)
    alone = lab.out / "initrd.gz"
    alone.write_bytes((lab.out / "x-initrd.img").read_bytes())
    return {
        "config": lab.folder / "x.yml",
        "tar": lab.out / "x.tar",
        "initrd with its kernel": lab.out / "x-initrd.img",
        "initrd alone": alone,
    }


def test_a_system_is_the_same_in_every_form(lab: Lab, job: RecordingJob, forms: dict[str, Path]) -> None:
    for (one, before), (other, after) in itertools.product(forms.items(), repeat=2):
        found = compared(lab, job, before, after)
        assert found.is_equal, (one, other, found)
        is_known = "initrd alone" not in {one, other}
        assert found.cmdline_before == found.cmdline_after == (CMDLINE if is_known else None)
        assert found.notes == (() if is_known or one == other else (LONELY,))


def test_a_change_is_the_same_in_every_form(lab: Lab, job: RecordingJob, forms: dict[str, Path]) -> None:
    changed = lab.config(FILES.replace("willkommen", "welcome"), name="y.yml")
    found = [compared(lab, job, form, changed) for form in forms.values()]
    for one in found:
        assert [(change.path, change.details) for change in one.files] == [("/etc/motd", ("content",))]
        assert [(change.part, change.size_after - change.size_before) for change in one.sizes] == [("/", -3)]


def packed_with_zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, packed_with_zstd])
@pytest.mark.parametrize("form", ["tar", "initrd with its kernel"])
def test_archives_may_be_compressed_in_any_way(
    lab: Lab, job: RecordingJob, forms: dict[str, Path], form: str, pack: object
) -> None:
    data = forms[form].read_bytes()
    again = lab.out / "again"
    again.write_bytes(pack(data if form == "tar" else gzip.decompress(data)))  # type: ignore[operator]
    assert compared(lab, job, again, forms["config"]).is_equal


def test_an_initrd_may_be_plain(lab: Lab, job: RecordingJob, forms: dict[str, Path]) -> None:
    plain = lab.out / "plain"
    plain.write_bytes(gzip.decompress(forms["initrd alone"].read_bytes()))
    assert compared(lab, job, plain, forms["config"]).is_equal


def microcode(folder: Path) -> bytes:
    """Return an archive with microcode, made by another program."""
    path = folder / "kernel/x86/microcode/GenuineIntel.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(noise(3000, "microcode"))
    return archived(folder, "kernel", "kernel/x86", "kernel/x86/microcode", "kernel/x86/microcode/GenuineIntel.bin")


def archived(folder: Path, *names: str) -> bytes:
    """Return an archive with some files of a folder, made by another program."""
    need("cpio")
    command = ["cpio", "-o", "-H", "newc", "--quiet"]
    return subprocess.run(command, cwd=folder, input="\n".join(names).encode(), check=True, capture_output=True).stdout


def test_an_initrd_may_begin_with_microcode(lab: Lab, job: RecordingJob, tmp_path: Path) -> None:
    made = image(
        layer(file("kernel", b"k"), file("kernel.tar", tar(file("lib/a.ko"))), file("u.cpio", microcode(tmp_path)))
    )
    name = lab.registry.push(made, "diff/microcode:v1")
    config = lab.write(f"kernel: {{image: '{name}', cmdline: x, ucode: u.cpio}}\n")
    build(BuildOptions((str(config),), architecture="amd64", directory=str(lab.out)), job)
    assert compared(lab, job, config, lab.out / "x-initrd.img").is_equal
    without = lab.write(f"kernel: {{image: '{name}', cmdline: x}}\n", "y.yml")
    (change,) = compared(lab, job, lab.out / "x-initrd.img", without).files
    assert (change.path, change.change, change.part) == ("/boot/ucode.cpio", "removed", "boot")


def test_files_before_what_is_compressed_count(lab: Lab, job: RecordingJob, tmp_path: Path) -> None:
    """Only microcode is not of the root: the kernel unpacks all archives over one another."""
    (tmp_path / "early").write_bytes(b"early")
    (tmp_path / "late").write_bytes(b"late")
    early, late = archived(tmp_path, "early"), gzip.compress(archived(tmp_path, "late"))
    first, second, third = (lab.out / name for name in "abc")
    first.write_bytes(late)
    second.write_bytes(early + late)
    third.write_bytes(microcode(tmp_path) + early + late)
    assert [(change.path, change.change) for change in compared(lab, job, first, second).files] == [("/early", "added")]
    assert [(change.path, change.change) for change in compared(lab, job, second, third).files] == [
        ("/boot/ucode.cpio", "added")
    ]


def test_microcode_is_told_before_what_is_not_compressed(lab: Lab, job: RecordingJob, tmp_path: Path) -> None:
    (tmp_path / "late").write_bytes(b"late")
    plain, both = lab.out / "plain", lab.out / "both"
    plain.write_bytes(archived(tmp_path, "late"))
    both.write_bytes(microcode(tmp_path) + plain.read_bytes())
    assert [change.path for change in compared(lab, job, plain, both).files] == ["/boot/ucode.cpio"]


def test_a_tar_of_another_program_is_a_system(lab: Lab, job: RecordingJob) -> None:
    path = lab.out / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in (("./etc/motd", b"one"), ("etc/motd", b"three")):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o600
            archive.addfile(info, io.BytesIO(data))
    config = lab.write("files: [{path: etc/motd, contents: three}]")
    found = compared(lab, job, path, config)
    # folders that nobody describes are 0755, those of the config follow their file; and there is a bill of materials
    assert [(change.path, change.details) for change in found.files] == [
        ("/etc", ("mode 0755 -> 0700",)),
        ("/sbom.spdx.json", ("file",)),
    ]


def test_a_pinned_image_is_no_difference(lab: Lab, job: RecordingJob) -> None:
    first = image(layer(file("a")))
    name = lab.registry.push(first, "diff/moving:v1")
    config = lab.write(f"services: [{{name: a, image: '{name}'}}]")
    pinned = lab.write(f"services: [{{name: a, image: '{name}@{first.digest}'}}]", "pinned.yml")
    assert compared(lab, job, config, pinned).is_equal
    build(BuildOptions((str(config),), formats=("tar",), architecture="amd64", directory=str(lab.out)), job)
    assert compared(lab, job, config, lab.out / "x.tar").is_equal


def test_nothing_is_left_behind(lab: Lab, job: RecordingJob, forms: dict[str, Path]) -> None:
    compared(lab, job, forms["initrd alone"], forms["tar"])
    assert list((lab.cache / ".lkboard/diff").iterdir()) == []


# what cannot be compared


def test_a_damaged_initrd_is_told(lab: Lab, job: RecordingJob, forms: dict[str, Path]) -> None:
    path = forms["initrd alone"]
    whole = path.read_bytes()
    plain = gzip.decompress(whole)
    broken = {
        whole[:-2000]: "damaged",
        gzip.compress(plain[:2000]): "the cpio archive is damaged: the ",
        gzip.compress(plain + b"more"): "it ends with something else than an archive",
        plain + b"more": "it ends with something else than an archive",
    }
    for data, message in broken.items():
        path.write_bytes(data)
        with pytest.raises(BuildError, match=message):
            compared(lab, job, path, forms["config"])


@pytest.mark.parametrize("start", [tar(file("a")), cpio_trailer()], ids=["tar", "initrd"])
def test_a_bomb_is_refused(lab: Lab, job: RecordingJob, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr(unpack, "_SIZE_LIMIT", 1 << 20)
    path = lab.out / "bomb"
    path.write_bytes(packed_with_zstd(start + bytes(2 << 20)))
    with pytest.raises(BuildError, match="unpacks to more than 1 MiB"):
        compared(lab, job, path, path)
    assert list((lab.cache / ".lkboard/diff").iterdir()) == []


def test_a_bomb_in_a_bomb_is_refused(lab: Lab, job: RecordingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "_SIZE_LIMIT", 1 << 20)
    path = lab.out / "bomb"
    inner = packed_with_zstd(cpio_trailer() + noise(2000) + bytes(2 << 20))
    path.write_bytes(packed_with_zstd(cpio_trailer() + inner))
    with pytest.raises(BuildError, match="unpacks to more than 1 MiB"):
        compared(lab, job, path, path)


def packed_with_lz4(data: bytes) -> bytes:
    need("lz4")
    return subprocess.run(["lz4", "-l", "-c"], input=data, check=True, capture_output=True).stdout


@pytest.mark.parametrize("first", [b"", cpio_trailer()], ids=["alone", "behind microcode"])
def test_a_compression_that_is_unknown_is_named(lab: Lab, job: RecordingJob, first: bytes) -> None:
    path = lab.out / "an initrd"
    path.write_bytes(first + packed_with_lz4(cpio_trailer() + bytes(600)))
    with pytest.raises(UsageError, match=f"from byte {len(first)} on this is packed by lz4") as caught:
        compared(lab, job, path, path)
    hint = str(caught.value.hint).removeprefix("unpack it: ")
    subprocess.run(["sh", "-c", hint], check=True, cwd=lab.out)
    assert (lab.out / "root").read_bytes() == cpio_trailer() + bytes(600)


def test_an_unknown_compression_in_a_known_one_is_named(lab: Lab, job: RecordingJob) -> None:
    path = lab.out / "initrd"
    path.write_bytes(gzip.compress(cpio_trailer() + packed_with_lz4(bytes(600))))
    with pytest.raises(UsageError, match="is packed by lz4") as caught:
        compared(lab, job, path, path)
    assert caught.value.hint == "pack it with gzip, xz or zstd"


def test_a_cut_tar_is_told(lab: Lab, job: RecordingJob, forms: dict[str, Path]) -> None:
    data = forms["tar"].read_bytes()
    forms["tar"].write_bytes(data[: len(data) // 2])
    with pytest.raises(LayerInvalid, match=r"x\.tar: the tar archive is cut .* \(make it anew with lkboard build"):
        compared(lab, job, forms["tar"], forms["config"])


@pytest.mark.parametrize("data", [b"", b"\x7fELF" + bytes(600), gzip.compress(b"text")])
def test_what_is_no_system_is_told(lab: Lab, job: RecordingJob, data: bytes) -> None:
    path = lab.out / "x"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="neither a config nor a tar nor an initrd") as caught:
        compared(lab, job, path, path)
    assert caught.value.where == str(path)


def test_a_missing_file_and_a_folder_are_told(lab: Lab, job: RecordingJob) -> None:
    with pytest.raises(UsageError, match="there is no such"):
        compared(lab, job, lab.out / "none", lab.out / "none")
    with pytest.raises(UsageError, match="this is a folder"):
        compared(lab, job, lab.out, lab.out)
    with pytest.raises(ConfigError, match=r"none\.yml"):
        compared(lab, job, lab.out / "none.yml", lab.out / "none.yml")


def test_a_config_may_have_any_name(lab: Lab, job: RecordingJob) -> None:
    config, other = (lab.write("files: [{path: a, contents: b}]", name) for name in ("x.yml", "x.conf"))
    assert compared(lab, job, config, other).is_equal
    other.write_text("kernel: [")
    with pytest.raises(ConfigError, match=r"x\.conf:1:"):
        compared(lab, job, config, other)


def test_only_one_config_comes_from_standard_input(lab: Lab, job: RecordingJob) -> None:
    with pytest.raises(UsageError, match="only one of the two can be on standard input"):
        diff("-", "-", BuildOptions(()), job, stdin=b"{}")
    config = lab.write("files: [{path: a, contents: b}]")
    found = diff("-", str(config), BuildOptions(()), job, stdin=b"files: [{path: a, contents: b}]")
    assert found.is_equal


def test_comparing_can_be_cancelled(lab: Lab, job: RecordingJob, forms: dict[str, Path]) -> None:
    job.cancel()
    with pytest.raises(Cancelled):
        compared(lab, job, forms["tar"], forms["initrd alone"])
    assert list((lab.cache / ".lkboard/diff").iterdir()) == []
