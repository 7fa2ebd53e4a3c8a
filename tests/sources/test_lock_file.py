"""The lock as a file."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.waiting import PATIENCE

from lkboard.disk.folders import holding
from lkboard.errors import BuildError, OutputError
from lkboard.model.lock import Lock, LockedFile, LockedImage, LockedPackage, LockedTool
from lkboard.model.package import Package
from lkboard.sources.lock_file import format_lock, read_lock, update_lock, write_lock

REMAKE = "lkboard lock x.yml"
RUNC = Package("runc", "1.1.5+ds1-1", "amd64", 64 * "a", 2709960, "bookworm/main")
KERNEL = Package("linux-image-6.1.0-9-arm64", "6.1.9-1", "arm64", 64 * "b", 70550672, "bookworm-security/main")
LOCK = Lock(
    images=(
        LockedImage("docker.io/lab/web:1", f"sha256:{64 * 'd'}"),
        LockedImage("docker.io/lab/a", "sha512:" + 128 * "c"),
    ),
    packages=(LockedPackage("linux-image-arm64", KERNEL), LockedPackage("runc", RUNC)),
    files=(LockedFile("rpi3", "start.elf", 64 * "e", "LicenseRef-Broadcom"), LockedFile("rpi3", "fixup.dat", 64 * "f")),
    tools=(LockedTool("mksquashfs", "4.5.1"),),
)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,8}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9][A-Za-z0-9.+~:-]{0,8}", fullmatch=True)
PACKAGES = st.builds(
    LockedPackage,
    NAMES,
    st.builds(Package, NAMES, VERSIONS, st.sampled_from(["amd64", "arm64"]), HEX, st.integers(0), WORDS),
)
LOCKS = st.builds(
    Lock,
    st.lists(st.builds(LockedImage, WORDS, HEX.map("sha256:{}".format)), unique_by=lambda image: image.reference).map(
        tuple
    ),
    st.lists(PACKAGES, unique_by=lambda one: (one.package.architecture, one.wanted, one.package.version)).map(tuple),
    st.lists(st.builds(LockedFile, WORDS, WORDS, HEX, WORDS), unique_by=lambda file: (file.board, file.to)).map(tuple),
    st.lists(st.builds(LockedTool, WORDS, WORDS), unique_by=lambda tool: tool.name).map(tuple),
)


def items(lock: Lock) -> list[set[Any]]:
    """Return the items of each section without their order, which the file does not keep."""
    return [{*lock.images}, {*lock.packages}, {*lock.files}, {*lock.tools}]


def test_a_lock_has_one_item_a_line_in_a_fixed_order() -> None:
    lines = format_lock(LOCK).splitlines()
    assert [line.partition(":")[0].strip() for line in lines if not line.startswith("    ")] == [
        *("{", '"version"', '"images"', "],", '"packages"', "],", '"files"', "],", '"tools"', "]", "}"),
    ]
    assert lines[7] == (
        '    {"architecture": "amd64", "name": "runc", "sha256": "' + 64 * "a" + '", "size": 2709960, '
        '"suite": "bookworm/main", "version": "1.1.5+ds1-1", "wanted": "runc"},'
    )
    assert [json.loads(line.strip(" ,"))["to"] for line in lines if '"to"' in line] == ["fixup.dat", "start.elf"]


def test_the_order_of_the_items_does_not_matter() -> None:
    turned = Lock(LOCK.images[::-1], LOCK.packages[::-1], LOCK.files[::-1], LOCK.tools)
    assert format_lock(turned) == format_lock(LOCK)


def test_a_section_without_items_is_left_out() -> None:
    assert format_lock(Lock()) == '{\n  "version": 1\n}\n'


@settings(max_examples=40)
@given(LOCKS)
def test_any_lock_is_read_back(tmp_path_factory: pytest.TempPathFactory, lock: Lock) -> None:
    path = tmp_path_factory.getbasetemp() / "any.lock"
    write_lock(path, lock)
    assert items(read_lock(path, remake=REMAKE)) == items(lock)


def test_a_lock_says_where_it_is_and_how_it_is_made(tmp_path: Path) -> None:
    write_lock(tmp_path / "x.lock", LOCK)
    lock = read_lock(tmp_path / "x.lock", remake=REMAKE)
    assert (lock.place, lock.remake) == (str(tmp_path / "x.lock"), REMAKE)


def test_writing_replaces_the_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("old")
    write_lock(path, LOCK)
    assert items(read_lock(path, remake=REMAKE)) == items(LOCK)
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none/x.lock"
    with pytest.raises(OutputError, match=f"the folder '{tmp_path}/none' does not exist") as caught:
        write_lock(path, LOCK)
    assert caught.value.where == str(path)
    assert caught.value.hint == f"create it: mkdir -p {tmp_path}/none"


def test_a_lock_that_is_a_link_is_written_where_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "shared.lock").write_text("old")
    (tmp_path / "x.lock").symlink_to("shared.lock")
    write_lock(tmp_path / "x.lock", LOCK)
    assert (tmp_path / "x.lock").is_symlink()
    assert (tmp_path / "shared.lock").read_text() == format_lock(LOCK)


def test_a_device_is_not_replaced_by_a_lock() -> None:
    with pytest.raises(OutputError, match="/dev/null: is there and is not an ordinary file"):
        write_lock(Path("/dev/null"), LOCK)


def test_a_lock_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.touch(0o600)
    path.chmod(0o640)
    write_lock(path, LOCK)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_missing_lock_says_how_to_make_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with pytest.raises(BuildError, match="cannot be read") as caught:
        read_lock(path, remake=REMAKE)
    assert str(caught.value.hint) == f"make one: {REMAKE}"


def changed(section: str, number: int, **changes: object) -> str:
    """Return the lock with one item changed, as it is written; a value None removes the field."""
    lines = format_lock(LOCK).splitlines()
    at = lines.index(f'  "{section}": [') + 1 + number
    fields = {**json.loads(lines[at].strip(" ,")), **changes}
    comma = "," if lines[at].endswith(",") else ""
    lines[at] = "    " + json.dumps({name: value for name, value in fields.items() if value is not None}) + comma
    return "\n".join(lines)


def test_a_pipe_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    os.mkfifo(path)
    with pytest.raises(BuildError, match="is no regular file") as caught:
        read_lock(path, remake=REMAKE)
    assert (caught.value.where, caught.value.hint) == (str(path), f"make one: {REMAKE}")


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", ":1:1", "Expecting value"),
        ('{"version": 1,\n "images": [}', ":2:13", "Expecting value"),
        ("[" * 100_000, ":1", "cannot be read"),
        ('{"version": ' + "1" * 5000 + "}", ":1", "cannot be read"),
        ("[]", ":1", "it is no JSON object"),
        ('{\n"version": 2, "packages": []}', ":2", "its version is not 1"),
        ("{}", ":1", "its version is not 1"),
        ('{"version": 1,\n\n"image": []}', ":3", "'image' is not known"),
        ('{"version": 1,\n"tools": [],\n"tools": []}', ":2", "'tools' is given twice"),
        ('{"version": 1,\n"images": {}}', ":2", "'images' is no list"),
        ('{"version": 1,\n"packages": ["runc"]}', ":2", r"packages\[0\]: 'wanted' is missing"),
        (changed("packages", 1, sha256=None), ":9", r"packages\[1\]: 'sha256' is missing"),
        (changed("packages", 0, size="2709960"), ":8", r"packages\[0\]: 'size' is wrong: \"2709960\""),
        (changed("packages", 0, size=True), ":8", r"packages\[0\]: 'size' is wrong: true"),
        (changed("packages", 0, size=-1), ":8", r"packages\[0\]: 'size' is wrong: -1"),
        (changed("packages", 0, name="-oDir=/"), ":8", r"packages\[0\]: 'name' is wrong"),
        (changed("packages", 0, wanted="../x"), ":8", r"packages\[0\]: 'wanted' is wrong"),
        (changed("packages", 0, version="1 -oDir=/"), ":8", r"packages\[0\]: 'version' is wrong"),
        (changed("packages", 0, architecture="../../etc"), ":8", r"packages\[0\]: 'architecture' is wrong"),
        (changed("packages", 0, version="x" * 1000), ":8", r"packages\[0\]: 'version' is wrong: \"x{79} "),
        (changed("images", 0, digest="sha256:abc"), ":4", r"images\[0\]: 'digest' is wrong: \"sha256:abc\""),
        (changed("images", 1, reference="docker.io/lab/a"), ":5", r"images\[1\]: 'docker.io/lab/a' is there twice"),
        (changed("files", 1, sha256=64 * "E"), ":13", r"files\[1\]: 'sha256' is wrong"),
        (changed("files", 1, licence=None), ":13", r"files\[1\]: 'licence' is missing"),
        (changed("tools", 0, path="/bin/x"), ":16", r"tools\[0\]: 'path' is not known"),
    ],
)
def test_what_is_no_lock_is_refused_with_its_place(tmp_path: Path, text: str, place: str, reason: str) -> None:
    path = tmp_path / "x.lock"
    path.write_text(text)
    with pytest.raises(BuildError, match=reason) as caught:
        read_lock(path, remake=REMAKE)
    assert caught.value.where == f"{path}{place}"
    assert caught.value.hint == f"remove it and make it anew: {REMAKE}"


def test_the_line_is_right_however_the_lock_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    document = json.loads(changed("files", 1, sha256="no"))
    path.write_text(json.dumps(document, indent=1))
    wrong = next(line for line, text in enumerate(path.read_text().splitlines(), start=1) if '"no"' in text)
    with pytest.raises(BuildError, match=r"files\[1\]: 'sha256'") as caught:
        read_lock(path, remake=REMAKE)
    place = int(str(caught.value.where).rpartition(":")[2])
    assert path.read_text().splitlines()[place - 1].strip() == "{"
    assert place < wrong <= place + 4


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(BuildError, match="not UTF-8"):
        read_lock(tmp_path / "x.lock", remake=REMAKE)


# looking things up


def test_what_is_locked_is_found_by_name() -> None:
    assert LOCK.digest_of("docker.io/lab/web:1") == f"sha256:{64 * 'd'}"
    assert LOCK.packages_of("linux-image-arm64", "arm64") == (KERNEL,)
    assert LOCK.sha256s_of("rpi3", "start.elf") == (64 * "e",)
    assert LOCK.version_of("mksquashfs") == "4.5.1"


def test_what_is_not_locked_is_not_found() -> None:
    assert LOCK.digest_of("docker.io/lab/web:2") is None
    assert LOCK.packages_of("runc", "arm64") == ()
    assert LOCK.sha256s_of("x86-efi", "start.elf") == ()
    assert LOCK.version_of("grub-mkimage") is None


def test_an_update_of_no_lock_begins_with_an_empty_one(tmp_path: Path) -> None:
    seen: list[Lock] = []

    def change(lock: Lock) -> Lock:
        seen.append(lock)
        return LOCK

    assert update_lock(tmp_path / "x.lock", change, remake=REMAKE) == LOCK
    assert seen == [Lock()]
    assert items(read_lock(tmp_path / "x.lock", remake=REMAKE)) == items(LOCK)


def test_an_update_that_fails_leaves_the_lock(tmp_path: Path) -> None:
    write_lock(tmp_path / "x.lock", LOCK)

    def change(_lock: Lock) -> Lock:
        raise BuildError("no")

    with pytest.raises(BuildError, match="no"):
        update_lock(tmp_path / "x.lock", change, remake=REMAKE)
    assert [path.name for path in tmp_path.iterdir()] == ["x.lock"]
    assert items(read_lock(tmp_path / "x.lock", remake=REMAKE)) == items(LOCK)


def test_a_script_that_holds_the_folder_does_not_stop_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lkboard.disk.folders._PATIENCE_SECONDS", 0.1)
    with holding(tmp_path):
        update_lock(tmp_path / "x.lock", lambda _lock: LOCK, remake=REMAKE)
    assert items(read_lock(tmp_path / "x.lock", remake=REMAKE)) == items(LOCK)


def test_no_update_loses_what_others_add(tmp_path: Path) -> None:
    path, all_are_here = tmp_path / "x.lock", threading.Barrier(4)

    def add(number: int) -> None:
        image = LockedImage(f"lab/{number}", f"sha256:{number:064x}")
        all_are_here.wait(PATIENCE)
        update_lock(path, lambda lock: replace(lock, images=(*lock.images, image)), remake=REMAKE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert {image.reference for image in read_lock(path, remake=REMAKE).images} == {f"lab/{n}" for n in range(4)}
