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
    a_whole_cluster_is_cut_off_at_gateway_and_sidecar_and_let_in_again,
}

/// One control plane, one gateway, one sidecar, one service.
struct Mesh {
    /// Of the cluster eu-1.
    issuer: Issuer,
    /// Of the cluster eu-2.
    neighbour: Issuer,
    control_plane: ControlPlane,
    service: Upstream,
    sidecar: Envoy,
    gateway: Envoy,
}

async fn mesh(workers: u32) -> Mesh {
    let issuer = Issuer::start(Key::p256("first")).await;
    let control_plane = ControlPlane::start().await;
    let neighbour = Issuer::start(Key::p256("other")).await;
    let mut policy = Policy::exchange(&issuer).and("other", &neighbour);
    policy.issuers[0]["cluster"] = "eu-1".into();
    policy.issuers[1]["cluster"] = "eu-2".into();
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
    Mesh { issuer, neighbour, control_plane, service, sidecar, gateway }
}

async fn a_token_is_exchanged_at_the_gateway_and_judged_at_the_sidecar(workers: u32) {
    let Mesh { issuer, neighbour: _neighbour, control_plane, service, sidecar, gateway } =
        mesh(workers).await;
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

async fn a_whole_cluster_is_cut_off_at_gateway_and_sidecar_and_let_in_again(workers: u32) {
    let Mesh { issuer, neighbour, control_plane, service: _service, sidecar, gateway } = mesh(workers).await;
    let exchanged = async |token: &str| {
        let answer = gateway.send(&Request::get("/").bearer(token)).await.expect(200);
        stage::seen(&answer).bearer().to_owned()
    };
    // Two workloads of the cluster and one of another, whose name one of them bears, too.
    let tokens = [issuer.token("job"), issuer.token("till"), neighbour.token("job")];
    let mut access = Vec::new();
    for token in &tokens {
        access.push(exchanged(token).await);
    }
    let each = async |envoy: &Envoy, token: &str, status: u16, what: &str| {
        let request = Request::get("/").bearer(token);
        wait::until(what, wait::PATIENCE, async || {
            envoy.send_to_each_worker(&request).await.iter().all(|answer| answer.status.as_u16() == status)
        })
        .await;
    };
    for token in &access {
        each(&sidecar, token, 200, "the sidecar takes what was issued").await;
    }
    control_plane.until_seen(3).await;
    let selector = |dry_run: bool| json!({ "selector": { "cluster": "eu-1" }, "dry_run": dry_run });
    let told = control_plane.post("/v1/revocations", &selector(true)).await;
    assert_eq!(told["count"], 2, "{told}");
    each(&gateway, &tokens[0], 200, "a dry run changes nothing").await;
    assert_eq!(control_plane.post("/v1/revocations", &selector(false)).await["count"], 2);
    for number in [0, 1] {
        each(&gateway, &tokens[number], 401, "the gateway refuses the cluster").await;
        each(&sidecar, &access[number], 401, "the sidecar refuses what was issued for it").await;
    }
    gateway.send(&Request::get("/").bearer(&tokens[2])).await.expect(200);
    sidecar.send(&Request::get("/").bearer(&access[2])).await.expect(200);
    for identity in control_plane.get("/v1/identities?cluster=eu-1").await["items"].as_array().unwrap() {
        let path = format!("/v1/identities/{}/reinstate", identity["id"].as_str().unwrap());
        control_plane.post(&path, &json!({})).await;
    }
    for number in [0, 1] {
        each(&gateway, &tokens[number], 200, "the gateway lets the cluster in again").await;
        each(&sidecar, &access[number], 200, "so does the sidecar").await;
    }
    // An issuer that is revoked takes with it what was issued for its workloads, and nothing else.
    control_plane.post("/v1/issuers/main/revoke", &json!({})).await;
    each(&gateway, &tokens[0], 401, "the gateway refuses the issuer").await;
    each(&sidecar, &access[0], 401, "the sidecar refuses what was issued for it").await;
    sidecar.send(&Request::get("/").bearer(&access[2])).await.expect(200);
}
