#!/bin/sh
# The Java that Spark needs (17 or newer) on a Debian: 12 has 17, later ones have a newer default.
set -eu
[ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
$as_root apt-get update -qq
java=openjdk-17-jre-headless
apt-cache show "$java" >/dev/null 2>&1 || java=default-jre-headless
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "$java"
