//! Claims as each kind of issuer writes them, through core: what is told of the workload, and that its times pass.

use std::collections::BTreeMap;

use cambist_core::{claims::Claims, policy::FieldValues, time::Timestamp};
use serde_json::{Value, json};

use super::{ISS, compiled};

const KUBERNETES: &str = include_str!("../../../../tests/fixtures/kubernetes/tokens.json");

/// What core tells of a token with these claims of an issuer with `preset`, once its times are good.
fn told(preset: &str, claims: &Value) -> FieldValues {
    let policy = compiled(preset);
    let issuer = policy.issuer("a").unwrap();
    let read = Claims::parse(claims.to_string().as_bytes()).unwrap();
    let now = Timestamp::from_secs(read.iat().unwrap());
    read.check_times(&issuer.times, now).unwrap();
    issuer.fields.of(&read.members())
}

#[track_caller]
fn tells(preset: &str, claims: &Value, identity: &[(&str, &str)], audit: &[(&str, &str)]) {
    let list = |fields: &[(&str, &str)]| -> BTreeMap<String, String> {
        fields.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect()
    };
    let expected = FieldValues { identity: list(identity), audit: list(audit) };
    assert_eq!(told(preset, claims), expected, "{preset}");
}

/// A token that a real API server wrote for a pod.
#[test]
fn a_real_pods_token_tells_namespace_service_account_and_pod() {
    let tokens: Value = serde_json::from_str(KUBERNETES).unwrap();
    let pod = tokens["tokens"].as_array().unwrap().iter().find(|token| token["about"] == "bound to a pod");
    let claims = &pod.unwrap()["claims"];
    for preset in ["kubernetes", "gke", "eks"] {
        tells(
            preset,
            claims,
            &[
                ("namespace", "shop"),
                ("service_account", "checkout"),
                ("service_account_uid", "7343f403-cbe3-4c8a-b841-a571b26f6ad3"),
            ],
            &[("node", "n1"), ("pod", "checkout-0"), ("pod_uid", "2a453691-b578-42e3-bfb4-0bb52fc15f4b")],
        );
    }
}

/// Shape: EKS user guide, "IAM roles for service accounts"; older clusters name no node, and tokens live for a day.
#[test]
fn an_eks_token_of_a_day_tells_its_service_account() {
    let claims = json!({
        "aud": ["sts.amazonaws.com"], "exp": 1_700_086_400, "iat": 1_700_000_000, "nbf": 1_700_000_000,
        "iss": ISS[0].1, "sub": "system:serviceaccount:shop:cart",
        "kubernetes.io": {
            "namespace": "shop", "pod": { "name": "cart-5d8f7", "uid": "p-1" },
            "serviceaccount": { "name": "cart", "uid": "s-1" },
        },
    });
    tells(
        "eks",
        &claims,
        &[("namespace", "shop"), ("service_account", "cart"), ("service_account_uid", "s-1")],
        &[("pod", "cart-5d8f7"), ("pod_uid", "p-1")],
    );
}

/// Shape: Compute Engine documentation, "Verify VM identity", `format=full`.
#[test]
fn a_google_token_tells_account_and_project() {
    let mut claims = json!({
        "iss": "https://accounts.google.com", "iat": 1_700_000_000, "exp": 1_700_003_600, "aud": "cl_a",
        "sub": "113774264463038321964", "azp": "113774264463038321964",
        "email": "cart@acme-prod.iam.gserviceaccount.com", "email_verified": true,
        "google": { "compute_engine": {
            "project_id": "acme-prod", "project_number": 739_419_398_126_i64, "zone": "europe-west1-b",
            "instance_id": "152986662232938449", "instance_name": "cart-1",
            "instance_creation_timestamp": 1_699_000_000, "license_id": ["1000204"],
        } },
    });
    tells(
        "gcp",
        &claims,
        &[
            ("project", "acme-prod"),
            ("project_number", "739419398126"),
            ("service_account", "cart@acme-prod.iam.gserviceaccount.com"),
            ("zone", "europe-west1-b"),
        ],
        &[("instance", "cart-1"), ("instance_id", "152986662232938449")],
    );
    claims.as_object_mut().unwrap().remove("google");
    tells("gcp", &claims, &[("service_account", "cart@acme-prod.iam.gserviceaccount.com")], &[]);
}

/// Shape: GitHub documentation, "OpenID Connect reference"; `nbf` lies before `iat`, ids are texts.
#[test]
fn a_workflow_run_tells_repository_and_run() {
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com", "aud": "https://gateway.example",
        "nbf": 1_699_999_400, "iat": 1_700_000_000, "exp": 1_700_000_300, "jti": "j-1",
        "sub": "repo:acme/cart:environment:prod", "environment": "prod", "ref": "refs/heads/main",
        "sha": "9c1e", "repository": "acme/cart", "repository_owner": "acme", "repository_id": "74",
        "repository_owner_id": "65", "repository_visibility": "private", "actor": "ada", "actor_id": "12",
        "workflow": "deploy", "head_ref": "", "base_ref": "", "event_name": "workflow_dispatch",
        "ref_type": "branch", "run_id": "3000", "run_number": "10", "run_attempt": "2",
        "runner_environment": "github-hosted",
        "job_workflow_ref": "acme/shared/.github/workflows/deploy.yml@refs/heads/main",
    });
    tells(
        "github",
        &claims,
        &[
            ("environment", "prod"),
            ("job_workflow_ref", "acme/shared/.github/workflows/deploy.yml@refs/heads/main"),
            ("ref", "refs/heads/main"),
            ("repository", "acme/cart"),
            ("repository_id", "74"),
            ("repository_owner", "acme"),
            ("repository_owner_id", "65"),
        ],
        &[
            ("actor", "ada"),
            ("actor_id", "12"),
            ("event_name", "workflow_dispatch"),
            ("run_attempt", "2"),
            ("run_id", "3000"),
            ("sha", "9c1e"),
        ],
    );
}

/// Shape: GitLab documentation, "OpenID Connect (OIDC) Authentication Using ID Tokens".
#[test]
fn a_pipeline_tells_project_and_job() {
    let claims = json!({
        "iss": "https://gitlab.example", "aud": "https://gateway.example", "jti": "j-1",
        "iat": 1_700_000_000, "nbf": 1_699_999_995, "exp": 1_700_003_600,
        "sub": "project_path:acme/cart:ref_type:branch:ref:main", "namespace_id": "72",
        "namespace_path": "acme", "project_id": "20", "project_path": "acme/cart", "user_id": "1",
        "user_login": "ada", "user_email": "ada@example.org", "pipeline_id": "574", "pipeline_source": "push",
        "job_id": "302", "ref": "main", "ref_type": "branch", "ref_protected": "true", "runner_id": 1,
        "runner_environment": "self-hosted", "sha": "714a", "environment": "prod",
        "environment_protected": "true", "user_identities": [{ "provider": "github", "extern_uid": "1" }],
    });
    tells(
        "gitlab",
        &claims,
        &[
            ("environment", "prod"),
            ("namespace_id", "72"),
            ("namespace_path", "acme"),
            ("project_id", "20"),
            ("project_path", "acme/cart"),
            ("ref", "main"),
            ("ref_protected", "true"),
            ("ref_type", "branch"),
        ],
        &[
            ("job_id", "302"),
            ("pipeline_id", "574"),
            ("pipeline_source", "push"),
            ("sha", "714a"),
            ("user_id", "1"),
            ("user_login", "ada"),
        ],
    );
}

#[test]
fn a_token_that_lives_longer_than_its_kind_does_is_refused() {
    for (preset, longest) in [
        ("eks", 86_400),
        ("gke", 86_400),
        ("kubernetes", 86_400),
        ("gitlab", 86_400),
        ("generic", 86_400),
        ("github", 3_600),
        ("gcp", 3_600),
    ] {
        let policy = compiled(preset);
        let check = |lifetime: i64| {
            let claims = json!({ "iss": "a", "sub": "a", "aud": "a", "iat": 0, "exp": lifetime });
            let claims = Claims::parse(claims.to_string().as_bytes()).unwrap();
            claims.check_times(&policy.issuer("a").unwrap().times, Timestamp::from_secs(0)).is_ok()
        };
        assert!(check(longest) && !check(longest.saturating_add(1)), "{preset}");
    }
}
