#!/bin/sh
# The loops that the image brings compiled go where numba may write: the root file system is read-only.
set -eu
if [ -n "$(ls -A /compiled)" ] && [ ! -e "$NUMBA_CACHE_DIR" ]; then cp -r /compiled "$NUMBA_CACHE_DIR"; fi
exec "$@"
