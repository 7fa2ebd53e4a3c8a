"""The grammars of build.md section 4.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.config.values import (
    CAPABILITIES,
    UNLIMITED,
    Bind,
    InvalidValue,
    Rlimit,
    Tmpfs,
    complete_mount,
    expand_capabilities,
    parse_bind,
    parse_mode,
    parse_rlimit,
    parse_tmpfs,
)
from lkboard.model.config import Mount


def test_there_are_41_capabilities_in_the_order_of_the_kernel() -> None:
    assert len(set(CAPABILITIES)) == len(CAPABILITIES) == 41
    assert (CAPABILITIES[0], CAPABILITIES[-1]) == ("CAP_CHOWN", "CAP_CHECKPOINT_RESTORE")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ()),
        (("none",), ()),
        (("NONE",), ()),
        (("all",), CAPABILITIES),
        (("All",), CAPABILITIES),
        (("CAP_KILL", "CAP_CHOWN", "CAP_KILL"), ("CAP_KILL", "CAP_CHOWN", "CAP_KILL")),
    ],
)
def test_capabilities(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert expand_capabilities(names) == expected


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        (("CAP_NOPE",), "unknown capability 'CAP_NOPE'", "see capabilities(7) for their names"),
        (("SYS_ADMIN",), "unknown capability 'SYS_ADMIN'", "did you mean CAP_SYS_ADMIN?"),
        (("cap_kill",), "unknown capability 'cap_kill'", "did you mean CAP_KILL?"),
        (("CAP NET RAW",), "unknown capability 'CAP NET RAW'", "did you mean CAP_NET_RAW?"),
        (("CAP_SYS_ADMNI",), "unknown capability 'CAP_SYS_ADMNI'", "did you mean CAP_SYS_ADMIN?"),
        (("all", "CAP_KILL"), "the capability 'all' must be alone", "write [all], or name each capability"),
        (("CAP_KILL", "none"), "the capability 'none' must be alone", "write [none], or name each capability"),
        (("",), "unknown capability ''", "see capabilities(7) for their names"),
    ],
)
def test_unknown_capabilities(names: tuple[str, ...], message: str, hint: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        expand_capabilities(names)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a:/b", Bind("/a", "/b")),
        ("/a:/b:ro", Bind("/a", "/b", ("ro",))),
        ("/a:/b:ro,rslave", Bind("/a", "/b", ("ro", "rslave"))),
        ("/a:/b:", Bind("/a", "/b", ())),
        ("vol:/b", Bind("vol", "/b")),
    ],
)
def test_binds(text: str, expected: Bind) -> None:
    assert parse_bind(text) == expected


@pytest.mark.parametrize("text", ["/only", "", "/a:/b:ro:x"])
def test_bad_binds(text: str) -> None:
    with pytest.raises(InvalidValue, match="bind"):
        parse_bind(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a", Tmpfs("/a")),
        ("/a:", Tmpfs("/a")),
        ("/a:size=1m,mode=755", Tmpfs("/a", ("size=1m", "mode=755"))),
    ],
)
def test_tmpfs(text: str, expected: Tmpfs) -> None:
    assert parse_tmpfs(text) == expected


def test_a_tmpfs_with_two_colons_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'/a:b:c' has too many"):
        parse_tmpfs("/a:b:c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nofile,100,200", Rlimit("RLIMIT_NOFILE", 100, 200)),
        ("RLIMIT_core,0,unlimited", Rlimit("RLIMIT_CORE", 0, UNLIMITED)),
        (" stack , 8388608 , UNLIMITED", Rlimit("RLIMIT_STACK", 8388608, UNLIMITED)),
        ("cpu,18446744073709551615,007", Rlimit("RLIMIT_CPU", UNLIMITED, 7)),
    ],
)
def test_rlimits(text: str, expected: Rlimit) -> None:
    assert parse_rlimit(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nofile,1", "'nofile,1' is not a limit"),
        ("nofile,1,2,3", "is not a limit"),
        ("files,1,2", "unknown limit 'files'"),
        ("nofile,1,many", "'many' is not a 64-bit number"),
        ("nofile,-1,2", "'-1' is not a 64-bit number"),
        ("nofile,,2", "'' is not a 64-bit number"),
        ("nofile,1,18446744073709551616", "is not a 64-bit number"),
        ("nofile,1," + "9" * 5000, "is not a 64-bit number"),
        ("nofile,1,²", "is not a 64-bit number"),
    ],
)
def test_bad_rlimits(text: str, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        parse_rlimit(text)


@given(st.integers(0, UNLIMITED), st.integers(0, UNLIMITED))
def test_every_limit_is_read_back(soft: int, hard: int) -> None:
    assert parse_rlimit(f"as,{soft},{hard}") == Rlimit("RLIMIT_AS", soft, hard)


@given(st.integers(0, 0o7777))
def test_every_mode_is_read_back(mode: int) -> None:
    assert parse_mode(f"{mode:o}") == parse_mode(f"{mode:04o}") == mode


@pytest.mark.parametrize("text", ["", "0999", "0o644", "u+x", "-644", "10000", "100644", "6 4", "٦"])
def test_bad_modes(text: str) -> None:
    with pytest.raises(InvalidValue, match="mode"):
        parse_mode(text)


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (Mount(type="proc"), Mount("/proc", "proc", "proc")),
        (Mount(type="mqueue"), Mount("/dev/mqueue", "mqueue", "mqueue")),
        (Mount(source="cgroup", options=("ro",)), Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("ro",))),
        (Mount(source="mqueue", destination="/q"), Mount("/q", "mqueue", "mqueue")),
        (Mount(destination="/dev"), Mount("/dev", "tmpfs", "tmpfs")),
        (Mount(type="ext4", destination="/disk"), Mount("/disk", "ext4", "ext4")),
        (Mount("/b", "bind", "/a"), Mount("/b", "bind", "/a")),
    ],
)
def test_mounts_are_completed(mount: Mount, expected: Mount) -> None:
    assert complete_mount(mount) == expected


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (Mount(destination="/x", source="/y"), "the mount on '/x' has no type"),
        (Mount(), "the mount on '' has no type"),
        (Mount(type="bind", source="/y"), "the mount of type bind has no destination"),
    ],
)
def test_mounts_that_cannot_be_completed(mount: Mount, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        complete_mount(mount)
