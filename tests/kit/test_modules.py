"""The closure of modules and the files that modprobe reads."""

from __future__ import annotations

import lzma
import subprocess
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from support import elf
from support.tools import need

from lkboard.kit.modinfo import Modinfo
from lkboard.kit.modules import Catalogue, Module, index_files, module_name, read_catalogue

if TYPE_CHECKING:
    from pathlib import Path


def module(name: str, *depends: str, soft: str = "", alias: str = "") -> Module:
    """Return a module in a file whose name has dashes."""
    info = Modinfo(depends, (soft,) if soft else (), (alias,) if alias else ())
    return Module(name, f"kernel/{name.replace('_', '-')}.ko", info)


def names(modules: tuple[Module, ...]) -> list[str]:
    return [item.name for item in modules]


CATALOGUE = Catalogue(
    [
        module("ext4", "jbd2", "mbcache", soft="pre: crc32c"),
        module("jbd2"),
        module("mbcache"),
        module("crc32c_generic", alias="crc32c"),
        module("crc32c_intel", alias="crc32c"),
        module("usb_storage", "scsi_mod", "usbcore"),
        module("scsi_mod", "scsi_common"),
        module("scsi_common"),
        module("usbcore", soft="post: usb_storage"),
    ],
    builtin=["kernel/net/packet/af_packet.ko", "kernel/crypto/sha256-generic.ko"],
)


def test_dependencies_of_dependencies_come_along() -> None:
    assert names(CATALOGUE.closure(["usb_storage"])) == ["scsi_common", "scsi_mod", "usb_storage", "usbcore"]


def test_soft_dependencies_come_along_by_their_alias() -> None:
    assert names(CATALOGUE.closure(["ext4"])) == ["crc32c_generic", "crc32c_intel", "ext4", "jbd2", "mbcache"]


def test_soft_dependencies_in_a_ring_end() -> None:
    assert names(CATALOGUE.closure(["usbcore"])) == ["scsi_common", "scsi_mod", "usb_storage", "usbcore"]


def test_names_with_dashes_mean_the_same() -> None:
    assert CATALOGUE.closure(["usb-storage"]) == CATALOGUE.closure(["usb_storage"])


@pytest.mark.parametrize("name", ["af_packet", "sha256-generic", "nothing"])
def test_built_in_and_unknown_names_add_nothing(name: str) -> None:
    assert CATALOGUE.closure([name]) == ()


def test_only_names_that_exist_nowhere_are_unknown() -> None:
    wanted = ["ext4", "af_packet", "sha256-generic", "nothing", "crc32c", "usb-storage"]
    assert CATALOGUE.unknown(wanted) == ("nothing",)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("kernel/drivers/net/virtio-net.ko", "virtio_net"),
        ("kernel/fs/ext4/ext4.ko.xz", "ext4"),
        ("a.ko.zst", "a"),
    ],
)
def test_a_module_is_named_after_its_file(path: str, name: str) -> None:
    assert module_name(path) == name


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        pytest.param(".ko", bytes, id="plain"),
        pytest.param(".ko.xz", lzma.compress, id="xz"),
        pytest.param(".ko.zst", zstandard.ZstdCompressor().compress, id="zstd"),
    ],
)
def test_compressed_modules_are_read(suffix: str, compress: type[bytes]) -> None:
    files = {f"kernel/a{suffix}": compress(elf.module("depends=b")), f"kernel/b{suffix}": compress(elf.module())}
    catalogue = read_catalogue(files, files.__getitem__, [])
    assert names(catalogue.closure(["a"])) == ["a", "b"]


def test_modules_dep_lists_what_must_be_loaded_deepest_last() -> None:
    text = index_files(CATALOGUE.closure(["usb_storage"]))["modules.dep"]
    lines = dict(line.split(":") for line in text.splitlines())
    order = lines["kernel/usb-storage.ko"].split()
    assert sorted(order) == ["kernel/scsi-common.ko", "kernel/scsi-mod.ko", "kernel/usbcore.ko"]
    assert order.index("kernel/scsi-mod.ko") < order.index("kernel/scsi-common.ko")
    assert lines["kernel/scsi-common.ko"] == ""


def test_aliases_and_soft_dependencies_are_written() -> None:
    files = index_files(CATALOGUE.closure(["ext4"]))
    assert "alias crc32c crc32c_generic\n" in files["modules.alias"]
    assert "softdep ext4 pre: crc32c\n" in files["modules.softdep"]


def test_dependencies_in_a_ring_are_written_without_end() -> None:
    ring = (module("a", "b"), module("b", "a"))
    assert index_files(ring)["modules.dep"] == "kernel/a.ko: kernel/b.ko\nkernel/b.ko: kernel/a.ko\n"


@st.composite
def graphs(draw: st.DrawFn) -> list[Module]:
    """Draw modules that depend on earlier ones, as real ones do: without rings."""
    count = draw(st.integers(1, 12))
    return [
        module(f"m{index}", *(f"m{other}" for other in sorted(draw(st.sets(st.integers(0, index - 1)))) if index))
        if index
        else module("m0")
        for index in range(count)
    ]


@given(graphs())
def test_every_module_can_be_loaded_from_its_line(modules: list[Module]) -> None:
    by_path = {item.path: item for item in modules}
    for line in index_files(tuple(modules))["modules.dep"].splitlines():
        path, _, rest = line.partition(":")
        loaded: set[str] = set()
        for step in [*reversed(rest.split()), path]:
            assert set(by_path[step].info.depends) <= loaded
            loaded.add(by_path[step].name)


@given(graphs(), st.data())
def test_a_closure_needs_nothing_outside(modules: list[Module], data: st.DataObject) -> None:
    wanted = data.draw(st.sets(st.sampled_from([item.name for item in modules])))
    closure = Catalogue(modules, []).closure(wanted)
    found = {item.name for item in closure}
    assert wanted <= found
    assert {name for item in closure for name in item.info.depends} <= found


def test_the_files_agree_with_depmod(tmp_path: Path) -> None:
    need("depmod")
    tree = {
        "kernel/a.ko": elf.module("name=a", "depends=b,c", "alias=pci:v1d*", "softdep=pre: d"),
        "kernel/b.ko": elf.module("name=b", "depends="),
        "kernel/c-c.ko": elf.module("name=c_c", "depends="),
        "kernel/d.ko": elf.module("name=d", "depends=", "alias=dd"),
    }
    root = tmp_path / "lib/modules/1.0"
    for path, data in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    subprocess.run(["depmod", "-b", tmp_path, "1.0"], check=True, capture_output=True)
    catalogue = read_catalogue(tree, tree.__getitem__, [])
    ours = index_files(catalogue.closure(["a", "b", "c-c", "d"]))
    for name in ("modules.alias", "modules.softdep"):
        assert _statements(ours[name]) == _statements((root / name).read_text()), name


def _statements(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if not line.startswith("#"))
