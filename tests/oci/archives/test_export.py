"""Archives of images with unusual texts in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.images import dumps, file, image, layer, write_layout

from lkboard.model.extents import Inline
from lkboard.oci.archives.export import layout_entries

if TYPE_CHECKING:
    from lkboard.oci.store.store import Store

NAME = "docker.io/lab/x:v1"
HALF = "half of \ud800 a pair, and ä"


def test_a_text_that_has_no_utf_8_is_exported_as_it_is(store: Store) -> None:
    one = image(layer(file("a")))
    write_layout(store.root, {NAME: one})
    index = store.root / "index.json"
    entries = json.loads(index.read_bytes())
    entries["manifests"][0]["annotations"]["note"] = HALF
    index.write_bytes(dumps(entries))
    root = store.find(NAME)
    assert root
    made = {entry.path: entry for entry in layout_entries(store, root, NAME, (), NAME)}
    (part,) = made["index.json"].content.parts
    assert isinstance(part, Inline)
    written = json.loads(part.data)
    assert written["manifests"][0]["annotations"]["note"] == HALF
