//! What each mode of a route makes of each kind of credential: one table.

use std::collections::BTreeMap;

use cambist_tests::client::Request;
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::{Policy, route};
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;
use serde_json::json;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is forwarded with our token in place of the workload's.
    Exchanged,
    /// It is forwarded as it came.
    Untouched,
    /// It is refused with this status.
    Refused(u16),
}

use Fate::{Exchanged, Refused, Untouched};

/// Routes, in the order of the table's columns. `pass` on a `require` route is a fault of the configuration.
const ROUTES: [(&str, &str, &str); 5] = [
    ("/require", "require", "reject"),
    ("/optional", "optional", "reject"),
    ("/optional-pass", "optional", "pass"),
    ("/observe", "observe", "reject"),
    ("/observe-pass", "observe", "pass"),
];

/// A credential, what becomes of it on each route, and what is counted on each.
type Line = (&'static str, Option<String>, [Fate; 5], [&'static str; 5]);

fn table(issuer: &Issuer, down: &Issuer) -> Vec<Line> {
    let bearer = |token: String| Some(format!("Bearer {token}"));
    let mut expired = issuer.claims("job");
    expired["exp"] = json!(1);
    let forged = Key::p256("first").token(&issuer.claims("job"));
    let mut unlisted = issuer.claims("job");
    unlisted["iss"] = json!("https://unlisted.example");
    let seen = Untouched;
    let refused = |status: u16| [Refused(status), Refused(status), Refused(status), seen, seen];
    let foreign = [Refused(401), Refused(401), Untouched, seen, seen];
    vec![
        (
            "none",
            None,
            [Refused(401), Untouched, Untouched, seen, seen],
            ["token_missing", "unauthenticated", "unauthenticated", "token_missing", "token_missing"],
        ),
        (
            "of another scheme",
            Some("Basic YTpi".into()),
            [Refused(401), Untouched, Untouched, seen, seen],
            ["token_missing", "unauthenticated", "unauthenticated", "token_missing", "token_missing"],
        ),
        (
            "good",
            bearer(issuer.token("job")),
            [Exchanged, Exchanged, Exchanged, seen, seen],
            ["minted", "minted_cached", "minted_cached", "observed", "observed"],
        ),
        ("expired", bearer(issuer.sign(&expired)), refused(401), ["token_expired"; 5]),
        ("forged", bearer(forged), refused(401), ["bad_signature"; 5]),
        ("malformed", Some("Bearer a b".into()), refused(400), ["token_malformed"; 5]),
        (
            "foreign, no JWT",
            bearer("opaque".into()),
            foreign,
            ["token_malformed", "token_malformed", "foreign", "token_malformed", "observed"],
        ),
        (
            "foreign, of an unlisted issuer",
            bearer(issuer.sign(&unlisted)),
            foreign,
            ["issuer_not_allowed", "issuer_not_allowed", "foreign", "issuer_not_allowed", "observed"],
        ),
        ("of an issuer that is down", bearer(down.token("job")), refused(503), ["keys_unavailable"; 5]),
    ]
}

// One worker: what is cached there is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_takes_every_credential_as_the_table_says() {
    let down = Issuer::start(Key::p256("first")).await;
    down.set_fault(Fault::Status(500));
    let stage = Stage::inline(1, |issuer| {
        let mut policy = Policy::exchange(issuer).and("down", &down);
        policy.routes = ROUTES
            .iter()
            .map(|(path, mode, foreign)| {
                let mut route = route(&path[1..], path, if *mode == "observe" { "none" } else { "gateway" });
                route["mode"] = json!(mode);
                route["foreign_token"] = json!(foreign);
                route
            })
            .collect();
        policy
    })
    .await;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (what, credential, fates, counted) in table(&stage.issuer, &down) {
        for (((path, mode, _), fate), counted) in ROUTES.iter().zip(fates).zip(counted) {
            let mut request = Request::get(*path);
            if let Some(credential) = &credential {
                request = request.header("authorization", credential);
            }
            let arrived = stage.upstream.count();
            let answer = stage.envoy.send(&request).await;
            let place = format!("{what} on {path}");
            match fate {
                Refused(status) => {
                    assert_eq!(answer.status, status, "{place}: {}", answer.text());
                    assert_eq!(stage.upstream.count(), arrived, "{place} arrived");
                }
                Exchanged | Untouched => {
                    assert_eq!(answer.status, 200, "{place}: {}", answer.text());
                    let seen = stage::seen(&answer);
                    let sent: Vec<_> = credential.iter().map(String::as_str).collect();
                    let same = seen.values("authorization") == sent;
                    assert_eq!(same, fate == Untouched, "{place}: {:?}", seen.headers);
                }
            }
            let family = if *mode == "observe" && counted != "observed" { "observed" } else { "decision" };
            *expected.entry(format!("cambist.{family}.{counted}")).or_default() += 1;
        }
    }
    wait::until("every decision is counted", wait::PATIENCE, async || {
        let stats = stage.envoy.stats().await;
        let counted: BTreeMap<_, _> = stats
            .iter()
            .filter_map(|(name, count)| {
                Some((format!("cambist.{}", name.rsplit_once("cambist.")?.1), *count))
            })
            .filter(|(name, count)| {
                (name.starts_with("cambist.decision.") || name.starts_with("cambist.observed.")) && *count > 0
            })
            .collect();
        counted == expected
    })
    .await;
}
