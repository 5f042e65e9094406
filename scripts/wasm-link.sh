#!/bin/sh
# The linker of the module: rustc's own, told to export less. The SDK exports a function for whatever a filter may be
# told, and Envoy calls each that is there: for one request into the VM four times more than ours has something to do.
set -eu

unused='proxy_on_done|proxy_on_log'
unused="$unused|proxy_on_response_headers|proxy_on_response_body|proxy_on_response_trailers"
unused="$unused|proxy_on_new_connection|proxy_on_downstream_data|proxy_on_upstream_data"
unused="$unused|proxy_on_downstream_connection_close|proxy_on_upstream_connection_close"
unused="$unused|proxy_on_grpc_receive|proxy_on_grpc_receive_initial_metadata"
unused="$unused|proxy_on_grpc_receive_trailing_metadata|proxy_on_grpc_close"
unused="$unused|proxy_on_queue_ready|proxy_on_foreign_function"

left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  left=$((left - 1))
  if [ "$argument" = --export ] && printf '%s\n' "$1" | grep -qxE "$unused"; then
    shift
    left=$((left - 1))
  else
    set -- "$@" "$argument"
  fi
done
host=$(rustc -vV | sed -n 's/^host: //p')
exec "$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld" "$@"
