#!/usr/bin/env bash
# cargo-tool.sh CRATE VERSION COMMAND: puts COMMAND of that version into .tools/bin. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
crate="$1" version="$2" command="$3"

if [ -x ".tools/bin/$command" ] && grep -qs "^\"$crate $version " .tools/.crates.toml; then
    exit 0
fi
# One of the right version elsewhere serves as well.
if "$command" --version 2>/dev/null | grep -qw "$version"; then
    mkdir -p .tools/bin
    ln -sf "$(command -v "$command")" ".tools/bin/$command"
    exit 0
fi
echo "$command: building $crate $version into .tools (once, a few minutes)"
# Its own target folder: sharing the workspace's would lock out a build that runs meanwhile.
cargo install --root .tools --target-dir .tools/build --version "$version" --bin "$command" --force "$crate"
rm -rf .tools/build
