"""Old spellings: those of LinuxKit's single dashes and of the 2017 ``moby`` tool (cli.md section 9.5).

What means something today is rewritten, with a note; what meant something that lkboard does not do is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DISK_SIZE = "-disk-size"
_FORMAT_OPTIONS = {"--format", "-f"}
_TODAY = {
    "-output": "--format",
    _DISK_SIZE: "--disk",
    **{
        f"-{name}": f"--{name}"
        for name in (
            "arch", "cache", "cert-file", "cpus", "data", "data-file", "decompress-kernel", "dir", "disk", "docker",
            "dry-run", "format", "input-tar", "mem", "mirror", "name", "no-sbom", "publish", "pull", "size",
        )
    },
}  # fmt: skip
_IGNORED = {
    "-disable-content-trust": "content trust no longer exists; pin images by digest instead",
    "-hyperkit": "lkboard needs no helper machine to build",
    "-kvm": "KVM is used where it is found to work",
    "-containerized": "QEMU is that of this machine",
}
_FORMATS = {
    "raw": "aws",
    "img": "aws",
    "img-gz": "aws",
    "qcow": "qcow2-bios",
    "qcow2": "qcow2-bios",
    "gcp-img": "gcp",
    "gce-img": "gcp",
}
_COMPRESSED_FORMAT, _COMPRESSION = "img-gz", ("--compress", "gz")
_UPLOADS = ("gce", "gce-storage", "gcp-storage")
_LOCAL_BACKENDS = ("hyperkit", "hyperv", "qemu", "vbox", "virtualization", "vmware")
_CLOUD_BACKENDS = ("aws", "azure", "equinixmetal", "gcp", "openstack", "packet", "scaleway", "vcenter")


def rewrite(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments in today's spelling, and a note for each that was changed.

    Only exact tokens (``-format`` or ``-format=x``) before a bare ``--`` are touched. Raises `UsageError` for what
    lkboard does not do: to upload, and to run machines of a cloud.
    """
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    result: list[str] = []
    notes: list[str] = []
    old_name = ""  # of the option before, if its value may be an old one
    for token in _without_backend(given[:end], notes):
        if old_name:
            result += _value(old_name, token, notes)
            old_name = ""
            continue
        name, equals, value = token.partition("=")
        if name in _IGNORED:
            notes.append(f"{name} is ignored: {_IGNORED[name]}")
            continue
        today = _TODAY.get(name, name)
        if today != name:
            notes.append(f"{name} is spelled {today} today")
        has_value = today in _FORMAT_OPTIONS or name == _DISK_SIZE
        if has_value and equals:
            value, *more = _value(name, value, notes)
            result += [f"{today}={value}", *more]
        else:
            result.append(today + equals + value)
            old_name = name if has_value else ""
    return result + given[end:], notes


def _without_backend(arguments: list[str], notes: list[str]) -> list[str]:
    """Return the arguments without the kind of machine that LinuxKit's ``run`` takes before the image."""
    if arguments[:1] != ["run"] or len(arguments) < 3:
        return arguments
    backend = arguments[1]
    if backend in _CLOUD_BACKENDS:
        raise UsageError(
            f"lkboard runs images in QEMU, not on '{backend}'", hint="upload the image with the tools of that platform"
        )
    if backend not in _LOCAL_BACKENDS:
        return arguments
    notes.append(f"run {backend} is spelled run today, and runs the image in QEMU")
    return [arguments[0], *arguments[2:]]


def _value(option: str, value: str, notes: list[str]) -> list[str]:
    """Return the value of an option in today's spelling, and the options that go with it."""
    if option == _DISK_SIZE:
        return [f"{value}M" if value.isdecimal() else value]
    names = value.split(",")
    for name in names:
        if name in _UPLOADS:
            raise UsageError(
                f"the format '{name}' was uploaded when it was built; lkboard only builds",
                hint="build --format gcp, then upload the file, for example with LinuxKit's 'push gcp'",
            )
        if name in _FORMATS:
            compressed = ", with --compress gz" if name == _COMPRESSED_FORMAT else ""
            notes.append(f"the format {name} is called {_FORMATS[name]} today{compressed}")
    today = ",".join(_FORMATS.get(name, name) for name in names)
    return [today, *(_COMPRESSION if _COMPRESSED_FORMAT in names else ())]
