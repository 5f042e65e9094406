//! Several issuers that look alike.

use cambist_tests::issuer::{AUDIENCE, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::{Policy, trusted};
use cambist_tests::stage::Stage;
use serde_json::{Value, json};

workers! {
    same_kid_of_two_issuers_is_two_keys,
    same_iss_with_disjoint_audiences_is_two_issuers,
    same_subject_of_two_clusters_is_two_identities,
    untrusted_issuer_is_refused,
}

const IN_CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";

async fn same_kid_of_two_issuers_is_two_keys(workers: u32) {
    let other = Issuer::start(Key::p256("first")).await;
    let stage = Stage::inline(workers, |issuer| Policy::exchange(issuer).and("other", &other)).await;
    for token in [stage.issuer.token("job"), other.token("job")] {
        stage.present(&token).await.expect(200);
    }
    let forged = other.sign(&stage.issuer.claims("job"));
    let answers = stage.present_to_each_worker(&forged).await;
    assert!(answers.iter().all(|status| *status == 401), "the other issuer's key was taken: {answers:?}");
}

async fn same_iss_with_disjoint_audiences_is_two_issuers(workers: u32) {
    let east = Issuer::start_as(IN_CLUSTER, Key::p256("first")).await;
    let west = Issuer::start_as(IN_CLUSTER, Key::p256("first")).await;
    let for_west = |audience: Value| {
        let mut claims = west.claims("job");
        claims["aud"] = audience;
        west.sign(&claims)
    };
    let stage = Stage::inline_with(workers, east, |east| {
        let mut policy = Policy::exchange(east).and("west", &west);
        policy.issuers[0]["cluster"] = json!("east");
        policy.issuers[1]["cluster"] = json!("west");
        policy.bindings[1]["audiences"] = json!(["https://west.example"]);
        policy
    })
    .await;
    let east_access = stage.exchange(&stage.issuer.token("job")).await;
    let west_access = stage.exchange(&for_west(json!("https://west.example"))).await;
    assert_eq!(east_access.claims["workload"]["cluster"], "east");
    assert_eq!(west_access.claims["workload"]["cluster"], "west");
    assert_ne!(east_access.claims["sub"], west_access.claims["sub"]);
    // The audience says east, so west's key is no key of this token.
    stage.present(&for_west(json!(AUDIENCE))).await.expect(401);
    stage.present(&for_west(json!([AUDIENCE, "https://west.example"]))).await.expect(401);
}

async fn same_subject_of_two_clusters_is_two_identities(workers: u32) {
    let other = Issuer::start(Key::rsa("first")).await;
    let stage = Stage::inline(workers, |issuer| Policy::exchange(issuer).and("other", &other)).await;
    let subject = "system:serviceaccount:shop:cart";
    let here = stage.exchange(&stage.issuer.token(subject)).await;
    let there = stage.exchange(&other.token(subject)).await;
    assert_eq!(here.claims["workload"]["sub"], there.claims["workload"]["sub"]);
    assert_ne!(here.claims["sub"], there.claims["sub"]);
}

async fn untrusted_issuer_is_refused(workers: u32) {
    let stranger = Issuer::start(Key::p256("first")).await;
    let disabled = Issuer::start(Key::p256("first")).await;
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.issuers.push(trusted("disabled", &disabled));
        policy.issuers[1]["enabled"] = json!(false);
        policy
    })
    .await;
    stage.present(&stranger.token("job")).await.expect(401);
    stage.present(&disabled.token("job")).await.expect(401);
    assert_eq!(stranger.fetches().keys, 0, "a token made the gateway call its issuer");
}
