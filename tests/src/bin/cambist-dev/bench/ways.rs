//! The ways to mint beside each other, ES256 in: what a token costs that nobody has seen, and one that was.
//!
//! Envoy has one core; whoever mints elsewhere shares the other with load and upstream, so these rows say what the
//! gateway pays and not what a control plane can do.

use std::path::Path;

use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::external::TokenEndpoint;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::{self, KEY_ENV, Policy, TOKEN_ENV};
use cambist_tests::token_endpoint::JWT_BEARER;
use serde_json::{Value, json};

use super::load::{CONNECTIONS, Generator};
use super::subject::Tokens;
use super::{ENVOY_CORE, Plan};
use crate::table::Table;

/// Who makes the access token, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The gateway itself, on a route.
    Gateway,
    /// The control plane, for a route.
    ControlPlane,
    /// A token endpoint that is not ours, for a route.
    External,
    /// The gateway itself, at its token endpoint.
    Endpoint,
}

/// An Envoy and those that it asks.
struct Site {
    envoy: Envoy,
    _control_plane: Option<ControlPlane>,
    _external: Option<TokenEndpoint>,
}

const WAYS: [Way; 4] = [Way::Gateway, Way::ControlPlane, Way::External, Way::Endpoint];

/// Measures every way and prints a row for each; none has a gate of its own.
pub(super) async fn measure(plan: Plan, upstream: u16, folder: &Path, rows: &mut Vec<Value>) {
    let issuer = Issuer::start(Key::p256("bench")).await;
    let mut table = Table::new(["way", "tokens", "req/s", "p50 µs", "p99 µs"]);
    let files = Tokens::ALL.map(|tokens| (tokens, tokens.write(&issuer, folder)));
    for way in WAYS {
        let site = way.start(&issuer, upstream).await;
        let generator =
            if way == Way::Endpoint { Generator::of_exchanges(folder) } else { Generator::new(folder) };
        for (tokens, file) in &files {
            let (mut sent, mut runs) = (0, Vec::new());
            // The first round warms up.
            for _ in 0..=plan.rounds.div_ceil(2) {
                let port = site.envoy.port();
                let run = tokio::task::block_in_place(|| generator.run(port, file, sent, plan.seconds));
                sent += run.requests + 2 * u64::from(CONNECTIONS);
                runs.push(run);
            }
            runs.remove(0);
            runs.sort_by(|one, other| one.rps.total_cmp(&other.rps));
            let run = runs[runs.len() / 2];
            rows.push(json!({
                "case": way.name(), "alg": "ES256", "tokens": tokens.name(), "runs": runs.len(),
                "rps_median": run.rps.round(), "p50_us": run.p50_us, "p99_us": run.p99_us,
            }));
            let numbers = [format!("{:.0}", run.rps), run.p50_us.to_string(), run.p99_us.to_string()];
            let [rps, p50, p99] = numbers;
            table.push([way.name().to_owned(), tokens.name().to_owned(), rps, p50, p99]);
        }
    }
    table.print();
}

// === impl Way ===

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "mint at the gateway",
            Self::ControlPlane => "mint at the control plane",
            Self::External => "mint at an external endpoint",
            Self::Endpoint => "token endpoint at the gateway",
        }
    }

    async fn start(self, issuer: &Issuer, upstream: u16) -> Site {
        let key = Key::p256("minting").pkcs8();
        let (mut control_plane, mut external) = (None, None);
        let mut environment = (KEY_ENV, key.clone());
        let plugin = match self {
            Self::Gateway => Policy::exchange(issuer).inline(),
            Self::Endpoint => {
                let mut policy = Policy { endpoints: vec!["*".to_owned()], ..Policy::exchange(issuer) };
                policy.clients[0]["grant_types"] = json!([JWT_BEARER]);
                policy.inline()
            }
            Self::External => {
                let endpoint = TokenEndpoint::start().await;
                endpoint.set_secret(&key);
                let mut document = endpoint.document();
                document["login"]["secret"] = json!({ "env": KEY_ENV });
                external = Some(endpoint);
                Policy::exchange(issuer).at(&document).inline()
            }
            Self::ControlPlane => {
                let started = ControlPlane::start().await;
                let mut policy = Policy::exchange_by("control-plane", issuer);
                // Both verify; this is not about fetching keys.
                policy.issuers[0]["keys"] =
                    json!({ "source": "inline", "jwks": { "keys": [issuer.key().jwk()] } });
                started.apply(&policy).await;
                environment = (TOKEN_ENV, started.register_gateway().await);
                control_plane = Some(started);
                policy::from_control_plane()
            }
        };
        let filter = config::cambist(&plugin);
        let listener = match self {
            Self::Endpoint => config::listener_with_endpoints("gateway", &filter, "upstream"),
            Self::Gateway | Self::ControlPlane | Self::External => {
                config::listener("gateway", &[filter], "upstream")
            }
        };
        let clusters = [
            config::cluster("upstream", upstream),
            config::cluster("cambist_control_plane", control_plane.as_ref().map_or(1, ControlPlane::port)),
            config::forward_proxy(),
        ];
        let mut setup = Setup::new(1, config::bootstrap(&[listener], &clusters));
        setup.wrapper = vec!["taskset".to_owned(), "--cpu-list".to_owned(), ENVOY_CORE.to_string()];
        let (name, value) = environment;
        let envoy = setup.env(name, &value).start().await;
        envoy.until_ready().await;
        Site { envoy, _control_plane: control_plane, _external: external }
    }
}
