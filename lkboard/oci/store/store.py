"""The store: an OCI image layout that LinuxKit and skopeo read as well (registry.md section 11, build.md section 7.1).

CACHE/
  oci-layout, index.json      names are annotations org.opencontainers.image.ref.name holding the full reference
  blobs/sha256/<hex>          mode 0444, published only when whole and verified
  .lock                       LinuxKit's lock
  .lkboard/                   ours; may be deleted while nobody works
    ingest/<digest>/data      partial downloads
    locks/<digest>, index     held while one blob, or index.json, is worked on
    locks/sweep               held for the moment in which one file is marked as used, or is removed as garbage
    verified/<folder>-<name>  inode, modification time and size of a file at the time its digest was checked
    quarantine/<digest>       damaged blobs
    <kind>/                   derived data (`Store.derived_dir`)

The access time of a blob or derived file says when it was last used (`lkboard.oci.store.garbage`).
"""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lkboard.errors import DigestMismatch, StoreCorrupt, StoreUnusable
from lkboard.events import Job
from lkboard.home import user_folder
from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.digest import Digester, algorithm_of, digest_of, file_digest
from lkboard.oci.image_spec.documents import descriptor_fields, parse_descriptor
from lkboard.oci.image_spec.media_types import OCI_INDEX
from lkboard.oci.store.files import mark_used, new_file, publish, store_errors, temporary_file
from lkboard.oci.store.ingest import Partial
from lkboard.oci.store.locks import exclusive, exclusive_record, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
"""Docker and containerd put the full name here, and only the tag into `REF_NAME`."""
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_BLOB_MODE = 0o444
_FILE_MODE = 0o644
_CHUNK = 1 << 20
_ALGORITHM = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):")
"""What a digest begins with (image-spec, descriptor)."""


class Store:
    """Blobs by digest and images by name, in a folder that several processes may share.

    Nothing is created before something is written. Raises `StoreUnusable` when the file system refuses, `StoreCorrupt`
    when what is there is damaged.
    """

    def __init__(self, root: Path, *, private: Path | None = None) -> None:
        """Open the store at ``root``; ``private`` is the folder for what is ours alone, ``.lkboard`` below it."""
        self.root = root
        self._private = private or root / ".lkboard"
        self._index = root / "index.json"

    @property
    def private(self) -> Path:
        """The folder with what is ours alone: derived data, locks, what is unfinished."""
        return self._private

    @property
    def sweep_lock(self) -> Path:
        """The lock that is held while one file is marked as used, or is looked at again and removed as garbage."""
        return self._private / "locks" / "sweep"

    # blobs

    def blob_path(self, digest: str) -> Path:
        """Return where a blob is, or would be."""
        algorithm, _, encoded = digest.partition(":")
        return self.root / "blobs" / algorithm / encoded

    def has(self, digest: str) -> bool:
        """Return whether a blob is there; it may be damaged."""
        return self.blob_path(digest).is_file()

    def read(self, descriptor: Descriptor) -> bytes:
        """Return a small blob (manifest, index, configuration) after checking its digest.

        Raises `StoreCorrupt` when it is missing or damaged; a damaged one is moved out of the way.
        """
        digest, path = descriptor.digest, self.blob_path(descriptor.digest)
        if not path.is_file():
            raise StoreCorrupt(f"the blob {digest} is missing", where=self.root)
        with store_errors(path):
            data = path.read_bytes()
        if digest_of(data, algorithm_of(digest)) == digest:
            return data
        if self.put_away(digest):
            raise StoreCorrupt(f"the blob {digest} is damaged", where=self.root)
        return self.read(descriptor)  # others were faster

    def is_sound(self, descriptor: Descriptor, job: Job | None = None, *, recheck: bool = False) -> bool:
        """Return whether a blob is there with the right bytes.

        Its digest is computed only if the file changed since that was last done, or to ``recheck``.
        """
        path = self.blob_path(descriptor.digest)
        with store_errors(path), suppress(FileNotFoundError):
            has_size = path.stat().st_size == descriptor.size
            return has_size and self.is_intact(path, descriptor.digest, job, recheck=recheck)
        return False

    def is_intact(self, path: Path, digest: str, job: Job | None = None, *, recheck: bool = False) -> bool:
        """Return whether a file of the store, or one derived from its blobs, is there and has a digest.

        The digest is computed only if the file changed since that was last done, or to ``recheck``.
        """
        with store_errors(path), suppress(FileNotFoundError):
            self._mark_used(path)
            if not recheck and self._is_recorded(path):
                return True
            if file_digest(path, algorithm_of(digest), lambda _size: job.check() if job else None) == digest:
                self.vouch(path)
                return True
        return False

    def vouch(self, path: Path) -> None:
        """Remember what a file whose digest was checked looks like, for `is_intact`. A hint only: it may fail."""
        with suppress(OSError, StoreUnusable):
            (self.derived_dir("verified") / _record_name(path)).write_text(_look(path))

    def add(self, data: bytes, algorithm: str = "sha256") -> str:
        """Store bytes and return their digest."""
        digest = digest_of(data, algorithm)
        if not self.is_sound(Descriptor("", digest, len(data))):
            with self.incoming() as file:
                file.write(data)
                self._publish(file, digest)
        return digest

    def add_file(self, path: Path) -> tuple[str, int]:
        """Store a copy of a file and return its digest and its size in bytes."""
        with store_errors(path), path.open("rb") as source:
            return self.add_chunks(iter(lambda: source.read(_CHUNK), b""))

    def add_chunks(self, chunks: Iterable[bytes], expected: str = "") -> tuple[str, int]:
        """Store what comes in pieces, and return its digest and its size in bytes.

        Raises `DigestMismatch` when it has not the ``expected`` digest, and stores nothing then.
        """
        digester = Digester(algorithm_of(expected) if expected else "sha256")
        with self.incoming() as file:
            for chunk in chunks:
                file.write(chunk)
                digester.update(chunk)
            if expected and digester.digest != expected:
                raise DigestMismatch(f"the bytes have the digest {digester.digest} instead of {expected}")
            self._publish(file, digester.digest)
            return digester.digest, file.tell()

    @contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """Open a new file in the store's file system that is gone after the block. Raises `StoreUnusable`."""
        with store_errors(self.root), temporary_file(self.derived_dir("ingest")) as file:
            yield file

    @contextmanager
    def locked(self, digest: str, job: Job) -> Iterator[None]:
        """Work on one blob alone; other processes that want the same one wait until then. Raises `Cancelled`."""
        with exclusive(self.derived_dir("locks") / _file_name(digest), job):
            yield

    def partial(self, descriptor: Descriptor, job: Job) -> Partial:
        """Return what is there of a blob that is being fetched, to be used while it is `locked`."""
        return Partial(self._private / "ingest" / _file_name(descriptor.digest) / "data", descriptor, job)

    def commit(self, partial: Partial) -> None:
        """Publish a partial blob that has become whole and whose digest is right."""
        self._create()
        partial.publish(self.blob_path(partial.descriptor.digest), _BLOB_MODE)
        self.vouch(self.blob_path(partial.descriptor.digest))

    def put_away(self, digest: str, job: Job | None = None) -> bool:
        """Move a blob that was seen damaged out of the way, and return whether it still was.

        It is looked at again while it is `locked`, as others may have brought it anew. Raises `Cancelled`.
        """
        path = self.blob_path(digest)
        with ExitStack() as held:
            with suppress(StoreUnusable):  # what may only be read stays where it is
                held.enter_context(self.locked(digest, job or Job()))
            with store_errors(path), suppress(FileNotFoundError):
                if file_digest(path, algorithm_of(digest), lambda _size: job.check() if job else None) != digest:
                    self.quarantine(digest)
                    return True
        return False

    def quarantine(self, digest: str) -> None:
        """Move a damaged blob, which is `locked`, out of the way, as far as the file system allows."""
        target = self._private / "quarantine" / _file_name(digest)
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            self.blob_path(digest).replace(target)
            mark_used(target)  # it stays for some time, to be looked at

    def derived_dir(self, kind: str) -> Path:
        """Return the folder for disposable data of a kind that was derived from blobs, making it if needed."""
        folder = self._private / kind
        with store_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    # names

    def names(self) -> Mapping[str, Descriptor]:
        """Return the descriptors of all named images, without the annotation that names them."""
        return {name: descriptor for name, descriptor in self.entries() if name}

    def entries(self) -> Sequence[tuple[str, Descriptor]]:
        """Return all that the index lists, with an empty name for what has none; nothing that is `unreadable`."""
        with self._index_errors():
            entries = [entry for entry in self._read_index()["manifests"] if not _has_foreign_digest(entry)]
            return [(_name_of(entry), _nameless(parse_descriptor(entry))) for entry in entries]

    def unreadable(self) -> Sequence[str]:
        """Return the digests that the index lists of kinds that lkboard does not compute: other tools may."""
        with self._index_errors():
            return [entry["digest"] for entry in self._read_index()["manifests"] if _has_foreign_digest(entry)]

    def find(self, name: str) -> Descriptor | None:
        """Return the descriptor of a named image, or None."""
        return self.names().get(name)

    def make_layout(self, job: Job) -> None:
        """Be an OCI layout, also when there is no image yet. Waits as `set_name` does."""
        self._create()
        with self.index_locked(job):
            self._write_index(lambda entries: entries)

    def set_name(self, name: str, descriptor: Descriptor, job: Job | None = None) -> None:
        """Give an image a name, taking it from the image that had it. Waits for others; raises `Cancelled` then."""
        annotations = {**dict(descriptor.annotations), REF_NAME: name}
        entry = {**descriptor_fields(descriptor), "annotations": annotations}
        entry.pop("data", None)
        self._create()
        with self.index_locked(job or Job()):
            self._write_index(lambda others: [*(other for other in others if _name_of(other) != name), entry])

    def forget(self, name: str, job: Job) -> None:
        """Remove a name, or what has none and this digest, from the index; the blobs stay. Waits as `set_name` does."""
        with self.index_locked(job):
            self._write_index(lambda others: [one for one in others if name != (_name_of(one) or one["digest"])])

    @contextmanager
    def index_locked(self, job: Job) -> Iterator[None]:
        """Keep others, LinuxKit as well, from changing the index. Raises `StoreUnusable`, and `Cancelled` meanwhile."""
        with (
            store_errors(self._index),
            exclusive(self.derived_dir("locks") / "index", job),
            exclusive_record(self.root / ".lock", job),
        ):
            yield

    @contextmanager
    def _index_errors(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StoreCorrupt(
                f"the index of the store cannot be read: {error}",
                where=self._index,
                hint="restore the file, or choose another folder with --cache DIR",
            ) from error

    def _write_index(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        self.entries()  # what cannot be read must not be replaced
        index = self._read_index()
        index["manifests"] = change(index["manifests"])
        with new_file(self._index, self.derived_dir("ingest"), _FILE_MODE) as file:
            file.write(json.dumps(index, indent=3).encode())

    def _read_index(self) -> dict[str, Any]:
        with store_errors(self._index), suppress(FileNotFoundError):
            return dict(json.loads(self._index.read_bytes()))
        return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}

    def _publish(self, file: BinaryIO, digest: str) -> None:
        self._create()
        publish(file, self.blob_path(digest), _BLOB_MODE)
        self.vouch(self.blob_path(digest))

    def _create(self) -> None:
        layout = self.root / "oci-layout"
        if not layout.exists():
            with store_errors(layout), new_file(layout, self.derived_dir("ingest"), _FILE_MODE) as file:
                file.write(LAYOUT)

    def _mark_used(self, path: Path) -> None:
        """Mark a file as used; it is not taken for garbage then. Raises FileNotFoundError."""
        with ExitStack() as held:
            with suppress(OSError):  # a store that may only be read has no garbage collection either
                held.enter_context(shared(self.sweep_lock))
            mark_used(path)

    def _is_recorded(self, path: Path) -> bool:
        try:
            return (self._private / "verified" / _record_name(path)).read_text() == _look(path)
        except OSError:
            return False


def open_store(cache_dir: str | None) -> Store:
    """Return the store at ``cache_dir``, else ``$LKBOARD_CACHE``, else ``$XDG_CACHE_HOME/lkboard/cache``.

    Raises `StoreUnusable` when there is no home directory to have a cache in.
    """
    named = cache_dir or os.environ.get("LKBOARD_CACHE")
    if named:
        return Store(Path(named))
    base = user_folder("XDG_CACHE_HOME", ".cache")
    if base is None:
        raise StoreUnusable("there is no home directory for the store", hint="choose a folder with --cache DIR")
    return Store(base / "lkboard" / "cache")


def open_vendored(folder: Path, cache_dir: str | None) -> Store:
    """Return the store in a folder that was filled to be built from; derived data is kept as `open_store` would.

    Nothing is ever written into the folder as long as it has all that is asked for. Raises `StoreUnusable`.
    """
    return Store(folder, private=open_store(cache_dir).private)


def _file_name(digest: str) -> str:
    return digest.replace(":", "-")


def _record_name(path: Path) -> str:
    return f"{path.parent.name}-{path.name}"


def _has_foreign_digest(entry: dict[str, Any]) -> bool:
    algorithm = _ALGORITHM.match(str(entry["digest"]))
    return algorithm is not None and algorithm[1] not in {"sha256", "sha512"}


def _name_of(entry: dict[str, Any]) -> str:
    name = (entry.get("annotations") or {}).get(REF_NAME)
    return name if isinstance(name, str) else ""


def _nameless(descriptor: Descriptor) -> Descriptor:
    return replace(descriptor, annotations=tuple(pair for pair in descriptor.annotations if pair[0] != REF_NAME))


def _look(path: Path) -> str:
    status = path.stat()
    return f"{status.st_ino} {status.st_mtime_ns} {status.st_size}"
