#!/bin/sh
# The page: httpd runs this for "/" because /www has no index.html.

set -u
uptime=$(cut -d. -f1 /proc/uptime)
cat <<PAGE
Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$(hostname)</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; color: #1d2b36; }
h1 { font-size: 1.6rem; }
dt { color: #5b7083; }
dd { margin: 0 0 .8rem; font-weight: 600; }
</style>
<h1>It booted.</h1>
<dl>
<dt>Host name</dt><dd>$(hostname)</dd>
<dt>Kernel</dt><dd>$(uname -srm)</dd>
<dt>Up for</dt><dd>$uptime s</dd>
</dl>
<p>lkboard web: ready</p>
</html>
PAGE
