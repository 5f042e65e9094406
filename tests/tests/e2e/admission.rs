//! Enrolment with real processes: who is registered or approved comes in, who is revoked does not come back by asking.

use cambist_tests::client::Answer;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Parts;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::token_endpoint::{JWT_BEARER, form};
use cambist_tests::wait;
use serde_json::{Value, json};

workers! {
    who_is_approved_comes_in_and_who_is_revoked_stays_out,
    who_is_registered_comes_in,
}

fn enrolling(enrolment: &str) -> impl FnOnce(&Issuer) -> Policy {
    move |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.clients[0]["grant_types"] = json!([JWT_BEARER]);
        policy.bindings[0]["enrolment"] = json!(enrolment);
        // Both verify, so both need the keys, and this issuer is at a private address.
        policy.issuers[0]["keys"] = json!({ "source": "control_plane", "allow_private": true });
        policy.issuers[0]["identity_fields"] = json!({ "team": "jwt.claim.team" });
        policy
    }
}

/// A token that nobody has seen, of the workload `subject`.
fn token(stage: &Stage, subject: &str) -> String {
    let mut claims = stage.issuer.claims(subject);
    claims["team"] = json!("checkout");
    stage.issuer.sign(&claims)
}

async fn ask(port: u16, token: &str) -> Answer {
    form(&[("grant_type", JWT_BEARER), ("assertion", token)]).send(port).await
}

async fn waiting(stage: &Stage) -> Vec<Value> {
    let list = stage.control_plane().get("/v1/identities?status=pending").await;
    list["items"].as_array().unwrap().clone()
}

async fn until_each(stage: &Stage, token: &str, status: u16) {
    wait::until(&format!("every worker says {status}"), wait::PATIENCE, async || {
        stage.present_to_each_worker(token).await.iter().all(|known| *known == status)
    })
    .await;
}

async fn who_is_approved_comes_in_and_who_is_revoked_stays_out(workers: u32) {
    let stage = Stage::managed_with_endpoints(workers, enrolling("approve")).await;
    let token = token(&stage, "cart");
    let ports = [stage.envoy.port(), stage.control_plane().port()];
    stage.present(&token).await.expect(401);
    for port in ports {
        let refused = ask(port, &token).await.expect(400);
        assert_eq!(refused.json(), json!({ "error": "invalid_grant" }));
    }
    assert_eq!(stage.upstream.count(), 0);
    let items = waiting(&stage).await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((&items[0]["subject"], &items[0]["fields"]), (&json!("cart"), &json!({ "team": "checkout" })));

    let id = items[0]["id"].as_str().unwrap().to_owned();
    stage.control_plane().post(&format!("/v1/identities/{id}/approve"), &json!({})).await;
    // What was said before is forgotten within five seconds.
    until_each(&stage, &token, 200).await;
    for port in ports {
        let granted = wait::until_some("the endpoint grants", wait::PATIENCE, async || {
            let answer = ask(port, &token).await;
            (answer.status == 200).then(|| answer.json())
        })
        .await;
        assert_eq!(Parts::of(granted["access_token"].as_str().unwrap()).claims["sub"], id);
    }

    stage.control_plane().revoke(&id).await;
    until_each(&stage, &token, 401).await;
    for port in ports {
        ask(port, &token).await.expect(400);
    }
    assert!(waiting(&stage).await.is_empty(), "asking made a revoked identity wait");
}

async fn who_is_registered_comes_in(workers: u32) {
    let stage = Stage::managed_by(workers, enrolling("preregistered")).await;
    let (known, unknown) = (token(&stage, "cart"), token(&stage, "stranger"));
    let identity = |subject: &str| {
        json!({
            "client_id": stage.client_id(), "issuer": "main", "subject": subject,
            "audience": cambist_tests::issuer::AUDIENCE,
        })
    };
    stage.control_plane().post("/v1/identities", &identity("cart")).await;
    until_each(&stage, &known, 200).await;
    until_each(&stage, &unknown, 401).await;
    assert!(waiting(&stage).await.is_empty());
    stage.control_plane().post("/v1/identities", &identity("stranger")).await;
    until_each(&stage, &unknown, 200).await;
}
