#!/usr/bin/env bash
# fuzz.sh [seconds=N] [target=NAME]: libFuzzer on one target, or on each in turn. What it learns stays in target/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60 only=""
for option in "$@"; do
    case "$option" in
        seconds=*) seconds="${option#*=}" ;;
        target=*) only="${option#*=}" ;;
        *)
            echo "fuzz: no such option: $option" >&2
            exit 1
            ;;
    esac
done
root="$PWD"
work="${CARGO_TARGET_DIR:-target}/fuzz"
mkdir -p "$work"
work="$(realpath "$work")"
export PATH="$root/.tools/bin:$PATH"

for folder in fuzz/corpus/*/; do
    target="$(basename "$folder")"
    if [ -n "$only" ] && [ "$only" != "$target" ]; then continue; fi
    mkdir -p "$work/learnt/$target" "$work/$target"
    echo "== $target, $seconds seconds"
    # No sanitizer: there is no unsafe code here, and without one the pinned stable compiler serves.
    cargo fuzz run --fuzz-dir fuzz/libfuzzer --sanitizer none --target-dir "$work/build" "$target" \
        "$work/learnt/$target" "$root/$folder" -- \
        -max_total_time="$seconds" -artifact_prefix="$work/$target/" -max_len=65536 -timeout=10
    ran=yes
done
if [ -z "${ran:-}" ]; then
    echo "fuzz: no such target: $only" >&2
    exit 1
fi
echo "== fuzz: no findings"
