#!/usr/bin/env bash
# Installs the runner of `wasm-bindgen-test` in the version that Cargo.lock pins; the two must match exactly.
set -euo pipefail
cd "$(dirname "$0")/.."

version="$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock)"
if [ -z "$version" ]; then
    echo "wasm-runner: Cargo.lock names no wasm-bindgen, so core has no wasm tests to run" >&2
    exit 1
fi
if ! command -v node >/dev/null; then
    echo "wasm-runner: core's wasm tests run in Node 20 or newer; install nodejs" >&2
    exit 1
fi
scripts/cargo-tool.sh wasm-bindgen-cli "$version" wasm-bindgen-test-runner
