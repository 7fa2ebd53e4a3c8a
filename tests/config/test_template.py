"""Templates of packages (build.md section 2.6; names: cli.md section 6.3)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from support.repositories import commit, git, repository, write

from lkboard.config.load import load_config
from lkboard.config.parse import parse_config
from lkboard.config.template import Templates, resolver_for
from lkboard.config.values import InvalidValue
from lkboard.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = {"pkg/a/build.yml": "image: tool\n", "pkg/a/run.sh": "#!/bin/sh\n"}


def resolve(folder: Path, path: str = "pkg/a") -> str:
    return Templates(folder).resolve(path)


def tree(folder: Path, path: str = "pkg/a") -> str:
    return git(folder, "rev-parse", f"HEAD:{path}").strip()


def fault(folder: Path, path: str = "pkg/a") -> str:
    with pytest.raises(InvalidValue) as caught:
        resolve(folder, path)
    return f"{caught.value.message} ({caught.value.hint})"


def test_a_package_is_named_after_its_tree(tmp_path: Path) -> None:
    repository(tmp_path, PLAIN)
    assert resolve(tmp_path) == f"docker.io/linuxkit/tool:{tree(tmp_path)}"


def test_a_package_that_is_a_whole_repository(tmp_path: Path) -> None:
    repository(tmp_path / "pkg/a", {"build.yml": "image: tool"})
    assert resolve(tmp_path) == f"docker.io/linuxkit/tool:{tree(tmp_path / 'pkg/a', '')}"


def test_outside_of_git_a_package_is_the_latest(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    assert resolve(tmp_path) == "docker.io/linuxkit/tool:latest"


def test_changes_are_part_of_the_name(tmp_path: Path) -> None:
    repository(tmp_path, PLAIN)
    (tmp_path / "pkg/a/new").write_text("new")
    contents = hashlib.sha256(b"image: tool\n#!/bin/sh\nnew").hexdigest()
    assert resolve(tmp_path) == f"docker.io/linuxkit/tool:{tree(tmp_path)}-dirty-{contents[:7]}"


def test_further_sources_are_part_of_the_name(tmp_path: Path) -> None:
    text = "image: tool\nextra-sources: ['../../lib:/lib', '../b:/b']\n"
    repository(tmp_path, {"pkg/a/build.yml": text, "lib/x": "x", "pkg/b/x": "y"})
    joined = "".join(tree(tmp_path, path) for path in ("pkg/a", "lib", "pkg/b"))
    assert resolve(tmp_path) == f"docker.io/linuxkit/tool:{hashlib.sha1(joined.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("image: a\norg: lab", "docker.io/lab/a:HASH"),
        ("image: a/b\norg: ghcr.io/lab", "ghcr.io/lab/a/b:HASH"),
        ("image: a\ntag: v1", "docker.io/linuxkit/a:v1"),
        ("image: a\ntag: 'v1-{{.Hash}}-x'", "docker.io/linuxkit/a:v1-HASH-x"),
        ("image: a\ntag: '{{ .Hash }}'", "docker.io/linuxkit/a:HASH"),
        (
            "{image: a, network: true, arches: [amd64], gitrepo: x, dockerfile: D, disable-cache: true, buildArgs: []}",
            "docker.io/linuxkit/a:HASH",
        ),
        (
            "{image: a, depends: {docker-images: {}}, config: {devices: [{path: /dev/x, mode: 0666}], any: 1}}",
            "docker.io/linuxkit/a:HASH",
        ),
    ],
)  # fmt: skip
def test_the_description_says_what_the_image_is_called(text: str, name: str, tmp_path: Path) -> None:
    repository(tmp_path, {"pkg/a/build.yml": text})
    assert resolve(tmp_path) == name.replace("HASH", tree(tmp_path))


@pytest.mark.parametrize("path", ["./pkg/a", "pkg/a/", "pkg/../pkg/a"])
def test_paths_begin_at_the_config(path: str, tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    assert resolve(tmp_path, path) == "docker.io/linuxkit/tool:latest"


def test_an_absolute_path_is_one_or_begins_at_the_config_as_for_linuxkit(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    assert resolve(tmp_path / "elsewhere", f"{tmp_path}/pkg/a") == "docker.io/linuxkit/tool:latest"
    assert resolve(tmp_path, "/pkg/a") == "docker.io/linuxkit/tool:latest"


def test_a_package_is_looked_at_once(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    templates = Templates(tmp_path)
    first = templates.resolve("pkg/a")
    (tmp_path / "pkg/a/build.yml").unlink()
    assert templates.resolve("pkg/a") == first


FAULTS = {
    "no image": ("org: lab", "{path}:1:1: image is required (add image: IMAGE)"),
    "unknown field": ("image: a\nimag: b", "{path}:2:1: unknown field 'imag' (did you mean image?)"),
    "wrong type": ("image: [a]", "{path}:1:8: expected text, got a list"),
    "not YAML": ("image: [", "{path}:1:9: did not find expected node"),
    "empty": ("", "{path}: the file is empty"),
    "a list": ("[image]", "{path}:1:1: expected image:, org:, tag:, extra-sources:"),
    "twice": ("image: a\nimage: b", "{path}:2:1: the key 'image' occurs twice"),
    "a bad name": ("image: A B", "'{path}' gives the name 'linuxkit/A B:latest', which is none ("),
    "a bad tag": ("image: a\ntag: '{{.Date}}'", "the tag '{{{{.Date}}}}' of '{folder}' is not understood (use nothing"),
    "a bad source": ("image: a\nextra-sources: [lib]", "'{folder}' has the extra source 'lib' (write SOURCE:DEST"),
    "a source that is not there": ("image: a\nextra-sources: ['x:/x']", "the extra source '{folder}/x' is not"),
    "a source without git": ("image: a\nextra-sources: ['.:/x']", "the extra source '{folder}' is not"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_wrong_with_a_package_is_said(text: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, {"pkg/a/build.yml": text})
    folder = tmp_path / "pkg/a"
    assert fault(tmp_path).startswith(message.format(folder=folder, path=folder / "build.yml"))


def test_a_package_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert fault(tmp_path, "./no").startswith(f"{tmp_path}/no/build.yml: cannot be read: No such file")


@pytest.mark.parametrize("prefix", ["", "/"])
def test_a_package_with_a_name_that_cannot_be_is_named(prefix: str, tmp_path: Path) -> None:
    assert "cannot be read: File name too long" in fault(tmp_path, prefix + "x" * 300)


def test_a_package_that_was_never_committed_is_named(tmp_path: Path) -> None:
    repository(tmp_path, {"other": "x"})
    write(tmp_path, PLAIN)
    assert fault(tmp_path) == f"'{tmp_path}/pkg/a' is not in the last commit of its git repository (commit it)"
    commit(tmp_path)
    assert resolve(tmp_path).startswith("docker.io/linuxkit/tool:")


# in a config


def test_every_text_of_a_config_may_be_a_template(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    config = tmp_path / "a.yml"
    config.write_text(
        "kernel: {image: '@pkg:pkg/a'}\ninit: [&x '@pkg:./pkg/a', *x]\n"
        "files: [{path: etc/version, contents: '@pkg:pkg/a'}]\n"
        "services: [{name: a, image: '@pkg:pkg/a', env: ['@pkg:pkg/a'], annotations: {a: '@pkg:pkg/a'}}]\n"
    )
    loaded = load_config([str(config)]).config
    name = "docker.io/linuxkit/tool:latest"
    (service,) = loaded.services
    assert {str(image.reference) for image in (*loaded.init, service.image)} == {name}
    assert [image.text for image in loaded.init] == [name, name]
    assert (loaded.files[0].contents, service.options.env, service.options.annotations) == (
        name,
        (name,),
        (("a", name),),
    )


def test_other_texts_that_begin_with_an_at_sign_are_texts(tmp_path: Path) -> None:
    """LinuxKit makes them empty (build.md section 10.2)."""
    config = tmp_path / "a.yml"
    config.write_text("files: [{path: '@etc', contents: '@home'}, {path: x, contents: '@pkg'}]")
    files = load_config([str(config)]).config.files
    assert [(file.path, file.contents) for file in files] == [("@etc", "@home"), ("x", "@pkg")]


def test_standard_input_begins_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, PLAIN)
    monkeypatch.chdir(tmp_path)
    config = load_config(["-"], stdin=b"init: ['@pkg:pkg/a']").config
    assert config.init[0].text == "docker.io/linuxkit/tool:latest"


def test_what_cannot_be_resolved_is_told_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "a.yml"
    config.write_text("init: ['@pkg:no']\nservices: [{name: a, image: '@pkg:no', uid: nobody}]")
    with pytest.raises(ConfigError) as caught:
        load_config([str(config)])
    first, second, third = (str(problem) for problem in caught.value.problems)
    assert first.startswith(
        f"{config}:1:8: init.0: the template '@pkg:no' cannot be resolved: {tmp_path}/no/build.yml: "
    )
    assert second.startswith(f"{config}:2:29: services.0.image: the template '@pkg:no' cannot be resolved: ")
    assert "nobody" in third


def test_a_config_from_elsewhere_has_no_packages() -> None:
    assert resolver_for("https://example.com/a.yml") is None
    config, problems = parse_config("init: ['@pkg:pkg/a']", "https://example.com/a.yml")
    assert config is None
    assert str(problems[0]).endswith(
        "init.0: the template '@pkg:pkg/a' is not resolved "
        "(put the config into a file beside its packages, or write the name of the package's image)"
    )
