"""The real Debian ``docker-registry`` on a free loopback port, with the fittings that users meet.

with running_registry(tmp_path) as registry:                       # plain http
with running_registry(tmp_path, users={"alice": "s3cret"}) as …:   # htpasswd
with running_registry(tmp_path, authority=Authority(tmp_path)) as …:       # TLS with an own CA
with TokenServer(tmp_path) as tokens, running_registry(tmp_path, tokens=tokens) as …:   # bearer tokens

registry.push(image, "lab/web:v1")        # bytes as they are
registry.host                             # "127.0.0.1:41233", the domain part of a reference
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from support.images import Image, write_layout
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from support.authority import Authority

User = str | None | Literal[False]
"""A name, None for nobody, False for a wrong password."""


class TokenServer:
    """The token service of a registry (distribution-spec token authentication), with RS256 made by openssl.

    Anybody may pull from ``pub/*``; ``users`` may do all. ``lifetime`` (seconds from now) may be negative: the registry
    grants 60 s of leeway. ``requests`` records the form or query of each request. A password is also an identity token
    (``alice:s3cret``), which is traded by POST unless ``post_status`` says otherwise; ``extra`` is added to answers.
    Nobody may do anything in ``forbidden`` repositories.
    """

    service = "lab-registry"
    issuer = "lab-issuer"

    def __init__(self, folder: Path, users: Mapping[str, str] | None = None, *, lifetime: int = 300) -> None:
        need("openssl")
        self.users = dict(users or {})
        self.lifetime = lifetime
        self.post_status = 200
        self.extra: dict[str, str] = {}
        self.forbidden: set[str] = set()
        self.requests: list[dict[str, list[str]]] = []
        self.key, self.certificate = folder / "token.key", folder / "token.crt"
        subprocess.run(
            [
                *[
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "30",
                    "-subj",
                    "/CN=token",
                    "-keyout",
                ],
                self.key,
                "-out",
                self.certificate,
            ],
            check=True,
            capture_output=True,
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def realm(self) -> str:
        """Where tokens are given out."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, form: dict[str, list[str]], user: str | None) -> dict[str, Any]:
        """Return the answer to a token request of ``user`` (None: anonymous)."""
        access = []
        for scope in " ".join(form.get("scope", [])).split():
            kind, name, actions = scope.split(":")
            granted = actions.split(",") if user else ["pull"] if name.startswith("pub/") else []
            granted = [] if name in self.forbidden else granted
            access.append({"type": kind, "name": name, "actions": granted})
        return {"token": self._jwt(access, user or ""), "expires_in": max(self.lifetime, 60), **self.extra}

    def _jwt(self, access: list[dict[str, Any]], subject: str) -> str:
        now = int(time.time())
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        claims = {"iss": self.issuer, "aud": self.service, "sub": subject, "iat": now, "nbf": now - 120}
        claims |= {"exp": now + self.lifetime, "jti": str(len(self.requests)), "access": access}
        text = b".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        sign = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(sign, input=text, check=True, capture_output=True).stdout
        return (text + b"." + _base64url(signature)).decode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._give(urllib.parse.parse_qs(self.path.partition("?")[2]), self._basic_user())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = urllib.parse.parse_qs(body)
                if server.post_status != 200:
                    self.send_error(server.post_status)
                    return
                name, _, secret = form.get("refresh_token", [":"])[0].partition(":")
                self._give(form, name if server.users.get(name) == secret and name else False)

            def _basic_user(self) -> User:
                value = self.headers.get("Authorization")
                if value is None:
                    return None
                login = base64.b64decode(value.removeprefix("Basic ")).decode().removeprefix("<token>:")
                name, _, secret = login.partition(":")
                return name if server.users.get(name) == secret else False

            def _give(self, form: dict[str, list[str]], user: User) -> None:
                server.requests.append(form)
                good = user is not False
                body = json.dumps(server.answer(form, user or None) if good else {"details": "wrong password"}).encode()
                self.send_response(200 if good else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@dataclass
class Registry:
    """A running registry. ``host`` is ``127.0.0.1:port``; ``data`` its storage folder; ``log`` the lines of its log."""

    host: str
    scheme: str
    data: Path
    users: Mapping[str, str] = field(default_factory=dict)
    ca_file: Path | None = None
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address, for ``--mirror``."""
        return f"{self.scheme}://{self.host}"

    def push(self, image: Image, name: str) -> str:
        """Bring an image there unchanged as ``name`` (``lab/web:v1``) and return its full reference.

        Any image will do, also one that no tool would push. A registry with logins gets it from skopeo.
        """
        if self.users or self.scheme == "https":
            return self.push_with_skopeo(image, name)
        repository, _, tag = name.partition(":")
        for digest, data in image.blobs.items():
            if digest not in image.manifests:
                location = self._put("POST", f"/v2/{repository}/blobs/uploads/", b"")
                self._put("PUT", f"{location}&digest={digest}", data)
        for digest, media_type in image.manifests.items():
            self.put_manifest(repository, tag if digest == image.digest else digest, image.blobs[digest], media_type)
        return f"{self.host}/{name}"

    def put_manifest(self, repository: str, name: str, data: bytes, media_type: str) -> None:
        """Give some bytes a tag, as they are."""
        self._put("PUT", f"/v2/{repository}/manifests/{name}", data, {"Content-Type": media_type})

    def push_with_skopeo(self, image: Image, name: str) -> str:
        """Bring an image of OCI types there with skopeo, unchanged, and return its full reference."""
        need("skopeo")
        with tempfile.TemporaryDirectory() as folder:
            write_layout(Path(folder), {"it": image})
            self.skopeo("copy", "--all", "--preserve-digests", f"oci:{folder}:it", f"docker://{self.host}/{name}")
        return f"{self.host}/{name}"

    def _put(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> str:
        connection = http.client.HTTPConnection(self.host)
        try:
            connection.request(method, path.removeprefix(self.url), body, dict(headers or {}))
            response = connection.getresponse()
            answer = response.read()
            assert response.status < 300, answer
            return response.headers.get("Location", "")
        finally:
            connection.close()

    def skopeo(self, verb: str, *arguments: str) -> str:
        """Run skopeo with what it needs to reach this registry, and return what it prints."""
        need("skopeo")
        side = "dest-" if verb == "copy" and arguments[-1].startswith("docker:") else "src-" if verb == "copy" else ""
        options = [f"--{side}tls-verify=false"]
        if self.users:
            options += [f"--{side}creds", ":".join(next(iter(self.users.items())))]
        command = ["skopeo", "--insecure-policy", verb, *options, *arguments]
        result = subprocess.run(command, check=False, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def links(self, repository: str) -> set[str]:
        """Return the digests of what a repository has."""
        folder = self.data / "docker/registry/v2/repositories" / repository
        return {link.read_text() for link in folder.rglob("link")}

    def blob_file(self, digest: str) -> Path:
        """Return the file in which the registry keeps a blob, to damage it."""
        name = digest.removeprefix("sha256:")
        return self.data / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"


@contextmanager
def running_registry(
    folder: Path,
    *,
    users: Mapping[str, str] | None = None,
    authority: Authority | None = None,
    tokens: TokenServer | None = None,
    certificate: tuple[Path, Path] | None = None,
    wants_client: bool = False,
    mirrored: str = "",
    has_schema_1: bool = False,
) -> Iterator[Registry]:
    """Run a registry that keeps its data below ``folder``; skips the test where the program is not installed.

    With an ``authority`` it speaks TLS, with an own ``certificate`` if need be, and may want clients to have one.
    It may be a pull-through mirror of what is ``mirrored``, a URL, and take images of Docker's schema 1.
    """
    need("docker-registry")
    home = Path(tempfile.mkdtemp(prefix="registry-", dir=folder))
    config = _configuration(home, users or {}, tokens)
    if authority:
        files = certificate or authority.server_certificate()
        config["http"]["tls"] = {"certificate": str(files[0]), "key": str(files[1])}
        if wants_client:
            config["http"]["tls"]["clientcas"] = [str(authority.ca_file)]
    if mirrored:
        config["proxy"] = {"remoteurl": mirrored}
    if has_schema_1:
        config["compatibility"] = {"schema1": {"enabled": True}}
    (home / "config.json").write_text(json.dumps(config))  # JSON is YAML
    process = subprocess.Popen(
        ["docker-registry", "serve", home / "config.json"], stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    log: list[str] = []
    try:
        host = _wait_until_listening(process, log)
        drain = threading.Thread(target=log.extend, args=(process.stdout,), daemon=True)
        drain.start()
        account = users or (tokens.users if tokens else {})
        ca_file = authority.ca_file if authority else None
        yield Registry(host, "https" if authority else "http", home / "data", account, ca_file, log)
    finally:
        process.terminate()
        process.wait()
        drain.join()
        process.stdout.close()


def _configuration(home: Path, users: Mapping[str, str], tokens: TokenServer | None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(home / "data")}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", "secret": "lab"},
        "validation": {"manifests": {"urls": {"allow": ["^https://"]}}},
    }
    if users:
        config["auth"] = {"htpasswd": {"realm": "lab", "path": str(_htpasswd(home, users))}}
    if tokens:
        token = {"realm": tokens.realm, "service": tokens.service, "issuer": tokens.issuer}
        config["auth"] = {"token": token | {"rootcertbundle": str(tokens.certificate)}}
    return config


def _htpasswd(home: Path, users: Mapping[str, str]) -> Path:
    need("htpasswd")
    lines = [
        subprocess.run(["htpasswd", "-Bbn", name, secret], check=True, capture_output=True, text=True).stdout.strip()
        for name, secret in users.items()
    ]
    path = home / "htpasswd"
    path.write_text("\n".join(lines) + "\n")
    return path


def _wait_until_listening(process: subprocess.Popen[str], log: list[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        log.append(line)
        if "listening on " in line:
            return line.partition("listening on ")[2].split('"')[0].removesuffix(", tls").strip()
    raise AssertionError("the registry did not start:\n" + "".join(log))


def get(registry: Registry, path: str) -> tuple[int, bytes]:
    """Ask a plain registry directly, without any client of ours: status and body."""
    connection = http.client.HTTPConnection(registry.host)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
