"""Merged SPDX documents; the library of the SPDX project is the judge of what is valid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.model.rootfs import EPOCH
from lkboard.rootfs.spdx import Merger, SpdxInvalid

if TYPE_CHECKING:
    from pathlib import Path

Document = dict[str, Any]


def package(name: str, **more: Any) -> Document:
    return {
        "SPDXID": f"SPDXRef-Package-{name}",
        "name": name,
        "versionInfo": "1.0",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        **more,
    }


def file(name: str, **more: Any) -> Document:
    checksums = [{"algorithm": "SHA1", "checksumValue": "a" * 40}]
    return {"SPDXID": f"SPDXRef-File-{name.replace('/', '-')}", "fileName": name, "checksums": checksums, **more}


def relation(one: str, kind: str, other: str) -> Document:
    return {"spdxElementId": f"SPDXRef-{one}", "relationshipType": kind, "relatedSpdxElement": f"SPDXRef-{other}"}


def document(**lists: Any) -> Document:
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "dataLicense": "CC0-1.0",
        "name": "input",
        "documentNamespace": "https://example.com/input",
        "creationInfo": {"created": "2020-01-01T00:00:00Z", "creators": ["Tool: input"]},
        **lists,
    }


WEB = document(
    packages=[package("web", packageFileName="/usr/bin/web"), package("libc")],
    files=[file("usr/bin/web")],
    relationships=[
        relation("DOCUMENT", "DESCRIBES", "Package-web"),
        relation("Package-web", "DEPENDS_ON", "Package-libc"),
    ],
)


def encoded(*documents: tuple[object, str], created: int = EPOCH) -> bytes:
    merger = Merger()
    for one, prefix in documents:
        merger.add(one, prefix)
    return b"".join(merger.encode(created=created, tool="lkboard-1"))


def merged(*documents: object) -> Document:
    result: Document = json.loads(encoded(*((one, "") for one in documents)))
    return result


def ids(found: Document, name: str) -> list[str]:
    return [item["SPDXID"].removeprefix("SPDXRef-") for item in found[name]]


def relations(found: Document) -> list[str]:
    return [
        " ".join(
            one[key].removeprefix("SPDXRef-") for key in ("spdxElementId", "relationshipType", "relatedSpdxElement")
        )
        for one in found["relationships"]
    ]


def judge(data: bytes, folder: Path) -> list[str]:
    """Return what the SPDX project's own library has to say against a document."""
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    path = folder / "sbom.spdx.json"
    path.write_bytes(data)
    return [message.validation_message for message in validate_full_spdx_document(parse_file(str(path)))]


# the document


def test_the_head_says_who_made_it_and_when() -> None:
    found = merged(WEB)
    assert {key: found[key] for key in ("spdxVersion", "dataLicense", "SPDXID", "name", "creationInfo")} == {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "sbom",
        "creationInfo": {"creators": ["Tool: lkboard-1"], "created": "2017-04-18T16:30:00Z"},
    }
    assert encoded((WEB, "")).endswith(b"}\n")


def test_the_time_can_be_another() -> None:
    assert json.loads(encoded(created=1700000000))["creationInfo"]["created"] == "2023-11-14T22:13:20Z"


def test_the_namespace_follows_from_the_content() -> None:
    one, same, other = (encoded((WEB, prefix)) for prefix in ("", "", "srv"))
    assert one == same
    names = {json.loads(data)["documentNamespace"] for data in (one, same, other, encoded(created=1))}
    assert len(names) == 3
    assert all(name.startswith("https://spdx.org/spdxdocs/lkboard-") for name in names)


def test_one_document_comes_out_as_it_went_in() -> None:
    found = merged(WEB)
    assert {name: found[name] for name in ("packages", "files", "relationships")} == {
        name: WEB[name] for name in ("packages", "files", "relationships")
    }


# ids


def test_ids_that_are_taken_get_a_number_everywhere() -> None:
    found = merged(WEB, WEB, WEB)
    assert ids(found, "packages") == [
        *("Package-web", "Package-libc", "Package-web-2", "Package-libc-2", "Package-web-3", "Package-libc-3"),
    ]
    assert ids(found, "files") == ["File-usr-bin-web", "File-usr-bin-web-2", "File-usr-bin-web-3"]
    assert relations(found)[2:4] == [
        "DOCUMENT DESCRIBES Package-web-2",
        "Package-web-2 DEPENDS_ON Package-libc-2",
    ]


def test_a_number_does_not_take_an_id_that_the_document_has_itself() -> None:
    other = document(
        packages=[package("web"), package("web-2")], relationships=[relation("Package-web", "X", "Package-web-2")]
    )
    found = merged(WEB, other)
    assert ids(found, "packages") == ["Package-web", "Package-libc", "Package-web-3", "Package-web-2"]
    assert "Package-web-3 X Package-web-2" in relations(found)


def test_ids_inside_of_elements_are_renamed() -> None:
    snippet = {
        "SPDXID": "SPDXRef-Snippet",
        "snippetFromFile": "SPDXRef-File-a",
        "ranges": [
            {
                "startPointer": {"reference": "SPDXRef-File-a", "offset": 1},
                "endPointer": {"reference": "SPDXRef-File-a"},
            }
        ],
    }
    one = document(files=[file("a", comment="as SPDXRef-File-a")], snippets=[snippet])
    found = merged(one, one)
    assert found["snippets"][1]["snippetFromFile"] == "SPDXRef-File-a-2"
    assert found["snippets"][1]["ranges"][0]["startPointer"]["reference"] == "SPDXRef-File-a-2"
    assert found["files"][1]["comment"] == "as SPDXRef-File-a"


def licence(text: str) -> Document:
    return {"licenseId": "LicenseRef-1", "extractedText": text}


def test_licences_of_one_id_are_told_apart_by_their_text() -> None:
    documents = [
        document(
            packages=[
                package(
                    text,
                    licenseConcluded="LicenseRef-1 AND (MIT OR LicenseRef-10)",
                    licenseInfoFromFiles=["LicenseRef-1"],
                )
            ],
            hasExtractedLicensingInfos=[licence(text)],
        )
        for text in ("one", "other", "one", "other")
    ]
    found = merged(*documents)
    assert [item["licenseId"] for item in found["hasExtractedLicensingInfos"]] == ["LicenseRef-1", "LicenseRef-1-2"]
    assert [item["licenseConcluded"].split()[0] for item in found["packages"]] == ["LicenseRef-1", "LicenseRef-1-2"] * 2
    assert [item["licenseInfoFromFiles"] for item in found["packages"]] == [["LicenseRef-1"], ["LicenseRef-1-2"]] * 2
    assert all(item["licenseConcluded"].endswith("LicenseRef-10)") for item in found["packages"])


def test_other_documents_keep_their_ids() -> None:
    def referring(to: str) -> Document:
        reference = {"externalDocumentId": "DocumentRef-x", "spdxDocument": to}
        relationship = {
            "spdxElementId": "SPDXRef-Package-a",
            "relationshipType": "COPY_OF",
            "relatedSpdxElement": "DocumentRef-x:SPDXRef-Package-a",
        }
        return document(packages=[package("a")], externalDocumentRefs=[reference], relationships=[relationship])

    found = merged(referring("one"), referring("other"))
    assert [item["externalDocumentId"] for item in found["externalDocumentRefs"]] == [
        "DocumentRef-x",
        "DocumentRef-x-2",
    ]
    assert "Package-a-2 COPY_OF DocumentRef-x-2:SPDXRef-Package-a" in relations(found)


def test_an_id_that_a_document_has_twice_is_given_once() -> None:
    found = merged(document(packages=[package("a"), package("a")]))
    assert ids(found, "packages") == ["Package-a", "Package-a-2"]


# what is described


def test_short_forms_of_relationships_are_written_out() -> None:
    found = merged(
        document(
            documentDescribes=["SPDXRef-Package-a"],
            packages=[package("a", hasFiles=["SPDXRef-File-f", "SPDXRef-File-f"]), package("b")],
            files=[file("f")],
            relationships=[relation("Package-b", "CONTAINS", "File-f")],
        )
    )
    assert relations(found) == [
        "Package-b CONTAINS File-f",
        "DOCUMENT DESCRIBES Package-a",
        "Package-a CONTAINS File-f",
    ]
    assert "hasFiles" not in found["packages"][0]


def test_a_relationship_in_both_forms_is_one() -> None:
    found = merged(
        document(
            documentDescribes=["SPDXRef-Package-web"], **{name: WEB[name] for name in ("packages", "relationships")}
        )
    )
    assert relations(found) == relations(WEB)


def test_a_document_that_describes_nothing_describes_its_packages() -> None:
    assert relations(merged(document(packages=[package("a"), package("b")]))) == [
        "DOCUMENT DESCRIBES Package-a",
        "DOCUMENT DESCRIBES Package-b",
    ]


def test_whether_files_were_analysed_is_always_said() -> None:
    plain = package("a")
    del plain["filesAnalyzed"]
    assert merged(document(packages=[plain]))["packages"][0]["filesAnalyzed"] is True


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("", "/bin/x", "/bin/x"),
        ("", "bin/x", "bin/x"),
        ("", "./bin/x", "bin/x"),
        ("", "", None),
        ("srv/a", "/bin/x", "srv/a/bin/x"),
        ("srv/a", "bin//x", "srv/a/bin/x"),
        ("srv/a", "", "srv/a"),
        ("srv/a", None, "srv/a"),
    ],
)
def test_paths_are_where_files_went(prefix: str, path: str | None, expected: str | None) -> None:
    given_path = {} if path is None else {"packageFileName": path}
    found = json.loads(encoded((document(packages=[package("a", **given_path)], files=[file("f")]), prefix)))
    assert found["packages"][0].get("packageFileName") == expected
    assert found["files"][0]["fileName"] == (f"{prefix}/f" if prefix else "f")


# what is valid


LICENSED = document(
    packages=[package("a", licenseConcluded="LicenseRef-1")],
    hasExtractedLicensingInfos=[licence("text")],
    files=[file("./f")],
)


@pytest.mark.parametrize(
    "documents",
    [[], [WEB], [WEB, WEB], [LICENSED, WEB, LICENSED], [document(packages=[package("a"), package("b")])]],
    ids=["nothing", "one", "the same twice", "several", "without relationships"],
)
def test_what_comes_out_is_valid(documents: list[Document], tmp_path: Path) -> None:
    assert judge(encoded(*((one, "srv") for one in documents)), tmp_path) == []


def test_the_judge_finds_ids_that_occur_twice(tmp_path: Path) -> None:
    assert judge(json.dumps(document(packages=[package("a"), package("a")])).encode(), tmp_path) != []


# what is not


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "it is not an object"),
        ([], "it is not an object"),
        ({}, "its version is None"),
        ({"spdxVersion": "SPDX-3.0"}, "its version is 'SPDX-3.0'"),
        (document(packages={}), ""),
        (document(packages="x"), "'packages' is not a list"),
        (document(files=["x"]), "'files' holds something else than objects"),
        (document(packages=[{"name": "a"}]), "something in 'packages' has no 'SPDXID'"),
        (document(hasExtractedLicensingInfos=[{}]), "something in 'hasExtractedLicensingInfos' has no 'licenseId'"),
        (document(documentDescribes="x"), "'documentDescribes' is not a list of texts"),
        (document(packages=[package("a", hasFiles=[1])]), "'hasFiles' is not a list of texts"),
        (document(packages=[package("a", packageFileName=5)]), "'packageFileName' is not a text"),
    ],
)
def test_what_is_no_document_is_refused(wrong: object, message: str) -> None:
    if not message:
        merged(wrong)
        return
    with pytest.raises(SpdxInvalid) as caught:
        merged(wrong)
    assert str(caught.value) == message


names = st.sampled_from(["a", "b", "a-2"])
documents = st.builds(
    lambda packages, files, pairs: document(
        packages=[package(name) for name in packages],
        files=[file(name) for name in files],
        relationships=[relation(f"Package-{one}", "DEPENDS_ON", f"Package-{other}") for one, other in pairs],
    ),
    st.lists(names, unique=True),
    st.lists(names, unique=True),
    st.lists(st.tuples(names, names), max_size=3),
)


@given(st.lists(documents, max_size=4))
def test_ids_are_unique_and_nothing_gets_lost(several: list[Document]) -> None:
    found = merged(*several)
    elements = ids(found, "packages") * ("packages" in found) if "packages" in found else []
    elements += ids(found, "files") if "files" in found else []
    assert len(elements) == len(set(elements)) == sum(len(one["packages"]) + len(one["files"]) for one in several)
    kept = [one for one in found["relationships"] if one["relationshipType"] == "DEPENDS_ON"]
    assert len(kept) == sum(len(one["relationships"]) for one in several)
