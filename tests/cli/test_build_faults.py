"""What can go wrong in a build, end to end: one clear line, the right status, and nothing that only looks whole."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from support.faults import Cut, Fault, FaultProxy, FlipByte, Hang, Status
from support.images import Image, directory, file, hardlink, image, layer, symlink
from support.lab import DATA, SEED, Lab
from support.maps import NOISE
from support.processes import ENVIRONMENT, lkboard
from support.registry import running_registry
from support.small_disk import small_disk
from support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.registry


def build(lab: Lab, config: Path, *options: object, limit: float | None = None) -> subprocess.CompletedProcess[str]:
    return lkboard("build", config, "--format", "tar", "--arch", "amd64", "--dir", lab.out, *options, limit=limit)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return the lines that a failed build says, without their ``lkboard:``; each has a hint, there is no traceback."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("lkboard: ")]
    assert done.stderr.splitlines()[-len(lines) :] == lines
    assert all(line.endswith(")") for line in lines), "no hint"
    return "\n".join(line.removeprefix("lkboard: ") for line in lines)


class TestRegistries:
    def test_a_download_that_is_cut_goes_on(self, lab: Lab, proxy: FaultProxy) -> None:
        proxy.add(Cut(after=1_500_000), path=DATA.digest, times=1)
        done = build(lab, lab.config(host=proxy.host))
        assert done.returncode == 0, done.stderr
        first, second = [seen.range for seen in proxy.seen(DATA.digest)]
        assert (first, second[:6], second != "bytes=0-") == ("", "bytes=", True)
        with tarfile.open(lab.out / "x.tar") as archive:
            seed = archive.extractfile("containers/services/web/lower/srv/seed")
            assert seed is not None
            assert seed.read() == SEED.data

    def test_a_server_error_that_passes_is_not_told(self, lab: Lab, proxy: FaultProxy) -> None:
        proxy.add(Status(500), path="/manifests/", times=1)
        assert build(lab, lab.config(host=proxy.host)).returncode == 0

    @pytest.mark.parametrize(
        ("fault", "path", "message"),
        [
            (FlipByte(at=5), DATA.digest, f"{DATA.digest}"),
            (Status(403), "/manifests/", "denies access"),
            (Status(404), "/blobs/", "not found at"),
            (Status(429, (("Retry-After", "3600"),)), "/manifests/", "answered 429"),
            (Status(500), "/manifests/", "answered 500"),
        ],
        ids=["digest", "403", "blob-404", "429", "500"],
    )
    def test_a_fault_is_told_with_image_and_address(
        self, lab: Lab, proxy: FaultProxy, fault: Fault, path: str, message: str
    ) -> None:
        proxy.add(fault, path=path)
        said = told(build(lab, lab.config(host=proxy.host)))
        assert message in said
        assert f"{proxy.host}/lab/" in said
        assert lab.made() == []

    def test_a_login_that_is_missing(self, lab: Lab) -> None:
        with running_registry(lab.folder, users={"alice": "s3cret"}) as closed:
            said = told(build(lab, lab.config(host=closed.host)))
        assert f"{closed.host}/lab/kernel:v1" in said
        assert "login" in said

    def test_an_image_that_does_not_exist(self, lab: Lab) -> None:
        said = told(build(lab, lab.write(f"init: ['{lab.registry.host}/lab/nothing:v1']\n")))
        assert f"{lab.registry.host}/lab/nothing:v1" in said
        assert "not found" in said

    def test_an_architecture_that_is_missing(self, lab: Lab) -> None:
        said = told(build(lab, lab.config(), "--arch", "riscv64"))
        assert f"{lab.registry.host}/lab/kernel:v1" in said
        assert "linux/riscv64" in said
        assert "linux/amd64" in said
        assert "linux/arm64" in said

    def test_a_registry_that_cannot_be_reached(self, lab: Lab) -> None:
        said = told(build(lab, lab.config(host="127.0.0.1:1")))
        assert "127.0.0.1:1/lab/kernel:v1" in said
        assert "Connection refused" in said

    def test_a_cache_that_cannot_be_made(self, lab: Lab) -> None:
        (lab.folder / "file").touch()
        said = told(build(lab, lab.config(), "--cache", lab.folder / "file"))
        assert str(lab.folder / "file") in said


class TestLayers:
    @pytest.fixture
    def pushed(self, lab: Lab, request: pytest.FixtureRequest) -> str:
        """An image as the test asks for it, by its name at the registry."""
        one: Image = request.param
        return lab.registry.push(one, f"faults/{one.digest[7:20]}:v1")

    @pytest.mark.parametrize(
        ("pushed", "entry"),
        [
            (image(layer(file("../x", b"escaped"))), "the entry '../x' leaves the root"),
            (image(layer(file("a/../../x", b"escaped"))), "the entry 'a/../../x' leaves the root"),
            (image(layer(hardlink("x", "../../etc/passwd"))), "a hard link to '../../etc/passwd', leaves the root"),
        ],
        indirect=["pushed"],
    )
    def test_an_entry_that_leaves_the_root_is_refused(self, lab: Lab, pushed: str, entry: str) -> None:
        said = told(build(lab, lab.write(f"init: ['{pushed}']\n")))
        assert entry in said
        assert pushed in said
        assert "sha256:" in said
        assert lab.made() == []

    @pytest.mark.parametrize(
        "pushed",
        [
            image(layer(symlink("a", "/etc"), directory("etc")), layer(file("a/lkboard-was-here", b"inside"))),
            image(layer(symlink("a", "../../etc"), directory("etc")), layer(file("a/lkboard-was-here", b"inside"))),
        ],
        indirect=True,
        ids=["absolute", "climbing"],
    )
    def test_a_path_through_a_symlink_stays_inside(self, lab: Lab, pushed: str) -> None:
        done = build(lab, lab.write(f"init: ['{pushed}']\n"))
        assert done.returncode == 0, done.stderr
        with tarfile.open(lab.out / "x.tar") as archive:
            assert archive.getmember("etc/lkboard-was-here").size == len("inside")
            assert archive.getmember("a").issym()
        assert not os.path.lexists("/etc/lkboard-was-here")


class TestConfigs:
    def test_a_megabyte_of_nested_anchors(self, lab: Lab) -> None:
        levels = ["a0: &a0 [" + ", ".join(["x"] * 9) + "]"]
        levels += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 40)]
        text = "\n".join(levels)
        bomb = text + "\n# " + "x" * (1_000_000 - len(text))
        assert "x.yml" in told(build(lab, lab.write(bomb), limit=PATIENCE))

    @pytest.mark.parametrize("text", ["[" * 500_000, "{a: " * 250_000, "&a [" * 250_000, "- " * 500_000])
    def test_a_megabyte_of_nesting(self, lab: Lab, text: str) -> None:
        assert "x.yml" in told(build(lab, lab.write(text), limit=PATIENCE))

    def test_a_config_that_is_not_there(self, lab: Lab) -> None:
        said = told(build(lab, lab.folder / "none.yml"))
        assert (
            said == f"{lab.folder}/none.yml: cannot be read: No such file or directory (give the path of a config file)"
        )


def config_with_zeros(lab: Lab, size: int) -> Path:
    """Write a config whose archive has a large file, which takes no room before."""
    with (lab.folder / "zeros").open("wb") as zeros:
        zeros.truncate(size)
    return lab.write(f"files: [{{path: zeros, source: '{lab.folder}/zeros', mode: '0644'}}]\n")


class TestDisks:
    def test_a_disk_that_gets_full(self, lab: Lab) -> None:
        """A limit on the size of files stands in for the full disk: both fail in the middle of a write."""
        limit = 10 << 20
        config = config_with_zeros(lab, 2 * limit)
        done = subprocess.run(
            [sys.executable, "-m", "lkboard", "build", config, "--format", "tar", "--dir", lab.out],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert f"{lab.out}/x.tar: there is no room for 21 MiB (free some space or" in told(done)
        assert lab.made() == []

    @pytest.mark.parametrize(
        ("formats", "made"),
        [("kernel+iso", []), ("kernel+initrd,kernel+iso", []), ("tar-kernel-initrd,kernel+iso", ["x-initrd.tar"])],
    )
    def test_a_format_is_there_as_a_whole_or_not_at_all(self, lab: Lab, formats: str, made: list[str]) -> None:
        """The kernel is finished when the disc does not fit; the initrd that shares it waits for the disc."""
        limit = 10 << 20
        with (lab.folder / "zeros").open("wb") as zeros:
            zeros.truncate(2 * limit)
        config = lab.config(f"files: [{{path: zeros, source: '{lab.folder}/zeros', mode: '0644'}}]\n")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "lkboard",
                "build",
                config,
                "--format",
                formats,
                "--arch",
                "amd64",
                "--dir",
                lab.out,
            ],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert f"{lab.out}/x.iso: there is no room for" in told(done)
        assert sorted(lab.made()) == made
        said = [line for line in done.stderr.splitlines() if "these are whole, and stay" in line]
        assert [sorted(path.strip() for path in line.partition("stay:")[2].split(",")) for line in said] == (
            [[f"{lab.out}/{name}" for name in made]] if made else []
        )

    @pytest.mark.device
    def test_a_file_system_that_gets_full(self, lab: Lab) -> None:
        config = lab.config()
        assert build(lab, config).returncode == 0
        with small_disk(lab.folder / "small", 2) as folder:
            (folder / "x.tar").write_bytes(b"older")
            done = lkboard("build", config, "--format", "tar", "--arch", "amd64", "--dir", folder)
            assert f"{folder}/x.tar: there is no room for 3 MiB (free some space or" in told(done).replace(
                "4 MiB", "3 MiB"
            )
            assert [path.name for path in folder.iterdir()] == ["x.tar"]
            assert (folder / "x.tar").read_bytes() == b"older"

    @pytest.mark.device
    def test_a_store_on_a_file_system_that_gets_full(self, lab: Lab) -> None:
        with small_disk(lab.folder / "small", 2) as folder:
            said = told(build(lab, lab.config(), "--cache", folder / "cache"))
        assert str(folder) in said
        assert "--cache DIR" in said
        assert lab.made() == []


class Running:
    """A build in a process of its own, with its events."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def wait_for(self, step: str) -> None:
        """Wait until a step has started."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "step" and event["name"] == step:
                return
        raise AssertionError(f"{step!r} never started")

    def end_by(self, number: signal.Signals) -> int:
        """Send a signal, and return the status with which the process ends soon."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def running(lab: Lab, config: Path, *options: str) -> Iterator[Running]:
    """Start a build that tells its events."""
    arguments = [config, "--format", "tar", "--dir", lab.out, "--json", *options]
    command = [sys.executable, "-m", "lkboard", "build", *arguments]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


class TestInterrupts:
    @pytest.fixture
    def large(self, lab: Lab) -> Path:
        """A config whose archive takes more than a second to be written; there is an older one."""
        (lab.out / "x.tar").write_bytes(b"older")
        return config_with_zeros(lab, 1 << 30)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize(
        ("path", "after", "step"),
        [
            ("/manifests/", -1, "Resolve images"),
            ("/manifests/", 50, "Resolve images"),
            (DATA.digest, -1, "Pull images"),
            (DATA.digest, 1_500_000, "Pull images"),
        ],
    )
    def test_a_pull(
        self, lab: Lab, proxy: FaultProxy, path: str, after: int, step: str, number: signal.Signals
    ) -> None:
        hang = Hang(after)
        proxy.add(hang, path=path)
        with running(lab, lab.config(host=proxy.host)) as job:
            job.wait_for(step)
            assert hang.has_come.wait(PATIENCE)
            assert job.end_by(number) == 6
        hang.release.set()
        assert lab.made() == []

    def test_a_pause_that_a_registry_asked_for(self, lab: Lab, proxy: FaultProxy) -> None:
        proxy.add(Status(429, (("Retry-After", "60"),)), path="/manifests/")
        with running(lab, lab.config(host=proxy.host)) as job:
            assert job.process.stdout is not None
            next(line for line in job.process.stdout if "asks to wait 60 s" in line)
            assert job.end_by(signal.SIGINT) == 6

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_write(self, lab: Lab, large: Path, number: signal.Signals) -> None:
        with running(lab, large) as job:
            job.wait_for(f"Write {lab.out}/x.tar")
            assert job.end_by(number) == 6
        assert lab.made() == ["x.tar"]
        assert (lab.out / "x.tar").read_bytes() == b"older"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_compression(self, lab: Lab, number: signal.Signals) -> None:
        """Noise keeps xz busy for many seconds, each block of it for some."""
        (lab.folder / "noise").write_bytes(NOISE * 16)
        config = lab.write(f"files: [{{path: noise, source: '{lab.folder}/noise', mode: '0644'}}]\n")
        with running(lab, config, "--compress", "xz") as job:
            job.wait_for(f"Write {lab.out}/x.tar.xz")
            assert job.end_by(number) == 6
        assert lab.made() == []

    def test_a_write_that_is_killed(self, lab: Lab, large: Path) -> None:
        with running(lab, large) as job:
            job.wait_for(f"Write {lab.out}/x.tar")
            job.end_by(signal.SIGKILL)
        assert (lab.out / "x.tar").read_bytes() == b"older"
        for left in {*lab.made()} - {"x.tar"}:
            assert left.startswith(".lkboard-")
            assert left.endswith(".part")

    def test_a_build_after_a_kill(self, lab: Lab, proxy: FaultProxy) -> None:
        hang = Hang(1_500_000)
        proxy.add(hang, path=DATA.digest, times=1)
        config = lab.config(host=proxy.host)
        with running(lab, config) as job:
            assert hang.has_come.wait(PATIENCE)
            job.end_by(signal.SIGKILL)
        hang.release.set()
        assert lab.made() == []
        assert build(lab, config).returncode == 0
        assert lab.made() == ["x.tar"]
