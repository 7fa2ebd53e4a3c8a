"""Image references: LinuxKit's completion, canonical texts, and what is not a reference."""

from __future__ import annotations

import pytest

from lkboard.errors import ReferenceInvalid
from lkboard.model.reference import parse_reference

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("redis", "docker.io/library/redis"),
        ("redis:7", "docker.io/library/redis:7"),
        (f"redis@{DIGEST}", f"docker.io/library/redis@{DIGEST}"),
        (f"redis:7@{DIGEST}", f"docker.io/library/redis:7@{DIGEST}"),
        ("linuxkit/init:8ad", "docker.io/linuxkit/init:8ad"),
        ("lab/a__b.c-d--e:v1", "docker.io/lab/a__b.c-d--e:v1"),
        ("localhost/x", "localhost/x"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1"),
        ("[::1]:5000/a:1", "[::1]:5000/a:1"),
        ("[fd00::1]/a:1", "[fd00::1]/a:1"),
        ("a.b:1/c", "a.b:1/c"),
        ("a.b:65535/c", "a.b:65535/c"),
        ("a" * 63 + ".b/c", "a" * 63 + ".b/c"),
        ("ghcr.io/x/y/z:t", "ghcr.io/x/y/z:t"),
        ("foo/bar/baz", "foo/bar/baz"),
        ("a.b/c", "a.b/c"),
        ("x:Tag_1.2-3", "docker.io/library/x:Tag_1.2-3"),
        (f"x@sha512:{HEX}{HEX}", f"docker.io/library/x@sha512:{HEX}{HEX}"),
        ("x:" + "t" * 128, "docker.io/library/x:" + "t" * 128),
    ],
)
def test_a_reference_is_completed(text: str, canonical: str) -> None:
    assert str(parse_reference(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "Redis", "a/B:1", "a//b", "/a", "a/", "a:", "a@", "a@sha256:12", f"a@md5:{HEX[:32]}", "a:-t",
        "a:" + "t" * 129, "http://x/y", "docker://x", "a@" + DIGEST + "@" + DIGEST, "-a", "a_", "a/b:c:d", "ü",
        f"a@{DIGEST.upper()}", "docker.io/" + "a" * 250, "a\n", "a:x y", "[::1]:5000", "a..b",
        "localhost:99999/x", "localhost:65536/x", "localhost:0/x", "[::1]:0/x", "localhost:" + "9" * 200 + "/x",
        "[::::]/x", "[1]/x", "[:]:5000/x", "a" * 64 + ".b/c",
    ],
)  # fmt: skip
def test_what_is_not_a_reference_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ReferenceInvalid) as caught:
        parse_reference(text)
    assert text in caught.value.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Redis", "lower case"),
        ("a b", "blanks"),
        ("https://x/y", "http"),
        ("a//b", "registry"),
        ("localhost:99999/x", "1 to 65535"),
        ("[::::]/x", "[fd00::1]"),
        ("a" * 64 + ".b/c", "63"),
    ],
)
def test_the_hint_says_what_to_do(text: str, hint: str) -> None:
    with pytest.raises(ReferenceInvalid) as caught:
        parse_reference(text)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(("text", "wanted"), [("x", "latest"), ("x:1", "1"), (f"x:1@{DIGEST}", DIGEST)])
def test_a_registry_is_asked_for_digest_tag_or_latest(text: str, wanted: str) -> None:
    assert parse_reference(text).wanted == wanted


def test_a_canonical_text_reads_back_as_itself() -> None:
    reference = parse_reference(f"a/b:1@{DIGEST}")
    assert parse_reference(str(reference)) == reference
