"""Rules for image references."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkboard.config.rules.finding import Finding
from lkboard.model.config import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.config.rules.finding import Located
    from lkboard.model.config import Config, ImageName


def unpinned_image(config: Config) -> Iterator[Located]:
    """Find images whose tag is made to move."""
    for places, field, image in _images(config):
        if not image.reference.digest and image.reference.tag in ("", "latest"):
            hint = "give a tag with a version, or a digest"
            yield places, Finding(field, f"'{image.text}' changes without notice", hint, "hint")


def _images(config: Config) -> Iterator[tuple[Places, str, ImageName]]:
    if config.kernel.image:
        yield config.kernel.places, "image", config.kernel.image
    counts: Counter[str] = Counter()
    for image in config.init:
        yield Places(image.place, path=f"init.{counts[image.place.file]}"), "", image
        counts[image.place.file] += 1
    for volume in config.volumes:
        if volume.image:
            yield volume.places, "image", volume.image
    for _section, _index, container in config.containers:
        yield container.places, "image", container.image
