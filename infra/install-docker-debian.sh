#!/bin/sh
# What a Debian 12 or 13 lacks to build the images and try the compose stack: `python -m infra.images.stack`.
set -eu
[ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    debootstrap docker.io docker-compose iptables
