//! External endpoints: their life, and that their secrets go to gateways and nowhere else.

use axum::http::Method;
use cambist_control_plane::store::Store as _;
use cambist_core::wire::snapshot::{ClientLogin, ExternalEndpoint, Record, SecretText};
use serde_json::{Value, json};

use super::bench::{Answer, Bench};

const PATH: &str = "/v1/external-endpoints";
const SECRET: &str = "hunter2-hunter2-hunter2";

fn mk_endpoint() -> Value {
    json!({
        "id": "partner", "uri": "https://sts.example/token", "grant": "jwt-bearer",
        "login": { "method": "client_secret_basic", "client_id": "edge", "secret": { "value": SECRET } },
    })
}

/// A bench whose route exchanges at `partner`.
async fn mk_bench() -> Bench {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    bench.admin.post(PATH, mk_endpoint()).await.created();
    let route = json!({
        "host": "*", "path": { "prefix": "/" }, "clients": [client], "exchange": "external",
        "external": "partner",
    });
    bench.admin.put("/v1/routes/all", "\"1\"", route).await.ok();
    bench
}

fn endpoints(answer: &Answer) -> Vec<ExternalEndpoint> {
    let records = answer.records().into_iter();
    records
        .filter_map(
            |record| if let Record::ExternalEndpoint(endpoint) = record { Some(endpoint) } else { None },
        )
        .collect()
}

/// The secret that a gateway is told.
fn told(answer: &Answer) -> String {
    let found = endpoints(answer);
    assert_eq!(found.len(), 1);
    let ClientLogin::ClientSecretBasic { secret: SecretText::Value(secret), .. } = &found[0].login else {
        panic!("{found:?}")
    };
    secret.clone()
}

#[tokio::test]
async fn a_secret_is_told_to_gateways_and_shown_to_nobody() {
    let bench = mk_bench().await;
    let masked = json!({ "method": "client_secret_basic", "client_id": "edge", "secret": { "set": true } });
    let read = bench.admin.get(&format!("{PATH}/partner")).await;
    assert_eq!(read.ok()["login"], masked);
    assert_eq!(bench.admin.get(PATH).await.ok()["items"][0]["login"], masked);
    assert!(!bench.admin.get("/v1/audit").await.ok().to_string().contains(SECRET));
    for row in bench.store.audit("default", 0, 1000).await.unwrap() {
        let detail = row.detail.to_string();
        assert!(!detail.contains(SECRET) && !detail.contains("sealed"), "{detail}");
    }
    assert_eq!(told(&bench.gateway("edge", false).await.get("/gateway/v1/snapshot").await), SECRET);
    bench.store.close().await;
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(bench.folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
}

#[tokio::test]
async fn a_gateway_whose_connection_may_be_read_gets_no_secret() {
    let bench = mk_bench().await;
    let gateway = bench.gateway("edge", true).await.with_peer("192.0.2.7:1234");
    let found = endpoints(&gateway.get("/gateway/v1/snapshot").await);
    assert_eq!(found[0].login, ClientLogin::None);
}

#[tokio::test]
async fn an_endpoint_that_no_route_names_goes_to_no_gateway() {
    let bench = Bench::new().await;
    bench.configure().await;
    bench.admin.post(PATH, mk_endpoint()).await.created();
    let gateway = bench.gateway("edge", false).await;
    assert_eq!(endpoints(&gateway.get("/gateway/v1/snapshot").await), []);
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_and_a_secret_replaced() {
    let bench = mk_bench().await;
    let path = format!("{PATH}/partner");
    let gateway = bench.gateway("edge", false).await;
    let before = gateway.get("/gateway/v1/snapshot").await.etag();
    let mut document = bench.admin.get(&path).await.ok();
    document["timeout_ms"] = 900.into();
    let replaced = bench.admin.put(&path, "\"1\"", document.clone()).await;
    assert_eq!(replaced.ok()["version"], 2);
    let answer = gateway.get("/gateway/v1/snapshot").await;
    assert_eq!((told(&answer), endpoints(&answer)[0].timeout_ms), (SECRET.into(), 900));
    assert_ne!(answer.etag(), before);
    document["login"]["secret"] = json!({ "value": "rotated" });
    bench.admin.put(&path, "\"2\"", document).await.ok();
    assert_eq!(told(&gateway.get("/gateway/v1/snapshot").await), "rotated");
}

#[tokio::test]
async fn a_secret_that_is_said_to_be_set_must_be() {
    let bench = Bench::new().await;
    let mut document = mk_endpoint();
    document["login"]["secret"] = json!({ "set": true });
    assert!(bench.admin.post(PATH, document).await.pointers().contains(&"/login/secret".to_owned()));
}

#[tokio::test]
async fn faults_have_their_place_and_quote_no_secret() {
    let bench = Bench::new().await;
    let change = |change: fn(&mut Value)| {
        let mut document = mk_endpoint();
        change(&mut document);
        document
    };
    for (document, pointer) in [
        (change(|it| it["uri"] = "http://sts.example/token".into()), "/uri"),
        (change(|it| it["timeout_ms"] = 1.into()), "/timeout_ms"),
        (change(|it| it["login"]["secret"] = json!({ "env": "SECRET" })), "/login/secret"),
        (change(|it| it["login"]["secret"] = SECRET.into()), "/login"),
        (change(|it| it["login"]["method"] = SECRET.into()), "/login"),
        (change(|it| it["grant"] = "password".into()), "/grant"),
    ] {
        let answer = bench.admin.post(PATH, document.clone()).await;
        let pointers = answer.pointers();
        assert!(pointers.iter().any(|found| found.starts_with(pointer)), "{document}: {pointers:?}");
        assert!(!answer.json().to_string().contains(SECRET), "{}", answer.json());
    }
}

#[tokio::test]
async fn one_that_a_route_names_stays() {
    let bench = mk_bench().await;
    let path = format!("{PATH}/partner");
    bench.admin.delete(&path).await.problem(409);
    let route = json!({ "host": "*", "path": { "prefix": "/" }, "mode": "observe", "exchange": "external", "external": "nobody" });
    assert_eq!(bench.admin.put("/v1/routes/all", "\"2\"", route).await.pointers(), ["/external"]);
    bench.admin.delete("/v1/routes/all").await.no_content();
    bench.admin.delete(&path).await.no_content();
    bench.admin.get(&path).await.problem(404);
}

#[tokio::test]
async fn nobody_but_an_administrator_sees_them() {
    let bench = mk_bench().await;
    let gateway = bench.gateway("edge", false).await;
    for path in [PATH.to_owned(), format!("{PATH}/partner")] {
        gateway.get(&path).await.problem(401);
        let nobody = bench.nobody.clone();
        nobody.send(Method::GET, &path, &[], Vec::new()).await.problem(401);
    }
}
