"""Real builds, from images in a real registry to files that other programs read."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import newc
from support.boards import write_board
from support.fat import extracted, fsck
from support.images import digest, file, image, layer, tar
from support.kernels import bzimage
from support.lab import ARCHITECTURES, CMDLINE, DATA, FILES, SEED, Lab, config, kernel_of, tool_of
from support.tables import sfdisk, sgdisk
from support.writes import cancel, job_that_acts_at, job_that_cancels

from lkboard.app.build import build, dry_run
from lkboard.app.build_options import BuildOptions
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import Cancelled, ConfigError, PlatformMissing
from lkboard.events import Job, Progress, Step
from lkboard.model.artifact import Artifact

if TYPE_CHECKING:
    from support.faults import FaultProxy
    from support.jobs import RecordingJob

pytestmark = pytest.mark.registry

WEB = "containers/services/web"


def options(lab: Lab, *files: Path, **fields: object) -> BuildOptions:
    fields = {"cache": str(lab.cache), **fields}
    if "output" not in fields:
        fields.setdefault("directory", str(lab.out))
    return BuildOptions(tuple(map(str, files)), **fields)  # type: ignore[arg-type]


def tar_of(data: bytes) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(data))


def read(archive: tarfile.TarFile, path: str) -> bytes:
    file = archive.extractfile(path)
    assert file is not None
    return file.read()


def test_what_two_formats_share_is_made_once(lab: Lab, job: RecordingJob) -> None:
    made = build(options(lab, lab.config(FILES), formats=("kernel+initrd", "kernel+iso"), architecture="amd64"), job)
    assert [(Path(artifact.path).name, artifact.format) for artifact in made] == [
        ("x-kernel", "kernel+initrd"),
        ("x-initrd.img", "kernel+initrd"),
        ("x-cmdline", "kernel+initrd"),
        ("x.iso", "kernel+iso"),
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_tar_holds_the_files_of_the_architecture(lab: Lab, job: RecordingJob, architecture: str) -> None:
    (made,) = build(options(lab, lab.config(FILES), formats=("tar",), architecture=architecture), job)
    data = (lab.out / "x.tar").read_bytes()
    assert made == Artifact(str(lab.out / "x.tar"), "tar", len(data), made.mapped_bytes)
    with tar_of(data) as archive:
        assert read(archive, "boot/kernel") == kernel_of(architecture)
        assert read(archive, "bin/busybox") == tool_of(architecture)
        assert read(archive, f"{WEB}/lower/srv/seed") == SEED.data
        assert read(archive, "etc/motd") == b"willkommen\n"
        assert read(archive, "etc/größe") == "naïve\n".encode()


def test_a_tar_keeps_links_modes_and_owners(lab: Lab, job: RecordingJob) -> None:
    build(options(lab, lab.config(FILES), formats=("tar",)), job)
    with tarfile.open(lab.out / "x.tar") as archive:
        members = {member.name: member for member in archive}
    assert (members["bin/sh"].type, members["bin/sh"].linkname) == (tarfile.SYMTYPE, "busybox")
    assert (members["bin/ls"].type, members["bin/ls"].linkname) == (tarfile.LNKTYPE, "bin/busybox")
    assert members["bin/busybox"].mode == 0o4755
    seed = members[f"{WEB}/lower/srv/seed"]
    assert (seed.mode, seed.uid, seed.gid, seed.mtime) == (0o640, 7, 8, SEED.mtime)
    assert (members["var/lib/web"].mode, members["var/lib/web"].gid) == (0o750, 5)


def test_a_service_gets_the_config_of_its_image(lab: Lab, job: RecordingJob) -> None:
    build(options(lab, lab.config(), formats=("tar",)), job)
    with tarfile.open(lab.out / "x.tar") as archive:
        made = json.loads(read(archive, f"{WEB}/config.json"))
    assert made["process"]["args"] == ["/bin/web", "--port", "80"]
    assert made["process"]["cwd"] == "/srv"
    assert "LANG=C" in made["process"]["env"]
    assert made["process"]["capabilities"]["bounding"] == ["CAP_NET_BIND_SERVICE"]


def test_kernel_and_initrd_are_the_parts_of_the_tar(lab: Lab, job: RecordingJob) -> None:
    made = build(options(lab, lab.config(FILES), architecture="arm64"), job)
    build(options(lab, lab.config(FILES), architecture="arm64", formats=("tar",)), job)
    assert [artifact.path for artifact in made] == [
        str(lab.out / name) for name in ("x-kernel", "x-initrd.img", "x-cmdline")
    ]
    assert (lab.out / "x-kernel").read_bytes() == kernel_of("arm64")
    assert (lab.out / "x-cmdline").read_text() == CMDLINE
    members = {member.name: member for member in newc.members(gzip.decompress((lab.out / "x-initrd.img").read_bytes()))}
    with tarfile.open(lab.out / "x.tar") as archive:
        assert set(members) == {path for path in archive.getnames() if not path.startswith("boot/")}
        contents = {path: read(archive, path) for path in members if archive.getmember(path).isreg()}
    # newc keeps the bytes of a hard-linked file with one of its names
    shared = {(member.device, member.inode): member.data for member in members.values() if member.data}
    found = {path: shared.get((members[path].device, members[path].inode), b"") for path in contents}
    assert found == contents


def test_several_formats_are_made_in_one_go(lab: Lab, job: RecordingJob) -> None:
    made = build(options(lab, lab.config(), formats=("kernel+initrd", "tar-kernel-initrd")), job)
    assert [artifact.format for artifact in made] == ["kernel+initrd"] * 3 + ["tar-kernel-initrd"]
    with tarfile.open(lab.out / "x-initrd.tar") as archive:
        assert read(archive, "initrd.img") == (lab.out / "x-initrd.img").read_bytes()


def test_a_kernel_can_be_unpacked(lab: Lab, job: RecordingJob, lab_registry: object) -> None:
    packed = image(layer(file("kernel", gzip.compress(kernel_of("amd64"))), file("kernel.tar", tar())))
    lab.registry.push(packed, "lab/packed-kernel:v1")
    text = f"kernel: {{image: '{lab.registry.host}/lab/packed-kernel:v1'}}\n"
    build(options(lab, lab.write(text), architecture="amd64", decompress_kernel=True), job)
    assert (lab.out / "x-kernel").read_bytes() == kernel_of("amd64")


def test_config_files_are_merged_in_order(lab: Lab, job: RecordingJob) -> None:
    more = f"""\
kernel: {{image: "{lab.registry.host}/lab/kernel:v1", cmdline: "from=second"}}
onboot:
  - {{name: once, image: "{lab.registry.host}/lab/web:v1"}}
{FILES}"""
    build(options(lab, lab.config(), lab.write(more, "y.yml"), formats=("tar",)), job)
    with tarfile.open(lab.out / "y.tar") as archive:
        assert read(archive, "boot/cmdline") == b"from=second"
        assert json.loads(read(archive, f"{WEB}/config.json"))["process"]["cwd"] == "/srv"
        assert json.loads(read(archive, "containers/onboot/000-once/config.json"))["process"]["cwd"] == "/srv"
        assert read(archive, "etc/motd") == b"willkommen\n"


def test_a_config_without_a_kernel_makes_no_kernel(lab: Lab, job: RecordingJob) -> None:
    made = build(options(lab, lab.write(f"init: ['{lab.registry.host}/lab/init:v1']\n")), job)
    assert [artifact.path for artifact in made] == [str(lab.out / "x-initrd.img")]
    assert lab.made() == ["x-initrd.img"]


def test_a_stream_takes_the_place_of_the_file(lab: Lab, job: RecordingJob) -> None:
    (made,) = build(options(lab, lab.config(), output=str(lab.out / "x.tar")), job)
    stream = io.BytesIO()
    assert build(options(lab, lab.config(), output="-"), job, stdout=stream) == ()
    assert stream.getvalue() == (lab.out / "x.tar").read_bytes()
    assert made.size_bytes == len(stream.getvalue())


def test_the_second_build_asks_no_registry(lab: Lab, job: RecordingJob, proxy: FaultProxy) -> None:
    file = lab.config(host=proxy.host)
    build(options(lab, file, formats=("tar",)), job)
    assert proxy.seen()
    proxy.clear()
    build(options(lab, file, formats=("tar",)), job)
    build(options(lab, file), job)
    assert proxy.requests == []


def test_pull_asks_for_tags_again_and_not_for_blobs(lab: Lab, job: RecordingJob, proxy: FaultProxy) -> None:
    file = lab.config(host=proxy.host)
    build(options(lab, file, formats=("tar",)), job)
    proxy.clear()
    build(options(lab, file, formats=("tar",), registry=RegistryOptions(always_pull=True)), job)
    assert proxy.requests
    assert not any("/blobs/" in seen.path for seen in proxy.requests)


def test_only_the_wanted_architecture_is_fetched(lab: Lab, job: RecordingJob) -> None:
    build(options(lab, lab.config(), formats=("tar",), architecture="arm64"), job)
    held = b"".join(path.read_bytes() for path in (lab.cache / "blobs/sha256").iterdir())
    assert b'"architecture":"arm64"' in held
    assert b'"architecture":"amd64","os":"linux","config"' not in held


def test_a_mirror_serves_images_of_another_name(lab: Lab, job: RecordingJob) -> None:
    text = "init: [lab/init:v1]\n"
    wanted = RegistryOptions(mirrors=(lab.registry.url,))
    build(options(lab, lab.write(text), formats=("tar",), architecture="amd64", registry=wanted), job)
    with tarfile.open(lab.out / "x.tar") as archive:
        assert read(archive, "bin/busybox") == tool_of("amd64")


def test_a_damaged_layer_in_the_store_is_fetched_again(lab: Lab, job: RecordingJob, proxy: FaultProxy) -> None:
    file = lab.config(host=proxy.host)
    build(options(lab, file, output=str(lab.out / "first.tar")), job)
    blob = lab.cache / "blobs/sha256" / DATA.digest.removeprefix("sha256:")
    blob.chmod(0o644)
    blob.write_bytes(b"\0" * blob.stat().st_size)
    for unpacked in (lab.cache / ".lkboard/layers").iterdir():
        unpacked.unlink()
    proxy.clear()
    build(options(lab, file, output=str(lab.out / "second.tar")), job)
    assert [seen.path.rpartition("/")[2] for seen in proxy.seen("/blobs/")] == [DATA.digest]
    assert digest(blob.read_bytes()) == DATA.digest
    assert (lab.out / "first.tar").read_bytes() == (lab.out / "second.tar").read_bytes()


def test_an_architecture_that_an_image_does_not_have(lab: Lab, job: RecordingJob) -> None:
    with pytest.raises(PlatformMissing, match=r"lab/kernel:v1.*riscv64"):
        build(options(lab, lab.config(), architecture="riscv64"), job)
    assert lab.made() == []


def test_a_bad_config_stops_the_build_before_the_registry_is_asked(
    lab: Lab, job: RecordingJob, proxy: FaultProxy
) -> None:
    file = lab.config("nonsense: 1\nrubbish: 2\n", host=proxy.host)
    with pytest.raises(ConfigError) as caught:
        build(options(lab, file), job)
    assert len(caught.value.problems) == 2
    assert proxy.requests == []


def test_what_is_only_worth_knowing_is_a_note(lab: Lab, job: RecordingJob) -> None:
    build(options(lab, lab.config("trust: {}\n"), formats=("tar",)), job)
    assert any("trust" in note for note in job.notes)


@pytest.mark.parametrize("what", [{"board": "rpi3"}, {"formats": ("rpi3",)}])
def test_the_rules_of_a_board_hold_however_it_is_named(lab: Lab, job: RecordingJob, what: dict[str, object]) -> None:
    job.cancel()
    with pytest.raises(Cancelled):
        build(options(lab, lab.config(), **what), job)
    assert any("ttyS0" in note for note in job.notes)


def test_steps_come_in_order_and_progress_ends_at_the_total(lab: Lab, job: RecordingJob) -> None:
    build(options(lab, lab.config()), job)
    names = [event.name for event in job.events if isinstance(event, Step) and event.state == "started"]
    assert names == [
        *(
            "Resolve images",
            "Pull images",
            "Assemble root",
            "Unpack layers",
            "Lay out kernel+initrd",
            "Compress initrd",
        ),
        *(f"Write {lab.out / name}" for name in ("x-kernel", "x-initrd.img", "x-cmdline")),
    ]
    ended = [event for event in job.events if isinstance(event, Step) and event.state != "started"]
    assert {event.state for event in ended} == {"done"}
    for step in ("Pull images", "Unpack layers", "Compress initrd", f"Write {lab.out / 'x-initrd.img'}"):
        seen = [event for event in job.events if isinstance(event, Progress) and event.step == step]
        assert seen, step
        assert seen[-1].done == seen[-1].total
        assert [event.done for event in seen] == sorted(event.done for event in seen)


@pytest.mark.parametrize(
    "step",
    ["Resolve images", "Pull images", "Unpack layers", "Assemble root", "Compress initrd", "Lay out kernel+initrd"],
)
@pytest.mark.parametrize("state", ["started", "done"])
def test_a_build_can_be_stopped_in_every_step(lab: Lab, step: str, state: str) -> None:
    job = job_that_cancels(step, state)
    with pytest.raises(Cancelled):
        build(options(lab, lab.config()), job)
    assert lab.made() == []


@pytest.mark.parametrize("name", ["x-kernel", "x-initrd.img", "x-cmdline"])
def test_a_build_that_is_stopped_while_writing_leaves_no_part_of_a_format(lab: Lab, name: str) -> None:
    job = job_that_cancels(f"Write {lab.out / name}", "started")
    with pytest.raises(Cancelled):
        build(options(lab, lab.config()), job)
    assert lab.made() == []


def test_a_store_is_whole_after_a_build_was_stopped(lab: Lab, job: RecordingJob) -> None:
    for event in range(8):
        with pytest.raises(Cancelled):
            build(options(lab, lab.config(), formats=("tar",)), job_that_acts_at(event, cancel))
    build(options(lab, lab.config(), formats=("tar",)), job)
    with tarfile.open(lab.out / "x.tar") as archive:
        assert read(archive, f"{WEB}/lower/srv/seed") == SEED.data


def test_the_merged_config_can_be_seen(lab: Lab) -> None:
    text = dry_run(BuildOptions((str(lab.config()), str(lab.write(FILES, "y.yml")))), Job())
    assert "willkommen" in text
    assert f"{lab.registry.host}/lab/web:v1" in text
    assert dry_run(BuildOptions(("-",)), Job(), stdin=text.encode()) == text


class TestBoards:
    """Disks of boards that need no files of others."""

    CARD = """\
id: toy
title: Toy board
vendor: Nobody
support: untested
arch: arm64
boot_chain: rpi
format: sdcard
kernel: {path: kernel8.img, form: image}
initrd: {path: initrd.img}
console: ["ttyS1,115200"]
layout:
  table: mbr
  partitions:
    - {name: boot, type: "0c", filesystem: fat32, start: 1 MiB, active: true}
files:
  - {to: overlays/module.ko, kernel: lib/modules/net.ko, optional: true}
  - {to: logo.bmp, local: logo.bmp}
text:
  - {to: cmdline.txt, template: cmdline.txt}
"""
    DISK = (
        CARD.replace("format: sdcard", "format: raw-efi")
        .replace("boot_chain: rpi", "boot_chain: uefi")
        .replace("table: mbr", "table: gpt")
        .replace('type: "0c"', "type: C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
        .replace(", active: true", "")
    )

    @pytest.mark.parametrize("text", [CARD, DISK], ids=["sdcard", "raw-efi"])
    def test_the_files_are_on_the_disk(self, lab: Lab, job: RecordingJob, text: str) -> None:
        board = write_board(lab.folder / "toy", text)
        (made,) = build(options(lab, lab.config(), board=str(board)), job)
        assert made.path == str(lab.out / "x-toy.img")
        files = extracted(lab.out / "x-toy.img", lab.folder, offset=1 << 20)
        build(options(lab, lab.config(), architecture="arm64"), job)
        assert files["kernel8.img"] == (lab.out / "x-kernel").read_bytes() == kernel_of("arm64")
        assert files["initrd.img"] == (lab.out / "x-initrd.img").read_bytes()
        assert files["cmdline.txt"].decode().split() == CMDLINE.split()
        assert files["logo.bmp"] == b"BM"

    def test_the_card_is_sound(self, lab: Lab, job: RecordingJob) -> None:
        board = write_board(lab.folder / "toy", self.CARD)
        build(options(lab, lab.config(), board=str(board)), job)
        image = lab.out / "x-toy.img"
        (boot,) = sfdisk(image)["partitions"]
        assert (boot["start"], boot["type"], boot["bootable"]) == (2048, "c", True)
        (lab.folder / "fat").write_bytes(image.read_bytes()[boot["start"] * 512 :][: boot["size"] * 512])
        fsck(lab.folder / "fat")

    def test_the_gpt_is_sound(self, lab: Lab, job: RecordingJob) -> None:
        board = write_board(lab.folder / "toy", self.DISK)
        build(options(lab, lab.config(), board=str(board)), job)
        assert "No problems found" in sgdisk(lab.out / "x-toy.img", "-v")

    def test_a_disk_is_sparse(self, lab: Lab, job: RecordingJob) -> None:
        board = write_board(lab.folder / "toy", self.CARD)
        (made,) = build(options(lab, lab.config(), board=str(board)), job)
        image = lab.out / "x-toy.img"
        assert image.stat().st_size == made.size_bytes
        assert image.stat().st_blocks * 512 < made.mapped_bytes + (1 << 20) < made.size_bytes

    @pytest.mark.parametrize(
        ("packed", "is_kept"),
        [(bzimage(gzip.compress(b"inside")), True), (gzip.compress(b"inside"), False)],
        ids=["bzImage", "gzip"],
    )
    def test_a_kernel_is_unpacked_unless_the_loader_needs_it_packed(
        self, lab: Lab, job: RecordingJob, packed: bytes, is_kept: bool
    ) -> None:
        kernel = image(layer(file("kernel", packed), file("kernel.tar", tar())), architecture="arm64")
        lab.registry.push(kernel, "lab/packed:v1")
        config = lab.write(f"kernel: {{image: '{lab.registry.host}/lab/packed:v1'}}\n")
        board = write_board(lab.folder / "toy", self.DISK.replace(", form: image", ""))
        build(options(lab, config, board=str(board), decompress_kernel=True), job)
        files = extracted(lab.out / "x-toy.img", lab.folder, offset=1 << 20)
        assert files["kernel8.img"] == (packed if is_kept else b"inside")
        assert ("its boot loader starts the packed kernel" in "".join(job.notes)) is is_kept
        build(options(lab, config, architecture="arm64", decompress_kernel=True), job)
        assert (lab.out / "x-kernel").read_bytes() == b"inside"


def test_configs_from_standard_input(lab: Lab, job: RecordingJob) -> None:
    text = config(lab.registry.host).encode()
    wanted = BuildOptions(("-",), directory=str(lab.out), cache=str(lab.cache), formats=("tar",))
    build(wanted, job, stdin=text)
    build(options(lab, lab.config(), formats=("tar",)), job)
    assert (lab.out / "moby.tar").read_bytes() == (lab.out / "x.tar").read_bytes()


def test_source_date_epoch_is_the_time_of_what_is_made_up(
    lab: Lab, job: RecordingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500000000")
    build(options(lab, lab.config(FILES), formats=("tar",), architecture="amd64"), job)
    with tar_of((lab.out / "x.tar").read_bytes()) as archive:
        assert archive.getmember("boot/cmdline").mtime == 1500000000
