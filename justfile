set shell := ["bash", "-euo", "pipefail", "-c"]

target := env("CARGO_TARGET_DIR", justfile_directory() / "target")
module := target / "wasm32-wasip1/wasm/cambist_filter.wasm"

# The tools that recipes install into .tools, pinned.
cargo_deny := "0.20.2"
cargo_fuzz := "0.13.2"
func_e := "v1.6.0"

# Lists the recipes.
default:
    @just --list --unsorted

# Adds the compile targets and finds Envoy; quick when nothing is left to do.
setup:
    @scripts/toolchain.sh
    @scripts/envoy.py

# Builds the module that Envoy loads.
wasm: setup
    cargo build -p cambist-filter --target wasm32-wasip1 --profile wasm
    @echo "module: {{ module }}, $(stat -c %s '{{ module }}') bytes"

# Runs the whole story once, from a workload's token to a revoke, and shows it as a table.
demo: wasm programs
    {{ target }}/debug/cambist-dev demo

# Starts the demo, leaves it running and prints what to try.
up: wasm programs
    {{ target }}/debug/cambist-dev up

# Serves an issuer for envoy/minimal.yaml and prints tokens to try.
issuer: programs
    {{ target }}/debug/cambist-dev issuer

# Builds `cambist` and `cambist-dev`.
programs:
    cargo build --workspace --bins

# Installs the OIDC provider from npm that end-to-end tests trust; quick when it is there.
oidc-provider:
    @scripts/npm-peer.sh oidc-provider

# Installs the JWT library from npm that is shown access tokens; quick when it is there.
verifiers:
    @scripts/npm-peer.sh verifiers

# Everything that must pass: unit tests native and as wasm, the API, and end to end in real Envoy.
test: setup oidc-provider verifiers
    @# Linking the module keeps one core busy; the others are built meanwhile.
    @just wasm & first=$!; just planted && just programs && wait $first
    @echo "== unit tests"
    @# One core is busy for most of both: building the runner of the one, flipping signatures in the other.
    @just test-core-wasm & first=$!; just test-units && just test-core-wasip1 && wait $first
    @echo "== integration and end to end"
    cargo test --workspace --test api --test shell --test smoke --test differential --test repo
    cargo test --workspace --test e2e -- --skip fault_load --skip shared_keys
    @# These count and measure, so nothing runs beside them.
    cargo test --workspace --test e2e -- fault_load shared_keys --test-threads=1
    @echo "== just test: every suite passed"

# The unit tests of every crate, native.
test-units:
    cargo test --workspace --lib --bins

# The decisions, native.
test-core:
    cargo test -p cambist-core

# The decisions, as wasm in Node.
test-core-wasm:
    @echo "== core as wasm"
    @scripts/wasm-runner.sh
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="{{ justfile_directory() }}/.tools/bin/wasm-bindgen-test-runner" \
        cargo test -p cambist-core --target wasm32-unknown-unknown --lib -- --nocapture

# The decisions, as the wasm that ships, in Node's WASI.
test-core-wasip1:
    @echo "== core as wasm32-wasip1"
    CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings {{ justfile_directory() }}/scripts/wasi-runner.mjs" \
        cargo test -p cambist-core --target wasm32-wasip1 --lib

# Flips every bit of every accepted signature of the published vectors; `just test` flips a part. About ten minutes.
every-flip:
    CAMBIST_EVERY_FLIP=1 cargo test --release -p cambist-core --lib vectors::flips

# The control plane and its API, in process.
test-control-plane:
    cargo test -p cambist-control-plane

# Real Envoy, real processes. `just test-e2e rotation` runs the tests whose names contain it.
test-e2e filter="": wasm planted programs oidc-provider verifiers
    cargo test --workspace --test e2e -- {{ filter }}

# The README's local recipe, executed word for word with func-e.
test-func-e: wasm programs
    scripts/func-e.py {{ func_e }}

# Builds a Kubernetes API server, etcd and kubectl from source, with Go; minutes once, nothing when they are there.
kubernetes:
    @scripts/kubernetes.sh

# A real Kubernetes API server as an issuer, set up by the commands of docs/kubernetes.md. Needs Go.
test-kubernetes: wasm programs kubernetes
    cargo test --workspace --test kubernetes -- --test-threads=2
    @echo "== just test-kubernetes: passed"

# Builds the verifier of JWT-SVIDs on go-spiffe, with Go; seconds once, nothing when it is there.
spiffe:
    @scripts/spiffe.sh

# What gateways mint as JWT-SVIDs, shown to go-spiffe. Needs Go.
test-spiffe: wasm programs spiffe
    cargo test --workspace --test spiffe
    @echo "== just test-spiffe: passed"

# Builds a token endpoint of Ory's fosite, with Go; a minute once, nothing when it is there.
fosite:
    @scripts/fosite.sh

# External exchange at a token endpoint that is not ours. Needs Go.
test-external: wasm programs fosite
    cargo test --workspace --test external -- --test-threads=2
    @echo "== just test-external: passed"

# Formatting, clippy with warnings as errors on every crate alone, licences and sources.
lint: setup
    cargo fmt --all --check
    cargo clippy -p cambist-core --all-targets -- -D warnings
    cargo clippy -p cambist-core --target wasm32-unknown-unknown -- -D warnings
    cargo clippy -p cambist-filter --all-targets -- -D warnings
    cargo clippy -p cambist-filter --target wasm32-wasip1 -- -D warnings
    cargo clippy -p cambist-control-plane --all-targets -- -D warnings
    cargo clippy -p cambist-tests --all-targets -- -D warnings
    cargo clippy -p cambist-fuzz --all-targets -- -D warnings
    @scripts/cargo-tool.sh cargo-deny {{ cargo_deny }} cargo-deny
    .tools/bin/cargo-deny check bans licenses sources
    @echo "== just lint: clean"

# Every crate compiles alone, with its own features only.
check-each: setup
    cargo check -p cambist-core
    cargo check -p cambist-core --target wasm32-unknown-unknown
    cargo check -p cambist-filter
    cargo check -p cambist-filter --target wasm32-wasip1
    cargo check -p cambist-control-plane
    cargo check -p cambist-tests
    cargo check -p cambist-fuzz

# Throughput beside native jwt_authn; writes target/bench/report.json. A quarter of an hour: [--only repeated|distinct].
bench rounds="5" seconds="4" *options: wasm
    @scripts/wrk.sh
    cargo build --release -p cambist-control-plane -p cambist-tests --bins
    {{ target }}/release/cambist-dev bench --rounds {{ rounds }} --seconds {{ seconds }} {{ options }}

# What the module itself takes for a request, without Envoy; ten seconds.
bench-module: wasm
    node scripts/module-bench.mjs {{ module }}

# Where the CPU time of a request goes: kernel, Envoy, module. Needs perf; about two minutes.
profile seconds="2": wasm
    @scripts/wrk.sh
    cargo build --release -p cambist-control-plane -p cambist-tests --bins
    {{ target }}/release/cambist-dev profile --seconds {{ seconds }}

# The control plane's exchanges alone, about a minute.
bench-exchanges rounds="3" seconds="4": setup
    @scripts/wrk.sh
    cargo build --release -p cambist-control-plane -p cambist-tests --bins
    {{ target }}/release/cambist-dev exchanges --rounds {{ rounds }} --seconds {{ seconds }}

# Events of gateways on one core of the control plane, with a kill in the middle; half a minute.
bench-ingestion seconds="8": setup
    cargo build --release -p cambist-control-plane -p cambist-tests --bins
    {{ target }}/release/cambist-dev ingestion --seconds {{ seconds }}

# Hostile requests through real Envoy, a few minutes for a million: [requests=N] [seed=N] [planted=1]. A planted fault fails.
hostile *options: wasm
    cargo build --release -p cambist-tests --bin cambist-dev
    @case " {{ options }} " in *" planted=1 "*) just planted ;; esac
    {{ target }}/release/cambist-dev hostile {{ options }}

# Rotations, storms, outages, dead VMs, kills, rates and revocations under load, about fifteen minutes: [short=1] [only=TRIAL].
faults *options: wasm planted
    cargo build --release -p cambist-control-plane -p cambist-tests --bins
    {{ target }}/release/cambist-dev faults {{ options }}

# The module with the planted fault, which nothing ships.
planted: setup
    cargo build -p cambist-filter --target wasm32-wasip1 --profile planted --features planted-panic

# libFuzzer on every target in turn, or on one: [seconds=N] [target=NAME]. Needs a C++ compiler.
fuzz *options: setup
    @scripts/cargo-tool.sh cargo-fuzz {{ cargo_fuzz }} cargo-fuzz
    scripts/fuzz.sh {{ options }}

# What needs Go as well; CI runs it after `just test`.
ci: test-func-e test-kubernetes test-spiffe test-external

# All of it, in the order of cost.
everything: lint check-each test ci
