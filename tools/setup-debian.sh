#!/bin/sh
# Install the Debian packages that lkboard's tests and demo use. Does nothing when all are there.
# usage: setup-debian.sh demo|test
set -eu

demo='python3-venv ca-certificates apt debian-archive-keyring
      qemu-system-x86 qemu-system-arm qemu-utils ovmf qemu-efi-aarch64 ipxe-qemu'
# judges, peers and a registry for the tests; the libraries that Qt wants without a screen
test='dosfstools mtools gdisk fdisk xorriso cpio libarchive-tools shellcheck busybox-static skopeo umoci docker-registry bmap-tools
      apache2-utils openssl squid-openssl git make nbdkit nbdkit-plugin-python libnbd-bin fuse3 zstd xz-utils lz4 e2fsprogs squashfs-tools
      erofs-utils mount gpg kmod binutils openssh-client curl iproute2 faketime grub-common
      libgl1 libegl1 libxkbcommon0 libglib2.0-0 libfontconfig1 libdbus-1-3 fonts-dejavu-core'

case ${1:-} in
demo) wanted=$demo ;;
test) wanted="$demo $test" ;;
*) echo "usage: $0 demo|test" >&2; exit 2 ;;
esac

command -v apt-get >/dev/null || { echo "$0: this is not Debian: install by hand: $wanted" >&2; exit 0; }
missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "installing:$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086 # a list of package names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
