//! The page's three ways to a cluster's keys, each with real tokens through the gateway.

use cambist_tests::envoy::Envoy;
use cambist_tests::issuer::AUDIENCE;
use cambist_tests::jwt::{self, Key, Parts};
use cambist_tests::kubernetes::Algorithm;
use cambist_tests::{stage, wait};
use serde_json::json;

use super::site::{Reach, Site, each, present, until_each};

const SUBJECT: &str = "system:serviceaccount:shop:cart";

#[tokio::test(flavor = "multi_thread")]
async fn gateway_fetches_with_the_clusters_authority_in_envoy() {
    let site = Site::start(Algorithm::Rs256).await;
    for block in ["ca", "gateway", "who"] {
        site.run(block);
    }
    let gateway = site.gateway(Reach::Cluster).await;
    let token = site.token();
    // Discovery is closed: the gateway cannot tell.
    each(&gateway, &token, 503).await;
    assert_eq!(site.upstream.count(), 0);
    site.run("open");
    until_each(&gateway, &token, 200).await;
    pod_bound_token_is_exchanged(&site, &gateway, &token, "RS256").await;
    what_is_not_good_is_refused(&site, &gateway, &token).await;
    // As the page tries it.
    let try_it = site.page.block("try").replace(":10000", &format!(":{}", gateway.port()));
    assert_eq!(site.shell.run(&try_it), "200");
    assert!(site.run("identities").contains(SUBJECT));
}

#[tokio::test(flavor = "multi_thread")]
async fn control_plane_fetches_with_the_authority_of_the_issuer() {
    let site = Site::start(Algorithm::Es256).await;
    for block in ["open", "ca", "control-plane", "who"] {
        site.run(block);
    }
    let stages = site.run("test");
    assert!(!stages.contains("FAILED"), "{stages}");
    // Its Envoy trusts public authorities only: it cannot have fetched the keys itself.
    let gateway = site.gateway(Reach::Example).await;
    let token = site.token();
    until_each(&gateway, &token, 200).await;
    pod_bound_token_is_exchanged(&site, &gateway, &token, "ES256").await;
    what_is_not_good_is_refused(&site, &gateway, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_keys_need_nothing_of_the_cluster() {
    let site = Site::start(Algorithm::Es256).await;
    for block in ["pushed", "who"] {
        site.run(block);
    }
    let gateway = site.gateway(Reach::Example).await;
    let token = site.token();
    each(&gateway, &token, 503).await;
    site.run("push");
    until_each(&gateway, &token, 200).await;
    // The same again does no harm.
    site.run("push");
    pod_bound_token_is_exchanged(&site, &gateway, &token, "ES256").await;
    what_is_not_good_is_refused(&site, &gateway, &token).await;
}

/// What the upstream and the operator see of a pod's token.
async fn pod_bound_token_is_exchanged(site: &Site, gateway: &Envoy, token: &str, alg: &str) {
    let theirs = Parts::of(token);
    assert_eq!(theirs.header["alg"], alg);
    assert_eq!(theirs.header.get("typ"), None, "Kubernetes names no type");
    assert_eq!(theirs.claims["kubernetes.io"]["pod"]["name"], "cart-1");
    let answer = present(gateway, token).await.expect(200);
    assert!(!answer.text().contains(token), "the cluster's token reached the upstream");
    let ours = Parts::of(stage::seen(&answer).bearer()).claims;
    assert_eq!(ours["workload"]["iss"], site.kubernetes.iss());
    assert_eq!(ours["workload"]["sub"], SUBJECT);
    assert_eq!(ours["workload"]["cluster"], "shop");
    let identity = site.control_plane.identity(SUBJECT).await;
    assert_eq!(identity["issuer"], "shop-cluster");
    assert_eq!(identity["cluster"], "shop");
    let account = &theirs.claims["kubernetes.io"]["serviceaccount"]["uid"];
    let fields = json!({ "namespace": "shop", "service_account": "cart", "service_account_uid": account });
    assert_eq!(identity["fields"], fields);
    let pod = json!({ "pod": "cart-1", "pod_uid": theirs.claims["kubernetes.io"]["pod"]["uid"] });
    wait::until("an audit row has the pod", wait::PATIENCE, async || {
        let rows = site.audit().await;
        rows.iter().any(|row| row["detail"]["audit_fields"] == pod && row["detail"]["fields"] == fields)
    })
    .await;
}

async fn what_is_not_good_is_refused(site: &Site, gateway: &Envoy, token: &str) {
    let before = site.upstream.count();
    // For the API server itself, and for somebody else.
    for audience in ["https://kubernetes.default.svc", "https://other.example"] {
        each(gateway, &site.kubernetes.token("shop", "cart", audience), 401).await;
    }
    // Other claims under the cluster's signature.
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let mut claims = Parts::of(token).claims;
    claims["sub"] = json!("system:serviceaccount:shop:admin");
    let payload = jwt::encode(claims.to_string().as_bytes());
    each(gateway, &format!("{head}.{payload}.{signature}"), 401).await;
    // Somebody else's key under the cluster's name for its own.
    let theirs = Parts::of(token);
    let forger = Key::of(theirs.header["alg"].as_str().unwrap(), theirs.header["kid"].as_str().unwrap());
    each(gateway, &forger.token(&theirs.claims), 401).await;
    // A good token of a service account that no binding names.
    site.kubernetes.kubectl(&["create", "serviceaccount", "till", "--namespace", "shop"]);
    each(gateway, &site.kubernetes.token("shop", "till", AUDIENCE), 401).await;
    assert_eq!(site.upstream.count(), before, "a bad token was forwarded");
}
