"""SPDX documents to one (SPDX specification 2.3, JSON; build.md section 5.10).

LinuxKit puts the lists of all documents behind one another, so that ids of different documents mean the same thing by
accident, and makes up a random namespace. Here ids that are taken get a number, and all follows from the content.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import posixpath
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Record = dict[str, Any]

_DOCUMENT = "SPDXRef-DOCUMENT"
_IDS = {
    "packages": "SPDXID",
    "files": "SPDXID",
    "snippets": "SPDXID",
    "hasExtractedLicensingInfos": "licenseId",
    "externalDocumentRefs": "externalDocumentId",
}
"""Lists whose items have ids, and where."""
_SHARED = ("hasExtractedLicensingInfos", "externalDocumentRefs")
"""Lists whose items are facts, which several documents may state alike."""
_LISTS = ("packages", "files", "snippets", *_SHARED, "relationships", "annotations")
_REFERENCES = frozenset(["spdxElementId", "relatedSpdxElement", "snippetFromFile", "reference"])
_LICENCES = re.compile("license(Concluded|Declared|Info.*)")
_ID = re.compile(r"((?:SPDX|License|Document)Ref-[A-Za-z0-9.-]+)(:[A-Za-z0-9.-]+)?")
"""An id; of an id in another document the first half."""


class SpdxInvalid(ValueError):
    """Something is not an SPDX document of version 2."""


class Merger:
    """Joins documents: in what comes out every id occurs once.

    What is joined is kept as text, which takes a fifth of the memory that objects take.
    """

    def __init__(self) -> None:
        self._lists = {name: io.BytesIO() for name in _LISTS}
        self._taken = {_DOCUMENT}
        self._shared: dict[bytes, str] = {}

    def add(self, document: object, prefix: str) -> None:
        """Append a document; what it describes was put at the path ``prefix``. Raises `SpdxInvalid`."""
        lists = _lists_of(document)
        own = {item[key] for name, key in _IDS.items() for item in lists[name]}
        names: dict[str, str] = {}
        for name in _IDS:
            lists[name] = [item for item in lists[name] if self._is_new(name, item, names, own)]
        for package in lists["packages"]:
            package.setdefault("filesAnalyzed", True)
            _move(package, "packageFileName", prefix)
        for file in lists["files"]:
            _move(file, "fileName", prefix)
        for name, items in lists.items():
            for item in items:
                self._lists[name].write(b"," * bool(self._lists[name].tell()) + _encode(_renamed(item, names)))

    def encode(self, *, created: int, tool: str) -> tuple[bytes, ...]:
        """Return the document as JSON in pieces; ``created`` is in Unix seconds, ``tool`` a name and a version."""
        when = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = _encode({"creationInfo": {"creators": [f"Tool: {tool}"], "created": when}})
        body = [made[1:-1], *itertools.chain.from_iterable(self._encoded_lists()), b"}"]
        digest = hashlib.sha256(b"{")
        for piece in body:
            digest.update(piece)
        head = {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": _DOCUMENT,
            "name": "sbom",
            "documentNamespace": f"https://spdx.org/spdxdocs/lkboard-{digest.hexdigest()}",
        }
        return _encode(head)[:-1] + b",", *body, b"\n"

    def _encoded_lists(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield the members of the document that are lists, each in three pieces."""
        lists = {name: items.getvalue() for name, items in self._lists.items() if items.tell()}
        lists.setdefault("relationships", _encode(_relationship(_DOCUMENT, "DESCRIBES", "NOASSERTION")))
        for name, items in lists.items():
            yield f',"{name}":['.encode(), items, b"]"

    def _is_new(self, name: str, item: Record, names: dict[str, str], own: set[str]) -> bool:
        """Give an item an id that nothing else has, and note it in ``names``; false for a fact that is known."""
        key = _IDS[name]
        old = item[key]
        fact = _encode(item) if name in _SHARED else b""
        if fact in self._shared:
            names.setdefault(old, self._shared[fact])
            return False
        item[key] = self._free(old, own)
        names.setdefault(old, item[key])
        if fact:
            self._shared[fact] = item[key]
        return True

    def _free(self, name: str, own: set[str]) -> str:
        """Return an id as it is if nobody has it, else with a number; ``own`` are the ids of its document."""
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        choices = itertools.chain([name], (one for one in numbered if one not in own))
        free = next(one for one in choices if one not in self._taken)
        self._taken.add(free)
        return free


def _encode(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _lists_of(document: object) -> dict[str, list[Record]]:
    """Return copies of a document's lists, with all relationships in the list of these."""
    if not isinstance(document, dict):
        raise SpdxInvalid("it is not an object")
    version = document.get("spdxVersion")
    if not str(version).startswith("SPDX-2."):
        raise SpdxInvalid(f"its version is {version!r}")
    lists = {name: list(_records(document, name)) for name in _LISTS}
    lists["relationships"] += _short_relationships(document, lists)
    return lists


def _records(document: Record, name: str) -> Iterator[Record]:
    items = document.get(name) or []
    if not isinstance(items, list):
        raise SpdxInvalid(f"'{name}' is not a list")
    key = _IDS.get(name)
    for item in items:
        if not isinstance(item, dict):
            raise SpdxInvalid(f"'{name}' holds something else than objects")
        if key and not isinstance(item.get(key), str):
            raise SpdxInvalid(f"something in '{name}' has no '{key}'")
        yield dict(item)


def _short_relationships(document: Record, lists: dict[str, list[Record]]) -> list[Record]:
    """Take out the two short forms of relationships; return those that are not there in full as well.

    A document that describes nothing in particular describes all its packages (SPDX 2.3, section 11.1).
    """
    described = _texts(document, "documentDescribes")
    if not described and all(one.get("relationshipType") != "DESCRIBES" for one in lists["relationships"]):
        described = [package["SPDXID"] for package in lists["packages"]]
    pairs = [(_DOCUMENT, "DESCRIBES", other) for other in described]
    for package in lists["packages"]:
        pairs += [(package["SPDXID"], "CONTAINS", other) for other in _texts(package, "hasFiles")]
        package.pop("hasFiles", None)
    known = {_triple(relationship) for relationship in lists["relationships"]}
    return [_relationship(*pair) for pair in dict.fromkeys(pairs) if pair not in known]


def _triple(relationship: Record) -> tuple[str, str, str]:
    one, kind, other = (
        str(relationship.get(key)) for key in ("spdxElementId", "relationshipType", "relatedSpdxElement")
    )
    return one, kind, other


def _relationship(one: str, kind: str, other: str) -> Record:
    return {"spdxElementId": one, "relatedSpdxElement": other, "relationshipType": kind}


def _texts(record: Record, name: str) -> list[str]:
    values = record.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise SpdxInvalid(f"'{name}' is not a list of texts")
    return values


def _move(record: Record, key: str, prefix: str) -> None:
    """Put a path below another one, which is the whole path of what has none."""
    path = record.pop(key, None) or ""
    if not isinstance(path, str):
        raise SpdxInvalid(f"'{key}' is not a text")
    if prefix or path:
        record[key] = posixpath.normpath(f"{prefix}/{path}" if prefix else path)


def _renamed(value: Any, names: dict[str, str], key: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return a value in which ids have their new names, wherever SPDX has ids."""
    if isinstance(value, dict):
        return {name: _renamed(item, names, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names, key) for item in value]
    if isinstance(value, str) and (key in _REFERENCES or _LICENCES.fullmatch(key)):
        return _ID.sub(lambda found: names.get(found[1], found[1]) + (found[2] or ""), value)
    return value
