"""A certificate authority of our own, made with openssl.

authority = Authority(tmp_path)
certificate, key = authority.server_certificate()            # for 127.0.0.1 and localhost
certificate, key = authority.client_certificate("alice")
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
_LOCAL = "DNS:localhost,IP:127.0.0.1"


class Authority:
    """See the module. ``ca_file`` is its own certificate."""

    def __init__(self, folder: Path) -> None:
        need("openssl")
        self.folder = folder / "authority"
        self.folder.mkdir()
        self.ca_file = self.folder / "ca.crt"
        self._openssl(
            *("req", "-x509", *_NEW_KEY, "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "30"),
            *("-subj", "/CN=lab CA", "-addext", "basicConstraints=critical,CA:TRUE"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def server_certificate(self, names: str = _LOCAL, *, is_expired: bool = False) -> tuple[Path, Path]:
        """Return the files of a certificate for ``names`` (subjectAltName) and of its key."""
        return self._signed("server", f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n", is_expired=is_expired)

    def client_certificate(self, name: str, *, passphrase: str = "") -> tuple[Path, Path]:
        """Return the files of a certificate for somebody, and of the key, which may have a passphrase."""
        return self._signed(name, "extendedKeyUsage=clientAuth\n", passphrase=passphrase)

    def _signed(
        self, name: str, extensions: str, *, passphrase: str = "", is_expired: bool = False
    ) -> tuple[Path, Path]:
        (self.folder / f"{name}.ext").write_text(extensions)
        protection = ("-passout", f"pass:{passphrase}") if passphrase else ("-nodes",)
        request = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self._openssl("req", *_NEW_KEY, *protection, *request)
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "30", "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
            is_long_ago=is_expired,
        )
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def _openssl(self, *arguments: str, is_long_ago: bool = False) -> None:
        if is_long_ago:
            need("faketime")
        clock = ("faketime", "2020-01-01") if is_long_ago else ()
        subprocess.run([*clock, "openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
