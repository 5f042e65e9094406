//! Attacks on when keys are fetched, from where, and on the requests that wait for them.

use cambist_tests::client::Request;
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::wait;
use serde_json::json;

use super::illness;
use super::lanes::{Lanes, RECOVERY, fresh, skip_discovery, stranger};

super::attacks! {
    j1_a_storm_of_unknown_keys,
    j2_a_new_key_is_asked_for_once,
    j3_a_key_that_was_removed,
    j4_no_key_comes_from_nowhere,
    j5_two_tokens_while_the_fetch_fails,
    j6_clients_that_leave_while_keys_are_fetched,
    j7_addresses_that_an_issuer_or_a_token_names,
}

/// Counts VMs that were ever made: more than before means that one died.
const CREATED: &str = "wasm.envoy.wasm.runtime.v8.created";

fn by_address(floor_ms: u32) -> impl FnOnce(&Issuer) -> Policy {
    move |issuer| {
        let mut policy = Policy::verify(issuer);
        skip_discovery(&mut policy, 0, issuer);
        policy.issuers[0]["refetch_floor_ms"] = json!(floor_ms);
        policy
    }
}

async fn j1_a_storm_of_unknown_keys(workers: u32) {
    let stage = Stage::inline(workers, by_address(30_000)).await;
    let mut good = Lanes::open(&stage.envoy).await;
    good.expect("the first token", &fresh(&stage.issuer), 200).await;
    let before = stage.issuer.fetches_by_all(&stage.envoy).await.keys;
    stage.issuer.forget_most_at_once();
    let mut storms = Vec::new();
    for number in 0..8 {
        let mut lanes = Lanes::open(&stage.envoy).await;
        let tokens: Vec<_> = (0..25).map(|more| stranger(&stage.issuer, number * 100 + more)).collect();
        storms.push(tokio::spawn(async move {
            for token in tokens {
                lanes.expect("an unknown key", &token, 401).await;
            }
        }));
    }
    while !storms.iter().all(tokio::task::JoinHandle::is_finished) {
        good.expect("good in the storm", &fresh(&stage.issuer), 200).await;
    }
    for storm in storms {
        storm.await.expect("the storm is answered");
    }
    let fetches = stage.issuer.fetches().keys - before;
    assert!(fetches <= u64::from(workers), "{fetches} fetches for unknown keys");
    assert!(stage.issuer.most_at_once() <= u64::from(workers), "{} at once", stage.issuer.most_at_once());
}

async fn j2_a_new_key_is_asked_for_once(workers: u32) {
    let stage = Stage::inline(workers, by_address(30_000)).await;
    let mut lanes = Lanes::open(&stage.envoy).await;
    lanes.expect("the first key", &fresh(&stage.issuer), 200).await;
    let before = stage.issuer.fetches_by_all(&stage.envoy).await.keys;
    stage.issuer.add_key(Key::rsa("second"));
    for _ in 0..3 {
        lanes.expect("the second key", &fresh(&stage.issuer), 200).await;
    }
    let fetches = stage.issuer.fetches().keys - before;
    assert!((1..=u64::from(workers)).contains(&fetches), "{fetches} fetches for one new key");
}

async fn j3_a_key_that_was_removed(workers: u32) {
    let stage = Stage::inline(workers, by_address(100)).await;
    let mut lanes = Lanes::open(&stage.envoy).await;
    let (cached, unseen) = (fresh(&stage.issuer), fresh(&stage.issuer));
    lanes.expect("before", &cached, 200).await;
    stage.issuer.replace_keys(Key::p256("second"));
    lanes.expect("the new key", &fresh(&stage.issuer), 200).await;
    lanes.expect("a cached token of the key that is gone", &cached, 401).await;
    lanes.expect("a new token of the key that is gone", &unseen, 401).await;
    // The same name again, by another hand: what was verified before does not count.
    stage.issuer.replace_keys(Key::p256("first"));
    lanes.until("the name again", || fresh(&stage.issuer), 200).await;
    lanes.expect("a token of the first owner of the name", &cached, 401).await;
}

async fn j4_no_key_comes_from_nowhere(workers: u32) {
    let issuer = illness::issuer().await;
    issuer.set_fault(Fault::Status(500));
    let stage = Stage::inline_with(workers, issuer, by_address(100)).await;
    let mut lanes = Lanes::open(&stage.envoy).await;
    let other = Key::p256("first");
    let offered = json!({ "alg": "ES256", "kid": "first", "jwk": other.jwk() });
    let claims = stage.issuer.claims("job");
    let tokens = [
        ("good", stage.issuer.token("job")),
        ("forged", other.token(&claims)),
        ("without a name", stage.issuer.key().sign(&json!({ "alg": "ES256" }), &claims)),
        ("with its own key", other.sign(&offered, &claims)),
        ("unknown", stranger(&stage.issuer, 0)),
    ];
    for (what, token) in &tokens {
        lanes.expect(what, token, 503).await;
    }
    assert_eq!(stage.upstream.count(), 0);
    stage.issuer.set_fault(Fault::None);
    let took = lanes.until("the good token", || tokens[0].1.clone(), 200).await;
    assert!(took <= RECOVERY, "back after {took:?}");
    for (what, status) in [(1, 401), (2, 200), (3, 401)] {
        lanes.expect(tokens[what].0, &tokens[what].1, status).await;
    }
}

async fn j5_two_tokens_while_the_fetch_fails(workers: u32) {
    let issuer = illness::issuer().await;
    issuer.set_fault(Fault::Reset);
    let stage = Stage::inline_with(workers, issuer, by_address(100)).await;
    let created = stage.envoy.counter(CREATED).await;
    let mut lanes = Lanes::open(&stage.envoy).await;
    for fault in [Fault::Reset, Fault::Truncated, Fault::Status(500), Fault::Status(503), Fault::Hold] {
        stage.issuer.set_fault(fault);
        let (one, other) = (fresh(&stage.issuer), fresh(&stage.issuer));
        let both = Request::get("/").bearer(&one).bearer(&other);
        for answer in lanes.send(&both).await {
            answer.expect(400);
        }
        let joined = Request::get("/").header("authorization", format!("Bearer {one}, Bearer {other}"));
        for answer in lanes.send(&joined).await {
            answer.expect(400);
        }
        lanes.expect("one token", &one, 503).await;
    }
    assert_eq!(stage.upstream.count(), 0);
    stage.issuer.set_fault(Fault::None);
    lanes.until("one token", || fresh(&stage.issuer), 200).await;
    assert_eq!(stage.envoy.counter(CREATED).await, created, "a VM died");
}

async fn j6_clients_that_leave_while_keys_are_fetched(workers: u32) {
    let issuer = illness::issuer().await;
    issuer.set_fault(Fault::Hold);
    let stage = Stage::inline_with(workers, issuer, by_address(30_000)).await;
    let created = stage.envoy.counter(CREATED).await;
    let asked = || stage.issuer.fetches().keys;
    stage.issuer.fetches_by_all(&stage.envoy).await;
    let active = async || stage.envoy.counter("http.gateway.downstream_rq_active").await;
    for _ in 0..3 {
        let mut leaving = Vec::new();
        for mut connection in stage.envoy.connection_to_each_worker().await {
            let request = Request::get("/").bearer(&fresh(&stage.issuer));
            leaving.push(tokio::spawn(async move { connection.try_send(&request).await }));
        }
        wait::until("they wait", wait::PATIENCE, async || active().await >= u64::from(workers)).await;
        for task in leaving {
            task.abort();
        }
        wait::until("they have left", wait::PATIENCE, async || active().await == 0).await;
    }
    // Nobody waits any more; the answer comes late and is used all the same.
    let before = asked();
    stage.issuer.set_fault(Fault::None);
    let mut lanes = Lanes::open(&stage.envoy).await;
    lanes.expect("afterwards", &fresh(&stage.issuer), 200).await;
    assert_eq!(asked(), before, "the keys were fetched again");
    assert_eq!(stage.upstream.count(), u64::from(workers));
    assert_eq!(stage.envoy.counter(CREATED).await, created, "a VM died");
}

async fn j7_addresses_that_an_issuer_or_a_token_names(workers: u32) {
    let inside = illness::issuer().await;
    let redirecting = illness::issuer().await;
    redirecting.set_fault(Fault::Redirect(307));
    let described = illness::issuer().await;
    let mut document = described.document();
    document["jwks_uri"] = json!(inside.keys_url());
    described.describe(document.to_string());
    let stage = Stage::inline(workers, |issuer| {
        Policy::verify(issuer).and("described", &described).and("redirecting", &redirecting)
    })
    .await;
    let mut lanes = Lanes::open(&stage.envoy).await;
    lanes.expect("the control", &fresh(&stage.issuer), 200).await;
    let before = stage.issuer.fetches_by_all(&stage.envoy).await;
    for (what, issuer) in [("a document that names another host", &described), ("a redirect", &redirecting)] {
        lanes.expect(what, &fresh(issuer), 503).await;
    }
    let key = inside.key().named("theirs");
    for member in ["jku", "x5u"] {
        let header = json!({ "alg": "ES256", "kid": "first", member: inside.keys_url() });
        lanes.expect(member, &key.sign(&header, &stage.issuer.claims("job")), 401).await;
    }
    let mut claims = stage.issuer.claims("job");
    claims["iss"] = json!(inside.iss());
    lanes.expect("an issuer that nobody trusts", &inside.sign(&claims), 401).await;
    assert_eq!(inside.fetches(), <_>::default(), "it was called");
    assert_eq!(redirecting.fetches().elsewhere, 0, "the redirect was followed");
    assert_eq!(stage.issuer.fetches(), before);
}
