//! Our verifier beside Envoy's own `jwt_authn`, in one Envoy: mutated tokens, and a reason for every disagreement.
//!
//! Both know the same issuer, keys, audience and leeway. Where they disagree, core verifies the token once more here,
//! and what it refuses it for must be one of the categories below. `CAMBIST_SEED` repeats a run.

mod category;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cambist_tests::client::{Connection, Request};
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::{AUDIENCE, Issuer};
use cambist_tests::jwt::{self, Key};
use cambist_tests::mutate::{Label, Numbers, mutate};
use cambist_tests::policy::Policy;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::category::{Category, Judge};

/// How many tokens are compared.
const TOKENS: usize = 20_000;

/// Every so many tokens are RS256, the others ES256.
const RSA_EVERY: usize = 8;

/// Connections to each of the two.
const CLIENTS: usize = 8;

/// Seconds of leeway that both have.
const LEEWAY: u32 = 60;

/// One token and what both say of it.
struct Verdict {
    number: usize,
    ours: bool,
    native: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_disagreement_with_jwt_authn_has_a_reason() {
    let seed = std::env::var("CAMBIST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4);
    let issuer = Issuer::start(Key::rsa("rsa")).await;
    let rsa = issuer.key();
    issuer.add_key(Key::p256("first"));
    let tokens = Arc::new(tokens(seed, &issuer, &rsa));
    let envoy = envoy(&issuer).await;
    let verdicts = compare(&envoy, &tokens).await;

    let judge = Judge::new(issuer.iss(), AUDIENCE, &issuer.jwks(), LEEWAY);
    let (mut agreed, mut disagreed) = ([0_usize; 2], BTreeMap::<Category, usize>::new());
    let mut faults = Vec::new();
    for Verdict { number, ours, native } in verdicts {
        let (token, label) = &tokens[number];
        if ours == native {
            agreed[usize::from(ours)] += 1;
            continue;
        }
        match judge.explain(token, ours) {
            Ok(category) => *disagreed.entry(category).or_default() += 1,
            Err(why) => faults.push(format!("{label}: ours {ours}, native {native}: {why}: {token:.300}")),
        }
    }
    println!("seed {seed}: both refuse {}, both accept {}, disagreed: {disagreed:#?}", agreed[0], agreed[1]);
    assert!(
        faults.is_empty(),
        "seed {seed}, {} unexplained:\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );
    // Else nothing was compared.
    assert!(agreed[0] > TOKENS / 4 && agreed[1] > TOKENS / 20, "{agreed:?}");
    for category in Category::ALL {
        assert!(disagreed.contains_key(&category), "{category:?} never came up: is it still true?");
    }
}

fn tokens(seed: u64, issuer: &Issuer, rsa: &Key) -> Vec<(String, Label)> {
    let mut numbers = Numbers::seeded(seed);
    let mut claims = issuer.claims("job");
    claims["jti"] = json!("a");
    let p256 = issuer.key();
    (0..TOKENS)
        .map(|number| mutate(&mut numbers, if number % RSA_EVERY == 0 { rsa } else { &p256 }, &claims))
        .collect()
}

/// One Envoy, two listeners; what passes is answered with 200 at once.
async fn envoy(issuer: &Issuer) -> Envoy {
    let mut policy = Policy::verify(issuer);
    policy.issuers[0]["exp_leeway"] = json!(LEEWAY);
    policy.issuers[0]["clock_skew"] = json!(LEEWAY);
    policy.issuers[0]["refetch_floor_ms"] = json!(600_000);
    let native = config::jwt_authn(&config::JwtAuthn {
        issuer: issuer.iss(),
        audience: AUDIENCE,
        keys_url: &issuer.keys_url(),
        cluster: "issuer",
        cached: false,
    });
    let listener = |name: &str, filter: Value| {
        let mut manager = config::manager(name, &[filter], "issuer");
        let route = json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200 } });
        manager["route_config"]["virtual_hosts"][0]["routes"] = json!([route]);
        config::managed_by(name, &manager)
    };
    let listeners = [listener("gateway", config::cambist(&policy.inline())), listener("native", native)];
    let clusters = [config::cluster("issuer", issuer.port()), config::forward_proxy()];
    let envoy = Setup::new(2, config::bootstrap(&listeners, &clusters)).start().await;
    let good = Request::get("/").bearer(&issuer.token("warm"));
    for port in [envoy.port(), envoy.port_of("native")] {
        good.send(port).await.expect(200);
    }
    envoy
}

async fn compare(envoy: &Envoy, tokens: &Arc<Vec<(String, Label)>>) -> Vec<Verdict> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (tokens, next) = (Arc::clone(tokens), Arc::clone(&next));
        let mut pair = Pair::open(envoy.port(), envoy.port_of("native")).await;
        clients.spawn(async move {
            let mut verdicts = Vec::new();
            while let Some((number, (token, _))) = Some(next.fetch_add(1, Ordering::Relaxed))
                .and_then(|number| Some((number, tokens.get(number)?)))
            {
                let request = Request::get("/").bearer(token);
                let mut said = pair.ask(&request).await;
                if said.0 != said.1 {
                    // Time may have passed between the two.
                    said = pair.ask(&request).await;
                }
                verdicts.push(Verdict { number, ours: said.0, native: said.1 });
            }
            verdicts
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

/// A connection to each of the two.
struct Pair {
    ports: [u16; 2],
    connections: [Connection; 2],
}

impl Pair {
    async fn open(ours: u16, native: u16) -> Self {
        let open = async |port| Connection::open(port).await.expect("envoy accepts connections");
        Self { ports: [ours, native], connections: [open(ours).await, open(native).await] }
    }

    /// Whether each of the two accepts.
    async fn ask(&mut self, request: &Request) -> (bool, bool) {
        let mut said = [false; 2];
        for ((connection, port), said) in self.connections.iter_mut().zip(self.ports).zip(&mut said) {
            if connection.is_closed() {
                *connection = Connection::open(port).await.expect("envoy accepts connections");
            }
            let status = connection.send(request).await.status.as_u16();
            assert!([200, 400, 401, 403].contains(&status), "{status} is no verdict");
            *said = status == 200;
        }
        (said[0], said[1])
    }
}

/// Unix time in seconds, for the judge.
fn now() -> i64 {
    jwt::now()
}
