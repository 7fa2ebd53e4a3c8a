"""From a reference to the manifest for a platform (build.md sections 3.2 and 7.2, registry.md section 7)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkboard.errors import ManifestInvalid, NotFound, Offline, PlatformMissing, StoreUnusable
from lkboard.model.image import Descriptor, ImageConfig, Platform, ResolvedImage, WholeImage
from lkboard.oci.image_spec.attestation import attestations, is_attestation, is_sbom
from lkboard.oci.image_spec.documents import Index, Manifest, parse_document, parse_image_config
from lkboard.oci.image_spec.media_types import INDEXES, MANIFESTS
from lkboard.oci.image_spec.platform import choose, is_among, is_suitable, listed
from lkboard.oci.store.graph import INDEX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.events import Job
    from lkboard.model.reference import Reference
    from lkboard.oci.image_spec.documents import Document
    from lkboard.oci.registry.fetch import Fetcher
    from lkboard.oci.servers.settings import RegistrySettings
    from lkboard.oci.store.store import Store


@dataclass(frozen=True, slots=True)
class _Choice:
    """The entry of an index that was taken, and all entries of that index."""

    entry: Descriptor
    siblings: tuple[Descriptor, ...]


class Resolver:
    """Looks references up, in the store first."""

    def __init__(self, store: Store, fetcher: Fetcher, settings: RegistrySettings, job: Job) -> None:
        self._store = store
        self._fetcher = fetcher
        self._settings = settings
        self._job = job

    def resolve(self, reference: Reference, platform: Platform, *, is_kept: bool = True) -> ResolvedImage:
        """Return the image that a reference means on a platform; its manifest and configuration are in the store then.

        It has a name there then, which keeps it from garbage collection, unless it is not to be ``is_kept``. Raises
        `PlatformMissing`, `ManifestInvalid`, and what `Fetcher` raises.
        """
        root, is_new = self._root(reference)
        document = self._document(root, reference)
        if isinstance(document, Index):
            image = self._from_index(root, document, reference, platform)
        else:
            image = self._from_single(root, document, reference, platform)
        if is_kept:
            self._name(reference, replace(root, media_type=document.media_type), is_new=is_new)
        return image

    def with_sboms(self, image: ResolvedImage) -> ResolvedImage:
        """Return an image with the statements that its attestations list as bills of materials (build.md section 5.10).

        Attestations that the registry does not have, because they were left behind when the image was copied, are told.
        Raises `ManifestInvalid`, and what `Fetcher` raises otherwise.
        """
        sboms: list[Descriptor] = []
        for attestation in image.attestations:
            try:
                document = self._document(attestation, image.reference)
            except NotFound:
                self._job.note(
                    f"{image.reference}: its attestation {attestation.digest} is not in the registry", "warning"
                )
                continue
            except Offline as error:
                error.hint = f"{error.hint}; or build with --no-sbom"
                raise
            if isinstance(document, Manifest):
                sboms += (layer for layer in document.layers if is_sbom(layer))
        return replace(image, sboms=tuple(sboms))

    def resolve_whole(self, reference: Reference, platforms: tuple[Platform, ...]) -> WholeImage:
        """Return an image with its images for some platforms, or with everything that its index lists.

        The manifests are in the store then. Raises `ManifestInvalid`, and what `Fetcher` raises.
        """
        root, is_new = self._root(reference)
        found = list(self._documents(root, reference, platforms, 1, set()))
        manifests = [document for _entry, document in found if isinstance(document, Manifest)]
        layers = [part for manifest in manifests for part in (manifest.config, *manifest.layers)]
        documents = [entry for entry, _document in found]
        self._name(reference, documents[-1], is_new=is_new)
        return WholeImage(reference, documents[-1], tuple(documents), tuple(layers))

    def _name(self, reference: Reference, root: Descriptor, *, is_new: bool) -> None:
        """Let the store keep an image under its name: what is new, or was asked for by a digest that no name leads to.

        A tag may have moved on from that digest, and what a vendored folder has is never garbage.
        """
        if is_new:
            self._store.set_name(str(reference), root, self._job)
        elif reference.digest and not self._settings.is_vendored and not self._is_named(reference):
            with suppress(StoreUnusable):  # a store that may only be read has no garbage collection either
                self._store.set_name(str(reference), root, self._job)

    def _is_named(self, reference: Reference) -> bool:
        """Return whether a name in the repository of a reference leads to its digest."""
        repository = str(replace(reference, tag="", digest=""))
        return any(
            root.digest == reference.digest and name.startswith(repository) and name[len(repository) :][:1] in ":@"
            for name, root in self._store.names().items()
        )

    def _documents(
        self, entry: Descriptor, reference: Reference, platforms: tuple[Platform, ...], depth: int, seen: set[str]
    ) -> Iterator[tuple[Descriptor, Document]]:
        """Yield a document after those that it lists, without platforms all of them, each once.

        ``seen`` are the digests of those before it: lists of lists could name one document any number of times.
        """
        if entry.digest in seen:
            return
        seen.add(entry.digest)
        document = self._document(entry, reference)
        if isinstance(document, Index):
            if depth > INDEX_DEPTH:
                raise ManifestInvalid(f"its indexes are nested more than {INDEX_DEPTH} deep", where=reference)
            for platform in platforms:
                if not any(is_among(one.platform, [platform]) for one in document.manifests):
                    self._job.note(f"{reference} has no image for {platform}", "warning")
            for one in document.manifests:
                if not platforms or is_among(one.platform, platforms):
                    yield from self._documents(one, reference, (), depth + 1, seen)
        yield replace(entry, media_type=document.media_type), document

    def _root(self, reference: Reference) -> tuple[Descriptor, bool]:
        """Return what a reference names, and whether that is news to the store."""
        known = self._known(reference)
        if known and (reference.digest or not self._settings.always_pull):
            return known, False
        fetched = self._fetcher.tagged(reference, known)
        if fetched is None:
            assert known
            return known, False
        return Descriptor(fetched.media_type, fetched.digest, len(fetched.data)), True

    def _known(self, reference: Reference) -> Descriptor | None:
        if not reference.digest:
            names = self._store.names()
            return next((names[name] for name in _equal_names(reference) if name in names), None)
        if not self._store.has(reference.digest):
            return None
        found = Descriptor("", reference.digest, self._store.blob_path(reference.digest).stat().st_size)
        # what is damaged, and fetched again, may have another size
        return replace(found, size=len(self._fetcher.manifest(found, reference)))

    def _document(self, descriptor: Descriptor, reference: Reference) -> Document:
        return parse_document(self._fetcher.manifest(descriptor, reference), descriptor.media_type, reference)

    def _manifest(self, descriptor: Descriptor, reference: Reference) -> tuple[Manifest, ImageConfig]:
        document = self._document(descriptor, reference)
        if isinstance(document, Index):
            raise ManifestInvalid(f"{descriptor.digest} is an index in the place of an image", where=reference)
        return document, self._config(document, reference)

    def _config(self, manifest: Manifest, reference: Reference) -> ImageConfig:
        config = parse_image_config(self._fetcher.config(manifest.config, reference), reference)
        if len(config.diff_ids) != len(manifest.layers):
            raise ManifestInvalid(
                f"the manifest lists {len(manifest.layers)} layers, its configuration {len(config.diff_ids)}",
                where=reference,
            )
        return config

    def _from_single(
        self, root: Descriptor, manifest: Manifest, reference: Reference, platform: Platform
    ) -> ResolvedImage:
        config = self._config(manifest, reference)
        if not is_suitable(config.platform, platform):
            if not self._settings.allow_wrong_arch:
                error = self._missing(reference, platform, [str(config.platform)])
                error.hint = f"{error.hint}, or use it all the same with --allow-wrong-arch"
                raise error
            self._job.note(f"{reference} is for {config.platform}, not for {platform}", "warning")
        descriptor = replace(root, media_type=manifest.media_type)
        return ResolvedImage(reference, platform, descriptor, config, manifest.layers)

    def _from_index(self, root: Descriptor, index: Index, reference: Reference, platform: Platform) -> ResolvedImage:
        choice = self._search(index.manifests, reference, platform, 1, set())
        manifest, config = self._manifest(choice.entry, reference)
        return ResolvedImage(
            reference,
            platform,
            choice.entry,
            config,
            manifest.layers,
            index=replace(root, media_type=index.media_type),
            attestations=attestations(choice.siblings).get(choice.entry.digest, ()),
        )

    def _search(
        self, entries: tuple[Descriptor, ...], reference: Reference, platform: Platform, depth: int, seen: set[str]
    ) -> _Choice:
        """Return the entry for a platform: a named one, else one in an index inside, or one that names no platform.

        ``seen`` are the digests of entries that were opened in vain.
        """
        if entry := choose(entries, platform):
            return _Choice(entry, entries)
        images = [entry for entry in entries if not is_attestation(entry)]
        offered = [str(entry.platform) for entry in images if entry.platform]
        for entry in images:
            if entry.digest in seen:
                continue
            seen.add(entry.digest)
            if entry.media_type in INDEXES and depth < INDEX_DEPTH:
                nested = self._document(entry, reference)
                assert isinstance(nested, Index)  # parse_document holds it to its media type
                try:
                    return self._search(nested.manifests, reference, platform, depth + 1, seen)
                except PlatformMissing as missing:
                    offered += missing.available
            elif entry.platform is None and entry.media_type in MANIFESTS:
                _, config = self._manifest(entry, reference)
                if is_suitable(config.platform, platform):
                    return _Choice(entry, entries)
                offered.append(str(config.platform))
        raise self._missing(reference, platform, offered)

    def _missing(self, reference: Reference, platform: Platform, offered: list[str]) -> PlatformMissing:
        available = tuple(dict.fromkeys(offered))
        again = "" if self._settings.offline else "; or ask the registry again with --pull"
        return PlatformMissing(
            f"there is no image for {platform}",
            available=available,
            where=reference,
            hint=f"choose one of: {listed(available)}{again}",
        )


def _equal_names(reference: Reference) -> tuple[str, ...]:
    """Return what an image may be called in the store: no tag is as good as ``latest`` (build.md section 10.18)."""
    if reference.tag in {"", "latest"}:
        other = replace(reference, tag="latest" if not reference.tag else "")
        return str(reference), str(other)
    return (str(reference),)
