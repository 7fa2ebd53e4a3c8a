# onboot and onshutdown: containers that run one after the other, each until its program ends (build.md section 8.7).

# run_batch onboot|onshutdown LOGS [PREFIX...]: LOGS is LinuxKit's name for the folder and files of the logs; PREFIX
# is put before the call of runc.
run_batch() {
    local section=$1 logs=$2 bundle
    shift 2
    [ -d "$CONTAINERS/$section" ] || return 0
    mkdir -p "$LOG_DIR/$logs"
    for bundle in "$CONTAINERS/$section"/*; do
        [ ! -d "$bundle" ] || run_step "$section" "$bundle" "$LOG_DIR/$logs/$logs.${bundle##*/}" "$@"
    done
    # only now: an onboot container may have mounted a disk on /var
    ln -sfn "$LOG_DIR/$logs" "/var/log/$logs"
}

# run_step SECTION BUNDLE LOG [PREFIX...]: one of them; a failure is told and the next one runs.
run_step() {
    local section=$1 bundle=$2 log=$3 name status
    shift 3
    name=${bundle##*/}
    name=${name#[0-9][0-9][0-9]-}
    say "$section $name"
    {
        prepare_bundle "$bundle" && run_bundle "$bundle" "$@"
        status=$?
        clear_bundle "$bundle"
    } >"$log.out.log" 2>"$log.log"
    awk -v name="$name" '{ print name ": " $0 }' "$log.out.log" "$log.log" | show
    say "$section $name done (status $status)"
}
