"""The kit's containers at work: a lease from a real DHCP server, a real ssh client, a page in a real browser's words.

Their programs are the real ones of this machine's architecture, run in a chroot without a machine around them; the
boot tests run them in one.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.chroot import run_isolated, unpacked
from support.kit import kit_store
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kit


# runc


def test_runc_finds_its_loader_and_its_libraries(tmp_path: Path) -> None:
    root = unpacked(kit_store(), "runc", tmp_path / "root")
    result = run_isolated('chroot "$1" /usr/bin/runc --version', root)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("runc version 1.")
    assert "libseccomp: " in result.stdout


# dhcp

# A network card has a device behind it, which a veth has not: /sys/class/net is played by a folder.
NETWORK = """
root=$1 work=$2
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --bind "$work/etc" "$root/etc"
mkdir -p "$root/sys/class"
mount --bind "$work/class" "$root/sys/class"
ip link set lo up
"""
CABLE = """
ip link add eth0 type veth peer name far
unshare --net sleep 60 &
far=$!
until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
ip link set far netns $far
nsenter -t $far -n ip addr add 10.9.0.1/24 dev far
nsenter -t $far -n ip link set far up
"""
SERVER = """
: > "$work/leases"
nsenter -t $far -n busybox udhcpd -f "$work/udhcpd.conf" &
"""
UDHCPD = """
start 10.9.0.10
end 10.9.0.10
interface far
lease_file {work}/leases
option subnet 255.255.255.0
option router 10.9.0.1
option dns 10.9.0.2 10.9.0.3
option domain lab.example
"""


@pytest.fixture
def dhcp(tmp_path: Path) -> tuple[Path, Path]:
    """The dhcp image's root, and a folder with what the machine around it has: one network card."""
    need("busybox", "nsenter")
    root = unpacked(kit_store(), "dhcp", tmp_path / "root")
    (root / "etc").mkdir()  # a build always adds it
    work = tmp_path / "work"
    (work / "etc").mkdir(parents=True)
    (work / "class/net/lo").mkdir(parents=True)
    (work / "class/net/eth0/device").mkdir(parents=True)
    (work / "class/net/eth0/carrier").write_text("1\n")
    (work / "udhcpd.conf").write_text(UDHCPD.format(work=work))
    return root, work


def test_a_lease_sets_address_route_and_resolver(dhcp: tuple[Path, Path]) -> None:
    show = 'chroot "$root" /sbin/dhcpcd -1; ip -4 -o addr show dev eth0; ip route'
    result = run_isolated(NETWORK + CABLE + SERVER + show, *dhcp)
    assert result.stdout.startswith("lkb-dhcp: eth0 10.9.0.10\n"), result
    assert "inet 10.9.0.10/24" in result.stdout
    assert "default via 10.9.0.1 dev eth0" in result.stdout
    assert (dhcp[1] / "etc/resolv.conf").read_text() == "search lab.example\nnameserver 10.9.0.2\nnameserver 10.9.0.3\n"


def test_the_options_of_linuxkits_client_are_accepted(dhcp: tuple[Path, Path]) -> None:
    command = 'chroot "$root" /sbin/dhcpcd --nobackground -f /dhcpcd.conf -1'
    result = run_isolated(NETWORK + CABLE + SERVER + command, *dhcp)
    assert (result.returncode, result.stdout) == (0, "lkb-dhcp: eth0 10.9.0.10\n")


def test_an_interface_with_a_cable_comes_first(dhcp: tuple[Path, Path]) -> None:
    cards = dhcp[1] / "class/net"
    (cards / "aaa0/device").mkdir(parents=True)
    (cards / "aaa0/carrier").write_text("0\n")
    # waiting for an answer on the other one first would take longer than the test may
    more = 'ip link add aaa0 type veth peer name zzz0; DHCP_TIMEOUT=100 chroot "$root" /sbin/dhcpcd -1'
    result = run_isolated(NETWORK + CABLE + SERVER + more, *dhcp)
    assert result.stdout == "lkb-dhcp: eth0 10.9.0.10\n"


def test_no_answer_is_said(dhcp: tuple[Path, Path]) -> None:
    result = run_isolated(NETWORK + CABLE + 'DHCP_TIMEOUT=2 chroot "$root" /sbin/dhcpcd -1', *dhcp)
    assert (result.returncode, result.stdout) == (1, "lkb-dhcp: no lease: no answer on eth0\n")


def test_no_network_card_is_said_with_a_hint(dhcp: tuple[Path, Path]) -> None:
    (dhcp[1] / "class/net/eth0/device").rmdir()
    result = run_isolated(NETWORK + 'DHCP_TIMEOUT=1 chroot "$root" /sbin/dhcpcd -1', *dhcp)
    assert result.returncode == 1
    assert "no lease: no network interface (is its driver in the kernel image?)" in result.stdout


# ssh

SSHD = """
root=$1 key=$2
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
ip link set lo up
chroot "$root" /usr/sbin/lkb-sshd 2>&1 &
"""
CLIENT = (
    'ssh -i "$key" -o ConnectionAttempts=20 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null '
    "-o BatchMode=yes -o LogLevel=ERROR root@127.0.0.1 "
)


@pytest.fixture
def sshd(tmp_path: Path) -> tuple[Path, Path]:
    """The sshd image's root with one authorized key, and that key."""
    need("ssh", "ssh-keygen")
    root = unpacked(kit_store(), "sshd", tmp_path / "root")
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    keys = root / "root/.ssh/authorized_keys"
    keys.write_text(key.with_suffix(".pub").read_text())
    keys.chmod(0o600)
    return root, key


def test_a_key_lets_root_in(sshd: tuple[Path, Path]) -> None:
    result = run_isolated(SSHD + CLIENT + "'echo $(id -un) in $SHELL'", *sshd)
    assert "root in /bin/sh" in result.stdout.splitlines(), result
    assert "lkb-sshd: Fingerprint: SHA256:" in result.stdout


def test_nobody_gets_in_without_a_key(sshd: tuple[Path, Path], tmp_path: Path) -> None:
    (sshd[0] / "root/.ssh/authorized_keys").write_text("")
    result = run_isolated(SSHD + CLIENT + "true", *sshd)
    assert "lkb-sshd: nobody can log in" in result.stdout
    assert result.returncode == 255
    assert "Permission denied (publickey)" in result.stderr


def test_a_given_host_key_is_used(sshd: tuple[Path, Path], tmp_path: Path) -> None:
    root, _key = sshd
    given = root / "hostroot/etc/ssh/dropbear_ed25519_host_key"
    given.parent.mkdir(parents=True)
    make = f'chroot "$1" dropbearkey -t ed25519 -f /{given.relative_to(root)}'
    made = run_isolated('mount --bind "$1" "$1"; mount --rbind /dev "$1/dev"; ' + make, root)
    fingerprint = next(line for line in made.stdout.splitlines() if line.startswith("Fingerprint"))
    assert f"lkb-sshd: {fingerprint}\n" in run_isolated(SSHD + CLIENT + "true", *sshd).stdout


# web


def test_the_page_shows_the_machine(tmp_path: Path) -> None:
    need("curl")
    root = unpacked(kit_store(), "web", tmp_path / "root")
    script = """
        mount --bind "$1" "$1"
        mount --rbind /dev "$1/dev"
        mount -t proc proc "$1/proc"
        hostname lab-7
        ip link set lo up
        chroot "$1" /usr/sbin/lkb-web 8080 &
        curl -sSi --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:8080/
    """
    result = run_isolated(f"unshare --uts sh -eu -c '{script}' script \"$1\"", root)
    assert "lkb-web: serving on port 8080" in result.stdout
    assert "HTTP/1.1 200 OK" in result.stdout, result
    for text in ("Content-Type: text/html", "lab-7", "lkboard web: ready", "Linux "):
        assert text in result.stdout
