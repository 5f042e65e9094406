//! What an external token endpoint may answer, and that nothing but its token ever goes on (attack X1).

use std::time::Duration;

use cambist_tests::external::{Manner, TokenEndpoint};
use cambist_tests::policy::{KEY_ENV, Policy};
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;
use serde_json::{Value, json};

use super::site::{Site, Way};

workers! {
    whatever_is_no_answer_goes_no_further,
    an_answer_without_an_end_is_asked_for_every_time,
    an_inline_policy_exchanges_without_a_control_plane,
}

fn text(text: impl Into<String>) -> Manner {
    Manner::Text("application/json", text.into())
}

/// What may be answered, and the status of the request that asked.
fn manners() -> Vec<(Manner, u16)> {
    let twice = r#"{"access_token":"a","access_token":"b","token_type":"Bearer","expires_in":300}"#;
    let mut manners = vec![
        (Manner::Error(400, "invalid_grant"), 401),
        (Manner::Error(400, "invalid_scope"), 403),
        (Manner::Error(400, "invalid_target"), 403),
        (Manner::Error(401, "invalid_client"), 503),
        (Manner::Error(400, "invalid_request"), 503),
        (Manner::Error(400, "unauthorized_client"), 503),
        (Manner::Error(400, "unsupported_grant_type"), 503),
        (Manner::Redirect, 503),
        (Manner::Text("text/html", "<html>sign in</html>".to_owned()), 503),
        (text("<html>"), 503),
        (text("{}"), 503),
        (text(twice), 503),
        (text(format!("{{\"access_token\":\"{}\",\"token_type\":\"Bearer\"}}", "x".repeat(20_000))), 503),
        (text(" ".repeat(200_000)), 503),
        (Manner::Changed(json!({ "token_type": "DPoP" })), 503),
        (Manner::Changed(json!({ "token_type": null })), 503),
        (Manner::Changed(json!({ "access_token": "" })), 503),
        (Manner::Changed(json!({ "access_token": "a b" })), 503),
        (Manner::Changed(json!({ "access_token": null })), 503),
        (Manner::Changed(json!({ "expires_in": -1 })), 503),
        (Manner::Changed(json!({ "scope": "read write" })), 503),
    ];
    for status in [204, 301, 400, 401, 403, 404, 429, 500, 502, 503, 504] {
        manners.push((Manner::Status(status), 503));
    }
    manners
}

async fn whatever_is_no_answer_goes_no_further(workers: u32) {
    let site = Site::start(Way::External, workers).await;
    for (number, (manner, status)) in manners().into_iter().enumerate() {
        site.endpoint.set(manner.clone());
        let answer = site.stage.present(&site.stage.issuer.token(&format!("job-{number}"))).await;
        assert_eq!(answer.status.as_u16(), status, "{manner:?}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{manner:?}");
    }
    assert_eq!((site.stage.upstream.count(), site.endpoint.elsewhere()), (0, 0));
    site.endpoint.set(Manner::Good);
    site.until_swapped("job").await;
    assert!(site.stage.envoy.output().contains("external endpoint partner: no access token: "));
    assert!(!site.stage.envoy.output().contains(cambist_tests::external::SECRET));
}

async fn an_answer_without_an_end_is_asked_for_every_time(workers: u32) {
    let site = Site::start(Way::External, workers).await;
    site.endpoint.set(Manner::Changed(json!({ "expires_in": Value::Null })));
    let token = site.stage.issuer.token("job");
    site.everywhere(&token, 200).await;
    site.everywhere(&token, 200).await;
    assert_eq!(site.endpoint.asked_for("job"), 2 * u64::from(workers));
}

async fn an_inline_policy_exchanges_without_a_control_plane(workers: u32) {
    let endpoint = TokenEndpoint::start().await;
    let mut document = endpoint.document();
    document["login"]["secret"] = json!({ "env": KEY_ENV });
    let stage = Stage::inline(workers, |issuer| Policy::exchange_by("external", issuer).at(&document)).await;
    // What Envoy knows as the key is the secret here.
    endpoint.set_secret(&stage.signing_key.pkcs8());
    let answer = stage.present(&stage.issuer.token("job")).await.expect(200);
    assert!(stage::seen(&answer).bearer().starts_with("given-"));
    assert!(!stage.envoy.config_dump().await.contains(&stage.signing_key.pkcs8()));
    endpoint.set(Manner::Status(500));
    stage.present(&stage.issuer.token("new")).await.expect(503);
    endpoint.set(Manner::Good);
    wait::until("it is asked again", Duration::from_secs(10), async || {
        stage.present(&stage.issuer.token("new")).await.status == 200
    })
    .await;
}
