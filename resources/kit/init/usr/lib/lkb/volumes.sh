# Volumes (build.md section 8.6): directories that containers share, mounted on /containers/volumes/NAME/merged.

# mount_volumes DIR: mounts all of them. The build tool writes the same tree for writable and read-only volumes, but
# lets nobody bind a read-only one writable: a volume that is bound, and only for reading, is mounted read-only.
mount_volumes() {
    local volume uses
    [ -d "$1" ] || return 0
    uses=$(volume_uses "$CONTAINERS"/*/*/config.json)
    for volume in "$1"/*; do
        mount_volume "$volume" "$(volume_mode "$volume" "$uses")" || say "volume ${volume##*/}: cannot mount it"
    done
}

# volume_uses CONFIG...: one line for each bound path below /containers/volumes, "rw PATH" or "ro PATH".
volume_uses() {
    [ ! -e "$1" ] || awk -f "$LIB/json.awk" -f "$LIB/volumes.awk" "$@"
}

# volume_mode VOLUME USES: prints rw or ro.
volume_mode() {
    case $2 in
    *"rw $1/"*) echo rw ;;
    *"ro $1/"*) echo ro ;;
    *) [ -d "$1/tmp" ] && echo rw || echo ro ;;
    esac
}

# mount_volume VOLUME rw|ro: what is written to a writable one stays in memory.
mount_volume() {
    if [ "$2" = ro ]; then
        mount -o bind "$1/lower" "$1/merged" && mount -o remount,bind,ro none "$1/merged"
    else
        mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$1/tmp" && mkdir -p "$1/tmp/upper" "$1/tmp/work" &&
            mount -t overlay -o "lowerdir=$1/lower,upperdir=$1/tmp/upper,workdir=$1/tmp/work" overlay "$1/merged"
    fi
}
