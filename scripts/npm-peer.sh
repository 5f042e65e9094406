#!/usr/bin/env bash
# Installs what a folder of tests/peers takes from npm into .tools: `npm-peer.sh NAME`. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
name="$1"
peer="tests/peers/$name"
home=".tools/$name"

if ! command -v npm >/dev/null; then
    echo "$name: comes from npm and runs in Node 20 or newer; install nodejs" >&2
    exit 1
fi
# npm writes its own note last, so a broken install is made again.
if cmp -s "$peer/package-lock.json" "$home/package-lock.json" && [ -f "$home/node_modules/.package-lock.json" ]; then
    exit 0
fi
echo "$name: installing what $peer/package-lock.json names into .tools"
mkdir -p "$home"
cp "$peer/package.json" "$peer/package-lock.json" "$home/"
(cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
