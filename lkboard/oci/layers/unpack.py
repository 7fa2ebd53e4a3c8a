"""Layers as plain tar archives: inflated once, verified against their diff ID, kept as derived data of the store.

How a layer is packed is told by its first bytes, not by its media type (registry.md section 7).
"""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from typing import TYPE_CHECKING

from lkboard.errors import LayerInvalid, StoreCorrupt
from lkboard.model.extents import FileSpan
from lkboard.model.kit import BUILD_COMMAND, is_kit
from lkboard.oci.image_spec.digest import Digester, algorithm_of, is_digest
from lkboard.oci.layers.advice import BOMB, BROKEN_IMAGE, advising
from lkboard.oci.layers.inflate import inflated
from lkboard.oci.store.files import new_file, store_errors
from lkboard.oci.store.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from lkboard.events import Job
    from lkboard.model.image import Descriptor, ResolvedImage
    from lkboard.oci.store.store import Store

STEP = "Unpack layers"

_RATIO_LIMIT = 64
_SIZE_LIMIT = 1 << 30
_READ_ONLY = 0o444
_THREADS = 2


def size_limit(stored_bytes: int) -> int:
    """Return how many bytes a layer may unpack to before it counts as a bomb (registry.md section 8)."""
    return max(_RATIO_LIMIT * stored_bytes, _SIZE_LIMIT)


def layer_name(image: str, layer: Descriptor) -> str:
    """Return how errors name a layer."""
    return f"{image}, layer {layer.digest}" if image else f"layer {layer.digest}"


def diff_layers(image: ResolvedImage) -> Iterator[tuple[Descriptor, str]]:
    """Yield each layer, from the bottom to the top, with the digest of its plain tar. Raises `LayerInvalid`."""
    diff_ids = image.config.diff_ids
    if len(diff_ids) != len(image.layers):
        raise LayerInvalid(
            f"the manifest has {len(image.layers)} layers, the configuration {len(diff_ids)} diff IDs",
            where=image.reference,
            hint=BROKEN_IMAGE,
        )
    return zip(image.layers, diff_ids, strict=True)


def unpacked_layer(
    store: Store,
    layer: Descriptor,
    diff_id: str,
    *,
    image: str = "",
    on_bytes: Callable[[int], None] | None = None,
) -> FileSpan:
    """Return the plain tar of a layer that is in the store.

    ``image`` names the image in errors. ``on_bytes`` is told of every stored byte that was read, and may raise to stop.
    Raises `LayerInvalid` when the layer is damaged, is not what the image's configuration says, or is a bomb, and
    `StoreCorrupt` when it is only the store's copy that is damaged, which is put away then.
    """
    where = layer_name(image, layer)
    if not is_digest(diff_id):
        message = f"the image's configuration has no valid diff ID for it: {diff_id!r}"
        raise LayerInvalid(message, where=where, hint=BROKEN_IMAGE)
    if layer.digest == diff_id:
        return FileSpan(str(store.blob_path(layer.digest)), 0, layer.size, diff_id)
    target = _target(store, diff_id)
    if not store.is_intact(target, diff_id):
        try:
            with (
                advising(BROKEN_IMAGE),
                closing(inflated(store.blob_path(layer.digest), where, on_bytes or _ignore)) as pieces,
                store_errors(target),
                new_file(target, target.parent, _READ_ONLY) as file,
            ):
                _unpack(layer, diff_id, where, pieces, file)
        except LayerInvalid as error:
            _blame_store(store, layer, image, error)
            raise
        store.vouch(target)
    return FileSpan(str(target), 0, target.stat().st_size, diff_id)


def unpack_layers(images: Sequence[ResolvedImage], store: Store, job: Job) -> None:
    """Unpack all layers of images that are not there unpacked and undamaged, in parallel, as the step "Unpack layers".

    Raises `LayerInvalid`, `StoreCorrupt` and `Cancelled`.
    """
    layers = [(layer, diff_id, str(image.reference)) for image in images for layer, diff_id in diff_layers(image)]
    wanted = {
        diff_id: (layer, diff_id, image)
        for layer, diff_id, image in layers
        if layer.digest != diff_id
        and not (is_digest(diff_id) and store.is_intact(_target(store, diff_id), diff_id, job))
    }
    meter = Meter(job, STEP, sum(layer.size for layer, _diff_id, _image in wanted.values()))
    with job.step(STEP), ThreadPoolExecutor(_THREADS, "unpack") as pool:
        futures = [
            pool.submit(unpacked_layer, store, layer, diff_id, image=image, on_bytes=meter.add)
            for layer, diff_id, image in wanted.values()
        ]
        done, pending = wait(futures, return_when=FIRST_EXCEPTION)
        if pending:
            meter.stop.set()
            for future in pending:
                future.cancel()
        for future in done:
            future.result()


def _target(store: Store, diff_id: str) -> Path:
    return store.derived_dir("layers") / f"{diff_id.partition(':')[2]}.tar"


def _blame_store(store: Store, layer: Descriptor, image: str, error: LayerInvalid) -> None:
    """Put a blob away whose file looked as if nobody had touched it, and has other bytes all the same."""
    if not store.put_away(layer.digest):
        return
    repair = f"make it again: {BUILD_COMMAND}" if is_kit(image) else "build with a network to fetch it again"
    raise StoreCorrupt(
        f"the store's copy of it is damaged ({error.message})",
        where=layer_name(image, layer),
        hint=f"{repair}; see what else is damaged: lkboard cache verify",
    ) from error


def _ignore(_size: int) -> None:
    """Take a progress report and do nothing."""


def _unpack(layer: Descriptor, diff_id: str, where: str, pieces: Iterable[bytes], file: BinaryIO) -> None:
    """Write the plain bytes of a layer, and make sure that they are those."""
    limit, size = size_limit(layer.size), 0
    digester = Digester(algorithm_of(diff_id))
    for piece in pieces:
        size += len(piece)
        if size > limit:
            times = limit // max(layer.size, 1)
            message = f"the layer unpacks to more than {limit >> 20} MiB, {times} times its size"
            raise LayerInvalid(message, where=where, hint=BOMB)
        digester.update(piece)
        file.write(piece)
    if digester.digest != diff_id:
        raise LayerInvalid(
            f"the layer unpacks to {digester.digest}, but the image's configuration says {diff_id}",
            where=where,
            hint="the image is damaged or was tampered with: build or pull it again",
        )
