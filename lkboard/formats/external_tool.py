"""Run a program that makes a file system image from a tar archive, without unpacking it and without root.

Its output is kept under the sha256 of its bytes among the encoded segments, so that one build never takes the file
of another.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lkboard.disk import content
from lkboard.errors import BuildError, MissingTool
from lkboard.model.extents import Content, FileSpan
from lkboard.oci.store.files import publish, store_errors, temporary_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkboard.events import Job
    from lkboard.formats.format import BuildInput, Tool
    from lkboard.model.extents import ExtentMap

_STEP = "Pack root"
_POLL_SECONDS = 0.05
_FILE_MODE = 0o644
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Installed:
    """A program of this machine."""

    path: str
    version: str


def installed(tool: Tool) -> Installed:
    """Return where a program is, and its version. Raises `MissingTool`, and `BuildError` when it is too old."""
    path = shutil.which(tool.name)
    if path is None:
        raise MissingTool(tool.name, tool.package, tool.oldest)
    done = subprocess.run([path, tool.version_option], capture_output=True, text=True, check=False)
    match = _VERSION.search(done.stdout + done.stderr)
    version = match[0] if match else "0.0"
    if tuple(map(int, version.split("."))) < tool.oldest:
        raise BuildError(
            f"the program '{tool.name}' is version {version}, which is too old",
            hint=f"install {tool.package} {tool.oldest[0]}.{tool.oldest[1]} or newer",
        )
    return Installed(path, version)


def pack(
    tool: Tool,
    archive: ExtentMap,
    arguments: Sequence[str],
    build: BuildInput,
    *,
    finish: Callable[[BinaryIO], None] = lambda _file: None,
) -> Content:
    """Return the image that a program makes of an archive.

    The archive is its standard input; ``{output}`` among the arguments becomes the name of its output, which ``finish``
    may then change. Raises as `installed` does, `BuildError` with the program's own words when it fails,
    `StoreUnusable` and `Cancelled`.
    """
    path = installed(tool).path
    with build.job.step(_STEP), store_errors(build.cache_dir):
        build.cache_dir.mkdir(parents=True, exist_ok=True)
        with temporary_file(build.cache_dir) as output:
            words = (word.format(output=Path(output.name).name) for word in arguments)
            _run(tool, [*_as_root(build.job), path, *words], archive, build)
            with Path(output.name).open("r+b") as file:
                finish(file)
            size = Path(output.name).stat().st_size
            digest = content.digest(Content((FileSpan(output.name, 0, size),)), build.job.check)
            final = build.cache_dir / f"{digest.removeprefix('sha256:')}.{tool.name}"
            publish(output, final, _FILE_MODE)
    return Content((FileSpan(str(final), 0, size, digest),))


def _as_root(job: Job) -> tuple[str, ...]:
    """Return words before a command that let it see us as root: mksquashfs 4.5 gives the root directory to its user."""
    if os.geteuid() == 0:
        return ()
    words = ("unshare", "--map-root-user")
    try:
        subprocess.run([*words, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        job.note("there are no user namespaces here: the root directory of the image belongs to you", "warning")
        return ()
    return words


def _run(tool: Tool, command: Sequence[str], archive: ExtentMap, build: BuildInput) -> None:
    """Feed the archive to the program, in the folder of its output, and wait for its end."""
    job, folder = build.job, build.cache_dir
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, env=_environment()
        ) as process,
    ):
        try:
            took_all = _feed(process, archive, job)
            _wait(process, job)
        except BaseException:
            process.kill()
            raise
        job.check()  # the keys that stop us stop the program as well
        if process.returncode != 0 or not took_all:
            said.seek(0)
            words = said.read().decode("utf-8", "replace").split("\n")
            reason = next((line for line in reversed(words) if line.strip()), f"status {process.returncode}")
            raise BuildError(f"the program '{tool.name}' failed: {reason}")


def _wait(process: subprocess.Popen[bytes], job: Job) -> None:
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
        job.check()


def _feed(process: subprocess.Popen[bytes], archive: ExtentMap, job: Job) -> bool:
    """Return whether the program took the whole archive."""
    assert process.stdin is not None
    done = 0
    try:
        with process.stdin:
            for chunk in content.chunks(content.as_content(archive)):
                process.stdin.write(chunk)
                done += len(chunk)
                job.progress(_STEP, done, archive.size)
    except BrokenPipeError:
        return False
    return True


def _environment() -> dict[str, str]:
    """Return the environment without what changes the output; with SOURCE_DATE_EPOCH later times would be cut."""
    return {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"} | {"LC_ALL": "C"}
