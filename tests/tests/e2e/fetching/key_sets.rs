//! Attacks by what an issuer publishes: sets that are large, wrong in part, or tell too much.

use std::time::{Duration, Instant};

use cambist_tests::client::Request;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{self, Key};
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use serde_json::{Value, json};

use super::illness;
use super::lanes::{Lanes, fresh, skip_discovery};
use super::say;

super::attacks! {
    j9_a_large_key_set_and_invalid_tokens,
    j10_discovery_that_names_another_issuer_or_host,
    j11_bad_keys_among_good_ones,
    j12_a_private_key_in_the_key_set,
}

/// Nearly as large as a key set may be.
const LARGE: usize = 1_000_000;

/// Invalid tokens on every worker.
const INVALID: usize = 100;

async fn alone(workers: u32, issuer: Issuer) -> (Stage, Lanes) {
    let stage = Stage::inline_with(workers, issuer, |issuer| {
        let mut policy = Policy::verify(issuer);
        skip_discovery(&mut policy, 0, issuer);
        policy
    })
    .await;
    let lanes = Lanes::open(&stage.envoy).await;
    (stage, lanes)
}

/// How long invalid tokens of `issuer` take.
async fn invalid(lanes: &mut Lanes, issuer: &Issuer) -> Duration {
    let forger = Key::p256("first");
    let requests: Vec<_> = (0..INVALID)
        .map(|number| Request::get("/").bearer(&forger.token(&issuer.claims(&format!("job-{number}")))))
        .collect();
    let begun = Instant::now();
    for request in &requests {
        for answer in lanes.send(request).await {
            answer.expect(401);
        }
    }
    begun.elapsed()
}

async fn j9_a_large_key_set_and_invalid_tokens(workers: u32) {
    let (small, mut to_small) = alone(workers, illness::issuer().await).await;
    let issuer = illness::issuer().await;
    let mut set = issuer.jwks();
    set["keys"] = (0..99).map(|number| Key::p256(&format!("key-{number}")).jwk()).collect();
    set["keys"].as_array_mut().unwrap().push(issuer.key().jwk());
    set["padding"] = json!(format!("{}\\y", "x".repeat(900)).repeat(LARGE / 902));
    issuer.publish(set.to_string());
    let (large, mut to_large) = alone(workers, issuer).await;
    for (stage, lanes) in [(&small, &mut to_small), (&large, &mut to_large)] {
        lanes.expect("a good token", &fresh(&stage.issuer), 200).await;
    }
    let before = large.issuer.fetches_by_all(&large.envoy).await;
    let (mut least_small, mut least_large) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        least_small = least_small.min(invalid(&mut to_small, &small.issuer).await);
        least_large = least_large.min(invalid(&mut to_large, &large.issuer).await);
    }
    assert_eq!(large.issuer.fetches(), before, "invalid tokens made the gateway fetch");
    say(&format!(
        "fetching: {INVALID} invalid tokens: {least_small:.1?} with one key, {least_large:.1?} with a set of 1 MB"
    ));
    // Reading the set takes milliseconds each time.
    assert!(
        least_large < least_small * 2,
        "{least_large:?} with a large set, {least_small:?} with a small one"
    );
}

async fn j10_discovery_that_names_another_issuer_or_host(workers: u32) {
    let keys = illness::issuer().await;
    let mut issuers = Vec::new();
    for (name, change) in illness::DOCUMENTS {
        let issuer = illness::issuer().await;
        issuer.describe(change(issuer.document()));
        issuers.push((name, issuer));
    }
    // Another host is right where the operator names it.
    let explicit = Issuer::start_as("https://explicit.example", keys.key()).await;
    let stage = Stage::inline(workers, |first| {
        let policy = issuers.iter().fold(Policy::verify(first), |policy, (_, issuer)| {
            policy.and(&format!("issuer-{}", issuer.port()), issuer)
        });
        let mut policy = policy.and("explicit", &explicit);
        let last = policy.issuers.len() - 1;
        skip_discovery(&mut policy, last, &keys);
        policy
    })
    .await;
    let mut lanes = Lanes::open(&stage.envoy).await;
    for (name, issuer) in &issuers {
        lanes.expect(name, &issuer.token("job"), 503).await;
        assert_eq!(issuer.fetches().keys, 0, "{name}: its keys were fetched");
    }
    assert_eq!(stage.upstream.count(), 0);
    lanes.expect("explicit", &explicit.token("job"), 200).await;
    for (name, issuer) in &issuers {
        issuer.describe_itself();
        lanes.until(name, || fresh(issuer), 200).await;
    }
}

/// Keys that nobody can use, by name.
fn unusable() -> Vec<(&'static str, Value)> {
    let changed = |kid: &str, change: fn(&mut Value)| {
        let mut jwk = Key::p256(kid).jwk();
        change(&mut jwk);
        jwk
    };
    vec![
        ("no-x", changed("no-x", |jwk| drop(jwk.as_object_mut().unwrap().remove("x")))),
        ("off-curve", changed("off-curve", |jwk| jwk["y"] = jwk["x"].clone())),
        ("short-x", changed("short-x", |jwk| jwk["x"] = json!("AQAB"))),
        ("number-x", changed("number-x", |jwk| jwk["x"] = json!(1))),
        ("other-curve", changed("other-curve", |jwk| jwk["crv"] = json!("P-257"))),
        ("other-type", changed("other-type", |jwk| jwk["kty"] = json!("AKP"))),
        ("encryption", changed("encryption", |jwk| jwk["use"] = json!("enc"))),
        ("wrapping", changed("wrapping", |jwk| jwk["key_ops"] = json!(["wrapKey"]))),
        ("other-alg", changed("other-alg", |jwk| jwk["alg"] = json!("ES512"))),
        ("rsa-empty", json!({ "kty": "RSA", "kid": "rsa-empty", "n": "", "e": "AQAB" })),
        ("rsa-text", json!({ "kty": "RSA", "kid": "rsa-text", "n": "%%", "e": "AQAB" })),
    ]
}

async fn j11_bad_keys_among_good_ones(workers: u32) {
    let issuer = illness::issuer().await;
    issuer.add_key(Key::rsa("last"));
    let mut set = issuer.jwks();
    let keys = set["keys"].as_array_mut().unwrap();
    let mut all: Vec<_> = unusable().into_iter().map(|(_, jwk)| jwk).collect();
    all.extend([Value::Null, json!("key"), json!([]), json!({})]);
    // Before, between and behind the good ones.
    let behind = all.split_off(all.len() / 2);
    drop(keys.splice(1..1, all));
    keys.extend(behind);
    let first = issuer.key();
    issuer.publish(set.to_string());
    let claims = issuer.claims("job");
    let (stage, mut lanes) = alone(workers, issuer).await;
    lanes.expect("the last key", &first.token(&claims), 200).await;
    for (kid, _) in unusable() {
        lanes.expect(kid, &Key::p256(kid).token(&claims), 401).await;
    }
    // Two keys of one name are both good: one of them fits.
    let twins = [Key::p256("twin"), Key::p256("twin"), Key::rsa("twin")];
    let jwks: Vec<_> = twins.iter().map(Key::jwk).collect();
    stage.issuer.publish(json!({ "keys": jwks }).to_string());
    for (number, twin) in twins.iter().enumerate() {
        let token = || twin.token(&stage.issuer.claims(&format!("twin-{number}")));
        lanes.until("a twin", token, 200).await;
    }
    lanes.expect("a third", &Key::p256("twin").token(&claims), 401).await;
}

async fn j12_a_private_key_in_the_key_set(workers: u32) {
    let issuer = illness::issuer().await;
    let (private, rsa) = (Key::p256("private"), Key::rsa("private-rsa"));
    let secret = jwt::encode(b"planted-secret-of-an-issuer-0123");
    let with = |key: &Key, members: &[&str]| {
        let mut jwk = key.jwk();
        for member in members {
            jwk[*member] = json!(secret);
        }
        jwk
    };
    let mut set = issuer.jwks();
    set["keys"].as_array_mut().unwrap().extend([
        with(&private, &["d"]),
        with(&rsa, &["d", "p", "q", "dp", "dq", "qi"]),
        with(&Key::ed25519("private-ed"), &["d"]),
        json!({ "kty": "oct", "kid": "symmetric", "alg": "HS256", "k": secret }),
    ]);
    issuer.publish(set.to_string());
    let (stage, mut lanes) = alone(workers, issuer).await;
    lanes.expect("the key beside them", &fresh(&stage.issuer), 200).await;
    let claims = stage.issuer.claims("job");
    for key in [private, rsa, Key::ed25519("private-ed"), Key::p256("symmetric")] {
        lanes.expect(key.kid(), &key.token(&claims), 401).await;
    }
    // Whoever runs the gateway is told, once, by name.
    stage.envoy.until_counted("cambist.keys_private_published", 4).await;
    let log = stage.envoy.output();
    for kid in ["private", "private-rsa", "private-ed", "symmetric"] {
        let alarms = log.lines().filter(|line| line.contains("private or symmetric") && line.contains(kid));
        assert!((1..=workers as usize + 1).contains(&alarms.count()), "{kid}: {log}");
    }
    assert!(!log.contains(&secret), "the log holds the key");
}
