"""What the doctor says of real registries, good and bad."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from support.authority import Authority
from support.faults import Cut, FaultProxy, Header, Status
from support.images import image, multi_arch
from support.listing_registry import ListingRegistry
from support.pulls import log_in, settings_of
from support.referring import SUBJECT, bring, referrer
from support.registry import Registry, TokenServer, running_registry
from support.squid import running_squid

from lkboard.model.image import Platform
from lkboard.model.reference import parse_reference
from lkboard.oci.doctor.report import examine

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.model.finding import Finding

pytestmark = pytest.mark.registry

SECRET = "hunter2-DOCTOR"
ENCODED = base64.b64encode(f"alice:{SECRET}".encode()).decode()
MADE = multi_arch("doctor", size=50_000)


def findings(name: str, job: RecordingJob, arch: str = "amd64", **settings: Any) -> dict[str, Finding]:
    """Return the findings by their steps; what they say must not hold the secret."""
    found = list(examine(parse_reference(name), Platform("linux", arch), settings_of(**settings), job))
    assert SECRET not in repr(found)
    assert ENCODED not in repr(found)
    assert "eyJ" not in repr(found)  # how every JSON Web Token begins
    return {finding.step: finding for finding in found}


def states(found: dict[str, Finding]) -> dict[str, str]:
    return {step.partition(" http")[0]: finding.state for step, finding in found.items()}


@pytest.fixture
def name(registry: Registry) -> str:
    return registry.push(MADE, "doctor/x:v1")


def test_a_good_image_passes_every_step(name: str, registry: Registry, job: RecordingJob) -> None:
    found = findings(name, job)
    base = f"http://{registry.host}"
    assert list(found) == [
        "name", "servers", f"reach {base}", f"log in at {base}", "image", "layer", "limits", "signatures",
    ]  # fmt: skip
    assert {finding.state for finding in found.values()} == {"good"}
    assert all(finding.seconds >= 0 for finding in found.values())


def test_the_steps_say_what_they_found(name: str, registry: Registry, job: RecordingJob) -> None:
    found = findings(name, job)
    base = f"http://{registry.host}"
    assert "repository doctor/x" in found["name"].details
    assert found["servers"].text == "no mirror is configured"
    assert any(line.startswith("name: 127.0.0.1 (") for line in found[f"reach {base}"].details)
    assert "no TLS: nobody vouches for the server" in found[f"reach {base}"].details
    assert found[f"log in at {base}"].text == "no login is wanted"
    assert f"index {MADE.digest}" in found["image"].details
    assert f"from {base}; downloads can be resumed" in found["layer"].text
    assert found["signatures"].text == "the registry has no list of referrers; found: no signatures"


def test_a_signature_is_found_by_its_tag(registry: Registry, job: RecordingJob) -> None:
    name = registry.push(MADE, "doctor/signed:v1")
    registry.push(image(), f"doctor/signed:{MADE.digest.replace(':', '-')}.sig")
    assert "found: signature" in findings(name, job)["signatures"].text


def test_what_refers_to_the_image_is_told_by_its_kind(tmp_path: Path, job: RecordingJob) -> None:
    with ListingRegistry() as listing:
        bring(tmp_path, SUBJECT, f"{listing.host}/doctor/x:v1", job)
        for number, kind in enumerate(("x/signature", "x/bill", "x/signature")):
            bring(tmp_path, referrer(str(number), artifactType=kind), f"{listing.host}/doctor/x:r{number}", job)
        found = findings(f"{listing.host}/doctor/x:v1", job)
    assert found["signatures"].text == "the registry lists referrers; found: x/signature, x/bill"


def test_what_the_tag_lists_is_told_as_well(tmp_path: Path, registry: Registry, job: RecordingJob) -> None:
    name = registry.push(SUBJECT, "doctor/referred:v1")
    bring(tmp_path, referrer("one", artifactType="x/signature"), f"{registry.host}/doctor/referred:r", job)
    assert findings(name, job)["signatures"].text == "the registry has no list of referrers; found: x/signature"


def test_limits_are_shown(name: str, registry: Registry, job: RecordingJob) -> None:
    with FaultProxy(registry.host) as proxy:
        proxy.add(Header("RateLimit-Remaining", "7;w=21600"), method="HEAD")
        found = findings(name.replace(registry.host, proxy.host), job)
    assert found["limits"].details == ("ratelimit-remaining: 7;w=21600",)


@pytest.mark.parametrize(
    ("name", "step", "said"),
    [
        ("127.0.0.1:1/x", "reach", "Connection refused"),
        ("registry.invalid/x", "reach", "failed"),
        ("{host}/doctor/none:v1", "image", "not found"),
    ],
)
def test_the_step_that_fails_is_told_with_a_hint(
    name: str, step: str, said: str, registry: Registry, job: RecordingJob
) -> None:
    found = findings(name.format(host=registry.host), job)
    (bad,) = (finding for finding in found.values() if finding.step.startswith(step))
    assert (bad.state, said in bad.text, bool(bad.hint)) == ("bad", True, True)
    assert "layer" not in found


def test_an_image_for_another_architecture_is_told(name: str, job: RecordingJob) -> None:
    found = findings(name, job, arch="riscv64")
    assert found["image"].state == "bad"
    assert "linux/arm64" in found["image"].hint


def test_a_mirror_whose_host_cannot_be_a_name_is_told(name: str, job: RecordingJob) -> None:
    host = "x" * 64 + ".example"
    found = findings(name, job, mirrors=(("*", f"https://{host}"),))
    assert found[f"reach https://{host}"].text.endswith("failed: its host cannot be a name")
    assert found["layer"].state == "good"


def test_a_token_may_hold_anything(registry: Registry, job: RecordingJob) -> None:
    name = registry.push(MADE, "doctor/deep:v1")
    payload = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with FaultProxy(registry.host) as proxy:
        challenge = f'Bearer realm="{proxy.url}/token",service="x"'
        proxy.add(Status(200, body=f'{{"token": "a.{payload}.b"}}'.encode()), path="/token")
        proxy.add(Status(401, (("WWW-Authenticate", challenge),)), path="^/v2/$")
        found = findings(name.replace(registry.host, proxy.host), job)
    assert found[f"log in at {proxy.url}"].state == "good"


def test_a_broken_mirror_is_told_and_does_not_matter(name: str, job: RecordingJob) -> None:
    found = findings(name, job, mirrors=(("*", "http://127.0.0.1:1"),))
    assert found["servers"].text == "2 to ask, named by --mirror"
    assert found["reach http://127.0.0.1:1"].state == "bad"
    assert "log in at http://127.0.0.1:1" not in found
    assert found["layer"].state == "good"


def test_a_broken_configuration_ends_the_examination(name: str, job: RecordingJob, tmp_path: Path) -> None:
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / "registries.conf").write_text("[[[")
    found = findings(name, job, system_folder=str(tmp_path))
    assert states(found) == {"name": "good", "servers": "bad"}


@pytest.mark.parametrize(("password", "state"), [(SECRET, "good"), ("wrong", "bad"), ("", "bad")])
def test_a_password_is_tried_and_its_file_named(
    password: str, state: str, job: RecordingJob, home: Path, tmp_path: Path
) -> None:
    with running_registry(tmp_path, users={"alice": SECRET}) as guarded:
        guarded.push(MADE, "lab/x:v1")
        if password:
            log_in(home, guarded.host, username="alice", password=password)
        found = findings(f"{guarded.host}/lab/x:v1", job)
    login = found[f"log in at {guarded.url}"]
    assert login.state == state
    if state == "good":
        assert f"the login comes from '{home}/.docker/config.json'" in login.details
        assert found["layer"].state == "good"


def test_a_token_is_described_and_not_shown(job: RecordingJob, home: Path, tmp_path: Path) -> None:
    with (
        TokenServer(tmp_path, {"alice": SECRET}) as tokens,
        running_registry(tmp_path, tokens=tokens) as guarded,
    ):
        log_in(home, guarded.host, username="alice", password=SECRET)
        guarded.push(MADE, "priv/x:v1")
        found = findings(f"{guarded.host}/priv/x:v1", job)
    login = found[f"log in at {guarded.url}"]
    assert login.text == "a token was given"
    assert f"wants a token from {tokens.realm} for 'lab-registry'" in login.details
    assert "it grants repository priv/x: pull" in login.details
    assert found["layer"].state == "good"


def test_a_token_that_grants_nothing_is_seen(job: RecordingJob, home: Path, tmp_path: Path) -> None:
    with (
        TokenServer(tmp_path, {"alice": SECRET}) as tokens,
        running_registry(tmp_path, tokens=tokens) as guarded,
    ):
        found = findings(f"{guarded.host}/priv/x:v1", job)
    assert "it grants repository priv/x: nothing" in found[f"log in at {guarded.url}"].details
    assert found["image"].state == "bad"
    assert "docker login" in found["image"].hint


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize("is_proxied", [False, True])
def test_a_certificate_is_described(
    job: RecordingJob, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, is_proxied: bool
) -> None:
    certificate = authority.server_certificate("DNS:registry.test,IP:127.0.0.1")
    with (
        running_registry(tmp_path, authority=authority, certificate=certificate) as secure,
        running_squid(["registry.test"], users={"bob": SECRET}) as squid,
    ):
        secure.push(MADE, "lab/x:v1")
        monkeypatch.setenv("HTTPS_PROXY", squid.url(f"bob:{SECRET}"))
        host = secure.host.replace("127.0.0.1", "registry.test") if is_proxied else secure.host
        found = findings(f"{host}/lab/x:v1", job, ca_files=(str(authority.ca_file),))
    details = found[f"reach https://{host}"].details
    assert (f"through the proxy {squid.url()}" in details) is is_proxied
    assert any("certificate of 'server' by 'lab CA', good for 2" in line or "for 30 days" in line for line in details)
    assert found["layer"].state == "good"


def test_a_certificate_that_is_not_looked_at_is_told(job: RecordingJob, tmp_path: Path, authority: Authority) -> None:
    with running_registry(tmp_path, authority=authority) as secure:
        secure.push(MADE, "lab/x:v1")
        found = findings(f"{secure.host}/lab/x:v1", job, insecure=(secure.host,))
    assert any("the certificate is not looked at" in line for line in found[f"reach {secure.url}"].details)


def test_an_unknown_authority_is_told_with_its_remedy(job: RecordingJob, tmp_path: Path, authority: Authority) -> None:
    with running_registry(tmp_path, authority=authority) as secure:
        found = findings(f"{secure.host}/lab/x:v1", job)
    assert "--cert-file FILE" in found[f"reach {secure.url}"].hint


def test_an_image_without_layers_needs_none(registry: Registry, job: RecordingJob) -> None:
    found = findings(registry.push(image(), "doctor/empty:v1"), job)
    assert (found["layer"].state, found["layer"].text) == ("good", "there is no layer to fetch")


def test_a_layer_that_is_lost_is_seen(name: str, registry: Registry, job: RecordingJob) -> None:
    with FaultProxy(registry.host) as proxy:
        lost = [digest for digest, data in MADE.blobs.items() if digest not in MADE.manifests and data[:1] != b"{"]
        for digest in lost:
            proxy.add(Status(404), path=digest)
        found = findings(name.replace(registry.host, proxy.host), job)
    assert found["image"].state == "good"
    assert found["layer"].state == "bad"


def test_a_layer_that_is_cut_is_seen(name: str, registry: Registry, job: RecordingJob) -> None:
    layers = [digest for digest, data in MADE.blobs.items() if digest not in MADE.manifests and data[:1] != b"{"]
    with FaultProxy(registry.host) as proxy:
        for digest in layers:
            proxy.add(Cut(10), path=digest)
        found = findings(name.replace(registry.host, proxy.host), job)
    assert (found["layer"].state, "sent 10 bytes of" in found["layer"].text) == ("bad", True)
