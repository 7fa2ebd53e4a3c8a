"""The forward proxy squid on loopback, which knows hosts that nobody else knows.

with running_squid(names=["registry.test"], users={"bob": "s3cret"}) as squid:
    monkeypatch.setenv("HTTPS_PROXY", squid.url("bob:s3cret"))
    ...
assert squid.asked == ["CONNECT registry.test:4711"]
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PROGRAM = "/usr/sbin/squid"
_LOGIN = "/usr/lib/squid/basic_ncsa_auth"
_READY = "Accepting HTTP Socket connections"


@dataclass(frozen=True)
class Squid:
    """A proxy. ``host`` is ``127.0.0.1:port``; when it has ended, ``asked`` are method and target of all requests."""

    host: str
    asked: list[str] = field(default_factory=list)

    def url(self, login: str = "") -> str:
        """Return the address, with a login as it is to be written in a URL."""
        return f"http://{login}{'@' if login else ''}{self.host}"


@contextmanager
def running_squid(names: Sequence[str] = (), users: Mapping[str, str] | None = None) -> Iterator[Squid]:
    """Run a proxy for which ``names`` are this machine; with ``users`` it wants a login."""
    need(_PROGRAM)
    # as root squid becomes another user, who may not enter the tests' own folders
    with tempfile.TemporaryDirectory(prefix="squid-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in names))
        port = _free_port()
        (folder / "conf").write_text(_configuration(folder, port, users or {}))
        for file in folder.iterdir():
            file.chmod(0o644)
        squid = Squid(f"127.0.0.1:{port}")
        command = [_PROGRAM, "-N", "-d", "1", "-f", folder / "conf"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                _wait_until_ready(process)
                yield squid
            finally:
                process.terminate()
                process.communicate()
        lines = (folder / "access.log").read_text().splitlines()
        squid.asked.extend(" ".join(line.split()[5:7]) for line in lines)


def _configuration(folder: Path, port: int, users: Mapping[str, str]) -> str:
    lines = [
        f"http_port 127.0.0.1:{port}",
        f"hosts_file {folder}/hosts",
        f"access_log stdio:{folder}/access.log",
        f"cache_log {folder}/cache.log",
        f"coredump_dir {folder}",
        "buffered_logs off",
        "cache deny all",
        "pid_filename none",
        "shutdown_lifetime 0 seconds",
        "pinger_enable off",
    ]
    if users:
        (folder / "users").write_text(_htpasswd(users))
        lines += [f"auth_param basic program {_LOGIN} {folder}/users", "acl users proxy_auth REQUIRED"]
        lines += ["http_access deny !users"]
    return "\n".join([*lines, "http_access allow all", ""])


def _htpasswd(users: Mapping[str, str]) -> str:
    need("htpasswd")
    commands = (["htpasswd", "-mbn", *login] for login in users.items())
    made = (subprocess.run(one, check=True, capture_output=True, text=True).stdout for one in commands)
    return "".join(f"{line.strip()}\n" for line in made)


def _free_port() -> int:
    """Return a port that was free a moment ago; squid cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr
    seen = []
    for line in process.stderr:
        seen.append(line)
        if _READY in line:
            return
    raise AssertionError("squid did not start:\n" + "".join(seen))
