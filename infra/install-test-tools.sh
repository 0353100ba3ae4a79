#!/bin/sh
# What some tests look for on a Debian 12 or 13, and skip without, saying so: a browser for pages, promtool and amtool for alerts.
set -eu
[ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
command -v chromium >/dev/null && command -v promtool >/dev/null && command -v amtool >/dev/null && exit 0
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends chromium prometheus prometheus-alertmanager >/dev/null
