from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from support.images import directory, file, image, layer, symlink
from support.jobs import RecordingJob
from support.stored import assembled, by_path, configured
from support.writes import cancel, job_that_acts_at

from lkboard.disk import tar
from lkboard.disk.content import digest, read
from lkboard.disk.output import write_file
from lkboard.errors import BuildError, Cancelled, ConfigError, ImageConflict
from lkboard.events import Job, Progress
from lkboard.model.config import Config, FileEntry
from lkboard.model.extents import FileSpan
from lkboard.model.rootfs import EPOCH, Entry, Kind, Rootfs
from lkboard.rootfs.files import add_files
from lkboard.rootfs.merge import Root
from lkboard.rootfs.segments import build_initrd

if TYPE_CHECKING:
    from pathlib import Path

EPOCH_NS = EPOCH * 10**9
INIT_LAYERS = (
    layer(
        directory("bin", 0o711, uid=5),
        file("bin/sh", b"shell", 0o755),
        directory("usr/lib"),
        symlink("lib", "usr/lib"),
        symlink("etc/link", "/bin/sh"),
    ),
)
INIT = image(*INIT_LAYERS)


def only(*entries: FileEntry, ids: dict[str, int] | None = None) -> dict[str, Entry]:
    """Return a root of nothing but files, which no check of configs has seen."""
    root = Root()
    add_files(root, Config(files=entries), ids or {})
    return by_path(root.rootfs())


def over_init(folder: Path, files: str) -> dict[str, Entry]:
    return by_path(assembled(folder, f"init: ['lab/init:v1']\nfiles:\n{files}", {"lab/init:v1": INIT}))


def test_contents_are_utf8_with_the_default_mode() -> None:
    entry = only(FileEntry("motd", contents="grüße\n"))["motd"]
    assert (read(entry.content), entry.mode, entry.uid, entry.mtime_ns) == ("grüße\n".encode(), 0o600, 0, EPOCH_NS)
    assert (entry.origin.source, entry.origin.location) == ("linuxkit.files", "files[0]")


def test_empty_contents_are_contents() -> None:
    assert only(FileEntry("empty", contents=""))["empty"].content.size == 0


@pytest.mark.parametrize(
    ("path", "arrives"), [("/a", "a"), ("a//b", "a/b"), ("./c/./d", "c/d"), ("a/../b", "b"), ("//x", "x")]
)
def test_paths_are_cleaned(path: str, arrives: str) -> None:
    assert arrives in only(FileEntry(path, contents=""))


@pytest.mark.parametrize(
    ("mode", "folder_mode"), [("", 0o700), ("0644", 0o755), ("0604", 0o705), ("0640", 0o750), ("0", 0), ("0200", 0o300)]
)
def test_missing_directories_have_the_files_mode_and_execute_bits(mode: str, folder_mode: int) -> None:
    found = only(FileEntry("a/b/c", contents="", mode=mode, uid=7, gid=8))
    assert [(found[path].mode, found[path].uid, found[path].gid) for path in ("a", "a/b")] == [(folder_mode, 7, 8)] * 2
    assert found["a"].mtime_ns == EPOCH_NS


def test_directories_that_are_there_keep_mode_and_owner(tmp_path: Path) -> None:
    found = over_init(tmp_path, "- {path: bin/new, contents: x, uid: 9}\n- {path: etc/x, contents: y}")
    assert (found["bin"].mode, found["bin"].uid, found["bin"].mtime_ns) == (0o711, 5, EPOCH_NS)
    assert (found["etc"].mode, found["etc"].uid) == (0o755, 0)
    assert found["bin"].origin.location == "init[0]"


def test_directories_that_an_image_implies_are_there_as_well(tmp_path: Path) -> None:
    found = over_init(tmp_path, "- {path: usr/x, contents: x, uid: 9}")
    assert (found["usr"].mode, found["usr"].uid, found["usr"].is_implied) == (0o755, 0, False)


def test_a_directory_entry_sets_mode_and_owner(tmp_path: Path) -> None:
    found = over_init(tmp_path, "- {path: bin, directory: true, mode: '0750', uid: 1}\n- {path: new/, directory: true}")
    assert (found["bin"].mode, found["bin"].uid) == (0o750, 1)
    assert (found["new"].kind, found["new"].mode) == (Kind.DIRECTORY, 0o700)
    assert read(found["bin/sh"].content) == b"shell"


def test_links(tmp_path: Path) -> None:
    found = over_init(tmp_path, "- {path: bin/sh, symlink: /bin/other, mode: '0777'}")
    assert (found["bin/sh"].kind, found["bin/sh"].link, found["bin/sh"].mode) == (Kind.SYMLINK, "/bin/other", 0o777)


def test_a_directory_beats_a_link_and_a_link_beats_contents() -> None:
    found = only(FileEntry("d", directory=True, symlink="x"), FileEntry("l", symlink="x", contents="y"))
    assert (found["d"].kind, found["l"].kind, found["l"].content.size) == (Kind.DIRECTORY, Kind.SYMLINK, 0)


def test_a_path_that_ends_in_a_slash_is_a_directory() -> None:
    assert only(FileEntry("d/", contents="x"))["d"].kind is Kind.DIRECTORY


def test_files_go_through_links_of_images_but_replace_the_last(tmp_path: Path) -> None:
    found = over_init(tmp_path, "- {path: lib/x, contents: y}\n- {path: etc/link, contents: z}")
    assert read(found["usr/lib/x"].content) == b"y"
    assert (found["etc/link"].kind, read(found["bin/sh"].content)) == (Kind.FILE, b"shell")


def test_a_loop_of_links_is_named_with_its_section() -> None:
    with pytest.raises(ImageConflict, match=r"^files\[1\] linuxkit.files: 'a' leads through a loop of symbolic links"):
        only(FileEntry("a", symlink="a"), FileEntry("a/x", contents=""))


def test_the_last_of_equal_paths_wins() -> None:
    found = only(FileEntry("a", contents="1"), FileEntry("a", contents="2"))
    assert (read(found["a"].content), found["a"].origin.location) == (b"2", "files[1]")


def test_files_replace_what_the_builder_made(tmp_path: Path) -> None:
    found = over_init(tmp_path, "- {path: etc/hosts, contents: mine, mode: '0640'}")
    assert (read(found["etc/hosts"].content), found["etc/hosts"].mode) == (b"mine", 0o640)


def test_owners_may_be_names_of_containers() -> None:
    found = only(FileEntry("a", contents="", uid="web", gid="root"), ids={"web": 103})
    assert (found["a"].uid, found["a"].gid) == (103, 0)


REPLACED = {
    "a file": ("bin/sh/x", "file"),
    "a link to nothing": ("var/run/x", "link to '/run/foo'"),
    "a link to a file": ("etc/link/x", "link to '/bin/sh'"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_folder_that_takes_the_place_of_something_else_is_told(name: str, tmp_path: Path) -> None:
    path, replaced = REPLACED[name]
    init = image(*INIT_LAYERS, layer(symlink("var/run", "/run/foo")))
    job = RecordingJob()
    config = f"init: ['lab/init:v1']\nfiles: [{{path: {path}, contents: y}}]"
    found = by_path(assembled(tmp_path, config, {"lab/init:v1": init}, job=job))
    folder = path.rpartition("/")[0]
    assert (found[folder].kind, read(found[path].content)) == (Kind.DIRECTORY, b"y")
    (text,) = job.notes
    assert text == (
        f"the folder '/{folder}', which files[0] (linuxkit.files) needs, replaces the {replaced} of init[0] "
        f"(docker.io/lab/init:v1) (use another path, or an image in which '/{folder}' is a folder)"
    )


def test_folders_that_are_there_or_new_are_not_told(tmp_path: Path) -> None:
    job = RecordingJob()
    text = "init: ['lab/init:v1']\nfiles: [{path: bin/x, contents: y}, {path: new/er/x, contents: y}]"
    assembled(tmp_path, text, {"lab/init:v1": INIT}, job=job)
    assert job.notes == []


# sources


@pytest.mark.parametrize("size", [0, 5, (1 << 20) + 1])
def test_a_source_is_a_file_of_this_machine(size: int, tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"x" * size)
    path.chmod(0o444)
    entry = only(FileEntry("a", source=str(path), mode="0640"))["a"]
    assert (read(entry.content), entry.mode, entry.mtime_ns) == (b"x" * size, 0o640, EPOCH_NS)


def test_a_large_source_is_read_later_and_known_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"x" * (2 << 20))
    (span,) = only(FileEntry("a", source=str(path)))["a"].content.parts
    assert isinstance(span, FileSpan)
    assert (span.path, span.digest) == (str(path), digest(only(FileEntry("a", source=str(path)))["a"].content))


def test_reading_a_large_source_is_told_and_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"x" * ((2 << 20) + 5))
    config = Config(files=(FileEntry("a", source=str(path)),))
    job = RecordingJob()
    add_files(Root(job=job), config, {})
    told = [(event.step, event.done, event.total) for event in job.events if isinstance(event, Progress)]
    total = (2 << 20) + 5
    assert told == [(f"Read {path}", done, total) for done in (1 << 20, 2 << 20, total)]
    with pytest.raises(Cancelled):
        add_files(Root(job=job_that_acts_at(1, cancel)), config, {})


@pytest.mark.parametrize("edit", ["in place", "replaced", "shorter"])
def test_a_large_source_that_is_edited_during_the_build_is_refused(edit: str, tmp_path: Path) -> None:
    path, cache = tmp_path / "source", tmp_path / "cache"
    path.write_bytes(b"x" * (2 << 20))
    root = Root()
    add_files(root, Config(files=(FileEntry("a", source=str(path)),)), {})
    rootfs = root.rootfs()
    target = tmp_path / "new" if edit == "replaced" else path
    target.write_bytes(b"y" * (1 << 20 if edit == "shorter" else 2 << 20))
    target.replace(path)
    with pytest.raises(BuildError, match=r"source' (changed|became shorter) while it was read"):
        build_initrd(rootfs, cache, Job())
    assert list(cache.iterdir()) == []
    with pytest.raises(BuildError, match="while it was read"):
        write_file(tar.plan(rootfs.segments[0].entries), tmp_path / "out.tar", on_bytes=lambda _done: None)


def test_relative_sources_begin_at_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f").write_bytes(b"here")
    monkeypatch.chdir(tmp_path)
    assert read(only(FileEntry("a", source="sub/f"))["a"].content) == b"here"


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_bytes(b"key")
    assert read(only(FileEntry("a", source="~/key"))["a"].content) == b"key"


def test_a_source_with_a_name_that_cannot_be_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"files\.0\.source: cannot read 'x+': File name too long"):
        only(FileEntry("a", source="x" * 300, optional=True))


def test_an_optional_source_may_be_missing(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    found = only(FileEntry("sub/a", source=missing, optional=True), FileEntry("b", contents="", optional=True))
    assert list(found) == ["b"]


def test_a_source_that_is_missing_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"files\.0\.source: cannot read '.*/none': No such file.*optional: true"):
        only(FileEntry("a", source=str(tmp_path / "none")))
    with pytest.raises(ConfigError, match="is not an ordinary file"):
        only(FileEntry("a", source=str(tmp_path)))


# metadata

METADATA = "- {path: etc/a.yml, metadata: yaml}\n- {path: etc/a.json, metadata: json}"


def test_metadata_is_the_config_itself(tmp_path: Path) -> None:
    found = over_init(tmp_path, METADATA)
    as_yaml = yaml.safe_load(read(found["etc/a.yml"].content))
    as_json = json.loads(read(found["etc/a.json"].content))
    assert as_yaml["init"] == as_json["init"] == ["docker.io/lab/init:v1"]
    assert [entry["path"] for entry in as_yaml["files"]] == ["etc/a.yml", "etc/a.json"]


FAULTS = {
    "no path": (FileEntry("", contents=""), "files.0.path: '' is no place below the root"),
    "the root": (FileEntry("/", contents=""), "files.0.path: '/' is no place below the root"),
    "outside": (FileEntry("../x", contents=""), "files.0.path: '../x' is no place below the root"),
    "a mode that is not octal": (FileEntry("a", contents="", mode="u+x"), "files.0.mode: the mode 'u+x' is not octal"),
    "an unknown user": (FileEntry("a", contents="", uid="nobody"), "files.0.uid: cannot find the user or group"),
    "an unknown group": (FileEntry("a", contents="", gid="7"), "files.0.gid: cannot find the user or group '7'"),
}


@pytest.mark.parametrize(("entry", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_name_entry_and_field(entry: FileEntry, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        only(entry)
    assert message in str(caught.value)


def test_faults_know_their_place(tmp_path: Path) -> None:
    config = configured("files:\n- {path: a, contents: ''}\n- {path: b, source: nowhere, uid: 5}\n")
    with pytest.raises(ConfigError) as caught:
        add_files(Root(), config, {})
    assert str(caught.value).startswith("test.yml:3:21: files.1.source: cannot read 'nowhere'")


def test_files_are_the_last_segment(tmp_path: Path) -> None:
    rootfs: Rootfs = assembled(
        tmp_path, "init: ['lab/init:v1']\nfiles: [{path: etc/x, contents: y}]", {"lab/init:v1": INIT}
    )
    assert rootfs.segments[-1].name == "files"
    assert [entry.path for entry in rootfs.segments[-1].entries] == ["etc/x"]
