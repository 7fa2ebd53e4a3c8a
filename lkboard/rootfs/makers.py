"""From an entry back to the config: which place in it, which image and which layer the entry comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.errors import Place
from lkboard.model.explanation import LayerUse, Maker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkboard.model.config import Config
    from lkboard.model.image import ResolvedImage, WholeImage
    from lkboard.model.rootfs import Entry, Origin

_IMPLIED = "nothing describes this folder; it is there for what it contains"
_NOWHERE = "", Place("")


class Makers:
    """Tells who put entries into a root that was made of a config and its images (by canonical reference).

    ``layouts`` are the images of volumes of format ``oci``.
    """

    def __init__(self, config: Config, images: Mapping[str, ResolvedImage], layouts: Iterable[WholeImage] = ()) -> None:
        self._config = config
        self._images = images
        self._digests = {str(image.reference): image.top.digest for image in layouts}
        self._digests |= {name: (image.index or image.manifest).digest for name, image in images.items()}

    def of(self, entry: Entry) -> Maker:
        """Return who put an entry into the root."""
        return self.of_origin(entry.origin, _IMPLIED if entry.is_implied else entry.origin.made)

    def of_origin(self, origin: Origin, made: str = "") -> Maker:
        """Return who an origin is; ``made`` says what lkboard made the entry for, if no layer has it as it is."""
        name, place = self._record(origin.location)
        return Maker(
            location=_location(origin.location),
            name=name,
            place=str(place),
            image=self._image(origin.source),
            layer=self._layer(origin),
            made=made,
        )

    def users(self, entry: Entry) -> tuple[str, ...]:
        """Return the other containers whose image has an entry: containers of one image share its files."""
        users = [
            (f"{section}[{index}]", container)
            for section, index, container in self._config.containers
            if entry.origin.layer and str(container.image.reference) == entry.origin.source
        ]
        if entry.origin.location not in {location for location, _container in users}:
            return ()
        return tuple(f"{place} {one.name}" for place, one in users if place != entry.origin.location)

    def _record(self, location: str) -> tuple[str, Place]:
        """Return the name and the place of what a location means in the config."""
        section, _, rest = location.partition("[")
        if section == "kernel":
            return "", self._config.kernel.places.own
        if not rest:
            return _NOWHERE
        index = int(rest.removesuffix("]"))
        if section == "init":
            return "", self._config.init[index].place
        if section == "files":
            return self._config.files[index].path, self._config.files[index].places.own
        if section == "volume":
            return self._config.volumes[index].name, self._config.volumes[index].places.own
        container = {(name, number): one for name, number, one in self._config.containers}[section, index]
        return container.name, container.places.own

    def _image(self, source: str) -> str:
        """Return a reference with the digest that it had; what is no image has no slash in its name."""
        digest = self._digests.get(source)
        if digest is None:
            return source if "/" in source else ""
        return source if "@" in source else f"{source}@{digest}"

    def _layer(self, origin: Origin) -> LayerUse | None:
        image = self._images.get(origin.source)
        digests = [layer.digest for layer in image.layers] if image else []
        if image is None or origin.layer not in digests:
            return None
        index = digests.index(origin.layer)
        history = image.config.history[index] if image.config.history else ""
        return LayerUse(index + 1, len(digests), origin.layer, history)


def _location(location: str) -> str:
    """Return the path in the config of what an archive calls ``volume[0]``."""
    return f"volumes{location.removeprefix('volume')}" if location.startswith("volume[") else location
