# awk -f json.awk -f volumes.awk CONFIG_JSON...: the paths below /containers/volumes that containers bind, one line
# each: "rw PATH" when any of them may write there, else "ro PATH".

function note(path,   i, source, mode) {
    source = json[path ".source"]
    if (source !~ /^\/containers\/volumes\//) return
    mode = "rw"
    for (i = 0; (path ".options." i) in json; i++) if (json[path ".options." i] == "ro") mode = "ro"
    if (!(source in modes) || mode == "rw") modes[source] = mode
}

BEGIN {
    for (file = 1; file < ARGC; file++) {
        json_read(ARGV[file])
        for (mount = 0; ("mounts." mount ".destination") in json; mount++) note("mounts." mount)
    }
    for (source in modes) print modes[source], source
    exit
}
