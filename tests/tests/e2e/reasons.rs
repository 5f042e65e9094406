//! Every reason for a refusal leaves a row in the audit trail: each is caused for real, and the rows are compared with the
//! list in the code.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use cambist_core::denial::Denial;
use cambist_tests::client::Request;
use cambist_tests::envoy::clock::Clock;
use cambist_tests::external::{Manner, TokenEndpoint};
use cambist_tests::issuer::{AUDIENCE, Issuer};
use cambist_tests::policy::{Policy, binding, route};
use cambist_tests::stage::Stage;
use cambist_tests::token_endpoint::{JWT_BEARER, MOST_BYTES, TOKEN, TOKEN_EXCHANGE, TOKEN_TYPE, form};
use cambist_tests::{jwt, wait};
use hyper::Method;
use serde_json::{Value, json};

/// Caused by nothing that a test can do to a healthy gateway: its host has no randomness, or signs no more. The gateway's
/// report of it is taken as it would send it.
const REPORTED: [&str; 1] = ["internal"];
/// Requests that hold more than a VM keeps of those that wait.
const CROWD: usize = 300;
/// How long a row or a count may take. Only a failure takes that long.
const SOON: Duration = Duration::from_secs(20);

/// Other clients, bindings, issuers and routes, each for a reason of its own.
fn policy(issuer: &Issuer, external: &Value, silent: u16) -> Policy {
    let mut policy = Policy::exchange(issuer);
    policy.clients.insert(0, json!({ "name": "Without grants" }));
    policy.clients[1]["grant_types"] = json!([JWT_BEARER, TOKEN_EXCHANGE]);
    let few = |id: &str, subjects: &[&str]| {
        let mut few = binding(id, "main");
        few["allow_any_subject"] = false.into();
        few["subjects"] = json!(subjects);
        few
    };
    policy.bindings = vec![few("main", &["job", "revoked", "twice"]), few("second", &["twice"])];
    let mut asking = few("asking", &["newcomer"]);
    asking["enrolment"] = "approve".into();
    policy.bindings.push(asking);
    let with_keys = |id: &str, iss: &str, uri: String| {
        let keys = json!({ "source": "jwks_uri", "uri": uri });
        json!({ "id": id, "iss": iss, "keys": keys, "allow_http": true })
    };
    for (id, iss, uri) in [
        ("twin", issuer.iss(), issuer.keys_url()),
        ("once", issuer.iss(), issuer.keys_url()),
        ("dead", "https://dead.example", "http://127.0.0.1:1/keys".to_owned()),
        ("silent", "https://silent.example", format!("http://127.0.0.1:{silent}/keys")),
    ] {
        policy.issuers.push(with_keys(id, iss, uri));
        if id == "once" {
            policy.issuers[2]["replay"] = "once".into();
        }
        let mut binding = binding(id, id);
        if id == "twin" {
            binding["audiences"] = json!(["twin"]);
            // One exchange, and then it is over the rate.
            binding["rate"] = json!({ "per_minute": 1, "burst": 1 });
        }
        if id == "once" {
            binding["audiences"] = json!(["once"]);
        }
        policy.bindings.push(binding);
    }
    policy.routes[0]["path"] = json!({ "prefix": "/api" });
    let mut conditional = route("conditional", "/conditional", "gateway");
    conditional["condition"] = json!({ "attribute": "jwt.claim.team", "equals": "red" });
    conditional["token_sources"] = json!(["authorization", { "header": { "name": "x-second-token" } }]);
    let mut wide = route("wide", "/wide", "gateway");
    wide["scopes"] = json!(["admin"]);
    let mut elsewhere = route("elsewhere", "/elsewhere", "external");
    elsewhere["external"] = external["id"].clone();
    policy.external_endpoints.push(external.clone());
    policy.routes.extend([conditional, wide, elsewhere]);
    policy
}

/// Reasons and a request that is refused for each.
fn causes(issuer: &Issuer, client: &str, without_grants: &str) -> Vec<(&'static str, Request)> {
    let good = issuer.token("job");
    let (key, now) = (issuer.key(), jwt::now());
    let get = |token: &str| Request::get("/api").bearer(token);
    let claims = |name: &str, value: Value| {
        let mut claims = issuer.claims("job");
        claims[name] = value;
        get(&issuer.sign(&claims))
    };
    let header = |name: &str, value: &str| {
        let mut header = json!({ "alg": key.alg(), "typ": "JWT", "kid": key.kid() });
        header[name] = value.into();
        get(&key.sign(&header, &issuer.claims("job")))
    };
    let bearer = |more: &[(&str, &str)]| {
        let fields = [("grant_type", JWT_BEARER), ("assertion", &good)];
        form(&[&fields, more].concat())
    };
    let access = format!("{TOKEN_TYPE}access_token");
    let both = [("subject_token", &*good), ("actor_token", &good)];
    let types = [("subject_token_type", &*access), ("actor_token_type", &access)];
    let too_long = "x".repeat(MOST_BYTES);
    vec![
        ("token_missing", Request::get("/api")),
        ("token_malformed", get("a.b.c")),
        ("token_too_large", get(&"a".repeat(20_000))),
        ("multiple_tokens", Request::get("/conditional").bearer(&good).header("x-second-token", &good)),
        ("duplicate_parameter", bearer(&[("assertion", &good)])),
        ("request_malformed", form(&[("grant_type", JWT_BEARER)])),
        ("request_too_large", form(&[("x", &too_long)])),
        ("method_not_allowed", Request::get(TOKEN)),
        ("grant_unknown", form(&[("grant_type", "password")])),
        ("issuer_not_allowed", claims("iss", "https://nobody.example".into())),
        ("issuer_ambiguous", claims("aud", json!([AUDIENCE, "twin"]))),
        ("bad_signature", get(&format!("{}AA", &good[..good.len() - 2]))),
        ("alg_not_allowed", header("alg", "ES384")),
        ("typ_not_allowed", header("typ", "secevent+jwt")),
        ("unknown_kid", header("kid", "nobody's")),
        ("token_expired", claims("exp", (now - 600).into())),
        ("token_not_yet_valid", claims("nbf", (now + 600).into())),
        ("token_too_old", claims("exp", (now + 864_000).into())),
        ("audience_mismatch", claims("aud", "nobody".into())),
        ("identity_not_found", get(&issuer.token("stranger"))),
        ("identity_pending", get(&issuer.token("newcomer"))),
        ("identity_revoked", get(&issuer.token("revoked"))),
        ("condition_false", Request::get("/conditional").bearer(&good)),
        ("target_not_allowed", bearer(&[("resource", "https://nobody.example")])),
        ("scope_not_allowed", Request::get("/wide").bearer(&good)),
        ("actor_not_allowed", form(&[&[("grant_type", TOKEN_EXCHANGE)], &both[..], &types[..]].concat())),
        ("client_unknown", bearer(&[("client_id", "cl_nobody")])),
        ("client_auth_failed", bearer(&[("client_id", client), ("client_secret", "wrong")])),
        ("grant_disabled", bearer(&[("client_id", without_grants)])),
        ("route_unknown", Request::get("/nowhere").bearer(&good)),
        ("binding_ambiguous", get(&issuer.token("twice"))),
        ("keys_unavailable", claims("iss", "https://dead.example".into())),
        ("upstream_sts_unavailable", Request::get("/elsewhere").bearer(&good)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reason_appears_in_an_audit_row() {
    let clock = Clock::new();
    let endpoint = TokenEndpoint::start().await;
    endpoint.set(Manner::Status(500));
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let external = endpoint.document();
    let stage = Stage::managed_at_with_endpoints(&clock, 1, |issuer| policy(issuer, &external, port)).await;
    // More wait for the first keys of an issuer than there is room for.
    let mut claims = stage.issuer.claims("job");
    claims["iss"] = "https://silent.example".into();
    let waits = stage.issuer.sign(&claims);
    let filler = "x".repeat(MOST_BYTES - waits.len() - 200);
    let crowd = form(&[("grant_type", JWT_BEARER), ("assertion", &waits), ("x", &filler)]);
    let gateway = stage.envoy.port();
    let waiting: Vec<_> = (0..CROWD)
        .map(|_| {
            let crowd = crowd.clone();
            tokio::spawn(async move { crowd.try_send(gateway).await.map(|answer| answer.status.as_u16()) })
        })
        .collect();
    stage.envoy.until_counted("cambist.decision.overloaded", 1).await;
    waiting.iter().for_each(tokio::task::JoinHandle::abort);

    let control_plane = stage.control_plane();
    let clients = control_plane.get("/v1/clients").await;
    let clients = clients["items"].as_array().unwrap();
    let without = clients.iter().find(|client| client["name"] == "Without grants").unwrap();
    let without = without["client_id"].as_str().unwrap();

    // Somebody is let in once and then no more.
    let once = Request::get("/api").bearer(&stage.issuer.token("revoked"));
    stage.envoy.send(&once).await.expect(200);
    let identity = control_plane.identity("revoked").await;
    control_plane.revoke(identity["id"].as_str().unwrap()).await;
    wait::until("the revocation is there", wait::PATIENCE, async || {
        stage.envoy.send(&once).await.status.as_u16() == 401
    })
    .await;

    // What is good at first, and then no more.
    let aimed = |audience: &str| {
        let mut claims = stage.issuer.claims("job");
        claims["aud"] = audience.into();
        stage.issuer.sign(&claims)
    };
    let replayed = Request::get("/api").bearer(&aimed("once"));
    stage.envoy.send(&replayed).await.expect(200);
    let often = form(&[("grant_type", JWT_BEARER), ("assertion", &aimed("twin"))]);
    stage.envoy.send(&often).await.expect(200);

    let mut causes = causes(&stage.issuer, stage.client_id(), without);
    causes.extend([("token_replayed", replayed), ("rate_limited", often)]);
    let mut reached: BTreeSet<&str> = causes.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reached.len(), causes.len(), "each has one cause");
    reached.insert("overloaded");
    for (reason, request) in &causes {
        let counter = format!("cambist.decision.{reason}");
        let before = stage.envoy.counter(&counter).await;
        let answer = stage.envoy.send(request).await;
        assert!(answer.status.as_u16() >= 400, "{reason}: {}", answer.text());
        let came = stage.envoy.until_counted(&counter, before + 1);
        let came = tokio::time::timeout(SOON, came).await;
        assert!(came.is_ok(), "another reason than {reason}: {}", answer.status);
    }

    // What no healthy gateway says.
    for (number, reason) in (1_u64..).zip(REPORTED) {
        let event =
            json!({ "sequence": number, "at_ms": 0, "outcome": "denial", "reason": reason, "epoch": 1 });
        let batch = json!({ "instance": "a broken host", "epoch": 1, "dropped": 0, "events": [event] });
        let request =
            Request::new(Method::POST, "/gateway/v1/events").json(&batch).bearer(stage.gateway_token());
        request.send(control_plane.port()).await.expect(200);
        reached.insert(reason);
    }

    // Nobody hears of the control plane for longer than a snapshot serves. What is refused then is told later.
    control_plane.freeze();
    clock.set(2 * 3_600);
    let refused =
        stage.envoy.send(&Request::get("/api").bearer(&stage.issuer.token("job"))).await.expect(503);
    assert!(refused.header("retry-after").is_some());
    control_plane.thaw();
    reached.insert("config_stale");

    let mut found = BTreeSet::new();
    let told = wait::until("every refusal is told", wait::PATIENCE, async || {
        found = reasons(&stage).await;
        reached.iter().all(|reason| found.contains(*reason))
    });
    let told = tokio::time::timeout(SOON, told).await;
    let lacking: Vec<_> = reached.iter().filter(|reason| !found.contains(**reason)).collect();
    assert!(told.is_ok() && lacking.is_empty(), "without a row: {lacking:?}");
    let all: BTreeSet<String> = Denial::ALL.iter().map(|denial| denial.reason().to_owned()).collect();
    assert_eq!(found, all);
}

/// The reasons of all denials in the audit trail.
async fn reasons(stage: &Stage) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut path = "/v1/audit?limit=1000".to_owned();
    loop {
        let page = stage.control_plane().get(&path).await;
        for row in page["items"].as_array().unwrap().iter().filter(|row| row["action"] == "denial") {
            found.extend(row["detail"]["reason"].as_str().map(str::to_owned));
        }
        let Some(next) = page["next"].as_str() else { return found };
        path = format!("/v1/audit?limit=1000&cursor={next}");
    }
}
