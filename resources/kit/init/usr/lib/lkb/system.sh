# Sourced by /etc/rc: makes a running system of a booted kernel, before any container (build.md section 8.3).

# Everything that is mounted before "/" becomes read-only. Lines: type, place, options.
mount_file_systems() {
    mount_each <<END
proc /proc nosuid,nodev,noexec,relatime
sysfs /sys nosuid,nodev,noexec,relatime
devtmpfs /dev nosuid,noexec,relatime,mode=755
tmpfs /run nosuid,nodev,noexec,relatime,size=10%,mode=755
tmpfs /tmp nosuid,nodev,noexec,relatime,size=10%,mode=1777
tmpfs /var nosuid,nodev,noexec,relatime,size=50%,mode=755
cgroup2 /sys/fs/cgroup nosuid,nodev,noexec,relatime
END
    mkdir -p /dev/mqueue /dev/pts /dev/shm
    mount_each <<END
mqueue /dev/mqueue nosuid,nodev,noexec
tmpfs /dev/shm nosuid,nodev,noexec,relatime,mode=1777
devpts /dev/pts nosuid,noexec,relatime,gid=5,mode=620
END
}

mount_each() {
    local type place options
    while read -r type place options; do
        mount -t "$type" -o "$options" "$type" "$place"
    done
}

# Those that only some kernels and machines have: the directory shows it.
mount_optional_file_systems() {
    local type place
    while read -r type place; do
        [ ! -d "$place" ] || mount -t "$type" -o nosuid,nodev,noexec,relatime "$type" "$place" 2>/dev/null
    done <<END
securityfs /sys/kernel/security
debugfs /sys/kernel/debug
configfs /sys/kernel/config
fusectl /sys/fs/fuse/connections
selinuxfs /sys/fs/selinux
pstore /sys/fs/pstore
bpf /sys/fs/bpf
efivarfs /sys/firmware/efi/efivars
binfmt_misc /proc/sys/fs/binfmt_misc
END
}

# The directories that programs expect in the file systems that are empty at each start.
fill_file_systems() {
    mkdir -p /run/lkb /run/log /var/cache /var/empty /var/lib /var/local /var/lock /var/log /var/opt /var/spool /var/tmp
    chmod 1777 /var/tmp
    chmod 555 /var/empty
    ln -s /run /var/run
    ln -sf /proc/self/fd /dev/fd
    ln -sf fd/0 /dev/stdin
    ln -sf fd/1 /dev/stdout
    ln -sf fd/2 /dev/stderr
}

# Lets containers have every controller of control groups v2. One write each: a refused one must not cost the others.
delegate_cgroups() {
    local controllers='' controller
    [ ! -r "$1/cgroup.controllers" ] || read -r controllers <"$1/cgroup.controllers"
    for controller in $controllers; do
        echo "+$controller" 2>/dev/null >"$1/cgroup.subtree_control"
    done
}

# Drivers: those listed in /etc/modules, then what the buses ask for. Twice, because a bus driver loaded by the first
# pass finds devices of its own; what appears later comes through the kernel's events.
# devtmpfs makes the nodes; mdev only runs when the image brings rules (without, it would set every mode to 0660).
load_drivers() {
    [ -d "/lib/modules/$(uname -r)" ] || return 0
    [ ! -f /etc/modules ] || sed 's/#.*//' /etc/modules | xargs -r modprobe -abq
    load_offered
    setsid uevent /sbin/lkb-hotplug </dev/null >/dev/null 2>&1 &
    load_offered
    [ ! -f /etc/mdev.conf ] || mdev -s
}

load_offered() {
    cat /sys/bus/*/devices/*/modalias 2>/dev/null | sort -u | xargs -r modprobe -abq 2>/dev/null
}

# set_clock: system time from the battery-backed clock, which runs in UTC. A Pi has none.
set_clock() {
    [ ! -e /dev/rtc0 ] || hwclock -s -u
}

# host_name FILE CURRENT NET: prints the name of this machine: FILE's, else the one the kernel was given, else one from
# the address of the first real network interface (eth0 first), else plain "lkboard".
host_name() {
    local name='' address='' card
    [ ! -r "$1" ] || read -r name <"$1"
    [ -n "$name" ] || read -r name <"$2"
    [ "$name" != "(none)" ] || name=
    for card in "$3/eth0" "$3"/*; do
        [ -z "$name$address" ] && [ -e "$card/device" ] && read -r address <"$card/address"
    done
    [ -z "$address" ] || address=-$(echo "$address" | tr -d :)
    echo "${name:-lkboard$address}"
}

# prepare_resolver LINK: containers share the root's /etc/resolv.conf, a link into /run; an empty target lets them bind it.
prepare_resolver() {
    local target
    target=$(readlink "$1") || return 0
    mkdir -p "${target%/*}"
    [ -e "$target" ] || (umask 077 && : >"$target")
}

# For all that is started from here on: as many files as a busy server needs, as many processes as memory allows.
raise_limits() {
    ulimit -n 1048576
    ulimit -u unlimited
}

# start_watchdog SECONDS: the hardware restarts the machine when user space has not run for so long.
start_watchdog() {
    if [ -c /dev/watchdog ]; then
        watchdog -T "$1" -t "$(($1 / 3 + 1))" /dev/watchdog && say "watchdog: $1 s"
    else
        say "watchdog: this machine has no /dev/watchdog"
    fi
}
