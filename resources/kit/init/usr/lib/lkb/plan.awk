# awk -f json.awk -f plan.awk -v bundle=DIR [RUNTIME_JSON]: what a bundle's runtime.json asks for (build.md section 8.9),
# printed as shell functions that stop at the first step that fails:
#
#   prepare        before the container is made: mounts, directories, control groups
#   release        before each run of it: lets go of namespaces kept from an earlier run
#   attach PID     between its creation and its start: interfaces, then namespaces kept by bind mounts
#   has_attach     true when there is anything to attach
#
# One awk and no further parsing: under emulation the number of processes is what start-up costs.

function quote(text) {
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}

function step(command) { print "    " command " || return 1" }

function inside(path) { return path ~ /^\// ? path : bundle "/rootfs/" path }

# Sorts the options of a mount into: directories to make, propagation, bind or remount, the rest.
function read_options(path,   i, option) {
    directories = propagation = options = ""
    is_bind = is_remount = 0
    for (i = 0; (path "." i) in json; i++) {
        option = json[path "." i]
        if (option ~ /^(upperdir|workdir)=/) directories = directories " " quote(substr(option, index(option, "=") + 1))
        if (option ~ /^r?(private|shared|slave|unbindable)$/) propagation = propagation " " option
        else if (option ~ /^r?bind$/) is_bind = option
        else if (option == "remount") is_remount = 1
        else if (option != "rw") options = options (options == "" ? "" : ",") option
    }
}

function plan_mount(path,   target, source, type, i, count, kinds) {
    target = quote(inside(json[path ".destination"]))
    source = json[path ".source"] == "" ? "none" : quote(json[path ".source"])
    type = json[path ".type"] == "" ? "" : " -t " quote(json[path ".type"])
    read_options(path ".options")
    step("mkdir -p " target directories)
    if (is_bind) {
        step("mount -o " is_bind " " source " " target)
        # the kernel takes the flags of a bind mount only from a second call
        if (options != "") step("mount -o " quote("remount,bind," options) " none " target)
    } else if (is_remount) {
        if (options != "") step("mount -o " quote("remount," options) " none " target)
    } else step("mount" type (options == "" ? "" : " -o " quote(options)) " " source " " target)
    count = split(propagation, kinds, " ")
    for (i = 1; i <= count; i++) step("mount --make-" kinds[i] " " target)
}

function plan_prepare(   i) {
    for (i = 0; ("mounts." i ".destination") in json; i++) plan_mount("mounts." i)
    for (i = 0; ("mkdir." i) in json; i++) step("mkdir -p " quote(inside(json["mkdir." i])))
    for (i = 0; ("cgroups." i) in json; i++) step("mkdir -p " quote("/sys/fs/cgroup/" json["cgroups." i]))
}

# Kinds of namespaces that bindNS keeps, in the order of the file format.
function read_namespaces(   i, count, names) {
    count = split("cgroup ipc mnt net pid user uts", names, " ")
    for (i = 1; i <= count; i++) if (json["bindNS." names[i]] != "") kept[++kept_count] = names[i]
}

function plan_release(   i) {
    for (i = 1; i <= kept_count; i++) print "    release_namespace " quote(json["bindNS." kept[i]])
}

function plan_interface(path,   type, peer, place) {
    peer = json[path ".peer"]
    type = json[path ".add"] == "" && peer != "" ? "veth" : json[path ".add"]
    place = type == "" ? "existing" : (type == "veth" || json[path ".createInRoot"] == "true") ? "root" : "container"
    step("add_interface \"$1\" " place " " quote(json[path ".name"]) " " quote(type) " " quote(peer))
}

function plan_attach(   i) {
    for (i = 0; ("interfaces." i ".name") in json; i++) plan_interface("interfaces." i)
    for (i = 1; i <= kept_count; i++) step("keep_namespace \"$1\" " kept[i] " " quote(json["bindNS." kept[i]]))
}

BEGIN {
    if (ARGC > 1) json_read(ARGV[1])
    read_namespaces()
    print "prepare() {"; plan_prepare(); print "    :\n}"
    print "release() {"; plan_release(); print "    :\n}"
    print "attach() {"; plan_attach(); print "    :\n}"
    print "has_attach() { " (kept_count || ("interfaces.0.name" in json) ? "true" : "false") "; }"
    exit
}
