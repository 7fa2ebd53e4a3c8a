from __future__ import annotations

import io
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plans import map_bytes
from support.small_disk import small_disk

from lkboard.disk.output import write_file, write_stream
from lkboard.disk.replacing import replacing_together
from lkboard.errors import BuildError, Cancelled, OutputError
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
SMALL = ExtentMap((Extent(3, Inline(b"abc")),), 10)


def ignore(_done: int) -> None:
    """Want no progress."""


@pytest.fixture
def sparse(tmp_path: Path) -> ExtentMap:
    """64 MiB with 5 MiB in four places: two from memory, two from a file."""
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "blob"
    source.write_bytes(os.urandom(3 * MIB))
    return ExtentMap(
        (
            Extent(0, Inline(b"\1" * MIB)),
            Extent(8 * MIB, FileSpan(str(source), 4096, MIB)),
            Extent(16 * MIB, Zeros(MIB)),
            Extent(32 * MIB + 7, FileSpan(str(source), 12345, 2 * MIB)),
            Extent(63 * MIB, Inline(bytes(MIB))),
        ),
        64 * MIB,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def file_size_limit() -> Iterator[None]:
    """Let no file of this process grow beyond 2 MiB, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@st.composite
def maps(draw: st.DrawFn) -> ExtentMap:
    extents, offset = [], 0
    for _ in range(draw(st.integers(0, 8))):
        offset += draw(st.integers(0, 5000))
        source = draw(st.one_of(st.binary(max_size=5000).map(Inline), st.integers(0, 5000).map(Zeros)))
        extents.append(Extent(offset, source))
        offset += source.size
    return ExtentMap(tuple(extents), offset + draw(st.integers(0, 5000)))


def test_a_file_has_the_bytes_of_its_map(sparse: ExtentMap, folder: Path) -> None:
    write_file(sparse, folder / "disk.img", on_bytes=ignore)
    assert (folder / "disk.img").read_bytes() == map_bytes(sparse)


@given(extents=maps())
def test_any_map_is_written_as_it_is(tmp_path_factory: pytest.TempPathFactory, extents: ExtentMap) -> None:
    path = tmp_path_factory.mktemp("out") / "file"
    write_file(extents, path, on_bytes=ignore)
    assert path.read_bytes() == map_bytes(extents)


def test_holes_take_no_room_and_written_zeros_do(sparse: ExtentMap, folder: Path) -> None:
    write_file(sparse, folder / "disk.img", on_bytes=ignore)
    used = (folder / "disk.img").stat().st_blocks * 512
    assert sparse.mapped_bytes == 5 * MIB
    assert 5 * MIB <= used <= 5 * MIB + 64 * 1024


def test_progress_counts_the_mapped_bytes(sparse: ExtentMap, folder: Path) -> None:
    seen: list[int] = []
    write_file(sparse, folder / "disk.img", on_bytes=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == sparse.mapped_bytes
    assert max(after - before for before, after in zip([0, *seen], seen, strict=False)) <= MIB


def test_a_source_on_another_file_system_is_copied_too(folder: Path) -> None:
    data = Path("/proc/self/maps").read_bytes()[:1000]
    source = Path("/dev/shm") / f"lkboard-test-{os.getpid()}"
    source.write_bytes(data)
    try:
        write_file(ExtentMap((Extent(0, FileSpan(str(source), 0, 1000)),), 1000), folder / "x", on_bytes=ignore)
    finally:
        source.unlink()
    assert (folder / "x").read_bytes() == data


def test_an_existing_file_is_replaced(folder: Path) -> None:
    (folder / "x").write_bytes(b"a much longer old content")
    write_file(SMALL, folder / "x", on_bytes=ignore)
    assert (folder / "x").read_bytes() == map_bytes(SMALL)


def test_readers_of_the_old_file_keep_it(folder: Path) -> None:
    (folder / "x").write_bytes(b"old")
    with (folder / "x").open("rb") as old:
        write_file(SMALL, folder / "x", on_bytes=ignore)
        assert old.read() == b"old"


def test_a_symbolic_link_is_followed(folder: Path) -> None:
    (folder / "real").write_bytes(b"old")
    (folder / "link").symlink_to("real")
    write_file(SMALL, folder / "link", on_bytes=ignore)
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_bytes() == map_bytes(SMALL)


def test_the_mode_is_that_of_an_ordinary_file(folder: Path) -> None:
    umask = os.umask(0o027)
    try:
        write_file(SMALL, folder / "x", on_bytes=ignore)
    finally:
        os.umask(umask)
    assert (folder / "x").stat().st_mode & 0o777 == 0o640


def test_a_cancelled_write_leaves_nothing(sparse: ExtentMap, folder: Path) -> None:
    def cancel(done: int) -> None:
        if done > 2 * MIB:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_file(sparse, folder / "disk.img", on_bytes=cancel)
    assert list(folder.iterdir()) == []


def test_a_write_can_be_cancelled_when_only_its_name_is_missing(folder: Path) -> None:
    seen: list[int] = []

    def cancel(done: int) -> None:
        seen.append(done)
        if seen == [3, 3]:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_file(SMALL, folder / "x", on_bytes=cancel)
    assert list(folder.iterdir()) == []


def write_together(*files: tuple[ExtentMap, Path]) -> None:
    with replacing_together() as together:
        for extents, path in files:
            write_file(extents, path, on_bytes=ignore, together=together)


def test_files_that_are_written_together_take_their_names_at_the_end(folder: Path) -> None:
    with replacing_together() as together:
        for name in ("x", "y"):
            write_file(SMALL, folder / name, on_bytes=ignore, sidecars=("sha256",), together=together)
        assert not {"x", "y"} & {path.name for path in folder.iterdir()}
    assert sorted(path.name for path in folder.iterdir()) == ["x", "x.sha256", "y", "y.sha256"]


def test_of_files_that_are_written_together_none_is_there_when_one_fails(folder: Path, tmp_path: Path) -> None:
    (folder / "x").write_bytes(b"older")
    gone = ExtentMap((Extent(0, FileSpan(str(tmp_path / "gone"), 0, 1000)),), 1000)
    with pytest.raises(BuildError, match="gone"):
        write_together((SMALL, folder / "x"), (gone, folder / "y"))
    assert [path.name for path in folder.iterdir()] == ["x"]
    assert (folder / "x").read_bytes() == b"older"


def test_a_failure_is_that_of_the_file_that_failed(folder: Path) -> None:
    with pytest.raises(OutputError, match=r"none/y: the folder '.*none' does not exist"):
        write_together((SMALL, folder / "x"), (SMALL, folder / "none" / "y"))
    assert list(folder.iterdir()) == []


def test_a_cancelled_write_keeps_the_old_file(sparse: ExtentMap, folder: Path) -> None:
    def cancel(_done: int) -> None:
        raise Cancelled

    (folder / "disk.img").write_bytes(b"old")
    with pytest.raises(Cancelled):
        write_file(sparse, folder / "disk.img", on_bytes=cancel)
    assert [path.read_bytes() for path in folder.iterdir()] == [b"old"]


def test_a_source_that_became_shorter_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"x" * 100)
    extents = ExtentMap((Extent(0, FileSpan(str(tmp_path / "short"), 0, 5000)),), 5000)
    with pytest.raises(BuildError, match="short' became shorter while it was read"):
        write_file(extents, folder / "x", on_bytes=ignore)
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("file_size_limit")
@pytest.mark.parametrize("source", ["memory", "file"])
def test_a_full_disk_is_explained_and_leaves_nothing(folder: Path, source: str) -> None:
    blob = Inline(b"x" * 3 * MIB) if source == "memory" else FileSpan(sys.executable, 0, 3 * MIB)
    extents = ExtentMap((Extent(0, blob),), 3 * MIB)
    with pytest.raises(OutputError) as caught:
        write_file(extents, folder / "x", on_bytes=ignore)
    assert str(caught.value) == (
        f"{folder / 'x'}: there is no room for 3 MiB (free some space or choose another folder)"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.device
def test_a_full_file_system_is_explained_and_leaves_nothing(sparse: ExtentMap, folder: Path) -> None:
    with small_disk(folder, 3):
        with pytest.raises(OutputError, match="there is no room for 5 MiB"):
            write_file(sparse, folder / "disk.img", on_bytes=ignore)
        assert list(folder.iterdir()) == []


def test_a_missing_folder_is_named_with_the_way_to_make_it(tmp_path: Path) -> None:
    path = tmp_path / "no" / "such" / "x.img"
    with pytest.raises(OutputError) as caught:
        write_file(SMALL, path, on_bytes=ignore)
    assert str(caught.value) == (
        f"{path}: the folder '{path.parent}' does not exist (create it: mkdir -p {path.parent})"
    )


def test_a_missing_folder_with_blanks_can_be_pasted(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"create it: mkdir -p '.*/b c'"):
        write_file(SMALL, tmp_path / "b c" / "x", on_bytes=ignore)


def test_a_folder_that_is_there_and_takes_no_files_is_not_missing() -> None:
    with pytest.raises(OutputError, match=r"^/proc/x: cannot be written: No such file .*choose another folder"):
        write_file(SMALL, Path("/proc/x"), on_bytes=ignore)


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"file/x: cannot be written: Not a directory"):
        write_file(SMALL, tmp_path / "file" / "x", on_bytes=ignore)


def test_a_folder_that_may_not_be_written_is_named() -> None:
    # sysfs lets nobody create files, not even root
    with pytest.raises(OutputError, match=r"^/sys/x: may not be written .*permissions of /sys"):
        write_file(SMALL, Path("/sys/x"), on_bytes=ignore)


@pytest.mark.parametrize("path", ["/dev/null", "/dev"])
def test_what_is_not_an_ordinary_file_is_left_alone(path: str) -> None:
    with pytest.raises(OutputError, match="is there and is not an ordinary file"):
        write_file(SMALL, Path(path), on_bytes=ignore)
    assert Path("/dev/null").is_char_device()


def test_an_open_pipe_is_left_alone() -> None:
    read_end, write_end = os.pipe()
    try:
        with pytest.raises(OutputError, match="is there and is not an ordinary file"):
            write_file(SMALL, Path(f"/proc/self/fd/{write_end}"), on_bytes=ignore)
    finally:
        os.close(read_end)
        os.close(write_end)


@pytest.mark.device
def test_a_block_device_is_left_to_the_writer(folder: Path) -> None:
    node = folder / "card"
    os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(7, 250))
    with pytest.raises(OutputError) as caught:
        write_file(SMALL, node, on_bytes=ignore)
    assert str(caught.value) == f"{node}: is a device (write to it: lkboard write CONFIG --to {node})"
    assert node.is_block_device()


def test_a_link_that_leads_to_itself_is_explained(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match="loop: cannot be written: Too many levels of symbolic links"):
        write_file(SMALL, folder / "loop", on_bytes=ignore)


def test_kill_minus_9_leaves_nothing_under_the_final_name(folder: Path) -> None:
    script = """
import sys
from pathlib import Path
from lkboard.disk.output import write_file
from lkboard.model.extents import Extent, ExtentMap, Inline

def pause(done):
    print(done, flush=True)
    sys.stdin.read()

write_file(ExtentMap((Extent(0, Inline(b"x" * (8 << 20))),), 8 << 20), Path(sys.argv[1]), on_bytes=pause)
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "disk.img")],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert not (folder / "disk.img").exists()
    (left,) = folder.iterdir()
    assert left.name.startswith(".lkboard-")


@given(extents=maps())
def test_a_stream_gets_the_whole_map(extents: ExtentMap) -> None:
    stream, seen = io.BytesIO(), [0]
    write_stream(extents, stream, on_bytes=seen.append)
    assert stream.getvalue() == map_bytes(extents)
    assert seen[-1] == extents.size


def test_a_stream_with_a_huge_hole_is_written_in_pieces() -> None:
    class Counter(io.RawIOBase):
        largest = 0

        def write(self, data: object) -> int:
            self.largest = max(self.largest, len(data))  # type: ignore[arg-type]
            return len(data)  # type: ignore[arg-type]

    counter = Counter()
    write_stream(ExtentMap((), 100 * MIB), counter, on_bytes=ignore)  # type: ignore[arg-type]
    assert counter.largest <= MIB


def test_a_stream_that_is_full_is_explained() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OutputError) as caught:
        write_stream(SMALL, full, on_bytes=ignore)  # type: ignore[arg-type]
    assert str(caught.value) == "cannot write to standard output: No space left on device"


def test_a_stream_that_nobody_reads_is_explained() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb", buffering=0) as pipe, pytest.raises(OutputError, match="Broken pipe"):
        write_stream(SMALL, pipe, on_bytes=ignore)  # type: ignore[arg-type]


def test_a_stream_can_be_cancelled() -> None:
    def cancel(_done: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write_stream(SMALL, io.BytesIO(), on_bytes=cancel)
