#!/bin/sh
# What a bare Debian 12 or 13 lacks to run `make demo`: everything else comes with `make install`.
set -eu
[ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    ca-certificates git make python3 python3-venv
