"""Names of processor architectures: Go's, which images and LinuxKit use."""

from __future__ import annotations

import platform

_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def go_name(name: str) -> str:
    """Return Go's name for an architecture that the kernel (uname(2)) or Go names; others stay as they are."""
    return _GO_NAMES.get(name, name)


def host_architecture() -> str:
    """Return this machine's architecture in Go's names."""
    return go_name(platform.machine())
