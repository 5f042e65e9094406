//! One engine behind two token endpoints: a gateway's and the control plane's answer the same, byte for byte.

use std::fs;
use std::path::Path;
use std::process::Command;

use cambist_tests::client::{Answer, Request};
use cambist_tests::issuer::Issuer;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::token_endpoint::{self, JWT_BEARER, Scene, TOKEN_EXCHANGE};
use cambist_tests::wait;
use serde_json::{Value, json};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/seeds/workload.py");

/// The headers that tell something about an answer.
const TOLD: [&str; 6] =
    ["content-type", "cache-control", "pragma", "www-authenticate", "retry-after", "allow"];

fn policy(issuer: &Issuer) -> Policy {
    let mut policy = Policy::exchange(issuer);
    policy.clients[0]["grant_types"] = json!([JWT_BEARER, TOKEN_EXCHANGE]);
    // Both verify, so both need the keys, and this issuer is at a private address.
    policy.issuers[0]["keys"] = json!({ "source": "control_plane", "allow_private": true });
    policy
}

/// The same where one workload may act for another.
fn delegating(issuer: &Issuer) -> Policy {
    let mut policy = policy(issuer);
    policy.bindings[0]["actor"] = json!("allow");
    policy
}

/// What the workload's script is told at `port`.
async fn told(port: u16, client: &str, folder: &Path) -> String {
    let mut script = Command::new("python3");
    script.arg(SCRIPT).arg(format!("http://127.0.0.1:{port}")).arg(client);
    script.arg(folder.join("subject")).arg(folder.join("actor"));
    let run = tokio::task::spawn_blocking(move || script.output()).await.unwrap().expect("python3 runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// A workload's script is told the same at both, and leaves its identities with the control plane.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_told_the_same_at_both() {
    let stage = Stage::managed_with_endpoints(2, delegating).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, subject) in
        [("subject", "system:serviceaccount:shop:cart"), ("actor", "system:serviceaccount:shop:agent")]
    {
        fs::write(folder.path().join(name), stage.issuer.token(subject) + "\n").unwrap();
    }
    let client = stage.client_id().to_owned();
    let gateway = told(stage.envoy.port(), &client, folder.path()).await;
    let control_plane = told(stage.control_plane().port(), &client, folder.path()).await;
    print!("{gateway}");
    for (left, right) in gateway.lines().zip(control_plane.lines()) {
        assert_eq!(left, right, "the gateway, then the control plane");
    }
    assert_eq!(gateway, control_plane);

    let answers: Vec<Value> = gateway.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 25);
    let granted: Vec<_> =
        answers.iter().filter(|answer| answer[1] == 200).map(|answer| answer[0].as_str().unwrap()).collect();
    assert_eq!(
        granted,
        [
            "workload: form",
            "workload: no client id",
            "workload: narrower",
            "pod: json",
            "pod: of a client",
            "exchange: impersonation",
            "exchange: delegation",
            "exchange: asked for an access token",
        ]
    );
    assert_eq!(stage.upstream.count(), 0, "the upstream saw a token request");

    // Eight grants at either, all of the same identity; who acted has one of its own only where it asked itself.
    let identity = wait::until_some("both have recorded their grants", wait::PATIENCE, async || {
        let identity = stage.control_plane().identity("system:serviceaccount:shop:cart").await;
        (identity["count"] == 16).then_some(identity)
    })
    .await;
    println!("{identity}");
    assert_eq!(identity["client_id"], client);
    assert_eq!(identity["issuer"], "main");
    assert_eq!(identity["status"], "active");
}

/// Every grant and refusal that there is an example of.
#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_answered_the_same_at_both() {
    let stage = Stage::managed_with_endpoints(1, policy).await;
    let control_plane = stage.control_plane();
    let path = format!("/v1/clients/{}/secrets", stage.client_id());
    let secret = control_plane.post(&path, &json!({})).await;
    let secret = secret["secret"].as_str().expect("a secret, shown once").to_owned();
    let scene = Scene { issuer: &stage.issuer, client: stage.client_id(), secret: &secret };
    let refusals = token_endpoint::refusals(&scene);
    // The secret reaches the gateway with the next snapshot.
    let with_secret = token_endpoint::grants(&scene);
    for grant in &with_secret {
        wait::until(grant.name, wait::PATIENCE, async || {
            stage.envoy.send(&grant.request).await.status.as_u16() == 200
        })
        .await;
    }
    let both = async |request: &Request| {
        let gateway = stage.envoy.send(request).await;
        (gateway, request.clone().send(control_plane.port()).await)
    };
    for grant in &with_secret {
        let (gateway, other) = both(&grant.request).await;
        grant.check(&gateway);
        grant.check(&other);
        assert_eq!(headers(&gateway), headers(&other), "{}", grant.name);
    }
    for refusal in &refusals {
        let (gateway, other) = both(&refusal.request).await;
        refusal.check(&gateway);
        refusal.check(&other);
        assert_eq!(headers(&gateway), headers(&other), "{}", refusal.name);
        assert_eq!(gateway.body, other.body, "{}", refusal.name);
    }
    println!("both endpoints: {} grants and {} refusals alike", with_secret.len(), refusals.len());
}

fn headers(answer: &Answer) -> [Option<&str>; 6] {
    TOLD.map(|name| answer.header(name))
}
