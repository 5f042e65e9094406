//! A gateway that exchanges, and behind it a sidecar that trusts nobody but our authority.

use cambist_tests::client::Request;
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{Key, Parts};
use cambist_tests::policy::{self, AUTHORITY, CLIENT, Policy, TARGET, TOKEN_ENV};
use cambist_tests::stage;
use cambist_tests::upstream::Upstream;
use cambist_tests::wait;
use serde_json::json;

workers! {
    a_token_is_exchanged_at_the_gateway_and_judged_at_the_sidecar,
}

/// One control plane, one gateway, one sidecar, one service.
struct Mesh {
    issuer: Issuer,
    control_plane: ControlPlane,
    service: Upstream,
    sidecar: Envoy,
    gateway: Envoy,
}

async fn mesh(workers: u32) -> Mesh {
    let issuer = Issuer::start(Key::p256("first")).await;
    let control_plane = ControlPlane::start().await;
    let mut policy = Policy::exchange(&issuer);
    policy.routes.push(json!({
        "id": "inside", "place": "sidecar", "host": "api.example", "path": { "prefix": "/" }, "clients": [CLIENT],
        "scopes": ["read"], "target": TARGET, "forward": true,
        "condition": { "not": { "attribute": "jwt.claim.workload.sub", "equals": "outsider" } },
    }));
    control_plane.apply(&policy).await;
    let gateway_token = control_plane.register_gateway().await;
    let sidecar_token =
        control_plane.post("/v1/gateways", &json!({ "name": "mesh", "kind": "sidecar" })).await;
    let service = Upstream::start().await;

    let mut plugin = policy::from_control_plane();
    let port = control_plane.port();
    let gateway_plugin = config::cambist(&plugin);
    plugin["gateway"] = "mesh".into();
    let start = async |filter, upstream: u16, token: &str| {
        let clusters = [
            config::cluster("upstream", upstream),
            config::cluster("cambist_control_plane", port),
            config::forward_proxy(),
        ];
        Setup::new(workers, stage::bootstrap(&[filter], &clusters)).env(TOKEN_ENV, token).start().await
    };
    let token = sidecar_token["token"].as_str().expect("a token");
    let sidecar = start(config::cambist(&plugin), service.port(), token).await;
    let gateway = start(gateway_plugin, sidecar.port(), &gateway_token).await;
    gateway.until_ready().await;
    sidecar.until_ready().await;
    Mesh { issuer, control_plane, service, sidecar, gateway }
}

async fn a_token_is_exchanged_at_the_gateway_and_judged_at_the_sidecar(workers: u32) {
    let Mesh { issuer, control_plane, service, sidecar, gateway } = mesh(workers).await;
    let (job, neighbour) = (issuer.token("job"), issuer.token("neighbour"));
    let seen = stage::seen(&gateway.send(&Request::get("/orders").bearer(&job)).await.expect(200));
    let access = seen.bearer().to_owned();
    let parts = Parts::of(&access);
    assert_eq!((&parts.claims["iss"], &parts.header["typ"]), (&json!(AUTHORITY), &json!("at+jwt")));
    assert_eq!(service.count(), 1);

    // The sidecar takes ours from everywhere, and nothing else from anywhere.
    sidecar.send(&Request::get("/").bearer(&access)).await.expect(200);
    for request in
        [Request::get("/"), Request::get("/").bearer(&job), Request::get("/").bearer(&format!("{access}A"))]
    {
        sidecar.send(&request).await.expect(401);
    }
    let outsider = Request::get("/").bearer(&issuer.token("outsider"));
    gateway.send(&outsider).await.expect(403);
    assert_eq!(service.count(), 2);

    let others = stage::seen(&gateway.send(&Request::get("/").bearer(&neighbour)).await.expect(200))
        .bearer()
        .to_owned();
    let identity = control_plane.identity("job").await;
    control_plane.revoke(identity["id"].as_str().unwrap()).await;
    for (envoy, token, what) in [(&gateway, &job, "the gateway"), (&sidecar, &access, "the sidecar")] {
        let request = Request::get("/").bearer(token);
        wait::until(&format!("{what} refuses"), wait::PATIENCE, async || {
            envoy.send_to_each_worker(&request).await.iter().all(|answer| answer.status.as_u16() == 401)
        })
        .await;
    }
    gateway.send(&Request::get("/").bearer(&neighbour)).await.expect(200);
    sidecar.send(&Request::get("/").bearer(&others)).await.expect(200);
}
