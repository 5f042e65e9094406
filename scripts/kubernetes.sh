#!/usr/bin/env bash
# Builds a Kubernetes API server, its etcd and kubectl into .tools, in the version that tests/peers/kubernetes/go.mod
# names. Does nothing when they are there. Needs Go and nothing else; the first build takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
peer="tests/peers/kubernetes"

version="$(awk '$1 == "k8s.io/kubernetes" { print $2 } $2 == "k8s.io/kubernetes" { print $3 }' "$peer/go.mod" | head -1)"
if [ -z "$version" ]; then
    echo "kubernetes: $peer/go.mod names no version of k8s.io/kubernetes" >&2
    exit 1
fi
home="$PWD/.tools/kubernetes-${version#v}"

build() {
    local name="$1" package="$2"
    if [ -x "$home/$name" ]; then
        return
    fi
    if ! command -v go >/dev/null; then
        echo "kubernetes: building it needs Go; install golang" >&2
        exit 1
    fi
    echo "kubernetes: building $name for $version into .tools (once, a few minutes)"
    local flags="-s -w -X k8s.io/component-base/version.gitVersion=$version"
    CGO_ENABLED=0 go build -C "$peer" -trimpath -ldflags "$flags" -o "$home/$name.part" "$package"
    # A build that was cut short leaves no program behind.
    mv "$home/$name.part" "$home/$name"
}

mkdir -p "$home"
build etcd go.etcd.io/etcd/server/v3
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build kubectl k8s.io/kubernetes/cmd/kubectl
echo "$home" >.tools/kubernetes-path
echo "kubernetes: $version"
