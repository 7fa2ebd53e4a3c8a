"""Media types of the OCI image specification and of Docker schema 2, which mean the same (registry.md section 7)."""

from __future__ import annotations

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
"""A plain layer; a packed one has ``+gzip`` or ``+zstd`` appended."""

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

SCHEMA_1 = frozenset(f"application/vnd.docker.distribution.manifest.v1+{suffix}" for suffix in ("json", "prettyjws"))
"""What registries of before 2016 have, with configuration and layers in one signed document."""

ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}"
"""What a request for a manifest accepts; a registry hides an index from those who do not name its type."""


def is_foreign(media_type: str) -> bool:
    """Return whether a layer may not be distributed: it is not pushed, and a registry need not have it."""
    return ".nondistributable." in media_type or ".foreign." in media_type
