"""Blobs and manifests that may be in the store already, and otherwise come from a registry into it."""

from __future__ import annotations

import shlex
import threading
from typing import TYPE_CHECKING

from lkboard.errors import ManifestInvalid, NotFound, OciError, Offline, StoreCorrupt, StoreUnusable
from lkboard.oci.image_spec.digest import algorithm_of, digest_of
from lkboard.oci.image_spec.documents import DOCUMENT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.model.reference import Reference
    from lkboard.oci.registry.client import Fetched, RegistryClient
    from lkboard.oci.registry.download import OnBytes
    from lkboard.oci.servers.settings import RegistrySettings
    from lkboard.oci.store.store import Store

_KNOWN = {digest_of(b"{}"): b"{}"}
"""Blobs that need no request: the empty configuration of image-spec, manifest, guidance for an empty descriptor."""


class Fetcher:
    """Makes sure that something is in the store, undamaged.

    Raises `NotFound`, `AuthNeeded`, `RegistryError` or `DigestMismatch` from the registry, `Offline` when it may not be
    asked, and `StoreCorrupt` when what is damaged in the store cannot be fetched again.
    """

    def __init__(self, store: Store, settings: RegistrySettings, job: Job) -> None:
        self._store = store
        self._settings = settings
        self._job = job
        self._lock = threading.Lock()
        self._made_client: RegistryClient | None = None

    def tagged(self, reference: Reference, known: Descriptor | None) -> Fetched | None:
        """Ask the registry what a reference means now, and store that; None if it still is the ``known`` manifest."""
        digest = known.digest if known and self._store.is_sound(known) else ""
        fetched = self._client(reference, "the image").manifest(reference, reference.wanted, known=digest)
        if fetched:
            self._store.add(fetched.data, algorithm_of(fetched.digest))
        return fetched

    def manifest(self, descriptor: Descriptor, reference: Reference) -> bytes:
        """Return a manifest or index of an image."""

        def fetch() -> None:
            fetched = self._client(reference, f"its manifest {descriptor.digest}").manifest(
                reference, descriptor.digest
            )
            assert fetched  # only a question with a known digest is answered by nothing
            self._store.add(fetched.data, algorithm_of(descriptor.digest))

        self._ensure(descriptor, reference, fetch, recheck=True)
        return self._store.read(descriptor)

    def config(self, descriptor: Descriptor, reference: Reference) -> bytes:
        """Return an image configuration, which is a blob. Raises `ManifestInvalid` if it is too large to be one."""
        if descriptor.size > DOCUMENT_LIMIT:
            raise ManifestInvalid(f"the image configuration is larger than {DOCUMENT_LIMIT >> 20} MiB", where=reference)
        self.blob(descriptor, reference, lambda _: None, recheck=True)
        return self._store.read(descriptor)

    def blob(self, descriptor: Descriptor, reference: Reference, on_bytes: OnBytes, *, recheck: bool = False) -> None:
        """Bring a blob into the store. ``on_bytes`` is told of all its bytes, also of those that need no transfer."""

        def fetch() -> None:
            client = self._client(reference, f"its blob {descriptor.digest}")
            from lkboard.oci.registry.download import Download

            with self._store.partial(descriptor, self._job) as partial:
                on_bytes(partial.offset)
                Download(client, self._settings.limits, self._job, reference, partial, on_bytes).run()
                self._store.commit(partial)

        if not self._ensure(descriptor, reference, fetch, recheck=recheck):
            on_bytes(descriptor.size)

    def _client(self, reference: Reference, what: str) -> RegistryClient:
        """Return the one client, made when it is needed: with it comes requests, which is slow to import.

        Raises `Offline`, naming ``what`` is missing of the image, when no connection may be made, and `NotFound` when
        none could help.
        """
        if self._is_closed:
            raise NotFound(f"{what} is not in the folder {self._store.root}", where=reference, hint=self._remake)
        if self._settings.offline:
            raise Offline(
                f"{what} is not in the store, and lkboard may not use the network",
                where=reference,
                hint=f"pull it while there is one: lkboard cache pull {reference}",
            )
        from lkboard.oci.registry.client import RegistryClient

        with self._lock:
            self._made_client = self._made_client or RegistryClient(self._settings, self._job)
            return self._made_client

    @property
    def _is_closed(self) -> bool:
        """Whether there is nothing but a folder that `lkboard vendor` has made."""
        return self._settings.offline and self._settings.is_vendored

    @property
    def _remake(self) -> str:
        return f"make it anew: lkboard vendor {shlex.quote(str(self._store.root))} FILE…"

    def _ensure(
        self, descriptor: Descriptor, reference: Reference, fetch: Callable[[], None], *, recheck: bool
    ) -> bool:
        """Call ``fetch`` if something is not in the store, and return whether that was so."""
        if self._store.is_sound(descriptor, self._job, recheck=recheck):
            return False
        with self._store.locked(descriptor.digest, self._job):
            if self._store.is_sound(descriptor, self._job, recheck=recheck):
                return False  # another process was faster
            is_damaged = self._store.has(descriptor.digest)
            if is_damaged and self._is_closed:
                message = f"its blob {descriptor.digest} is damaged in the folder {self._store.root}"
                raise StoreCorrupt(message, where=reference, hint=self._remake)
            if is_damaged:
                self._store.quarantine(descriptor.digest)
                what_next = "" if self._settings.offline else ", it is fetched again"
                self._job.note(
                    f"{reference}: the blob {descriptor.digest} in the store is damaged{what_next}", "warning"
                )
            data = _KNOWN.get(descriptor.digest, descriptor.data)
            if data is not None:
                self._store.add(data, algorithm_of(descriptor.digest))
                return False
            try:
                fetch()
            except OciError as error:
                if is_damaged and not isinstance(error, StoreUnusable):
                    raise _lost(descriptor, reference, error) from error
                raise
            return True


def _lost(descriptor: Descriptor, reference: Reference, error: OciError) -> StoreCorrupt:
    return StoreCorrupt(
        f"the blob {descriptor.digest} in the store was damaged, and cannot be fetched again: {error.message}",
        where=reference,
        hint="; ".join(filter(None, (error.hint, "see what else is damaged: lkboard cache verify"))),
    )
