# One container from start to end (build.md sections 8.7 and 8.9). A bundle is a directory below /containers; its
# container has the directory's name, and what is known of it while it runs is in /run/lkb/NAME.

# prepare_bundle BUNDLE: loads the functions of plan.awk and does what comes before the container is made.
prepare_bundle() {
    local state=$STATE_DIR/${1##*/}
    mkdir -p "$state"
    write_plan "$1" >"$state/plan" || return 1
    # shellcheck source=/dev/null
    . "$state/plan"
    prepare || return 1
    has_attach || return 0
    # "/" is read-only: the changed file is mounted on the bundle's
    add_hook "$1/config.json" >"$state/config.json" && mount -o bind "$state/config.json" "$1/config.json"
}

# write_plan BUNDLE: prints the shell functions for its runtime.json; a missing file asks for nothing.
write_plan() {
    local runtime=$1/runtime.json
    [ -e "$runtime" ] || runtime=
    awk -f "$LIB/json.awk" -f "$LIB/plan.awk" -v bundle="$1" ${runtime:+"$runtime"}
}

# add_hook CONFIG: prints a config.json with which runc calls "lkb attach" when the container's namespaces are there and
# its program has not run. A hook, instead of create and start, leaves the program a child of runc: its exit status is known.
add_hook() {
    sed '1s|{|{"hooks": {"createRuntime": [{"path": "/usr/sbin/lkb", "args": ["lkb", "attach"]}]},|' "$1"
}

# run_bundle BUNDLE [PREFIX...]: runs a prepared bundle until its program ends; returns the program's status.
run_bundle() {
    local bundle=$1 name=${1##*/}
    shift
    release
    delete_container "$name"
    "$@" runc run --bundle "$bundle" --pid-file "$STATE_DIR/$name/pid" "$name" </dev/null
}

# delete_container NAME: ends and forgets one that runc has left, because runc itself was killed.
delete_container() {
    [ ! -d "/run/runc/$1" ] || runc delete --force "$1"
}

# clear_bundle BUNDLE: unmounts the container's root, its writable layer and the changed config.json, so that a later
# start is a fresh one. Other mounts of runtime.json stay: they may be there for other containers.
clear_bundle() {
    delete_container "${1##*/}"
    umount -l "$1/rootfs" "$1/tmp" "$1/config.json" 2>/dev/null
}

# attach_container < STATE: what runc's hook does. runc hands over the state of the container as JSON.
attach_container() {
    local key value id='' pid=''
    while IFS='	' read -r key value; do
        case $key in
        id) id=$value ;;
        pid) pid=$value ;;
        esac
    done <<END
$(awk -f "$LIB/json.awk" -f "$LIB/flat.awk" /dev/stdin)
END
    # shellcheck source=/dev/null
    . "$STATE_DIR/$id/plan"
    attach "$pid"
}

# add_interface PID existing|root|container NAME TYPE PEER: gives the container a network interface. One that is made in
# the root has another name until it has moved: the root may have an interface of that name ("eth0").
add_interface() {
    local pid=$1 place=$2 name=$3 type=$4 peer=$5 own=lkb$1
    case $place in
    existing) ip link set "$name" netns "$pid" ;;
    container) nsenter -t "$pid" -n ip link add "$name" type "$type" ;;
    root)
        ip link add "$own" type "$type" &&
            { [ -z "$peer" ] || ip link set "$(peer_of "$own" /sys/class/net)" name "$peer"; } &&
            ip link set "$own" netns "$pid" &&
            nsenter -t "$pid" -n ip link set "$own" name "$name"
        ;;
    esac
}

# peer_of NAME NET: prints the name of a veth's other end, which the kernel named (busybox ip cannot).
peer_of() {
    local wanted index link
    read -r wanted <"$2/$1/iflink"
    for link in "$2"/*; do
        read -r index <"$link/ifindex"
        [ "$index" != "$wanted" ] || echo "${link##*/}"
    done
}

# keep_namespace PID KIND FILE: bind-mounts a namespace of the container on a file, so that it outlives the container.
# A mount namespace cannot be bound where the mount would spread to others: its file becomes a private mount first.
keep_namespace() {
    mkdir -p "${3%/*}"
    : >"$3"
    if [ "$2" = mnt ]; then
        mount -o bind "$3" "$3" && mount --make-private "$3" || return 1
    fi
    mount -o bind "/proc/$1/ns/$2" "$3"
}

# release_namespace FILE: lets go of a namespace that keep_namespace holds.
release_namespace() {
    while umount "$1" 2>/dev/null; do :; done
}
