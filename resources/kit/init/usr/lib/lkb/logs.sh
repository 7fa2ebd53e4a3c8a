# Logs: what services and onboot containers print is in files below /run/log, that is in memory.

# print_logs NAME: of a service, or of an onboot or onshutdown container.
print_logs() {
    local found='' log
    for log in "$LOG_DIR/$1".out.log "$LOG_DIR/$1".log "$LOG_DIR"/*/*."$1".out.log "$LOG_DIR"/*/*."$1".log \
        "$LOG_DIR"/*/*.???-"$1".out.log "$LOG_DIR"/*/*.???-"$1".log; do
        [ -f "$log" ] || continue
        cat "$log"
        found=yes
    done
    [ -n "$found" ] || { echo "lkb: no logs of \"$1\"" >&2 && return 1; }
}

# bound_logs LIMIT FILE...: a file beyond LIMIT bytes becomes FILE.1, in place of an older one, and begins anew. The
# writers append, so that they go on at the start of the emptied file.
bound_logs() {
    local limit=$1 log
    shift
    for log in "$@"; do
        if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt "$limit" ]; then
            cp "$log" "$log.1" && : >"$log"
        fi
    done
}

# watch_logs: keeps them bounded for as long as the system runs; a service that talks a lot must not fill the memory.
watch_logs() {
    while sleep 60; do bound_logs 1048576 "$LOG_DIR"/*.log; done
}
