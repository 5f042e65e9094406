//! End to end: real Envoy with the module just built, the real `cambist` program, an issuer and an upstream of ours.
//!
//! Each test starts its own. What depends on workers runs with one and with four.

/// Makes two tests of each function, which takes the number of workers.
macro_rules! workers {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn with_one_worker() {
                    super::$name(1).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn with_four_workers() {
                    super::$name(4).await;
                }
            }
        )*
    };
}

mod e2e {
    mod admission;
    mod algorithms;
    mod both_endpoints;
    mod claims_out;
    mod conditions;
    mod configurations;
    mod differential;
    mod exchange;
    mod fault_load;
    mod fetching;
    mod fields;
    mod gates;
    mod harness;
    mod hostile;
    mod hostile_load;
    mod issuers;
    mod modes;
    mod module;
    mod oidc_provider;
    mod outage;
    mod programs;
    mod protocols;
    mod reasons;
    mod refusal;
    mod refusals;
    mod reload;
    mod revocation;
    mod rotation;
    mod shadow_mode;
    mod shared_keys;
    mod sidecar;
    mod strict_audit;
    mod tls_issuers;
    mod token_endpoint;
    mod token_sources;
    mod userinfo;
    mod vectors;
    mod verifiers;
    mod verify_command;
    mod ways;
}
