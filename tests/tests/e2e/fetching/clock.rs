//! The gateway's clock jumps: keys neither last for ever nor are lost for long, and nobody is asked without end.

use std::time::Duration;

use cambist_tests::client::Request;
use cambist_tests::envoy::clock::Clock;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage;
use cambist_tests::upstream::Upstream;
use serde_json::json;

use super::illness;
use super::lanes::{Lanes, RECOVERY, skip_discovery};

workers! {
    a_clock_that_jumps_ahead_makes_old_keys_stale,
    a_clock_that_jumps_back_does_not_make_keys_last,
}

const HOUR: i64 = 3_600;

/// Seconds for which keys are used after fetches began to fail.
const MAX_STALE: i64 = HOUR;

/// Fetches that a jump may cause in each VM.
const MOST_FETCHES: u64 = 6;

struct Scene {
    issuer: Issuer,
    clock: Clock,
    envoy: Envoy,
    lanes: Lanes,
    _upstream: Upstream,
}

impl Scene {
    async fn set(workers: u32) -> Self {
        let (issuer, upstream, clock) = (illness::issuer().await, Upstream::start().await, Clock::new());
        let mut policy = Policy::verify(&issuer);
        skip_discovery(&mut policy, 0, &issuer);
        policy.issuers[0]["max_stale"] = json!(MAX_STALE);
        let filter = config::cambist(&policy.inline());
        let bootstrap = stage::bootstrap(&[filter], &stage::clusters(&upstream, 1));
        let envoy = clock.wind(Setup::new(workers, bootstrap)).start().await;
        let lanes = Lanes::open(&envoy).await;
        let mut scene = Self { issuer, clock, envoy, lanes, _upstream: upstream };
        scene.lanes.expect("a good token", &scene.issuer.token("first"), 200).await;
        scene
    }

    /// A good token in a world that is `seconds` ahead.
    fn token(&self, seconds: i64) -> String {
        token(&self.issuer, seconds)
    }

    /// The gateway asked now and then, and no VM died.
    async fn is_calm_after(&self, fetches: u64) {
        let more = self.issuer.fetches().keys - fetches;
        assert!(more <= MOST_FETCHES * self.envoy.vms(), "{more} fetches");
        assert!(!self.envoy.output().contains("panicked"), "a VM died");
        Request::get("/ready").send(self.envoy.admin_port()).await.expect(200);
    }
}

fn token(issuer: &Issuer, seconds: i64) -> String {
    let mut claims = issuer.claims("later");
    for name in ["iat", "nbf", "exp"] {
        claims[name] = json!(claims[name].as_i64().unwrap() + seconds);
    }
    issuer.sign(&claims)
}

async fn a_clock_that_jumps_ahead_makes_old_keys_stale(workers: u32) {
    let mut scene = Scene::set(workers).await;
    let before = scene.issuer.fetches_by_all(&scene.envoy).await.keys;
    scene.issuer.go_down().await;
    // Half of the time that keys may be stale, and more than all of it.
    for (jump, status) in [(MAX_STALE / 2, 200), (3 * MAX_STALE, 503)] {
        scene.clock.set(jump);
        let token = scene.token(jump);
        scene.lanes.expect("while the issuer is down", &token, status).await;
    }
    scene.issuer.come_up().await;
    let Scene { lanes, issuer, .. } = &mut scene;
    let took = lanes.until("afterwards", || token(issuer, 3 * MAX_STALE), 200).await;
    assert!(took <= RECOVERY, "back after {took:?}");
    scene.lanes.expect("a token of the old days", &scene.issuer.token("first"), 401).await;
    scene.is_calm_after(before).await;
}

async fn a_clock_that_jumps_back_does_not_make_keys_last(workers: u32) {
    let mut scene = Scene::set(workers).await;
    let before = scene.issuer.fetches_by_all(&scene.envoy).await.keys;
    scene.clock.set(-24 * HOUR);
    let old = scene.token(-24 * HOUR);
    scene.lanes.expect("a token of that day", &old, 200).await;
    scene.lanes.expect("a token of tomorrow", &scene.issuer.token("first"), 401).await;
    scene.issuer.replace_keys(Key::p256("second"));
    let Scene { lanes, issuer, .. } = &mut scene;
    let took = lanes.until("the new key", || token(issuer, -24 * HOUR), 200).await;
    assert!(took <= Duration::from_secs(1), "the new key took {took:?}");
    scene.lanes.expect("a token of the key that is gone", &old, 401).await;
    scene.clock.set(0);
    let now = scene.issuer.token("now");
    scene.lanes.expect("today again", &now, 200).await;
    scene.is_calm_after(before).await;
}
