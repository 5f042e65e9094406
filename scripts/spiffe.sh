#!/usr/bin/env bash
# Builds the verifier of JWT-SVIDs on go-spiffe into .tools, in the version that tests/peers/spiffe/go.mod names. Does nothing
# when it is there. Needs Go.
set -euo pipefail
cd "$(dirname "$0")/.."
peer="tests/peers/spiffe"
home="$PWD/.tools/spiffe"

if [ -x "$home/verify" ] && cmp -s "$peer/main.go" "$home/main.go" && cmp -s "$peer/go.sum" "$home/go.sum"; then
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "spiffe: building the verifier needs Go; install golang" >&2
    exit 1
fi
echo "spiffe: building the verifier into .tools (once)"
mkdir -p "$home"
CGO_ENABLED=0 go build -C "$peer" -trimpath -o "$home/verify.part" .
# A build that was cut short leaves no program behind.
mv "$home/verify.part" "$home/verify"
cp "$peer/main.go" "$peer/go.sum" "$home/"
