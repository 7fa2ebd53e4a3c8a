"""The bill of materials of a build, from the registry to the archive."""

from __future__ import annotations

import json
import tarfile
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.attestations import attestation, attested, statement
from support.images import file, image, layer
from support.processes import lkboard

if TYPE_CHECKING:
    from support.lab import Lab

pytestmark = pytest.mark.registry

BILL = {"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "SPDXRef-a", "name": "a", "packageFileName": "bin/a"}]}


@pytest.fixture
def config(lab: Lab) -> str:
    """A config whose only image says what is in it."""
    made = attested({"amd64": image(layer(file("bin/a")))}, {"amd64": [attestation(statement(BILL))]})
    name = lab.registry.push(made, "sbom/attested:v1")
    return str(lab.write(f"services: [{{name: s, image: '{name}'}}]\n"))


def built(lab: Lab, config: str, *options: str) -> dict[str, bytes]:
    """Return the files of the archive that a build makes."""
    path = lab.out / "x.tar"
    done = lkboard("build", config, "--arch", "amd64", "-o", path, *options)
    assert done.returncode == 0, done.stderr
    with tarfile.open(path) as archive:
        files = [member for member in archive if member.isreg()]
        return {member.name: stream.read() for member in files if (stream := archive.extractfile(member))}


def bill(found: dict[str, bytes], name: str = "sbom.spdx.json") -> dict[str, Any]:
    result: dict[str, Any] = json.loads(found[name])
    return result


def test_the_system_holds_a_bill_of_materials(lab: Lab, config: str) -> None:
    (package,) = bill(built(lab, config))["packages"]
    assert (package["name"], package["packageFileName"]) == ("a", "containers/services/s/lower/bin/a")


def test_two_builds_make_the_same_bill(lab: Lab, config: str) -> None:
    assert built(lab, config) == built(lab, config)


def test_it_can_be_left_out_and_added_later(lab: Lab, config: str) -> None:
    assert "sbom.spdx.json" not in built(lab, config, "--no-sbom")
    assert "sbom.spdx.json" in built(lab, config)


def test_it_can_have_another_name(lab: Lab, config: str) -> None:
    found = built(lab, config, "--sbom-output", "usr/share/bill.json")
    assert len(bill(found, "usr/share/bill.json")["packages"]) == 1
    assert "sbom.spdx.json" not in found


def test_it_can_bear_the_time_of_the_build(lab: Lab, config: str) -> None:
    before = int(time.time())
    created = bill(built(lab, config, "--sbom-current-time"))["creationInfo"]["created"]
    assert before <= datetime.fromisoformat(created).timestamp() <= time.time()
    assert bill(built(lab, config))["creationInfo"]["created"] == "2017-04-18T16:30:00Z"


def test_a_name_outside_of_the_system_is_a_usage_error(lab: Lab, config: str) -> None:
    done = lkboard("build", config, "-o", lab.out / "x.tar", "--sbom-output", "../x")
    assert done.returncode == 2
    assert "'../x' is no place for the bill of materials" in done.stderr
    assert lab.made() == []
