"""The kit's init on a machine: what the console shows of kit_init.yml, from the start to the power switch."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.kit import kit_store
from support.tools import need

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.events import Event, Job, Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

pytestmark = [pytest.mark.boot, pytest.mark.kit]

CONFIG = Path(__file__).with_name("kit_init.yml")
CONSOLES = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
QEMU = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}
LIMIT_SECONDS = 600.0


@pytest.fixture(scope="module")
def boots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[list[str]]]]:
    """What comes of one machine of each architecture. They run at once: each keeps one processor busy."""
    folders = {architecture: tmp_path_factory.mktemp(architecture) for architecture in CONSOLES}
    with ThreadPoolExecutor(len(folders)) as pool:
        yield {architecture: pool.submit(_run, architecture, folder) for architecture, folder in folders.items()}


@pytest.fixture(scope="module", params=sorted(CONSOLES))
def console(request: pytest.FixtureRequest, boots: dict[str, Future[list[str]]]) -> list[str]:
    """All lines of the console, from power on to power off."""
    return boots[request.param].result()


def _run(architecture: str, folder: Path) -> list[str]:
    need(QEMU[architecture])
    store = folder / "store"
    shutil.copytree(kit_store(), store)
    config = folder / "init.yml"
    config.write_text(CONFIG.read_text().replace("CONSOLE", CONSOLES[architecture]))
    options = BuildOptions(
        files=(str(config),),
        formats=("kernel+initrd",),
        architecture=architecture,
        directory=str(folder),
        cache=str(store),
    )
    build(options, Job())
    return _boot(folder / "init", architecture)


def _boot(base: Path, architecture: str) -> list[str]:
    lines: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Line):
            lines.append(event.text)

    options = TestOptions(
        image=str(base),
        architecture=architecture,
        expect=("lkb: power down",),
        timeout=LIMIT_SECONDS,
        accelerator="tcg",
    )
    verdict = boot_test(options, Job(listen))
    assert verdict.passed, "\n".join(lines[-40:])
    return [*lines, *verdict.console[-1:]]


def _place(console: Sequence[str], text: str) -> int:
    """Return where a text stands. Kernel messages may share its line."""
    return next(number for number, line in enumerate(console) if text in line)


def _has(console: Sequence[str], text: str) -> bool:
    return any(text in line for line in console)


def _in_order(console: Sequence[str], *texts: str) -> None:
    places = [_place(console, text) for text in texts]
    assert places == sorted(places), dict(zip(texts, places, strict=True))


def test_the_stages_come_one_after_the_other(console: list[str]) -> None:
    _in_order(
        console,
        "lkb: userspace up",
        "lkb: onboot first done",
        "lkb: onboot bad done",
        "lkb: onboot reader done",
        "lkb: service steady started",
        "lkb: ready",
        "lkb: shutting down",
        "lkb: power down",
    )


def test_what_an_onboot_container_prints_comes_before_its_end(console: list[str]) -> None:
    _in_order(console, "lkb: onboot first", "first: own layer is writable", "first: to stderr",
              "lkb: onboot first done (status 0)")  # fmt: skip


def test_the_status_of_a_failing_container_is_told_and_the_next_one_runs(console: list[str]) -> None:
    _in_order(console, "bad: about to fail", "lkb: onboot bad done (status 7)", "lkb: onboot absent",
              "no such file or directory", "lkb: onboot absent done (status 1)", "lkb: onboot host")  # fmt: skip


def test_limits_are_raised(console: list[str]) -> None:
    assert _has(console, "first: files 1048576")


def test_the_host_is_named_after_its_network_card(console: list[str]) -> None:
    assert _has(console, "first: lkboard-5254")


def test_the_root_is_read_only_and_run_is_not(console: list[str]) -> None:
    assert _has(console, "/host/etc/new: Read-only file system")
    assert _has(console, "host: run is writable")
    assert _has(console, "touch: /new: Read-only file system")


def test_interfaces_are_there_before_the_program_runs_and_its_status_is_known(console: list[str]) -> None:
    assert _has(console, "net: interfaces br0 eth0 lo")
    assert _has(console, "lkb: onboot net done (status 3)")
    assert _has(console, "reader: peer is outside")


def test_a_kept_namespace_outlives_its_container(console: list[str]) -> None:
    assert _has(console, "join: interfaces br0 eth0 lo")


def test_directories_and_control_groups_are_made(console: list[str]) -> None:
    assert _has(console, "reader: directories were made")


def test_a_volume_is_shared_between_containers(console: list[str]) -> None:
    assert _has(console, "reader: data kept")


def test_a_read_only_volume_has_its_image_and_cannot_be_written_anywhere(console: list[str]) -> None:
    assert _has(console, "writer: fixed has its image")
    assert _has(console, "/volumes/fixed/merged/new: Read-only file system")


def test_a_service_that_crashes_is_started_again_after_growing_pauses(console: list[str]) -> None:
    _in_order(console, "lkb: service crash failed (status 9), again in 1 s",
              "lkb: service crash failed (status 9), again in 2 s")  # fmt: skip
    assert sum("lkb: service crash started" in line for line in console) >= 2


def test_a_service_that_ends_well_stays_ended(console: list[str]) -> None:
    assert _has(console, "lkb: service oneshot ended (status 0)")
    assert sum("lkb: service oneshot started" in line for line in console) == 1


def test_status_shows_all_services(console: list[str]) -> None:
    begins = _place(console, "SERVICE")
    rows = [line.split() for line in console[begins + 1 :] if not line.startswith("lkb:")][:5]
    table = {row[0]: row[1:] for row in rows}
    assert {name: table[name][0] for name in ("deaf", "operator", "steady")} == dict.fromkeys(
        ("deaf", "operator", "steady"), "running"
    )
    assert table["oneshot"] == ["ended", "(status", "0)", "-", "0"]
    assert int(table["crash"][2]) >= 2


def test_a_restarted_service_has_a_fresh_root_and_its_log_goes_on(console: list[str]) -> None:
    begins = _place(console, "operator begins")
    _in_order(console[begins:], "lkb: service steady stopped", "lkb: service steady started", "fresh")
    assert sum(line == "fresh" for line in console) == 2


def test_logs_of_an_onboot_container_are_kept(console: list[str]) -> None:
    assert "about to fail" in console[_place(console, "operator begins") :]


def test_an_unknown_service_is_an_error(console: list[str]) -> None:
    assert _has(console, 'lkb: no service "nosuch"')


def test_shutdown_runs_onshutdown_then_stops_services_then_ends(console: list[str]) -> None:
    _in_order(
        console,
        "lkb: shutting down",
        "bye: services still run",
        "lkb: onshutdown bye done (status 4)",
        "lkb: service deaf stopped",
        "lkb: power down",
    )


def test_a_service_that_ignores_the_request_to_stop_is_killed(console: list[str]) -> None:
    assert not _has(console, "does not stop")
    assert _has(console, "lkb: service deaf stopped")
