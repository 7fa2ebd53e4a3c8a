# Sourced by /etc/rc.shutdown: an orderly end within bounded time (build.md section 8.4).

# Only init and this shell are left. A kernel thread has no program, nor has a process that has ended.
is_alone() {
    local process
    for process in /proc/[0-9]*; do
        case ${process#/proc/} in 1 | "$$") continue ;; esac
        [ ! -e "$process/exe" ] || return 1
    done
}

# SIGTERM to all, SIGKILL to those that are there 5 s later. The watchdog's keeper is killed first: on SIGTERM it would
# stop the hardware, which is wanted to restart a machine that hangs from here on.
end_processes() {
    killall -KILL watchdog 2>/dev/null
    # shells on a terminal heed only the second one
    kill -TERM -1
    kill -HUP -1
    wait_until 5 is_alone || kill -KILL -1
}

# What keeps data on disks or elsewhere; one that is busy becomes read-only instead.
unmount_disks() {
    sync
    umount -a -l -t nfs,nfs4,cifs
    umount -a -r -t ext2,ext3,ext4,btrfs,xfs,f2fs,vfat,msdos,exfat,ntfs3,overlay
}
