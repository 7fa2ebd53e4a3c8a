# Sourced by lkb and /etc/rc.shutdown. Each service has a supervisor, a process "lkb supervise NAME": it prepares the
# container, runs it, starts it again after a failure, and stops it on SIGTERM. Its state is in /run/lkb/NAME:
#
#   supervisor   process id of the supervisor, while there is one
#   state        starting | running | waiting | ended (status 0) | stopped | failed
#   restarts     how often it was started again

SERVICES=$CONTAINERS/services
# From SIGTERM to SIGKILL, as LinuxKit's rc.shutdown
STOP_SECONDS=5
# Between two starts: doubled from 1 s up to this; back to 1 s once it has run for RUN_SECONDS
LONGEST_PAUSE=30
RUN_SECONDS=10

# supervise NAME: the supervisor.
supervise() {
    service=$1
    state=$STATE_DIR/$service
    restarts=0 pause=1 child='' stopping='' killer=''
    mkdir -p "$state"
    echo $$ >"$state/supervisor"
    trap stop_child TERM
    trap '' HUP INT
    link_logs "$service"
    keep_running >>"$LOG_DIR/$service.out.log" 2>>"$LOG_DIR/$service.log"
    clear_bundle "$SERVICES/$service" 2>/dev/null
    rm -f "$state/supervisor"
}

# Scripts look for logs in /var/log; when a service starts, a disk may have been mounted there.
link_logs() {
    ln -sf "$LOG_DIR/$1.out.log" "$LOG_DIR/$1.log" /var/log/
}

keep_running() {
    set_state starting
    if ! prepare_bundle "$SERVICES/$service"; then
        set_state failed
        say "service $service failed: cannot prepare it (lkb logs $service)"
        return
    fi
    until [ -n "$stopping" ] || run_once; do
        restarts=$((restarts + 1))
        echo $restarts >"$state/restarts"
        set_state waiting
        sleep "$pause" &
        wait $!
    done
    [ -n "$stopping" ] || return
    set_state stopped
    say "service $service stopped"
}

set_state() { echo "$1" >"$state/state"; }

# One run; status 1 asks for another.
run_once() {
    local status=0 started=0
    rm -f "$state/pid"
    run_bundle "$SERVICES/$service" exec &
    child=$!
    # a signal may have come before there was a child
    [ -z "$stopping" ] || stop_child
    wait_for_start
    wait_for_end
    child=
    [ -z "$killer" ] || kill "$killer"
    [ -z "$stopping" ] || return 0
    if [ $status -eq 0 ]; then
        set_state "ended (status 0)"
        say "service $service ended (status 0)"
    else
        next_pause
        say "service $service failed (status $status), again in $pause s"
        return 1
    fi
}

# runc writes the pid file when the program runs. One that never ran has no time to its credit.
wait_for_start() {
    until [ -s "$state/pid" ]; do
        # one that has ended and is not waited for has a directory there, but no program
        [ -e "/proc/$child/exe" ] || return
        usleep 200000
    done
    uptime_seconds
    # shellcheck disable=SC2154  # set by uptime_seconds
    started=$now
    set_state running
    say "service $service started"
}

# "wait" also returns when SIGTERM came; the child is gone when its directory in /proc is.
wait_for_end() {
    while :; do
        wait "$child"
        status=$?
        [ -d "/proc/$child" ] || return 0
    done
}

next_pause() {
    uptime_seconds
    if [ "$started" -gt 0 ] && [ $((now - started)) -ge $RUN_SECONDS ]; then
        pause=1
    elif [ "$restarts" -gt 0 ]; then
        pause=$((pause * 2))
        [ $pause -le $LONGEST_PAUSE ] || pause=$LONGEST_PAUSE
    fi
}

# On SIGTERM: runc passes it on to the program; one that does not listen is killed.
stop_child() {
    stopping=yes
    [ -n "$child" ] || return 0
    # a second killer would not be known at the end, and would kill the service's next run
    [ -z "$killer" ] || return 0
    kill -TERM "$child"
    { sleep $STOP_SECONDS && runc kill "$service" KILL; } &
    killer=$!
}

# is_supervised NAME
is_supervised() {
    local pid
    [ -r "$STATE_DIR/$1/supervisor" ] && read -r pid <"$STATE_DIR/$1/supervisor" && [ -e "/proc/$pid/exe" ]
}

is_unsupervised() { ! is_supervised "$1"; }

# begin_service NAME: starts its supervisor, does not wait.
begin_service() {
    ! is_supervised "$1" || return 0
    mkdir -p "$STATE_DIR/$1"
    echo starting >"$STATE_DIR/$1/state"
    setsid "$0" supervise "$1" </dev/null >/dev/null 2>&1 &
}

has_started() {
    local state
    read -r state <"$STATE_DIR/$1/state"
    [ "$state" != starting ]
}

# start_services NAME...: all at once, then waits until each runs or has failed.
start_services() {
    local name
    for name in "$@"; do begin_service "$name"; done
    for name in "$@"; do
        wait_until 60 has_started "$name" || say "service $name: still starting"
    done
}

# stop_services NAME...: all at once, then waits until each supervisor has left.
stop_services() {
    local name pid
    for name in "$@"; do
        is_supervised "$name" && read -r pid <"$STATE_DIR/$name/supervisor" && kill -TERM "$pid"
    done
    for name in "$@"; do
        wait_until $((STOP_SECONDS + 10)) is_unsupervised "$name" || say "service $name: does not stop"
    done
}

# with_all_services COMMAND...: calls it with the names of all services of the image added.
with_all_services() {
    local bundle
    for bundle in "$SERVICES"/*; do
        [ ! -d "$bundle" ] || set -- "$@" "${bundle##*/}"
    done
    "$@"
}

# check_services NAME...: status 1 when the image has no such service.
check_services() {
    local name
    for name in "$@"; do
        [ -n "$name" ] && [ -d "$SERVICES/$name" ] && continue
        echo "lkb: no service \"$name\"; \"lkb status\" lists them" >&2
        return 1
    done
}

# print_status NAME...: a table for people.
print_status() {
    local name state pid restarts
    printf '%-20s %-18s %-8s %s\n' SERVICE STATE PID RESTARTS
    for name in "$@"; do
        state=stopped pid=- restarts=0
        [ ! -r "$STATE_DIR/$name/state" ] || read -r state <"$STATE_DIR/$name/state"
        [ ! -r "$STATE_DIR/$name/restarts" ] || read -r restarts <"$STATE_DIR/$name/restarts"
        [ "$state" != running ] || read -r pid <"$STATE_DIR/$name/pid"
        printf '%-20s %-18s %-8s %s\n' "$name" "$state" "$pid" "$restarts"
    done
}
