#!/usr/bin/env bash
# Adds the compile targets that the workspace builds for. Does nothing when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=(wasm32-wasip1 wasm32-unknown-unknown)

if ! command -v rustup >/dev/null; then
    for target in "${wanted[@]}"; do
        if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
            echo "toolchain: no rustup, and rustc has no $target; install rustup from https://rustup.rs" >&2
            exit 1
        fi
    done
    echo "toolchain: $(rustc --version), without rustup, has every target"
    exit 0
fi

installed="$(rustup target list --installed)"
missing=()
for target in "${wanted[@]}"; do
    grep -qx "$target" <<<"$installed" || missing+=("$target")
done
if [ "${#missing[@]}" -gt 0 ]; then
    echo "toolchain: adding ${missing[*]}"
    rustup target add "${missing[@]}"
fi
echo "toolchain: $(rustc --version), with ${wanted[*]}"
