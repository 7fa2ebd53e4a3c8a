"""What an image of the kit is made of, as an SPDX document (SPDX specification 2.3; purl specification, type deb)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lkboard.kit.image import CREATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.model.image import Descriptor
    from lkboard.model.package import Package

_DOCUMENT = "SPDXRef-DOCUMENT"
_IMAGE = "SPDXRef-image"
_UNKNOWN = "NOASSERTION"
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9.-]")


def bill_of_materials(
    name: str, manifest: Descriptor, licences: str, packages: Mapping[Package, str]
) -> dict[str, Any]:
    """Return the bill of an image: itself, and the Debian packages in it, each with its licence.

    ``licences`` is the SPDX expression for the whole. Neither the time nor lkboard's version is in it: the same
    packages give the same document.
    """
    image = _item(_IMAGE, name, manifest.digest, licences) | {"primaryPackagePurpose": "CONTAINER"}
    parts = [_package(package, licence) for package, licence in packages.items()]
    body = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": name,
        "creationInfo": {"creators": ["Tool: lkboard-kit"], "created": CREATED},
        "packages": [image, *parts],
        "relationships": [
            _relationship(_DOCUMENT, "DESCRIBES", _IMAGE),
            *(_relationship(_IMAGE, "CONTAINS", part["SPDXID"]) for part in parts),
        ],
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return body | {"documentNamespace": f"https://spdx.org/spdxdocs/lkboard-kit-{digest}"}


def purl(package: Package) -> str:
    """Return the package URL of a Debian package: ``pkg:deb/debian/libc6@2.36-9?arch=amd64``."""
    version = quote(package.version, safe=":")
    return f"pkg:deb/debian/{quote(package.name, safe='')}@{version}?arch={package.architecture}"


def _package(package: Package, licence: str) -> dict[str, Any]:
    identifier = f"SPDXRef-deb-{_NOT_IN_IDS.sub('-', package.name)}"
    locator = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl(package)}
    return _item(identifier, package.name, package.digest, licence) | {
        "versionInfo": package.version,
        "supplier": "Organization: Debian",
        "externalRefs": [locator],
    }


def _item(identifier: str, name: str, digest: str, licence: str) -> dict[str, Any]:
    return {
        "SPDXID": identifier,
        "name": name,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest.partition(":")[2]}],
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": licence,
        "copyrightText": _UNKNOWN,
    }


def _relationship(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
