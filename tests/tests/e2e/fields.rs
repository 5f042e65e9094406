//! What is told of a workload beside its subject: from a Kubernetes token to the access token, the identity and its
//! audit rows.

use cambist_tests::client::Request;
use cambist_tests::issuer::Issuer;
use cambist_tests::stage::Stage;
use cambist_tests::wait;
use hyper::Method;
use serde_json::{Value, json};

workers! {
    a_kubernetes_token_tells_cluster_namespace_service_account_and_pod,
}

const SUBJECT: &str = "system:serviceaccount:shop:checkout";

/// A token as a Kubernetes API server writes it for a pod.
fn of_pod(issuer: &Issuer, pod: &str) -> String {
    let mut claims = issuer.claims(SUBJECT);
    claims["kubernetes.io"] = json!({
        "namespace": "shop",
        "node": { "name": "n1", "uid": "2b8a930d-01eb-4317-9caa-bea4ee655510" },
        "pod": { "name": pod, "uid": "2a453691-b578-42e3-bfb4-0bb52fc15f4b" },
        "serviceaccount": { "name": "checkout", "uid": "7343f403-cbe3-4c8a-b841-a571b26f6ad3" },
    });
    issuer.sign(&claims)
}

fn fields() -> Value {
    json!({
        "namespace": "shop",
        "service_account": "checkout",
        "service_account_uid": "7343f403-cbe3-4c8a-b841-a571b26f6ad3",
    })
}

async fn a_kubernetes_token_tells_cluster_namespace_service_account_and_pod(workers: u32) {
    let stage = Stage::managed(workers).await;
    let control_plane = stage.control_plane();
    let issuer = json!({
        "preset": "kubernetes", "iss": stage.issuer.iss(), "cluster": "shop-eu", "allow_http": true,
    });
    let request = Request::new(Method::PUT, "/v1/issuers/main").header("if-match", "*").json(&issuer);
    control_plane.admin(request).await.expect(200);

    let token = of_pod(&stage.issuer, "checkout-0");
    let workload = wait::until_some("the issuer's fields are told", wait::PATIENCE, async || {
        let access = stage.exchange(&token).await;
        access.claims["workload"].get("namespace").map(|_| access.claims["workload"].clone())
    })
    .await;
    let mut expected = fields();
    expected["iss"] = json!(stage.issuer.iss());
    expected["sub"] = json!(SUBJECT);
    expected["cluster"] = json!("shop-eu");
    expected["issuer"] = json!("main");
    assert_eq!(workload, expected);

    let identity = wait::until_some("the identity shows the fields", wait::PATIENCE, async || {
        let list = control_plane.get("/v1/identities?field.namespace=shop").await;
        list["items"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(identity["subject"], SUBJECT);
    assert_eq!(identity["cluster"], "shop-eu");
    assert_eq!(identity["fields"], fields());
    let mint = row(&stage, "mint").await;
    assert_eq!(mint["object"], identity["id"]);
    assert_eq!(mint["detail"]["fields"], fields());

    control_plane.revoke(identity["id"].as_str().unwrap()).await;
    wait::until("the pod is refused", wait::PATIENCE, async || {
        stage.present(&token).await.status.as_u16() == 401
    })
    .await;
    let denial = row(&stage, "denial").await;
    assert_eq!(denial["detail"]["reason"], "identity_revoked");
    assert_eq!(denial["object"], identity["id"]);
}

/// The first audit row of this action that tells the pod.
async fn row(stage: &Stage, action: &str) -> Value {
    wait::until_some(&format!("the pod stands in the audit row of a {action}"), wait::PATIENCE, async || {
        let audit = stage.control_plane().get("/v1/audit?limit=1000").await;
        let mut rows = audit["items"].as_array()?.iter();
        rows.find(|row| row["action"] == action && row["detail"]["audit_fields"]["pod"] == "checkout-0")
            .cloned()
    })
    .await
}
