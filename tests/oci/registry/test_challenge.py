"""WWW-Authenticate as servers really write it."""

from __future__ import annotations

import pytest

from lkboard.oci.registry.challenge import Challenge, parse_challenges

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull"'
HUB_FIELDS = {
    "realm": "https://auth.docker.io/token",
    "service": "registry.docker.io",
    "scope": "repository:library/x:pull",
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([HUB], [("bearer", HUB_FIELDS)]),
        ([HUB.replace("Bearer", "bearer")], [("bearer", HUB_FIELDS)]),
        ([HUB.replace("Bearer", "BEARER")], [("bearer", HUB_FIELDS)]),
        ([HUB.replace("realm", "REALM")], [("bearer", HUB_FIELDS)]),
        ([HUB.replace(",", " , ")], [("bearer", HUB_FIELDS)]),
        ([HUB.replace("=", " = ")], [("bearer", HUB_FIELDS)]),
        ([HUB + ","], [("bearer", HUB_FIELDS)]),
        (['Basic realm="lab"'], [("basic", {"realm": "lab"})]),
        (["Basic realm=lab"], [("basic", {"realm": "lab"})]),
        (["Basic"], [("basic", {})]),
        (['Basic realm=""'], [("basic", {"realm": ""})]),
        ([r'Basic realm="a \"b\" \\ c"'], [("basic", {"realm": 'a "b" \\ c'})]),
        (['Basic realm="a, Bearer realm=x"'], [("basic", {"realm": "a, Bearer realm=x"})]),
        (['Basic realm="lab", charset="UTF-8"'], [("basic", {"realm": "lab", "charset": "UTF-8"})]),
        (['Basic realm="a", Bearer realm="b"'], [("basic", {"realm": "a"}), ("bearer", {"realm": "b"})]),
        (
            ['Bearer realm="b",service="s", Basic realm="a"'],
            [("bearer", {"realm": "b", "service": "s"}), ("basic", {"realm": "a"})],
        ),
        (['Basic realm="a"', HUB], [("basic", {"realm": "a"}), ("bearer", HUB_FIELDS)]),
        (["Negotiate", 'Basic realm="a"'], [("negotiate", {}), ("basic", {"realm": "a"})]),
        (['Negotiate, Basic realm="a"'], [("negotiate", {}), ("basic", {"realm": "a"})]),
        (['Negotiate dG9rZW4=, Basic realm="a"'], [("negotiate", {}), ("basic", {"realm": "a"})]),
        (['Bearer scope="repository:a:pull,push"'], [("bearer", {"scope": "repository:a:pull,push"})]),
        (
            ['Bearer realm="https://r",error="insufficient_scope",scope="repository:a:pull repository:b:*"'],
            [
                (
                    "bearer",
                    {"realm": "https://r", "error": "insufficient_scope", "scope": "repository:a:pull repository:b:*"},
                )
            ],
        ),
        (['Bearer realm="a",realm="b"'], [("bearer", {"realm": "a"})]),
        (["Bearer realm=https://r/token?x=1"], [("bearer", {"realm": "https://r/token?x=1"})]),
        ([""], []),
        ([], []),
        ([",,"], []),
        (['="nothing"'], []),
    ],
)
def test_challenges_are_read(headers: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    found = [(challenge.scheme, dict(challenge.parameters)) for challenge in parse_challenges(headers)]
    assert found == expected


def test_a_parameter_that_is_not_there_is_empty() -> None:
    (challenge,) = parse_challenges(["Basic"])
    assert challenge.get("realm") == ""


def test_a_long_header_is_read_in_one_go() -> None:
    """Which took hours when all ways to divide the text were tried."""
    word = "b" + "ea" * 500_000
    assert parse_challenges([word, f"Bearer {word}"]) == (Challenge(word), Challenge("bearer"))
