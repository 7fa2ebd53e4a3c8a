"""``lkboard registry doctor`` at a real registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.processes import lkboard

if TYPE_CHECKING:
    from support.faults import FaultProxy
    from support.lab import Lab

pytestmark = pytest.mark.registry


def test_a_good_image_is_worth_a_zero(lab: Lab) -> None:
    done = lkboard("registry", "doctor", f"{lab.registry.host}/lab/web:v1")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines if line[0].isdigit()][:2] == ["1. name", "2. servers"]
    assert lines[-1] == "a pull works"


def test_an_image_that_is_not_there_is_worth_a_one(lab: Lab) -> None:
    done = lkboard("registry", "doctor", f"{lab.registry.host}/lab/none:v1")
    assert done.returncode == 1
    assert "image: FAILED" in done.stdout
    assert "hint: check the name and the tag" in done.stdout
    assert done.stdout.splitlines()[-1] == "a pull does not work"


def test_json_has_one_line_for_each_step(lab: Lab) -> None:
    done = lkboard("registry", "doctor", "--json", f"{lab.registry.host}/lab/web:v1", "--arch", "aarch64")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    results = [event for event in events if event["event"] == "result"]
    assert [one["number"] for one in results[:-1]] == list(range(1, len(results)))
    assert "platform linux/arm64" in results[0]["details"]
    assert results[-1] == {"event": "result", "pull": True}


def test_a_mirror_alone_may_serve_an_image(lab: Lab, proxy: FaultProxy) -> None:
    done = lkboard("registry", "doctor", "registry.invalid/lab/web:v1", "--mirror", proxy.url, "--mirror-only")
    assert done.returncode == 0
    assert "stands in for registry.invalid" in done.stdout
    assert "https://registry.invalid" not in done.stdout


def test_offline_there_is_nothing_to_examine(lab: Lab) -> None:
    done = lkboard("registry", "doctor", "x", LKBOARD_OFFLINE="1")
    assert done.returncode == 2
    assert "cannot be examined without the network" in done.stderr


def test_what_is_no_name_is_bad_usage(lab: Lab) -> None:
    done = lkboard("registry", "doctor", "https://x/y")
    assert done.returncode == 2
    assert "'https://x/y' is not an image reference" in done.stderr
