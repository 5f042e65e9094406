//! Replay policy and rate at two gateways on one control plane.

use cambist_tests::client::{Answer, Request};
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::{self, Policy, TOKEN_ENV};
use cambist_tests::stage::{self, Stage};
use cambist_tests::token_endpoint::{JWT_BEARER, form};
use cambist_tests::wait;
use serde_json::json;

const WORKERS: u32 = 4;
const PRESENTATIONS: usize = 64;

/// Two gateways; the second may not mint, and has the control plane do it.
struct Scene {
    stage: Stage,
    second: Envoy,
}

impl Scene {
    async fn open(workers: u32, change: impl FnOnce(&mut Policy)) -> Self {
        let stage = Stage::managed_with_endpoints(workers, |issuer| {
            let mut policy = Policy::exchange(issuer);
            policy.clients[0]["grant_types"] = json!([JWT_BEARER]);
            // The control plane verifies too, and asks no address on loopback for keys.
            policy.issuers[0]["keys"] = json!({ "source": "inline", "jwks": issuer.jwks() });
            change(&mut policy);
            policy
        })
        .await;
        let control_plane = stage.control_plane();
        let made = control_plane.post("/v1/gateways", &json!({ "name": "second" })).await;
        let mut plugin = policy::from_control_plane();
        plugin["gateway"] = json!("second");
        plugin["endpoints"] = json!({ "hosts": ["*"] });
        let listener = config::listener_with_endpoints("gateway", &config::cambist(&plugin), "upstream");
        let clusters = stage::clusters(&stage.upstream, control_plane.port());
        let setup = Setup::new(workers, config::bootstrap(&[listener], &clusters));
        let second = setup.env(TOKEN_ENV, made["token"].as_str().unwrap()).start().await;
        second.until_ready().await;
        Self { stage, second }
    }

    fn gateways(&self) -> [&Envoy; 2] {
        [&self.stage.envoy, &self.second]
    }

    /// The ports of all three token endpoints.
    fn endpoints(&self) -> [u16; 3] {
        [self.stage.envoy.port(), self.second.port(), self.stage.control_plane().port()]
    }

    fn token(&self, name: &str) -> String {
        let mut claims = self.stage.issuer.claims("job");
        claims["jti"] = json!(name);
        self.stage.issuer.sign(&claims)
    }
}

fn assertion(token: &str) -> Request {
    form(&[("grant_type", JWT_BEARER), ("assertion", token)])
}

/// Replay `once` under parallel presentations at two gateways: exactly one passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_passes_once_wherever_it_is_presented() {
    let mut scene = Scene::open(WORKERS, |policy| {
        policy.issuers[0]["replay"] = json!("once");
        // The second gateway has no key.
        policy.routes.push(policy::route("remote", "/remote", "control-plane"));
    })
    .await;
    for round in 0..3 {
        let before = scene.stage.upstream.count();
        let request = Request::get("/remote").bearer(&scene.token(&format!("parallel {round}")));
        let sent = (0..PRESENTATIONS).map(|n| {
            let (request, port) = (request.clone(), scene.gateways()[n % 2].port());
            tokio::spawn(async move { request.send(port).await.status.as_u16() })
        });
        let sent: Vec<_> = sent.collect();
        let mut statuses = Vec::new();
        for answer in sent {
            statuses.push(answer.await.unwrap());
        }
        let count = |status: u16| statuses.iter().filter(|known| **known == status).count();
        assert_eq!((count(200), count(401)), (1, PRESENTATIONS - 1), "{statuses:?}");
        assert_eq!(scene.stage.upstream.count() - before, 1);
    }

    // What was used at one token endpoint is used at all of them, and at routes.
    for (first, port) in scene.endpoints().into_iter().enumerate() {
        let token = scene.token(&format!("endpoint {first}"));
        assertion(&token).send(port).await.expect(200);
        for port in scene.endpoints() {
            let answer = assertion(&token).send(port).await.expect(400);
            assert_eq!(answer.text(), "{\"error\":\"invalid_grant\"}\n");
        }
        let answer = scene.stage.present(&token).await.expect(401);
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{answer:?}");
    }

    // Nobody can tell: nothing passes.
    scene.stage.control_plane_mut().stop().await;
    let token = scene.token("alone");
    let answer = scene.stage.present(&token).await.expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assertion(&token).send(scene.stage.envoy.port()).await.expect(503);
    scene.stage.control_plane_mut().serve().await;
    wait::until("a new token passes", wait::PATIENCE, async || {
        let token = scene.token(&format!("again {:?}", std::time::Instant::now()));
        scene.stage.present(&token).await.status == 200
    })
    .await;
    // What was used before the control plane went is used.
    scene.stage.present(&scene.token("parallel 0")).await.expect(401);
}

/// Replay `once-per-target`: routes with one target count as one, a route that only verifies is one of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_passes_once_for_each_target() {
    let scene = Scene::open(1, |policy| {
        policy.issuers[0]["replay"] = json!("once-per-target");
        policy.routes.push(policy::route("remote", "/remote", "control-plane"));
        policy.routes.push(policy::route("verify", "/verify", "none"));
    })
    .await;
    let token = scene.token("one");
    let [first, second] = scene.gateways();
    let get = |path: &str| Request::get(path).bearer(&token);
    first.send(&get("/")).await.expect(200);
    second.send(&get("/remote")).await.expect(401);
    second.send(&get("/verify")).await.expect(200);
    first.send(&get("/verify")).await.expect(401);
    assertion(&token).send(scene.stage.control_plane().port()).await.expect(400);
}

/// Whoever is over its rate is told the same at all three token endpoints, but for the headers of Envoy itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_over_its_rate_is_told_the_same_everywhere() {
    let scene = Scene::open(1, |policy| {
        policy.bindings[0]["rate"] = json!({ "per_minute": 1, "burst": 1 });
    })
    .await;
    let told = |answer: &Answer| {
        let own = ["cache-control", "content-type", "pragma", "retry-after", "www-authenticate"];
        let headers = own.map(|name| answer.header(name).map(str::to_owned));
        (answer.status.as_u16(), headers, answer.text())
    };
    let mut all = Vec::new();
    // The second gateway's calls are the control plane's own: one counter for both.
    let [first, second, control_plane] = scene.endpoints();
    for (port, granted) in [(first, true), (control_plane, true), (second, false)] {
        let token = scene.token("one");
        if granted {
            assertion(&token).send(port).await.expect(200);
        }
        all.push(told(&assertion(&token).send(port).await));
    }
    let (status, headers, body) = &all[0];
    assert_eq!((*status, &**body), (429, "{\"error\":\"temporarily_unavailable\"}\n"));
    let seconds: u32 = headers[3].as_deref().unwrap().parse().unwrap();
    assert!((50..=60).contains(&seconds), "{seconds}");
    for other in &mut all {
        // A second may pass from one to the next.
        other.1[3] = None;
    }
    assert!(all.iter().all(|other| *other == all[0]), "{all:?}");
    // A neighbour notices nothing.
    let neighbour = scene.stage.issuer.token("neighbour");
    for port in [first, control_plane] {
        assertion(&neighbour).send(port).await.expect(200);
    }
}

/// Without a control plane nobody could write uses down: that is a fault of the configuration.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_policy_without_a_control_plane_is_refused() {
    let issuer = Issuer::start(Key::p256("first")).await;
    let mut policy = Policy::verify(&issuer);
    policy.issuers[0]["replay"] = json!("once");
    let listener = config::listener("gateway", &[config::cambist(&policy.inline())], "upstream");
    let clusters = [config::cluster("upstream", 1), config::forward_proxy()];
    let said = Setup::new(1, config::bootstrap(&[listener], &clusters)).refusal().await;
    assert!(said.contains("snapshot/issuers/0/replay"), "{said}");
}
