"""What builds are made from: the images, packages and files that a config and its boards name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.model.board import DebianSource, ImageSource, KernelSource
from lkboard.model.image import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.board import Board, BoardFile
    from lkboard.model.config import Config
    from lkboard.model.reference import Reference


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that builds of a config use, for some boards and architectures, but for files of this machine."""

    config: Config
    boards: tuple[Board, ...]
    architectures: tuple[str, ...]

    def files(self) -> Iterator[tuple[Board, BoardFile]]:
        """Yield the files and parts of all boards, but for those that come with the config's own kernel."""
        for board in self.boards:
            for file in (*board.files, *board.parts):
                if not isinstance(file.source, KernelSource):
                    yield board, file

    def images(self) -> Iterator[tuple[Reference, Platform]]:
        """Yield the images whose files are used, each with every platform that it is used for."""
        from lkboard.model.reference import parse_reference

        references = {image.reference for image in self.config.images}
        for reference in sorted(references, key=str):
            for architecture in self.architectures:
                yield reference, Platform("linux", architecture)
        for board, file in self.files():
            if isinstance(file.source, ImageSource):
                yield parse_reference(file.source.reference), Platform("linux", board.architecture)

    def whole_images(self) -> Iterator[tuple[Reference, tuple[str, ...]]]:
        """Yield the images of volumes that hold them whole, with the platforms that are wanted (none: all)."""
        for volume in self.config.volumes:
            if volume.image and volume.format == "oci":
                yield volume.image.reference, volume.platforms

    def packages(self) -> Iterator[tuple[DebianSource, str, str]]:
        """Yield the sources that are Debian packages, each with its architecture and the sha256 of its file."""
        for board, file in self.files():
            if isinstance(file.source, DebianSource):
                yield file.source, file.source.architecture or board.architecture, file.sha256

    def names(self) -> frozenset[str]:
        """Return the names of all images and packages."""
        references = [
            *(reference for reference, _ in self.images()),
            *(reference for reference, _ in self.whole_images()),
        ]
        return frozenset(
            {*map(str, references), *(source.package for source, _architecture, _sha256 in self.packages())}
        )
