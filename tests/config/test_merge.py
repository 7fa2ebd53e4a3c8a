"""Several configs to one (build.md section 2.5)."""

from __future__ import annotations

import pytest

from lkboard.config.merge import merge
from lkboard.config.parse import read_draft
from lkboard.errors import Place
from lkboard.model.config import Config, Kernel


def merged(*texts: str) -> Config:
    drafts = [read_draft(text, f"{index}.yml") for index, text in enumerate(texts)]
    assert [draft.problems for draft in drafts] == [()] * len(texts)
    return merge(draft.config for draft in drafts if draft.config)


def kernel(*texts: str) -> Kernel:
    return merged(*(f"kernel: {text}" for text in texts)).kernel


def test_nothing_merged_is_an_empty_config() -> None:
    assert merge(()) == Config()


def test_lists_are_joined_in_the_order_of_files() -> None:
    texts = [
        f"init: ['i{n}:1']\nonboot: [{{name: b{n}, image: 'x:1'}}]\nonshutdown: [{{name: d{n}, image: 'x:1'}}]\n"
        f"services: [{{name: s{n}, image: 'x:1'}}]\nfiles: [{{path: f{n}, contents: ''}}]\nvolumes: [{{name: v{n}}}]"
        for n in range(3)
    ]
    config = merged(*texts)
    assert [image.text for image in config.init] == ["i0:1", "i1:1", "i2:1"]
    assert [item.name for item in config.onboot] == ["b0", "b1", "b2"]
    assert [item.name for item in config.onshutdown] == ["d0", "d1", "d2"]
    assert [item.name for item in config.services] == ["s0", "s1", "s2"]
    assert [item.path for item in config.files] == ["f0", "f1", "f2"]
    assert [item.name for item in config.volumes] == ["v0", "v1", "v2"]
    assert [source.name for source in config.sources] == ["0.yml", "1.yml", "2.yml"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["{cmdline: a}", "{cmdline: b}"], Kernel(cmdline="b")),
        (["{cmdline: a}", "{cmdline: ''}"], Kernel(cmdline="a")),
        (["{cmdline: a}", "{tar: none}"], Kernel(cmdline="a", tar="none")),
        (["{binary: a}", "{binary: ''}"], Kernel(binary="a")),
        (["{binary: a}", "{binary: kernel}"], Kernel(binary="kernel")),
        (["{tar: a}", "{tar: ''}"], Kernel(tar="")),
        (["{tar: a}", "{cmdline: x}"], Kernel(tar="a", cmdline="x")),
        (["{tar: none}", "{tar: kernel.tar}"], Kernel(tar="kernel.tar")),
        (["{ucode: a}", "{ucode: ''}"], Kernel(ucode="")),
        (["{ucode: a}", "{tar: b}"], Kernel(ucode="a", tar="b")),
    ],
)
def test_kernel_fields_are_replaced_one_by_one(texts: list[str], expected: Kernel) -> None:
    assert kernel(*texts) == expected


@pytest.mark.parametrize(("later", "expected"), [("{image: 'b:1'}", "b:1"), ("{image: ''}", "a:1"), ("{}", "a:1")])
def test_the_kernel_image_is_replaced_by_another_only(later: str, expected: str) -> None:
    image = kernel("{image: 'a:1'}", later).image
    assert image is not None
    assert image.text == expected


def test_every_field_of_the_kernel_keeps_the_place_where_it_was_written() -> None:
    places = kernel("{cmdline: a, tar: none}", "{image: 'k:1', cmdline: ''}", "{tar: x}").places
    assert places.of("cmdline") == Place("0.yml", 1, 19)
    assert places.of("image") == Place("1.yml", 1, 17)
    assert places.of("tar") == Place("2.yml", 1, 15)


def test_records_keep_their_path_in_their_own_file() -> None:
    config = merged("services: [{name: a, image: 'x:1'}]", "services: [{name: b, image: 'x:1'}]")
    assert [service.places.path for service in config.services] == ["services.0", "services.0"]
