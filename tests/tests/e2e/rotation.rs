//! An issuer changes its keys.

use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use serde_json::json;

workers! {
    new_kid_is_accepted_on_its_first_request,
    removed_key_is_refused_also_for_cached_tokens,
    unknown_kids_do_not_hammer_the_issuer,
}

fn ok(workers: u32) -> Vec<u16> {
    vec![200; workers as usize]
}

fn refused(workers: u32) -> Vec<u16> {
    vec![401; workers as usize]
}

async fn new_kid_is_accepted_on_its_first_request(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    assert_eq!(stage.present_to_each_worker(&stage.issuer.token("job")).await, ok(workers));
    stage.issuer.add_key(Key::rsa("second"));
    assert_eq!(stage.present_to_each_worker(&stage.issuer.token("job")).await, ok(workers));
}

async fn removed_key_is_refused_also_for_cached_tokens(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    let old = stage.issuer.token("job");
    assert_eq!(stage.present_to_each_worker(&old).await, ok(workers));
    assert_eq!(stage.present_to_each_worker(&old).await, ok(workers));
    stage.issuer.replace_keys(Key::p256("second"));
    // The new name makes each VM look at the new set.
    assert_eq!(stage.present_to_each_worker(&stage.issuer.token("job")).await, ok(workers));
    assert_eq!(stage.present_to_each_worker(&old).await, refused(workers));
}

async fn unknown_kids_do_not_hammer_the_issuer(workers: u32) {
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.issuers[0]["refetch_floor_ms"] = json!(30_000);
        policy
    })
    .await;
    assert_eq!(stage.present_to_each_worker(&stage.issuer.token("job")).await, ok(workers));
    let before = stage.issuer.fetches_by_all(&stage.envoy).await.keys;
    let key = stage.issuer.key();
    for number in 0..20 {
        let token = key.named(&format!("unknown-{number}")).token(&stage.issuer.claims("job"));
        assert_eq!(stage.present_to_each_worker(&token).await, refused(workers));
    }
    let more = stage.issuer.fetches().keys - before;
    assert!(more <= u64::from(workers), "20 unknown names made {more} fetches");
}
