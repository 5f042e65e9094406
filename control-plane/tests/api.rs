//! The control plane from outside: the service in process on SQLite, the store as a suite over its trait, and the
//! real binary. One test binary, so that it is linked once.

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod api {
    mod admission;
    mod bench;
    mod calls;
    mod command;
    mod consumptions;
    mod events;
    mod externals;
    mod fetching;
    mod gateways;
    mod identities;
    mod key_sets;
    mod keys;
    mod metrics;
    mod minting;
    mod objects;
    mod origin;
    mod presets;
    mod problems;
    mod pushed;
    mod rates;
    mod revocations;
    mod revoking;
    mod secrets;
    mod snapshots;
    mod store;
    mod token_endpoint;
    mod tokens;
    mod trail;
}
