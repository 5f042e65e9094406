#!/usr/bin/env bash
# Builds the token endpoint of tests/peers/fosite into .tools, in the version that its go.mod names. Does nothing when it
# is there and its sources are older. Needs Go and nothing else; the first build takes a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
peer="tests/peers/fosite"
program=".tools/fosite/fosite"
stamp="$(cat "$peer/go.mod" "$peer/go.sum" "$peer/main.go" | sha256sum | cut -d ' ' -f 1)"

if [ -x "$program" ] && [ "$(cat .tools/fosite/stamp 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "fosite: building it needs Go; install golang" >&2
    exit 1
fi
echo "fosite: building the token endpoint into .tools (once, about a minute)"
mkdir -p .tools/fosite
CGO_ENABLED=0 go build -C "$peer" -trimpath -ldflags "-s -w" -o "$PWD/$program.part" .
# A build that was cut short leaves no program behind.
mv "$program.part" "$program"
echo "$stamp" >.tools/fosite/stamp
