//! `audit: strict` with real processes: no request carries what the audit does not know.

use cambist_tests::issuer::Issuer;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::wait;
use serde_json::json;

workers! {
    what_is_minted_goes_on_when_it_is_on_disk,
}

fn strict(issuer: &Issuer) -> Policy {
    let mut policy = Policy::exchange(issuer);
    policy.routes[0]["audit"] = json!("strict");
    policy
}

/// The mint of this `jti` in the audit.
async fn is_audited(stage: &Stage, jti: &str) -> bool {
    let rows = stage.control_plane().get("/v1/audit?limit=1000").await;
    rows["items"].as_array().unwrap().iter().any(|row| {
        row["action"] == "mint" && row["detail"]["strict"] == true && row["detail"]["minted"]["jti"] == jti
    })
}

async fn what_is_minted_goes_on_when_it_is_on_disk(workers: u32) {
    let mut stage = Stage::managed_by(workers, strict).await;
    let known = stage.issuer.token("known");
    for answer in
        stage.envoy.send_to_each_worker(&cambist_tests::client::Request::get("/").bearer(&known)).await
    {
        let seen = cambist_tests::stage::seen(&answer.expect(200));
        let access = cambist_tests::jwt::Parts::of(seen.bearer());
        // Nothing is waited for here.
        assert!(is_audited(&stage, access.claims["jti"].as_str().unwrap()).await);
    }
    let arrived = stage.upstream.count();

    stage.control_plane_mut().kill();
    let fresh = stage.issuer.token("fresh");
    let refused = stage.present(&fresh).await.expect(503);
    assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
    assert_eq!(stage.upstream.count(), arrived, "what nobody recorded arrived");
    // What was recorded before goes on.
    let answers = stage.present_to_each_worker(&known).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");

    stage.control_plane_mut().serve().await;
    wait::until("what was minted meanwhile is recorded", wait::PATIENCE, async || {
        stage.present(&fresh).await.status == 200
    })
    .await;
    let access = stage.exchange(&fresh).await;
    assert!(is_audited(&stage, access.claims["jti"].as_str().unwrap()).await);
}
