//! The control plane's own token endpoint on one core: every answer waits for its audit row.

use std::path::Path;

use cambist_tests::control_plane::ControlPlane;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use serde_json::{Value, json};

use super::load::{CONNECTIONS, Generator};
use super::subject::Tokens;
use super::{ENVOY_CORE, Plan, pin};

/// Exchanges per second that may not be missed.
const LEAST: f64 = 3_000.0;

/// What we are after.
const AIM: f64 = 10_000.0;

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Measures distinct tokens and prints a row for each algorithm; false when the gate is missed.
pub(super) async fn measure(plan: Plan, folder: &Path, rows: &mut Vec<Value>) -> bool {
    let generator = Generator::of_exchanges(folder);
    let mut met = true;
    for alg in ["RS256", "ES256"] {
        let issuer = Issuer::start(Key::of(alg, "bench")).await;
        let control_plane = ControlPlane::start().await;
        // The keys stand in the configuration: this is not about fetching them.
        let mut policy = Policy::exchange(&issuer);
        policy.issuers[0]["keys"] = json!({ "source": "inline", "jwks": { "keys": [issuer.key().jwk()] } });
        let client = control_plane.apply(&policy).await;
        let document = json!({ "name": "bench", "grant_types": [BEARER] });
        let path = format!("/v1/clients/{client}");
        control_plane.replace(&path, &document).await;
        let tokens = Tokens::Distinct.write(&issuer, folder);
        pin(control_plane.process_id(), ENVOY_CORE);
        let (mut sent, mut rates, mut p99) = (0, Vec::new(), Vec::new());
        for _ in 0..=plan.rounds {
            let port = control_plane.port();
            let run = tokio::task::block_in_place(|| generator.run(port, &tokens, sent, plan.seconds));
            sent += run.requests + 2 * u64::from(CONNECTIONS);
            rates.push(run.rps);
            p99.push(run.p99_us);
        }
        // The first round warms up.
        rates.remove(0);
        rates.sort_by(f64::total_cmp);
        p99.sort_unstable();
        let (rate, p99) = (rates[rates.len() / 2], p99[p99.len() / 2]);
        let verdict = match () {
            () if rate >= AIM => "stretch",
            () if rate >= LEAST => "gate",
            () => "MISSED",
        };
        println!(
            "  control plane, {alg} in, ES256 out: {rate:.0} exchanges/s on one core, p99 {p99} µs {verdict}"
        );
        rows.push(json!({
            "case": "control-plane exchange", "alg": alg, "tokens": "distinct", "runs": rates.len(),
            "rps_median": rate.round(), "p99_us": p99,
        }));
        met &= rate >= LEAST;
    }
    met
}
