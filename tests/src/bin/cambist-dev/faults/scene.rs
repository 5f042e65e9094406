//! A gateway with a control plane, so that its VMs have a gateway token and share what they fetch.

use std::path::Path;
use std::time::Duration;

use cambist_tests::artifact;
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::Issuer;
use cambist_tests::policy::{self, Policy, TOKEN_ENV};
use cambist_tests::stage;
use cambist_tests::upstream::Upstream;
use serde_json::{Value, json};

/// Workers of Envoy.
pub(crate) const WORKERS: u32 = 4;

/// Everything that requests pass, except issuers.
pub(crate) struct Scene {
    pub(crate) envoy: Envoy,
    pub(crate) upstream: Upstream,
    pub(crate) control_plane: ControlPlane,
    /// The client that all tokens are for.
    pub(crate) client_id: String,
}

/// What to start.
pub(crate) struct Plan<'a> {
    pub(crate) policy: Policy,
    pub(crate) module: &'a Path,
    /// How long Envoy lets a request wait in its filters.
    pub(crate) request_timeout: Duration,
}

// === impl Plan ===

impl Plan<'_> {
    /// The module that ships, under `policy`.
    pub(crate) async fn start(policy: Policy) -> Scene {
        let module = artifact::module();
        Plan { policy, module: &module, request_timeout: Duration::from_secs(30) }.open().await
    }

    /// Starts everything and waits until every worker has the policy.
    pub(crate) async fn open(self) -> Scene {
        let Self { policy, module, request_timeout } = self;
        let control_plane = ControlPlane::start().await;
        let client_id = control_plane.apply(&policy).await;
        let token = control_plane.register_gateway().await;
        let upstream = Upstream::start().await;
        let mut filter = config::cambist(&policy::from_control_plane());
        filter["typed_config"]["config"]["vm_config"]["code"]["local"]["filename"] = json!(module);
        let mut manager = config::manager("gateway", &[filter], "upstream");
        manager["request_timeout"] = json!(format!("{}s", request_timeout.as_secs()));
        let listeners = [config::managed_by("gateway", &manager)];
        let clusters = stage::clusters(&upstream, control_plane.port());
        let setup = Setup::new(WORKERS, config::bootstrap(&listeners, &clusters)).env(TOKEN_ENV, &token);
        let envoy = setup.start().await;
        envoy.until_ready().await;
        Scene { envoy, upstream, control_plane, client_id }
    }
}

/// Tokens of `issuer` are exchanged; its keys are taken from their address, and `rules` are added to it.
pub(crate) fn policy(issuer: &Issuer, rules: &Value) -> Policy {
    let mut policy = Policy::exchange(issuer);
    let trusted = &mut policy.issuers[0];
    trusted["keys"] = json!({ "source": "jwks_uri", "uri": issuer.keys_url() });
    for (name, value) in rules.as_object().expect("an object") {
        trusted[name] = value.clone();
    }
    policy
}
