//! The filter natively, against a host that plays Envoy: it lets a test move time, answer callouts, end streams,
//! fail dispatches and lie about signatures, and it objects to whatever Envoy would not forgive.

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod shell {
    mod admission;
    mod claims_out;
    mod configuration;
    mod configuration_updates;
    mod control_plane;
    mod endpoints;
    mod events;
    mod host;
    mod key_fetches;
    mod key_reports;
    mod metrics;
    mod minting;
    mod replay;
    mod requests;
    mod sample;
    mod schema;
    mod shared_keys;
    mod signatures;
    mod snapshots;
    mod stage;
    mod strict_audit;
    mod token_sources;
    mod userinfo;
    mod vm;
    mod waiting;
}
