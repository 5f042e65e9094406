#!/usr/bin/env bash
# Makes sure that the load generator of `just bench` is there.
set -euo pipefail

command -v wrk >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "wrk: installing Debian's package"
    apt-get update -qq
    apt-get install -y -qq wrk
else
    echo "wrk: just bench needs it; install the package 'wrk' of your distribution" >&2
    exit 1
fi
