"""What a lock names, what it keeps, and what is locked anew."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.boards import UEFI_BOARD, write_board
from support.images import Image, file, image, index, layer
from support.lab import DATA, IMAGES
from support.mirror import Mirror

from lkboard.app.lock import LockOptions, make_lock
from lkboard.app.locked import lock_path
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import (
    ConfigError,
    DigestMismatch,
    LkboardError,
    LockMismatch,
    NotFound,
    OutputError,
    PlatformMissing,
    UsageError,
)
from lkboard.events import Event, Job, Step
from lkboard.oci.store.store import Store
from lkboard.sources.apt.packages import DebianPackages
from lkboard.sources.lock_file import read_lock

if TYPE_CHECKING:
    from pathlib import Path

    from support.lab import Lab

pytestmark = pytest.mark.registry


def locked(lab: Lab, *files: Path, **options: Any) -> dict[str, Any]:
    """Lock some configs, the lab's unless others are given, and return what the file says then."""
    options.setdefault("cache", str(lab.cache))
    if options.pop("pull", False):
        options["registry"] = RegistryOptions(always_pull=True)
    result = make_lock(LockOptions(tuple(map(str, files or [lab.config()])), **options), Job())
    return json.loads(lock_path([str(one) for one in files or [lab.config()]], result.used.place).read_text())


def digests(document: dict[str, Any]) -> dict[str, str]:
    return {item["reference"].rpartition("/")[2]: item["digest"] for item in document["images"]}


def service(lab: Lab, name: str, data: bytes) -> Image:
    """Push a service of the test's own, or another one in its place."""
    made = index([image(layer(file("bin/x", data, 0o755)), architecture=arch) for arch in ("amd64", "arm64")])
    lab.registry.push(made, name)
    return made


def services(lab: Lab, *names: str, file: str = "own.yml") -> Path:
    """Write a config of nothing but services."""
    rows = [f'  - {{name: s{number}, image: "{lab.registry.host}/{name}"}}' for number, name in enumerate(names)]
    return lab.write("\n".join(["services:", *rows, ""]), file)


# images


def test_every_image_is_locked_by_the_digest_of_its_index(lab: Lab) -> None:
    document = locked(lab)
    assert digests(document) == {f"{name}:v1": one.digest for name, one in IMAGES.items()}
    assert [*document] == ["version", "images"]


def test_no_layer_is_fetched(lab: Lab) -> None:
    locked(lab)
    assert not Store(lab.cache).has(DATA.digest)


def test_one_lock_serves_both_architectures(lab: Lab) -> None:
    assert locked(lab, architectures=("amd64",)) == locked(lab, architectures=("arm64", "amd64"))


def test_locking_again_changes_nothing(lab: Lab) -> None:
    first, second = (locked(lab, cache=str(lab.folder / name)) for name in ("one", "two"))
    assert first == second


def test_an_image_without_an_index_is_locked_by_its_manifest(lab: Lab) -> None:
    single = image(layer(file("x")), architecture="amd64")
    lab.registry.push(single, "lock-single/x:1")
    assert digests(locked(lab, services(lab, "lock-single/x:1"), architectures=("amd64",))) == {"x:1": single.digest}


def test_an_image_that_is_written_with_its_digest_is_locked_as_well(lab: Lab) -> None:
    digest = IMAGES["web"].digest
    assert digests(locked(lab, services(lab, f"lab/web@{digest}"))) == {f"web@{digest}": digest}


def test_the_image_of_a_whole_volume_is_locked(lab: Lab) -> None:
    volume = f'volumes:\n  - {{name: v, format: oci, image: "{lab.registry.host}/lab/web:v1"}}\n'
    assert digests(locked(lab, lab.write(volume, "v.yml"))) == {"web:v1": IMAGES["web"].digest}


def test_an_image_for_another_architecture_is_refused(lab: Lab) -> None:
    lab.registry.push(index([image(layer(file("x")), architecture="arm64")]), "lock-arm/x:1")
    with pytest.raises(PlatformMissing, match="no image for linux/amd64"):
        locked(lab, services(lab, "lock-arm/x:1"), architectures=("arm64", "amd64"))


@pytest.mark.parametrize("architectures", [("arm64",), ("amd64", "arm64")])
def test_a_kept_image_that_is_for_another_architecture_is_refused(lab: Lab, architectures: tuple[str, ...]) -> None:
    lab.registry.push(image(layer(file("x")), architecture="amd64"), "lock-one/x:1")
    config = services(lab, "lock-one/x:1")
    first = locked(lab, config, architectures=("amd64",))
    with pytest.raises(PlatformMissing, match="no image for linux/arm64") as caught:
        locked(lab, config, architectures=architectures)
    remake = " ".join(["lkboard lock", str(config), *(f"--arch {name}" for name in architectures)])
    assert str(caught.value.hint).endswith(f"{remake} --update {lab.registry.host}/lock-one/x:1")
    assert locked(lab, config, architectures=("amd64",)) == first


def test_a_kept_image_that_is_nowhere_any_more_is_refused(lab: Lab) -> None:
    digest = f"sha256:{64 * '0'}"
    name = f"{lab.registry.host}/lab/web:v1"
    lock = {"version": 1, "images": [{"digest": digest, "reference": name}]}
    (lab.folder / "lkboard.lock").write_text(json.dumps(lock))
    with pytest.raises(LockMismatch, match=f"is locked as {digest}, which is not to be had") as caught:
        locked(lab, services(lab, "lab/web:v1"), architectures=("amd64",))
    assert caught.value.hint == (
        f"lock what there is now: lkboard lock {lab.folder}/own.yml --arch amd64 --update {name}"
    )


# what is kept, and what is locked anew


def test_what_is_locked_stays_although_the_tag_moved(lab: Lab) -> None:
    config = services(lab, "lock-kept/x:1")
    old = service(lab, "lock-kept/x:1", b"old")
    locked(lab, config)
    service(lab, "lock-kept/x:1", b"new")
    assert digests(locked(lab, config, cache=str(lab.folder / "empty"))) == {"x:1": old.digest}


def test_a_new_image_is_added(lab: Lab) -> None:
    first, second = (service(lab, f"lock-added/{name}:1", name.encode()) for name in "xy")
    locked(lab, services(lab, "lock-added/x:1"))
    config = services(lab, "lock-added/x:1", "lock-added/y:1")
    assert digests(locked(lab, config)) == {"x:1": first.digest, "y:1": second.digest}


def test_a_lock_serves_several_configs(lab: Lab) -> None:
    first, second = (service(lab, f"lock-several/{name}:1", name.encode()) for name in "xy")
    locked(lab, services(lab, "lock-several/x:1", file="a.yml"))
    document = locked(lab, services(lab, "lock-several/y:1", file="b.yml"))
    assert digests(document) == {"x:1": first.digest, "y:1": second.digest}


def test_pull_locks_everything_anew_that_the_config_uses(lab: Lab) -> None:
    config = services(lab, "lock-pull/x:1")
    other = services(lab, "lock-pull/y:1", file="other.yml")
    unused = service(lab, "lock-pull/y:1", b"old")
    service(lab, "lock-pull/x:1", b"old")
    locked(lab, other)
    locked(lab, config)
    new = service(lab, "lock-pull/x:1", b"new")
    service(lab, "lock-pull/y:1", b"new")
    assert digests(locked(lab, config, pull=True)) == {"x:1": new.digest, "y:1": unused.digest}


@pytest.mark.parametrize("spelling", ["{host}/lock-update/x:1", "lock-update/x:1"])
def test_update_locks_one_image_anew(lab: Lab, spelling: str) -> None:
    config = services(lab, "lock-update/x:1", "lock-update/y:1")
    other = service(lab, "lock-update/y:1", b"old")
    service(lab, "lock-update/x:1", b"old")
    locked(lab, config)
    new = service(lab, "lock-update/x:1", b"new")
    service(lab, "lock-update/y:1", b"new")
    name = spelling.format(host=lab.registry.host)
    if name.startswith("lock-update"):
        with pytest.raises(UsageError, match=f"neither an image nor a package '{name}' is used"):
            locked(lab, config, update=(name,))
    else:
        assert digests(locked(lab, config, update=(name,))) == {"x:1": new.digest, "y:1": other.digest}


def test_the_changes_are_told(lab: Lab) -> None:
    config = services(lab, "lock-told/x:1")
    service(lab, "lock-told/x:1", b"old")
    options = LockOptions((str(config),), cache=str(lab.cache))
    (first,) = make_lock(options, Job()).changes
    assert first.startswith(f"{lab.registry.host}/lock-told/x:1 sha256:")
    assert make_lock(options, Job()).changes == ()


# files of boards

FIRMWARE = b"firmware"
BOARD = (
    UEFI_BOARD
    + """\
files:
  - {to: logo.bmp, local: logo.bmp, licence: MIT}
  - {to: device.dtb, kernel: boot/x.dtb, optional: true}
"""
)


def toy(lab: Lab, more: str = "") -> str:
    """Write the board and return the name that options take."""
    return f"{write_board(lab.folder / 'toy', BOARD + more)}/"


def test_files_and_parts_of_a_board_are_locked_with_their_licences(lab: Lab) -> None:
    board = toy(lab, "parts:\n  - {name: stub, local: logo.bmp}\n")
    logo = hashlib.sha256(b"BM").hexdigest()
    assert locked(lab, boards=(board,))["files"] == [
        {"board": "toy", "licence": "MIT", "sha256": logo, "to": "logo.bmp"},
        {"board": "toy", "licence": "", "sha256": logo, "to": "stub"},
    ]


def test_a_local_file_that_changed_is_locked_anew(lab: Lab) -> None:
    board = toy(lab)
    locked(lab, boards=(board,))
    (lab.folder / "toy/logo.bmp").write_bytes(b"other")
    options = LockOptions((str(lab.config()),), boards=(board,), cache=str(lab.cache))
    assert make_lock(options, Job()).changes == (f"logo.bmp of toy sha256:{hashlib.sha256(b'other').hexdigest()}",)


def test_a_file_that_a_board_no_longer_has_leaves_the_lock(lab: Lab) -> None:
    locked(lab, boards=(toy(lab, "parts:\n  - {name: stub, local: logo.bmp}\n"),))
    assert [item["to"] for item in locked(lab, boards=(toy(lab),))["files"]] == ["logo.bmp"]


def test_the_image_that_firmware_comes_from_is_locked(lab: Lab) -> None:
    made = service(lab, "lock-firmware/fw:1", FIRMWARE)
    source = f'{{reference: "{lab.registry.host}/lock-firmware/fw:1", path: bin/x}}'
    document = locked(lab, boards=(toy(lab, f"parts:\n  - {{name: fw, image: {source}}}\n"),))
    assert digests(document)["fw:1"] == made.digest
    assert document["files"][0]["sha256"] == hashlib.sha256(FIRMWARE).hexdigest()


def test_a_file_with_another_sha256_than_the_board_says_is_not_locked(lab: Lab) -> None:
    board = toy(lab, f"parts:\n  - {{name: stub, local: logo.bmp, sha256: {64 * '0'}}}\n")
    with pytest.raises(DigestMismatch):
        locked(lab, boards=(board,))
    assert not (lab.folder / "lkboard.lock").exists()


LOADER = "parts:\n  - {name: loader, debian: {package: loader, path: usr/lib/loader.bin}, licence: MIT}\n"


@pytest.fixture
def loader(lab: Lab) -> Mirror:
    """A Debian mirror with a boot loader, which the lab's store has already."""
    mirror = Mirror(lab.folder / "mirror")
    mirror.add("loader", "1", {"usr/lib/loader.bin": b"loader"})
    mirror.publish()
    packages = DebianPackages(Store(lab.cache), Job(), host=mirror.host)
    packages.fetch(packages.newest(["loader"], "amd64"))
    return mirror


def test_a_debian_package_is_locked_with_its_version(lab: Lab, loader: Mirror) -> None:
    document = locked(lab, boards=(toy(lab, LOADER),))
    (package,) = document["packages"]
    file = next(loader.root.glob("pool/*.deb"))
    assert package == {
        "wanted": "loader",
        "name": "loader",
        "version": "1",
        "architecture": "amd64",
        "suite": "bookworm/main",
        "size": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    assert {item["to"]: item["sha256"] for item in document["files"]}["loader"] == hashlib.sha256(b"loader").hexdigest()


@pytest.mark.usefixtures("loader")
def test_an_optional_file_that_is_missing_is_not_locked_but_its_package_is(lab: Lab) -> None:
    document = locked(
        lab, boards=(toy(lab, LOADER.replace("loader.bin", "none").replace("}\n", ", optional: true}\n")),)
    )
    assert [item["to"] for item in document["files"]] == ["logo.bmp"]
    assert [item["wanted"] for item in document["packages"]] == ["loader"]


def test_formats_that_no_build_makes_together_are_locked_together(lab: Lab) -> None:
    assert locked(lab, formats=("tar", "kernel+initrd"), boards=(toy(lab),))["files"]


def test_a_program_that_a_format_runs_is_locked(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    program = lab.folder / "bin/mksquashfs"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho mksquashfs version 4.6.1-git '(2024/01/01)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assert locked(lab, formats=("kernel+squashfs",))["tools"] == [{"name": "mksquashfs", "version": "4.6.1"}]


# failures


def test_a_config_with_errors_is_not_locked(lab: Lab) -> None:
    with pytest.raises(ConfigError):
        locked(lab, lab.write("services: 5\n"))
    assert not (lab.folder / "lkboard.lock").exists()


def test_an_unknown_board_is_named(lab: Lab) -> None:
    with pytest.raises(UsageError, match="no board 'nothing'"):
        locked(lab, boards=("nothing",))


def test_the_old_lock_stays_when_locking_fails(lab: Lab) -> None:
    locked(lab)
    before = (lab.folder / "lkboard.lock").read_bytes()
    with pytest.raises(NotFound):
        locked(lab, services(lab, "lock-never/x:1"))
    assert (lab.folder / "lkboard.lock").read_bytes() == before
    assert sorted(path.name for path in lab.folder.glob("*lock*")) == ["lkboard.lock"]


class AddingJob(Job):
    """A job during which another run adds to the same lock."""

    def __init__(self, lab: Lab, config: Path) -> None:
        self._lab = lab
        self._config = config
        super().__init__(self._see)

    def _see(self, event: Event) -> None:
        if isinstance(event, Step) and (event.name, event.state) == ("Lock images", "done"):
            locked(self._lab, self._config)


def test_what_another_run_adds_meanwhile_is_kept(lab: Lab) -> None:
    for name in ("lock-one/x:1", "lock-two/x:1"):
        service(lab, name, name.encode())
    one, two = services(lab, "lock-one/x:1", file="one.yml"), services(lab, "lock-two/x:1", file="two.yml")
    result = make_lock(LockOptions((str(one),), cache=str(lab.cache)), AddingJob(lab, two))
    assert {image.reference.partition("/")[2] for image in result.lock.images} == {"lock-one/x:1", "lock-two/x:1"}
    assert read_lock(lab.folder / "lkboard.lock", remake="") == result.lock


class WatchfulJob(Job):
    """A job that knows which steps it had."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        super().__init__(self._see)

    def _see(self, event: Event) -> None:
        if isinstance(event, Step):
            self.steps.append(event.name)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("no/x.lock", OutputError, "the folder '.*/no' does not exist"),
        ("out", OutputError, "is not an ordinary file"),
        ("-", UsageError, "not for standard output"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_at_once(
    lab: Lab, name: str, error: type[LkboardError], message: str
) -> None:
    output = name if name == "-" else str(lab.folder / name)
    job = WatchfulJob()
    with pytest.raises(error, match=message):
        make_lock(LockOptions((str(lab.config()),), output=output, cache=str(lab.cache)), job)
    assert job.steps == []


@pytest.mark.parametrize(
    ("files", "given", "path"),
    [
        (["x.yml"], "", "lkboard.lock"),
        (["a/x.yml", "b/y.yml"], "", "a/lkboard.lock"),
        (["-"], "", "lkboard.lock"),
        (["https://example.org/a/x.yml"], "", "lkboard.lock"),
        (["a/x.yml"], "other.lock", "other.lock"),
    ],
)
def test_where_the_lock_is(files: list[str], given: str, path: str) -> None:
    assert str(lock_path(files, given)) == path
