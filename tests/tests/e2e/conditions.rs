//! Conditions on claims, from an inline policy.

use cambist_tests::client::Request;
use cambist_tests::policy::{CLIENT, Policy, route};
use cambist_tests::stage::{Stage, seen};
use serde_json::{Value, json};

workers! {
    conditions_decide_on_claims_of_the_token,
}

/// A good token of a pod in `namespace`.
fn token(stage: &Stage, namespace: &Value) -> String {
    let mut claims = stage.issuer.claims("job");
    claims["kubernetes.io"] = json!({ "namespace": namespace, "pod": { "name": "job-1" } });
    stage.issuer.sign(&claims)
}

async fn conditions_decide_on_claims_of_the_token(workers: u32) {
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        let binding = &mut policy.bindings[0];
        binding["allow_any_subject"] = json!(false);
        binding["condition"] = json!({ "any": [
            { "attribute": r"jwt.claim.kubernetes\.io.namespace", "in": ["prod", "staging"] },
            { "attribute": "jwt.claim/kubernetes.io/namespace", "matches": "team-[a-z]+" },
        ]});
        let mut admin = route("admin", "/admin", "gateway");
        admin["condition"] =
            json!({ "not": { "attribute": r"jwt.claim.kubernetes\.io.namespace", "equals": "staging" } });
        policy.routes.push(admin);
        policy
    })
    .await;
    for (namespace, root, admin) in [
        (json!("prod"), 200, 200),
        (json!("staging"), 200, 403),
        (json!("team-a"), 200, 200),
        (json!("team-a2"), 403, 403),
        (json!("xteam-a"), 403, 403),
        (json!(null), 403, 403),
        (json!(["prod"]), 403, 403),
    ] {
        let token = token(&stage, &namespace);
        for status in stage.present_to_each_worker(&token).await {
            assert_eq!(status, root, "{namespace}");
        }
        // Once more: these are cached by now.
        for status in stage.present_to_each_worker(&token).await {
            assert_eq!(status, root, "{namespace}");
        }
        let answer = stage.envoy.send(&Request::get("/admin").bearer(&token)).await.expect(admin);
        if admin == 200 {
            assert!(seen(&answer).bearer() != token, "{CLIENT} gets our token");
        }
    }
    let bare = stage.present(&stage.issuer.token("job")).await.expect(403);
    let other = stage.present(&token(&stage, &json!("dev"))).await.expect(403);
    assert_eq!(bare.body, other.body);
}
