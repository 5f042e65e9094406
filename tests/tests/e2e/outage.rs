//! What the gateway needs is away.

use std::time::{Duration, Instant};

use cambist_tests::client::Request;
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::{Setup, config};
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::{self, Policy, TOKEN_ENV};
use cambist_tests::stage::{self, Stage};
use cambist_tests::upstream::Upstream;
use cambist_tests::wait;

workers! {
    issuer_down_while_cold_is_unavailable_and_recovers,
    issuer_that_answers_errors_is_unavailable,
    issuer_down_while_warm_is_not_noticed,
    stopped_control_plane_is_not_noticed_and_comes_back,
    first_request_waits_for_the_first_snapshot,
    without_any_snapshot_requests_wait_and_are_unavailable,
}

async fn until_accepted(stage: &Stage, subject: &str) {
    wait::until("the gateway recovers", wait::PATIENCE, async || {
        stage.present(&stage.issuer.token(subject)).await.status == 200
    })
    .await;
}

async fn issuer_down_while_cold_is_unavailable_and_recovers(workers: u32) {
    let mut issuer = Issuer::start(Key::p256("first")).await;
    issuer.go_down().await;
    let mut stage = Stage::inline_with(workers, issuer, Policy::exchange).await;
    let answer = stage.present(&stage.issuer.token("job")).await.expect(503);
    assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
    assert_eq!(stage.upstream.count(), 0);
    stage.issuer.come_up().await;
    until_accepted(&stage, "job").await;
}

async fn issuer_that_answers_errors_is_unavailable(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    issuer.set_fault(Fault::Status(500));
    let stage = Stage::inline_with(workers, issuer, Policy::exchange).await;
    stage.present(&stage.issuer.token("job")).await.expect(503);
    stage.issuer.set_fault(Fault::None);
    until_accepted(&stage, "job").await;
}

async fn issuer_down_while_warm_is_not_noticed(workers: u32) {
    let mut stage = Stage::inline(workers, Policy::exchange).await;
    stage.present_to_each_worker(&stage.issuer.token("warm")).await;
    stage.issuer.go_down().await;
    for subject in ["warm", "never-seen"] {
        let answers = stage.present_to_each_worker(&stage.issuer.token(subject)).await;
        assert!(answers.iter().all(|status| *status == 200), "{subject}: {answers:?}");
    }
}

async fn stopped_control_plane_is_not_noticed_and_comes_back(workers: u32) {
    let mut stage = Stage::managed(workers).await;
    let identity = stage.exchange(&stage.issuer.token("job")).await.claims["sub"].clone();
    stage.control_plane_mut().stop().await;
    for subject in ["job", "meanwhile"] {
        let answers = stage.present_to_each_worker(&stage.issuer.token(subject)).await;
        assert!(answers.iter().all(|status| *status == 200), "{subject}: {answers:?}");
    }
    stage.control_plane_mut().serve().await;
    // What happened meanwhile is reported, and what is decided now arrives.
    stage.control_plane().identity("meanwhile").await;
    stage.control_plane().revoke(identity.as_str().unwrap()).await;
    let token = stage.issuer.token("job");
    wait::until("the revoke reaches every worker", wait::PATIENCE, async || {
        stage.present_to_each_worker(&token).await.iter().all(|status| *status == 401)
    })
    .await;
    stage.present(&stage.issuer.token("meanwhile")).await.expect(200);
}

async fn first_request_waits_for_the_first_snapshot(workers: u32) {
    let stage = Stage::managed_cold(workers).await;
    let answers = stage.present_to_each_worker(&stage.issuer.token("job")).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
}

async fn without_any_snapshot_requests_wait_and_are_unavailable(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let upstream = Upstream::start().await;
    let mut control_plane = ControlPlane::start().await;
    control_plane.apply(&Policy::exchange(&issuer)).await;
    let token = control_plane.register_gateway().await;
    control_plane.stop().await;
    let filter = config::cambist(&policy::from_control_plane());
    let clusters = stage::clusters(&upstream, control_plane.port());
    let setup = Setup::new(workers, stage::bootstrap(&[filter], &clusters)).env(TOKEN_ENV, &token);
    let envoy = setup.start().await;

    let begun = Instant::now();
    let answer = envoy.send(&Request::get("/").bearer(&issuer.token("job"))).await.expect(503);
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(4), "it waited {waited:?}");
    assert!(waited > Duration::from_secs(1), "it did not wait: {waited:?}");
    assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
    envoy.send(&Request::get(policy::READY)).await.expect(503);
    assert_eq!(upstream.count(), 0);

    control_plane.serve().await;
    envoy.until_ready().await;
    envoy.send(&Request::get("/").bearer(&issuer.token("job"))).await.expect(200);
}
