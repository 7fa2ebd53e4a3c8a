"""Why an image cannot be pulled, step by step, from its name to its layers (registry.md section 16).

Nothing that it says holds a secret: logins are named by where they come from.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import LkboardError, RegistryError
from lkboard.model.finding import Finding
from lkboard.oci.doctor.login import examine_login
from lkboard.oci.doctor.server import examine_server
from lkboard.oci.image_spec.media_types import ACCEPT
from lkboard.oci.registry.client import RegistryClient
from lkboard.oci.registry.fetch import Fetcher
from lkboard.oci.registry.http_errors import NETWORK_ERRORS, unreachable
from lkboard.oci.registry.referrers import list_referrers
from lkboard.oci.registry.resolve import Resolver
from lkboard.oci.registry.transport import Request
from lkboard.oci.registry.workers import run_all
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkboard.events import Job
    from lkboard.model.image import Descriptor, Platform, ResolvedImage
    from lkboard.model.reference import Reference
    from lkboard.oci.servers.endpoint import Endpoint
    from lkboard.oci.servers.settings import RegistrySettings

_SAMPLE = 1024
_LIMITS = ("ratelimit-limit", "ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-remaining")
_SIGNATURES = {".sig": "signature", ".att": "attestation", ".sbom": "bill of materials"}

Lines = tuple[str, ...]
"""What a step says: one line, and details."""


def examine(reference: Reference, platform: Platform, settings: RegistrySettings, job: Job) -> Iterator[Finding]:
    """Yield a finding for each step of a pull. The pull works if the step ``layer`` is there and is not bad.

    A broken configuration ends it, a broken mirror does not. Raises `Cancelled`.
    """
    doctor = _Doctor(reference, platform, replace(settings, always_pull=True, offline=False), job)
    yield doctor.step("name", doctor.name)
    yield (configured := doctor.step("servers", doctor.servers))
    if configured.state == "bad":
        return
    for endpoint in doctor.endpoints:
        yield (reached := doctor.step(f"reach {endpoint.base}", partial(doctor.reach, endpoint)))
        if reached.state != "bad":
            yield doctor.step(f"log in at {endpoint.base}", partial(doctor.log_in, endpoint))
    yield (found := doctor.step("image", doctor.image))
    if found.state == "bad":
        return
    yield doctor.step("layer", doctor.layer)
    yield doctor.step("limits", doctor.limits, is_needed=False)
    yield doctor.step("signatures", doctor.signatures, is_needed=False)


class _Doctor:
    """Remembers from step to step what the next one needs."""

    def __init__(self, reference: Reference, platform: Platform, settings: RegistrySettings, job: Job) -> None:
        self.reference = reference
        self.platform = platform
        self.settings = settings
        self.job = job
        self.client = RegistryClient(settings, job)
        self.endpoints: tuple[Endpoint, ...] = ()
        self.found: ResolvedImage | None = None

    def step(self, name: str, ask: Callable[[], Lines], *, is_needed: bool = True) -> Finding:
        """Do one step, away from this thread, so that it can be left at any time."""
        start = time.monotonic()
        try:
            text, *details = run_all([ask], self.job, parallel=1)[0]
            finding = Finding(name, "good", text, tuple(details))
        except LkboardError as error:
            finding = Finding(name, "bad" if is_needed else "warning", error.message, hint=error.hint or "")
        return replace(finding, seconds=time.monotonic() - start)

    def name(self) -> Lines:
        """Say what the name means."""
        wanted = "digest" if self.reference.digest else "tag"
        details = (f"registry {self.reference.domain}", f"repository {self.reference.path}")
        return (str(self.reference), *details, f"{wanted} {self.reference.wanted}", f"platform {self.platform}")

    def servers(self) -> Lines:
        """Say which servers are asked, and who says so."""
        self.endpoints = self.client.known_endpoints(self.reference)
        sources = list(dict.fromkeys(endpoint.source for endpoint in self.endpoints if endpoint.source))
        text = (
            f"{len(self.endpoints)} to ask, named by {' and '.join(sources)}" if sources else "no mirror is configured"
        )
        return (text, *(_described(endpoint) for endpoint in self.endpoints))

    def reach(self, endpoint: Endpoint) -> Lines:
        """Say how far it is to a server, and who it is."""
        return examine_server(self.client.transport, endpoint, self.settings, str(self.reference))

    def log_in(self, endpoint: Endpoint) -> Lines:
        """Say which login a server wants and gets."""
        return examine_login(self.client, endpoint, str(self.reference))

    def image(self) -> Lines:
        """Say what the image is, found as a build finds it."""
        with tempfile.TemporaryDirectory(prefix="lkboard-doctor-") as folder:
            store = Store(Path(folder) / "store")
            resolver = Resolver(store, Fetcher(store, self.settings, self.job), self.settings, self.job)
            image = resolver.resolve(self.reference, self.platform)
        self.found = image
        size = sum(layer.size for layer in image.layers)
        kinds = sorted({layer.media_type for layer in image.layers})
        index = (f"index {image.index.digest}",) if image.index else ()
        return (
            f"{image.platform}: {len(image.layers)} layers, {size} bytes",
            *index,
            f"manifest {image.manifest.digest}",
            *(f"layers of type {kind}" for kind in kinds),
            *((f"{len(image.attestations)} attestations",) if image.attestations else ()),
        )

    def layer(self) -> Lines:
        """Fetch the start of the smallest layer, from the first server that gives it."""
        assert self.found
        layers = sorted((layer for layer in self.found.layers if layer.size), key=lambda layer: layer.size)
        if not layers:
            return ("there is no layer to fetch",)
        return self.client.first(self.reference, partial(self._sample, layers[0]))

    def _sample(self, layer: Descriptor, endpoint: Endpoint) -> Lines:
        headers = {"Range": f"bytes=0-{_SAMPLE - 1}"}
        request = Request("GET", endpoint.url(f"blobs/{layer.digest}"), str(self.reference), headers=headers)
        response = self.client.send(endpoint, request)
        if response.status_code not in {200, 206}:
            raise self.client.failure(response, str(self.reference))
        with response:
            try:
                count = len(response.raw.read(_SAMPLE, decode_content=False))
            except NETWORK_ERRORS as error:
                raise unreachable(error, response.url, str(self.reference), {}) from error
        wanted = min(_SAMPLE, layer.size)
        if count < wanted:
            raise RegistryError(f"{endpoint.base} sent {count} bytes of {layer.digest} instead of {wanted}")
        can_resume = "can be resumed" if response.status_code == 206 else "cannot be resumed"
        return (f"{count} bytes of {layer.digest} from {endpoint.base}; downloads {can_resume}",)

    def limits(self) -> Lines:
        """Say what the registry tells of limits; Docker Hub does not count this question."""
        endpoint = self.endpoints[-1]
        with self.client.send(
            endpoint, self._quiet("HEAD", endpoint, f"manifests/{self.reference.wanted}")
        ) as response:
            told = [f"{name}: {response.headers[name]}" for name in _LIMITS if name in response.headers]
        return ("the registry tells of its limits", *told) if told else ("the registry tells of none",)

    def signatures(self) -> Lines:
        """Say whether the registry lists what refers to the image, and which signatures lie beside it."""
        assert self.found
        digest = (self.found.index or self.found.manifest).digest
        endpoint, tag = self.endpoints[-1], digest.replace(":", "-")
        kinds = [kind for suffix, kind in _SIGNATURES.items() if self._is_there(endpoint, tag + suffix)]
        referrers = list_referrers(self.client, endpoint, digest, str(self.reference))
        kinds += [one.kind or one.descriptor.media_type for one in referrers.entries]
        api = "the registry lists referrers" if referrers.is_native else "the registry has no list of referrers"
        return (f"{api}; found: {', '.join(dict.fromkeys(kinds)) or 'no signatures'}",)

    def _is_there(self, endpoint: Endpoint, tag: str) -> bool:
        with self.client.send(endpoint, self._quiet("HEAD", endpoint, f"manifests/{tag}")) as response:
            return response.status_code == 200

    def _quiet(self, method: str, endpoint: Endpoint, rest: str) -> Request:
        return Request(method, endpoint.url(rest), str(self.reference), headers={"Accept": ACCEPT}, insist=False)


def _described(endpoint: Endpoint) -> str:
    kind = f"stands in for {endpoint.namespace}" if endpoint.namespace else "the registry itself"
    able = [name for name, is_able in (("tags", endpoint.resolves), ("digests", endpoint.pulls)) if is_able]
    source = f", named by {endpoint.source}" if endpoint.source else ""
    return (
        f"{endpoint.base}{endpoint.root}/{endpoint.repository}: {kind}, for {' and '.join(able) or 'nothing'}{source}"
    )
