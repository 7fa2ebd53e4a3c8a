# awk -f json.awk -f flat.awk FILE: each scalar of a JSON file as one line, path<TAB>value. In the value a backslash,
# line end or tab is written \\ \n \t, so that a line is a record and printf %b gives the value back.

function one_line(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/\n/, "\\n", text)
    gsub(/\t/, "\\t", text)
    return text
}

BEGIN {
    json_read(ARGV[1])
    for (i = 1; i <= json_count; i++) print json_paths[i] "\t" one_line(json[json_paths[i]])
    exit
}
