//! Many workers, one process: an issuer is asked once for all of them.

use std::time::Duration;

use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::wait;
use serde_json::json;
use tokio::time::Instant;

const WORKERS: u32 = 4;
const ISSUERS: usize = 50;
const REFRESH_MS: u32 = 3_000;
const REFRESHES: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_issuers_are_asked_once_for_each_refresh() {
    let mut others = Vec::new();
    for _ in 1..ISSUERS {
        others.push(Issuer::start(Key::p256("first")).await);
    }
    let stage = Stage::managed_by(WORKERS, |issuer| {
        let mut policy = Policy::exchange(issuer);
        for (number, other) in others.iter().enumerate() {
            policy = policy.and(&format!("issuer-{number}"), other);
        }
        for issuer in &mut policy.issuers {
            issuer["refresh_least_ms"] = json!(REFRESH_MS);
            issuer["refresh_most_ms"] = json!(REFRESH_MS);
        }
        policy
    })
    .await;
    let issuers = || others.iter().chain([&stage.issuer]);
    wait::until("every issuer was asked", wait::PATIENCE, async || {
        issuers().all(|issuer| issuer.fetches().keys > 0)
    })
    .await;
    let begun = Instant::now();
    let before: Vec<_> = issuers().map(Issuer::fetches).collect();
    wait::until("every issuer was asked often enough", wait::PATIENCE, async || {
        issuers().zip(&before).all(|(issuer, before)| issuer.fetches().keys >= before.keys + REFRESHES)
    })
    .await;
    let after: Vec<_> = issuers().map(Issuer::fetches).collect();
    let passed = u64::try_from(begun.elapsed().as_millis()).unwrap();
    let most = passed / u64::from(REFRESH_MS) + 1;
    let more: Vec<_> = after.iter().zip(&before).map(|(after, before)| after.keys - before.keys).collect();
    println!("{passed} ms, at most {most} refreshes of each issuer: {more:?}");
    for (after, before) in after.iter().zip(&before) {
        // Each worker for itself, and the main thread, would make it five times as many.
        assert!(after.keys - before.keys <= most, "{before:?} {after:?}, at most {most}");
        assert!(after.discovery - before.discovery <= most, "{before:?} {after:?}, at most {most}");
    }
    // What one of them fetched is there for all.
    for issuer in others.iter().take(3) {
        let answers = stage.present_to_each_worker(&issuer.token("job")).await;
        assert_eq!(answers, [200; WORKERS as usize]);
    }
    assert_eq!(stage.envoy.counter("cambist.keys_shared_invalid").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_kid_at_every_worker_is_one_fetch() {
    let stage = Stage::managed_by(WORKERS, |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.issuers[0]["refetch_floor_ms"] = json!(30_000);
        policy
    })
    .await;
    let all = |status: u16| vec![status; WORKERS as usize];
    assert_eq!(stage.present_to_each_worker(&stage.issuer.token("job")).await, all(200));
    let before = stage.issuer.fetches();
    assert_eq!((before.discovery, before.keys), (1, 1), "the prefetch is one fetch");
    let key = stage.issuer.key();
    for number in 0..10 {
        let token = key.named(&format!("unknown-{number}")).token(&stage.issuer.claims("job"));
        assert_eq!(stage.present_to_each_worker(&token).await, all(401));
    }
    assert_eq!(stage.issuer.fetches().keys, before.keys + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_costs_one_fetch_and_a_removed_one_is_gone_everywhere() {
    let stage = Stage::managed(WORKERS).await;
    let all = |status: u16| vec![status; WORKERS as usize];
    let old = stage.issuer.token("job");
    assert_eq!(stage.present_to_each_worker(&old).await, all(200));
    stage.issuer.replace_keys(Key::p256("second"));
    assert_eq!(stage.present_to_each_worker(&stage.issuer.token("job")).await, all(200));
    assert_eq!(stage.issuer.fetches().keys, 2);
    assert_eq!(stage.present_to_each_worker(&old).await, all(401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_down_is_asked_once_for_each_retry() {
    let issuer = Issuer::start(Key::p256("first")).await;
    issuer.set_fault(Fault::Status(500));
    let begun = Instant::now();
    let stage = Stage::managed_with(WORKERS, issuer, Policy::exchange).await;
    wait::until("some retries", Duration::from_secs(30), async || stage.issuer.fetches().discovery >= 4)
        .await;
    // 1 s, 2 s, then 4 s, each up to a tenth shorter.
    let passed = begun.elapsed();
    assert!(passed > Duration::from_millis(6_300), "four fetches in {passed:?}");
    assert_eq!(stage.present_to_each_worker(&stage.issuer.token("job")).await, [503; WORKERS as usize]);
    stage.issuer.set_fault(Fault::None);
    wait::until("every worker recovers", wait::PATIENCE, async || {
        stage.present_to_each_worker(&stage.issuer.token("job")).await.iter().all(|status| *status == 200)
    })
    .await;
    assert_eq!(stage.issuer.fetches().keys, 1);
}
