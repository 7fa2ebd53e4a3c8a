# A reader of JSON (RFC 8259) for busybox awk: json_read(FILE) keeps every scalar of the text.
#
#   json_paths[1..json_count]   where each stands, in order: "mounts.0.options.1" (arrays count from 0)
#   json[PATH]                  its value: text unescaped to UTF-8, numbers and words as written
#
# A member whose own name has a dot cannot be told from a nested one; the files read here have none. A string never
# spans lines (JSON forbids raw line ends), so the text is taken line by line and each step only copies one line.

BEGIN {
    json_escapes["\""] = "\""; json_escapes["\\"] = "\\"; json_escapes["/"] = "/"
    json_escapes["b"] = "\b"; json_escapes["f"] = "\f"; json_escapes["n"] = "\n"
    json_escapes["r"] = "\r"; json_escapes["t"] = "\t"
}

function json_read(file) {
    split("", json); split("", json_paths)
    json_count = 0; json_file = file; json_rest = ""
    json_value("")
    if (json_peek() != "") json_fail("text after the end")
    close(file)
}

function json_fail(problem) {
    printf "%s: not JSON: %s at \"%s\"\n", json_file, problem, substr(json_rest, 1, 40) | "cat >&2"
    close("cat >&2")
    exit 1
}

# The next character that is not blank, left in place; "" at the end of the file.
function json_peek() {
    sub(/^[ \t\r]+/, "", json_rest)
    while (json_rest == "") {
        if ((getline json_rest < json_file) <= 0) return ""
        sub(/^[ \t\r]+/, "", json_rest)
    }
    return substr(json_rest, 1, 1)
}

function json_value(path,   first) {
    first = json_peek()
    if (first == "{") json_object(path)
    else if (first == "[") json_array(path)
    else if (first == "\"") json_keep(path, json_string())
    else json_keep(path, json_word())
}

function json_keep(path, value) {
    json_paths[++json_count] = path
    json[path] = value
}

function json_object(path,   key) {
    json_rest = substr(json_rest, 2)
    if (json_peek() == "}") { json_rest = substr(json_rest, 2); return }
    do {
        if (json_peek() != "\"") json_fail("no name of a member")
        key = json_string()
        if (json_peek() != ":") json_fail("no colon")
        json_rest = substr(json_rest, 2)
        json_value(path == "" ? key : path "." key)
    } while (json_another("}"))
}

function json_array(path,   i) {
    json_rest = substr(json_rest, 2)
    if (json_peek() == "]") { json_rest = substr(json_rest, 2); return }
    i = 0
    do json_value(path == "" ? i++ : path "." i++)
    while (json_another("]"))
}

# Takes a comma (another item follows: 1) or the closing bracket (0).
function json_another(closing,   found) {
    found = json_peek()
    if (found != "," && found != closing) json_fail("no comma or " closing)
    json_rest = substr(json_rest, 2)
    return found == ","
}

function json_word(   word) {
    match(json_rest, /^[^] \t\r,:}]*/)
    word = substr(json_rest, 1, RLENGTH)
    if (word !~ /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)$/) json_fail("no value")
    json_rest = substr(json_rest, RLENGTH + 1)
    return word
}

function json_string(   text, next_one) {
    json_rest = substr(json_rest, 2)
    while (1) {
        match(json_rest, /^[^"\\]*/)
        text = text substr(json_rest, 1, RLENGTH)
        json_rest = substr(json_rest, RLENGTH + 1)
        next_one = substr(json_rest, 1, 1)
        if (next_one == "") json_fail("a string without end")
        if (next_one == "\\") { text = text json_escape(); continue }
        json_rest = substr(json_rest, 2)
        return text
    }
}

function json_escape(   letter) {
    letter = substr(json_rest, 2, 1)
    if (letter == "u") return json_utf8(json_code_point())
    if (!(letter in json_escapes)) json_fail("unknown escape")
    json_rest = substr(json_rest, 3)
    return json_escapes[letter]
}

# Takes \uXXXX, or a surrogate pair of them; a lone surrogate becomes the replacement character.
function json_code_point(   high, low) {
    high = json_hex()
    if (high < 55296 || high > 57343) return high
    if (high > 56319 || json_rest !~ /^\\u[dD][c-fC-F]/) return 65533
    low = json_hex()
    return 65536 + (high - 55296) * 1024 + low - 56320
}

function json_hex(   digits, i, number) {
    digits = tolower(substr(json_rest, 3, 4))
    # NUL ends a string in awk and cannot be part of a path either
    if (digits !~ /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/ || digits == "0000") json_fail("bad \\u escape")
    for (i = 1; i <= 4; i++) number = number * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
    json_rest = substr(json_rest, 7)
    return number
}

# %c of a number is one byte in busybox awk.
function json_utf8(code) {
    if (code < 128) return sprintf("%c", code)
    if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
    if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
    return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, \
        128 + int(code / 64) % 64, 128 + code % 64)
}
