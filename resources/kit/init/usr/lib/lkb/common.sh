# Sourced by all scripts of the init: messages on the consoles, options of the kernel command line, small helpers.
# busybox sh: an applet needs no file and often no process, so these files use applets freely and pipes sparingly.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
LIB=${LIB:-/usr/lib/lkb}
CONTAINERS=${CONTAINERS:-/containers}
STATE_DIR=${STATE_DIR:-/run/lkb}
LOG_DIR=${LOG_DIR:-/run/log}

# find_consoles ACTIVE_FILE DEV: sets LKB_CONSOLES to the devices of the kernel's consoles, so that a screen and a
# serial line both show what happens. Unset (a person runs lkb), messages go to standard output.
find_consoles() {
    local names='' name
    [ ! -r "$1" ] || read -r names <"$1"
    LKB_CONSOLES=
    for name in $names; do LKB_CONSOLES="$LKB_CONSOLES $2/$name"; done
    export LKB_CONSOLES
}

# say MESSAGE: one line on each console. The texts are fixed: boot tests and people look for them.
say() {
    local console
    [ -n "$LKB_CONSOLES" ] || echo "lkb: $*"
    for console in $LKB_CONSOLES; do
        echo "lkb: $*" 2>/dev/null >"$console"
    done
}

# show < TEXT: copies standard input to each console.
show() {
    if [ -z "$LKB_CONSOLES" ]; then
        cat
    else
        # shellcheck disable=SC2086  # a list of devices
        tee $LKB_CONSOLES >/dev/null 2>&1
    fi
}

# option NAME < CMDLINE: prints the value of the last NAME=VALUE among the words; status 1 when there is none.
option() (
    set -f
    read -r words
    found=
    for word in $words; do
        case $word in "$1="*) found=$word ;; esac
    done
    [ -n "$found" ] && echo "${found#*=}"
)

# uptime_seconds: sets $now to whole seconds since the kernel started.
uptime_seconds() {
    read -r now _ </proc/uptime
    now=${now%%.*}
}

# wait_until LIMIT COMMAND...: repeats the command each 200 ms until it succeeds; status 1 after LIMIT seconds.
wait_until() {
    local deadline
    uptime_seconds
    deadline=$((now + $1))
    shift
    until "$@"; do
        uptime_seconds
        [ "$now" -lt "$deadline" ] || return 1
        usleep 200000
    done
}

# run_parts DIR [PREFIX...]: runs every program of a directory in the order of names, whatever the others return.
run_parts() {
    local directory=$1 part
    shift
    for part in "$directory"/*; do
        [ ! -f "$part" ] || [ ! -x "$part" ] || "$@" "$part" </dev/null || say "${part##*/} failed (status $?)"
    done
}
