//! Access is taken away.

use std::time::{Duration, Instant};

use cambist_tests::stage::Stage;
use cambist_tests::wait;
use serde_json::json;

workers! {
    revoked_identity_is_refused_within_a_second_and_alone,
    identity_can_be_revoked_before_it_is_seen,
}

const WITHIN: Duration = Duration::from_secs(1);

async fn revoked_identity_is_refused_within_a_second_and_alone(workers: u32) {
    let stage = Stage::managed(workers).await;
    let token = stage.issuer.token("job");
    let neighbour = stage.issuer.token("neighbour");
    let identity = stage.exchange(&token).await.claims["sub"].as_str().unwrap().to_owned();
    let statuses = stage.present_to_each_worker(&token).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");

    let begun = Instant::now();
    stage.control_plane().revoke(&identity).await;
    wait::until("every worker refuses", wait::PATIENCE, async || {
        stage.present_to_each_worker(&token).await.iter().all(|status| *status == 401)
    })
    .await;
    let took = begun.elapsed();
    assert!(took <= WITHIN, "the revoke took {took:?}");
    let statuses = stage.present_to_each_worker(&neighbour).await;
    assert!(statuses.iter().all(|status| *status == 200), "the neighbour suffers: {statuses:?}");

    stage.control_plane().post(&format!("/v1/identities/{identity}/reinstate"), &json!({})).await;
    wait::until("every worker accepts again", wait::PATIENCE, async || {
        stage.present_to_each_worker(&token).await.iter().all(|status| *status == 200)
    })
    .await;
}

async fn identity_can_be_revoked_before_it_is_seen(workers: u32) {
    let stage = Stage::managed(workers).await;
    let client_id = stage.client_id();
    let audience = cambist_tests::issuer::AUDIENCE;
    let identity = cambist_core::identity::identity_id("default", client_id, "main", audience, "job");
    stage.control_plane().revoke(&identity).await;
    wait::until("every worker refuses", wait::PATIENCE, async || {
        stage.present_to_each_worker(&stage.issuer.token("job")).await.iter().all(|status| *status == 401)
    })
    .await;
}
