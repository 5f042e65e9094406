//! Everything together: issuer, upstream, Envoy, and a control plane or a policy inline.

use serde_json::Value;

use crate::client::{Answer, Request};
use crate::control_plane::ControlPlane;
use crate::envoy::clock::Clock;
use crate::envoy::{Envoy, Setup, config};
use crate::issuer::Issuer;
use crate::jwt::{Key, Parts};
use crate::policy::{self, KEY_ENV, Policy, TOKEN_ENV};
use crate::upstream::{Received, Upstream};

/// One issuer's tokens at one gateway.
#[derive(Debug)]
pub struct Stage {
    /// The issuer.
    pub issuer: Issuer,
    /// The protected service.
    pub upstream: Upstream,
    /// The gateway.
    pub envoy: Envoy,
    /// The key that mints, where the policy is inline.
    pub signing_key: Key,
    /// The control plane, where there is one.
    control_plane: Option<ControlPlane>,
    client_id: String,
    gateway_token: String,
}

// === impl Stage ===

impl Stage {
    /// A control plane whose policy exchanges every token of an issuer that signs with ES256.
    pub async fn managed(workers: u32) -> Self {
        Self::managed_by(workers, Policy::exchange).await
    }

    /// A control plane with `policy` for an issuer that signs with ES256.
    pub async fn managed_by(workers: u32, policy: impl FnOnce(&Issuer) -> Policy) -> Self {
        Self::managed_with(workers, Issuer::start(Key::p256("first")).await, policy).await
    }

    /// A control plane with `policy` for `issuer`.
    pub async fn managed_with(workers: u32, issuer: Issuer, policy: impl FnOnce(&Issuer) -> Policy) -> Self {
        let stage = Self::managed_cold_with(workers, issuer, policy).await;
        stage.envoy.until_ready().await;
        stage
    }

    /// As [`Stage::managed`], without waiting for the first snapshot.
    pub async fn managed_cold(workers: u32) -> Self {
        Self::managed_cold_with(workers, Issuer::start(Key::p256("first")).await, Policy::exchange).await
    }

    async fn managed_cold_with(workers: u32, issuer: Issuer, policy: impl FnOnce(&Issuer) -> Policy) -> Self {
        Self::managed_on(None, workers, issuer, policy, |plugin| {
            config::listener("gateway", &[config::cambist(&plugin)], "upstream")
        })
        .await
    }

    /// As [`Stage::managed_with`], where control plane and gateway have this clock.
    pub async fn managed_at(
        clock: &Clock,
        workers: u32,
        issuer: Issuer,
        policy: impl FnOnce(&Issuer) -> Policy,
    ) -> Self {
        let stage = Self::managed_on(Some(clock), workers, issuer, policy, |plugin| {
            config::listener("gateway", &[config::cambist(&plugin)], "upstream")
        })
        .await;
        stage.envoy.until_ready().await;
        stage
    }

    /// As [`Stage::managed_at`], and the gateway answers as the authority.
    pub async fn managed_at_with_endpoints(
        clock: &Clock,
        workers: u32,
        policy: impl FnOnce(&Issuer) -> Policy,
    ) -> Self {
        let issuer = Issuer::start(Key::p256("first")).await;
        let stage = Self::managed_on(Some(clock), workers, issuer, policy, |mut plugin| {
            plugin["endpoints"] = serde_json::json!({ "hosts": ["*"] });
            config::listener_with_endpoints("gateway", &config::cambist(&plugin), "upstream")
        })
        .await;
        stage.envoy.until_ready().await;
        stage
    }

    async fn managed_on(
        clock: Option<&Clock>,
        workers: u32,
        issuer: Issuer,
        policy: impl FnOnce(&Issuer) -> Policy,
        listener: impl FnOnce(Value) -> Value,
    ) -> Self {
        let environment = clock.map(|clock| clock.environment().to_vec()).unwrap_or_default();
        let control_plane = ControlPlane::start_with(environment).await;
        let client_id = control_plane.apply(&policy(&issuer)).await;
        let gateway_token = control_plane.register_gateway().await;
        let upstream = Upstream::start().await;
        let listener = listener(policy::from_control_plane());
        let clusters = clusters(&upstream, control_plane.port());
        let setup =
            Setup::new(workers, config::bootstrap(&[listener], &clusters)).env(TOKEN_ENV, &gateway_token);
        let setup = if let Some(clock) = clock { clock.wind(setup) } else { setup };
        let envoy = setup.start().await;
        let signing_key = Key::p256("unused");
        Self {
            issuer,
            upstream,
            envoy,
            signing_key,
            control_plane: Some(control_plane),
            client_id,
            gateway_token,
        }
    }

    /// A control plane with `policy` for an issuer that signs with ES256, and a gateway that answers as the authority.
    pub async fn managed_with_endpoints(workers: u32, policy: impl FnOnce(&Issuer) -> Policy) -> Self {
        let issuer = Issuer::start(Key::p256("first")).await;
        let stage = Self::managed_on(None, workers, issuer, policy, |mut plugin| {
            plugin["endpoints"] = serde_json::json!({ "hosts": ["*"] });
            config::listener_with_endpoints("gateway", &config::cambist(&plugin), "upstream")
        })
        .await;
        stage.envoy.until_ready().await;
        stage
    }

    /// No control plane: `policy` for an issuer that signs with ES256.
    pub async fn inline(workers: u32, policy: impl FnOnce(&Issuer) -> Policy) -> Self {
        Self::inline_with(workers, Issuer::start(Key::p256("first")).await, policy).await
    }

    /// No control plane: `policy` for `issuer`.
    pub async fn inline_with(workers: u32, issuer: Issuer, policy: impl FnOnce(&Issuer) -> Policy) -> Self {
        let policy = policy(&issuer);
        Self::inline_on(workers, issuer, &policy, |filter| {
            vec![config::listener("gateway", &[filter], "upstream")]
        })
        .await
    }

    /// No control plane: `policy` for tokens of `issuer`, on listeners of one's own. Each may take our filter, and one
    /// is `gateway`.
    pub async fn inline_on(
        workers: u32,
        issuer: Issuer,
        policy: &Policy,
        listeners: impl FnOnce(Value) -> Vec<Value>,
    ) -> Self {
        let upstream = Upstream::start().await;
        let signing_key = Key::p256("minting");
        let listeners = listeners(config::cambist(&policy.inline()));
        let mut clusters = clusters(&upstream, 1);
        clusters[0] = config::cluster_with_trailers("upstream", upstream.port());
        let setup = Setup::new(workers, config::bootstrap(&listeners, &clusters));
        let envoy = setup.env(KEY_ENV, &signing_key.pkcs8()).start().await;
        let client_id = policy::CLIENT.to_owned();
        Self {
            issuer,
            upstream,
            envoy,
            signing_key,
            control_plane: None,
            client_id,
            gateway_token: String::new(),
        }
    }

    /// The control plane of a managed stage.
    pub fn control_plane(&self) -> &ControlPlane {
        self.control_plane.as_ref().expect("a managed stage")
    }

    /// The control plane of a managed stage, to stop and start it.
    pub fn control_plane_mut(&mut self) -> &mut ControlPlane {
        self.control_plane.as_mut().expect("a managed stage")
    }

    /// The client of the policy.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The gateway's token.
    pub fn gateway_token(&self) -> &str {
        &self.gateway_token
    }

    /// A GET with `token`.
    pub async fn present(&self, token: &str) -> Answer {
        self.envoy.send(&Request::get("/").bearer(token)).await
    }

    /// A GET with `token` to every worker; returns the statuses.
    pub async fn present_to_each_worker(&self, token: &str) -> Vec<u16> {
        let answers = self.envoy.send_to_each_worker(&Request::get("/").bearer(token)).await;
        answers.iter().map(|answer| answer.status.as_u16()).collect()
    }

    /// Presents `token`, expects it to be exchanged, and returns what the upstream saw in its place.
    pub async fn exchange(&self, token: &str) -> Parts {
        Parts::of(seen(&self.present(token).await.expect(200)).bearer())
    }

    /// The published keys of the authority.
    pub async fn authority_keys(&self) -> Value {
        Request::get("/oauth2/v1/keys").send(self.control_plane().port()).await.expect(200).json()
    }
}

/// What the upstream saw, from its answer.
pub fn seen(answer: &Answer) -> Received {
    Received::from_json(&answer.json())
}

/// The clusters that our filter and its listener need.
pub fn clusters(upstream: &Upstream, control_plane: u16) -> Vec<Value> {
    vec![
        config::cluster("upstream", upstream.port()),
        config::cluster("cambist_control_plane", control_plane),
        config::forward_proxy(),
    ]
}

/// One listener, `gateway`, with `filters`.
pub fn bootstrap(filters: &[Value], clusters: &[Value]) -> String {
    config::bootstrap(&[config::listener("gateway", filters, "upstream")], clusters)
}
