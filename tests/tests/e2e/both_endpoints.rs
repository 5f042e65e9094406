//! A workload's script at two token endpoints, a gateway's and the control plane's: it is told the same, byte for byte.

use std::fs;
use std::path::Path;
use std::process::Command;

use cambist_tests::issuer::Issuer;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::token_endpoint::{JWT_BEARER, TOKEN_EXCHANGE};
use cambist_tests::wait;
use serde_json::{Value, json};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/seeds/workload.py");

fn policy(issuer: &Issuer) -> Policy {
    let mut policy = Policy::exchange(issuer);
    policy.clients[0]["grant_types"] = json!([JWT_BEARER, TOKEN_EXCHANGE]);
    policy.bindings[0]["actor"] = json!("allow");
    // Both verify, so both need the keys, and this issuer is at a private address.
    policy.issuers[0]["keys"] = json!({ "source": "control_plane", "allow_private": true });
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
    let stage = Stage::managed_with_endpoints(2, policy).await;
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
