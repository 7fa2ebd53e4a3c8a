"""The bill of materials: what the images of a system say is in them, as one document (build.md section 5.10)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard import __version__
from lkboard.errors import ImageConflict
from lkboard.model.extents import Content, Inline
from lkboard.model.rootfs import EPOCH, Kind, Origin
from lkboard.oci.image_spec.attestation import SPDX
from lkboard.oci.layers.file_tree import clean
from lkboard.rootfs.hidden import covered_file
from lkboard.rootfs.kernel import BOOT
from lkboard.rootfs.spdx import Merger, SpdxInvalid

if TYPE_CHECKING:
    from lkboard.model.image import Descriptor
    from lkboard.oci.store.store import Store
    from lkboard.rootfs.images import ImageFiles
    from lkboard.rootfs.merge import Root

SEGMENT = "bill of materials"

_NOBODY = Origin("", "", made="the bill of materials of all images")
_SIZE_LIMIT = 64 << 20
_ARCHIVES_ONLY = "boot loaders take no more than kernel, command line and microcode from there (--sbom-output PATH)"
_HINT = "build without a bill of materials: --no-sbom"


@dataclass(frozen=True, slots=True)
class SbomOptions:
    """Where the bill of materials goes, and when it says that it was made (Unix seconds)."""

    path: str
    created: int = EPOCH


def add_sbom(root: Root, files: ImageFiles, options: SbomOptions) -> None:
    """Add the bill of materials of all images whose files went into a root.

    Raises `ImageConflict` when what an image says cannot be understood, `StoreCorrupt`.
    """
    merger = Merger()
    for image, prefix in files.extracted:
        for descriptor in image.sboms:
            try:
                merger.add(_predicate(descriptor, files.store), prefix)
            except (ValueError, RecursionError) as error:
                message = f"its bill of materials {descriptor.digest} cannot be used: {error}"
                raise ImageConflict(message, where=image.reference, hint=_HINT) from error
    if (clean(options.path) or "").startswith(f"{BOOT}/"):
        root.job.note(f"the bill of materials '{options.path}' will be in tars only: {_ARCHIVES_ONLY}", "warning")
    data = merger.encode(created=options.created, tool=f"lkboard-{__version__}")
    there = root.tree.find(options.path)
    if there is not None and there.children is None:
        root.job.note(covered_file(options.path, there.entry), "warning")
    root.begin_segment(SEGMENT)
    root.put_made(options.path, Kind.FILE, 0o644, Content(tuple(Inline(piece) for piece in data)), _NOBODY)


def _predicate(statement: Descriptor, store: Store) -> object:
    """Return the document in an in-toto statement. Raises ValueError."""
    if statement.size > _SIZE_LIMIT:
        raise SpdxInvalid(f"it has more than {_SIZE_LIMIT >> 20} MiB")
    fields = json.loads(store.read(statement))
    if not isinstance(fields, dict) or fields.get("predicateType") != SPDX:
        raise SpdxInvalid("it is not a statement about an SPDX document")
    return fields.get("predicate")
