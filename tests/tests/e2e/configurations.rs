//! The Envoy configurations that users start from, in real Envoy, with nothing changed but ports.

use std::fs;

use cambist_tests::artifact;
use cambist_tests::client::Request;
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::Setup;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::{Policy, TOKEN_ENV};
use cambist_tests::stage;
use cambist_tests::tls::{Authority, Door};
use cambist_tests::token_endpoint::{JWT_BEARER, form};
use cambist_tests::upstream::Upstream;
use cambist_tests::wait;
use serde_json::json;

workers! {
    minimal_configuration_verifies_one_issuer,
    gateway_configuration_takes_its_policy_from_the_control_plane,
    claims_configuration_decides_and_logs_by_claims,
}

/// The text of a configuration with each of `changes` made; all must be possible.
fn configuration(name: &str, changes: &[(&str, String)]) -> String {
    let mut text = fs::read_to_string(artifact::root().join("envoy").join(name)).unwrap();
    let module = artifact::module().display().to_string();
    let common = [
        ("target/wasm32-wasip1/wasm/cambist_filter.wasm", module),
        ("port_value: 10000", "port_value: 0".to_owned()),
        ("port_value: 9901", "port_value: 0".to_owned()),
    ];
    for (from, to) in common.iter().chain(changes) {
        assert!(text.contains(from), "{name} does not hold {from}");
        text = text.replace(from, to);
    }
    text
}

async fn minimal_configuration_verifies_one_issuer(workers: u32) {
    let issuer = Issuer::start_as("https://issuer.example", Key::rsa("first")).await;
    let upstream = Upstream::start().await;
    let changes = [
        ("127.0.0.1:18080", format!("127.0.0.1:{}", issuer.port())),
        ("port_value: 18080", format!("port_value: {}", issuer.port())),
        ("port_value: 18000", format!("port_value: {}", upstream.port())),
    ];
    let envoy = Setup::new(workers, configuration("minimal.yaml", &changes)).start().await;
    envoy.send(&Request::get("/").bearer(&issuer.token("job"))).await.expect(200);
    envoy.send(&Request::get("/").bearer(&Key::rsa("first").token(&issuer.claims("job")))).await.expect(401);
    envoy.send(&Request::get("/")).await.expect(401);
    envoy.send(&Request::get("/").bearer(&issuer.token("job")).header("x_y", "z")).await.expect(400);
    assert_eq!(upstream.count(), 1);
}

/// An issuer at `https://issuer.localhost`, behind a certificate of `authority` for `name`.
async fn secure(authority: &Authority, name: &str) -> (Issuer, Door) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let door = Door::open(authority, &[name], issuer.port()).await;
    (issuer.reached_at(&format!("https://issuer.localhost:{}", door.port())), door)
}

async fn gateway_configuration_takes_its_policy_from_the_control_plane(workers: u32) {
    let (ours, stranger) = (Authority::new("ours"), Authority::new("stranger"));
    let (issuer, _door) = secure(&ours, "issuer.localhost").await;
    let (unknown, _unknown_door) = secure(&stranger, "issuer.localhost").await;
    let (misnamed, _misnamed_door) = secure(&ours, "other.localhost").await;
    let control_plane = ControlPlane::start().await;
    let mut policy = Policy::exchange(&issuer).and("unknown", &unknown).and("misnamed", &misnamed);
    policy.clients[0]["grant_types"] = json!([JWT_BEARER]);
    control_plane.apply(&policy).await;
    let token = control_plane.register_gateway().await;
    let upstream = Upstream::start().await;
    let changes = [
        ("port_value: 8080", format!("port_value: {}", control_plane.port())),
        ("port_value: 18000", format!("port_value: {}", upstream.port())),
        // Of the two, only the one that is in force.
        ("              trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }\n      typed", {
            let file = ours.file().display().to_string();
            format!("              trusted_ca: {{ filename: {file} }}\n      typed")
        }),
    ];
    let text = configuration("gateway.yaml", &changes);
    let envoy = Setup::new(workers, text).env(TOKEN_ENV, &token).start().await;
    envoy.until_ready().await;
    let answer = envoy.send(&Request::get("/").bearer(&issuer.token("job"))).await.expect(200);
    assert_ne!(stage::seen(&answer).bearer(), issuer.token("job"));
    envoy.send(&Request::get("/").bearer(&Key::p256("first").token(&issuer.claims("job")))).await.expect(401);
    for issuer in [unknown, misnamed] {
        envoy.send(&Request::get("/").bearer(&issuer.token("job"))).await.expect(503);
        assert_eq!(issuer.fetches().discovery, 0, "an issuer without a good certificate was asked");
    }
    envoy.send(&Request::get("/")).await.expect(401);
    envoy.send(&Request::get("/").bearer(&issuer.token("job")).header("x_y", "z")).await.expect(400);
    let granted = form(&[("grant_type", JWT_BEARER), ("assertion", &issuer.token("job"))]);
    envoy.send(&granted).await.expect(200);
    envoy.send(&form(&[])).await.expect(400);
    assert_eq!(upstream.count(), 1);
}

async fn claims_configuration_decides_and_logs_by_claims(workers: u32) {
    let issuer = Issuer::start_as("https://issuer.example", Key::rsa("first")).await;
    let upstream = Upstream::start().await;
    let changes = [
        ("127.0.0.1:18080", format!("127.0.0.1:{}", issuer.port())),
        ("port_value: 18080", format!("port_value: {}", issuer.port())),
        ("port_value: 18000", format!("port_value: {}", upstream.port())),
    ];
    let envoy = Setup::new(workers, configuration("claims.yaml", &changes)).start().await;
    let token = |user: &str, team: Option<&str>| {
        let mut claims = issuer.claims(user);
        if let Some(team) = team {
            claims["team"] = team.into();
        }
        issuer.sign(&claims)
    };
    let shop = token("ada", Some("shop"));
    let answer = envoy.send(&Request::get("/a").bearer(&shop).header("x-team", "forged")).await.expect(200);
    assert_eq!(stage::seen(&answer).values("x-team"), ["shop"]);
    let in_query = Request::get(format!("/b?access_token={shop}&c=1"));
    let answer = envoy.send(&in_query).await.expect(200);
    assert_eq!(stage::seen(&answer).path, "/b?c=1");
    let forged = Request::get("/d").bearer(&token("eve", Some("other"))).header("x-team", "shop");
    envoy.send(&forged).await.expect(403);
    envoy.send(&Request::get("/e").bearer(&token("bob", None)).header("x-team", "shop")).await.expect(403);
    envoy.send(&Request::get(format!("/f?access_token={}", issuer.token("x") + "x"))).await.expect(401);
    assert_eq!(upstream.count(), 2);
    for line in [
        "access user=ada team=shop path=/a status=200",
        "access user=ada team=shop path=/b?c=1 status=200",
        "access user=eve team=other path=/d status=403",
        "access user=bob team=- path=/e status=403",
        "access user=- team=- path=/f status=401",
    ] {
        wait::until(line, wait::PATIENCE, async || envoy.output().contains(line)).await;
    }
    assert!(!envoy.output().contains(&shop), "a token stands in the access log");
}
