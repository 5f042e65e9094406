//! Revoking access tokens (RFC 7009), identities by selector, and the labels they are selected by.

use axum::http::{Method, StatusCode};
use cambist_control_plane::store::Store as _;
use cambist_core::identity::identity_id;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{
    bench::{Answer, Bench, Client, START},
    tokens::{Signer, claims, claims_with, payload},
};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const REVOKE: &str = "/oauth2/v1/revoke";

async fn mk_bench() -> (Bench, Signer, String) {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, json!({ "grant_types": [BEARER] })).await;
    (bench, signer, client)
}

async fn exchange(bench: &Bench, token: &str) -> String {
    let body = format!("grant_type={BEARER}&assertion={token}");
    let answer = bench.nobody.send(Method::POST, "/oauth2/v1/token", &[FORM], body).await;
    answer.ok()["access_token"].as_str().unwrap().to_owned()
}

async fn revoke(client: &Client, body: &str) -> Answer {
    client.send(Method::POST, REVOKE, &[FORM], body.to_owned()).await
}

fn assert_done(answer: &Answer) {
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (status, &json!(error)), "{answer:?}");
}

async fn jtis(gateway: &Client, since: u64) -> Value {
    gateway.get(&format!("/gateway/v1/changes?since={since}")).await.ok()["jtis"].clone()
}

#[tokio::test]
async fn whoever_holds_a_token_of_a_public_client_may_revoke_it() {
    let (bench, signer, client) = mk_bench().await;
    let gateway = bench.gateway("edge", true).await;
    let access = exchange(&bench, &signer.sign(&claims())).await;
    let (told, since) = (payload(&access), bench.epoch());
    let body = format!("token={access}&token_type_hint=access_token");
    assert_done(&revoke(&bench.nobody, &body).await);
    assert!(bench.app.head("default").revocation_epoch > since);
    let entry = json!([{ "jti": told["jti"], "exp": told["exp"] }]);
    for since in [0, since] {
        assert_eq!(jtis(&gateway, since).await, entry);
    }
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let row = rows.last().unwrap();
    assert_eq!((row.actor.clone(), row.action.as_str()), (format!("client:{client}"), "revoke_token"));
    assert_eq!((&row.detail["jti"], json!(row.object)), (&told["jti"], told["sub"].clone()));
    // Again, it is nothing new.
    let epoch = bench.epoch();
    assert_done(&revoke(&bench.nobody, &format!("token={access}&client_id={client}")).await);
    assert_eq!(bench.epoch(), epoch);
    // It is forgotten when it has ended, and not before.
    let exp = told["exp"].as_i64().unwrap();
    let at = |secs| cambist_core::time::Timestamp::from_secs(secs);
    for (now, left) in [(exp - 1, 1), (exp, 0)] {
        bench.store.forget_tokens(at(now)).await.unwrap();
        assert_eq!(bench.store.changes("default", 0).await.unwrap().jtis.len(), left);
    }
}

#[tokio::test]
async fn what_nobody_would_take_is_as_good_as_revoked() {
    let (bench, signer, _) = mk_bench().await;
    let access = exchange(&bench, &signer.sign(&claims())).await;
    let (head, signature) = access.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    let epoch = bench.epoch();
    for token in [
        "x",
        "a.b.c",
        // Somebody else's, and one of ours that was changed.
        &signer.sign(&claims()),
        &format!("{head}.{flipped}"),
    ] {
        assert_done(&revoke(&bench.nobody, &format!("token={token}")).await);
    }
    bench.clock.set(START.plus_secs(3600));
    assert_done(&revoke(&bench.nobody, &format!("token={access}")).await);
    assert_eq!(bench.epoch(), epoch);
}

#[tokio::test]
async fn a_client_with_a_secret_proves_who_it_is() {
    let (bench, signer, client) = mk_bench().await;
    let path = format!("/v1/clients/{client}");
    let document = json!({ "name": "shop", "grant_types": [BEARER], "authentication": "secret" });
    let access = exchange(&bench, &signer.sign(&claims())).await;
    bench.admin.put(&path, "*", document).await.ok();
    let made = bench.admin.post(&format!("{path}/secrets"), json!({})).await.created();
    let secret = made["secret"].as_str().unwrap();
    let other = bench.admin.post("/v1/clients", json!({ "name": "other" })).await.created();
    let other = other["client_id"].as_str().unwrap();
    let token = format!("token={access}");
    let epoch = bench.epoch();
    assert_refused(&revoke(&bench.nobody, &token).await, 401, "invalid_client");
    assert_refused(
        &revoke(&bench.nobody, &format!("{token}&client_id={client}")).await,
        401,
        "invalid_client",
    );
    let wrong = format!("{token}&client_id={client}&client_secret=wrong");
    assert_refused(&revoke(&bench.nobody, &wrong).await, 401, "invalid_client");
    assert_refused(&revoke(&bench.nobody, &format!("{token}&client_id={other}")).await, 400, "invalid_grant");
    assert_refused(&revoke(&bench.nobody, &format!("{token}&client_id=cl_x")).await, 401, "invalid_client");
    assert_refused(&revoke(&bench.nobody, "").await, 400, "invalid_request");
    assert_refused(&revoke(&bench.nobody, &format!("{token}&{token}")).await, 400, "invalid_request");
    let json = bench.nobody.post(REVOKE, json!({ "token": access })).await;
    assert_refused(&json, 400, "invalid_request");
    assert_eq!(bench.nobody.get(REVOKE).await.status, 405);
    assert_eq!(bench.epoch(), epoch);
    let basic = format!("Basic {}", BASE64.encode(format!("{client}:{secret}").as_bytes()));
    let headers = [FORM, ("authorization", &*basic)];
    assert_done(&bench.nobody.send(Method::POST, REVOKE, &headers, token).await);
    assert!(bench.epoch() > epoch);
}

#[tokio::test]
async fn discovery_names_the_endpoint() {
    let bench = Bench::new().await;
    let told = bench.nobody.get("/.well-known/oauth-authorization-server").await.ok();
    assert_eq!(told["revocation_endpoint"], format!("{}{REVOKE}", super::bench::AUTHORITY));
}

/// Events of two clusters, four workloads each.
async fn mk_clusters(bench: &Bench) -> (Client, Vec<String>) {
    let client = bench.configure().await;
    for (id, cluster) in [("eks-1", "eu-1"), ("eks-2", "eu-2")] {
        let document = json!({ "id": id, "iss": format!("https://{id}.example"), "cluster": cluster });
        bench.admin.post("/v1/issuers", document).await.created();
    }
    let gateway = bench.gateway("edge", true).await;
    let (mut events, mut ids) = (Vec::new(), Vec::new());
    for number in 0..8_u64 {
        let (issuer, subject) = (if number < 4 { "eks-1" } else { "eks-2" }, format!("job-{}", number % 4));
        let id = identity_id("default", &client, issuer, "api", &subject);
        let namespace = if number % 4 < 2 { "shop" } else { "batch" };
        events.push(json!({
            "sequence": number + 1, "at_ms": START.millis(), "outcome": "mint", "epoch": 7,
            "identity": {
                "id": id, "client_id": client, "issuer": issuer, "audience": "api", "subject": subject,
            },
            "fields": { "namespace": namespace },
        }));
        ids.push(id);
    }
    let batch = json!({ "instance": "n", "epoch": 7, "dropped": 0, "events": events });
    gateway.post("/gateway/v1/events", batch).await.ok();
    (gateway, ids)
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_selector_revokes_a_cluster_after_a_dry_run_in_one_change() {
    let bench = Bench::new().await;
    let (gateway, ids) = mk_clusters(&bench).await;
    let ask = async |selector: Value, dry_run: bool| {
        let body = json!({ "selector": selector, "dry_run": dry_run });
        bench.admin.post("/v1/revocations", body).await.ok()
    };
    let (epoch, rows) = (bench.epoch(), bench.audit().await.len());
    for (selector, expected) in [
        (json!({ "cluster": "eu-1" }), &ids[..4]),
        (json!({ "issuer": "eks-2" }), &ids[4..]),
        (json!({ "cluster": "eu-1", "fields": { "namespace": "shop" } }), &ids[..2]),
        (json!({ "cluster": "eu-3" }), &[][..]),
        (json!({ "cluster": "eu-1", "labels": { "team": "pay" } }), &[][..]),
    ] {
        let told = ask(selector.clone(), true).await;
        assert_eq!((&told["count"], &told["sample"]), (&json!(expected.len()), &json!(sorted(expected))));
        assert_eq!((&told["dry_run"], &told["selector"]), (&json!(true), &selector));
    }
    assert_eq!((bench.epoch(), bench.audit().await.len()), (epoch, rows));

    assert_eq!(ask(json!({ "cluster": "eu-1" }), false).await["count"], 4);
    let changes = gateway.get(&format!("/gateway/v1/changes?since={epoch}")).await.ok();
    assert_eq!(changes["revoke"]["identities"], json!(sorted(&ids[..4])));
    assert_eq!((bench.epoch(), bench.audit().await.len()), (epoch + 1, rows + 1));
    let stored = bench.store.audit("default", 0, 1000).await.unwrap();
    let row = stored.last().unwrap();
    assert_eq!((row.action.as_str(), &row.detail["count"]), ("revoke_selected", &json!(4)));
    assert_eq!(row.detail["selector"], json!({ "cluster": "eu-1" }));
    let statuses = bench.admin.get("/v1/identities?cluster=eu-1&status=revoked").await.ok();
    assert_eq!(statuses["items"].as_array().unwrap().len(), 4);
    let others = bench.admin.get("/v1/identities?cluster=eu-2&status=revoked").await.ok();
    assert_eq!(others["items"], json!([]));
    // Again there is nobody left, and one that is reinstated is no neighbour's business.
    assert_eq!(ask(json!({ "cluster": "eu-1" }), false).await["count"], 0);
    assert_eq!(bench.epoch(), epoch + 1);
    bench.admin.post(&format!("/v1/identities/{}/reinstate", ids[0]), json!({})).await.ok();
    assert_eq!(ask(json!({ "cluster": "eu-1" }), true).await["count"], 1);
}

#[tokio::test]
async fn a_selector_must_name_something() {
    let bench = Bench::new().await;
    for (body, pointer) in [
        (json!({ "selector": {} }), "/selector"),
        (json!({ "selector": { "fields": {} } }), "/selector"),
        (json!({}), "/selector"),
        (json!({ "selector": { "colour": "red" } }), "/selector/colour"),
        (json!({ "selector": { "cluster": 5 } }), "/selector/cluster"),
        (json!({ "selector": { "fields": { "A'": "x" } } }), "/selector/fields/A'"),
        (json!({ "selector": { "labels": { "-": "x" } } }), "/selector/labels/-"),
    ] {
        assert_eq!(bench.admin.post("/v1/revocations", body).await.pointers(), [pointer]);
    }
    bench.nobody.post("/v1/revocations", json!({ "selector": { "cluster": "a" } })).await.problem(401);
}

#[tokio::test]
async fn labels_are_set_taken_away_and_found_by() {
    let bench = Bench::new().await;
    let (_, ids) = mk_clusters(&bench).await;
    let path = format!("/v1/identities/{}", ids[0]);
    let relabel = async |labels: Value| {
        let body = json!({ "labels": labels }).to_string();
        bench.admin.send(Method::PATCH, &path, &[], body).await
    };
    let told = relabel(json!({ "team": "pay", "app/tier": "web" })).await.ok();
    assert_eq!(told["labels"], json!({ "team": "pay", "app/tier": "web" }));
    let epoch = bench.epoch();
    relabel(json!({ "team": "pay", "gone": null })).await.ok();
    assert_eq!(bench.epoch(), epoch, "nothing changed");
    assert_eq!(
        relabel(json!({ "app/tier": null, "team": "buy" })).await.ok()["labels"],
        json!({ "team": "buy" })
    );
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let expected = json!({ "before": { "team": "pay", "app/tier": "web" }, "after": { "team": "buy" } });
    assert_eq!((rows.last().unwrap().action.as_str(), &rows.last().unwrap().detail), ("label", &expected));
    for (query, count) in [("label.team=buy", 1), ("label.team=pay", 0), ("label.team=buy&cluster=eu-2", 0)] {
        let list = bench.admin.get(&format!("/v1/identities?{query}")).await.ok();
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}");
    }
    let body = json!({ "selector": { "labels": { "team": "buy" } } });
    assert_eq!(bench.admin.post("/v1/revocations", body).await.ok()["count"], 1);
    // Labels stay when it is seen again.
    assert_eq!(bench.admin.get(&path).await.ok()["labels"], json!({ "team": "buy" }));

    let many: serde_json::Map<String, Value> =
        (0..17).map(|number| (format!("l{number}"), json!("x"))).collect();
    assert_eq!(relabel(Value::Object(many)).await.pointers(), ["/labels"]);
    assert_eq!(relabel(json!({ "": "x" })).await.pointers(), ["/labels/"]);
    assert_eq!(relabel(json!({ "a b": "x" })).await.pointers(), ["/labels/a b"]);
    assert_eq!(relabel(json!({ "a": "x".repeat(257) })).await.pointers(), ["/labels/a"]);
    assert_eq!(relabel(json!({ "a": 1 })).await.pointers(), ["/labels/a"]);
    let unknown = format!("/v1/identities/{}", ids[0].replace(&ids[0][8..12], "aaaa"));
    bench.admin.send(Method::PATCH, &unknown, &[], json!({ "labels": {} }).to_string()).await.problem(404);
}

#[tokio::test]
async fn stale_identities_are_found() {
    let bench = Bench::new().await;
    let (gateway, ids) = mk_clusters(&bench).await;
    bench.clock.set(START.plus_secs(86_400));
    let row = bench.admin.get(&format!("/v1/identities/{}", ids[5])).await.ok();
    let event = json!({
        "sequence": 1, "at_ms": START.plus_secs(86_000).millis(), "outcome": "mint", "epoch": 7,
        "identity": {
            "id": ids[5], "client_id": row["client_id"], "issuer": "eks-2", "audience": "api", "subject": "job-1",
        },
    });
    let batch = json!({ "instance": "m", "epoch": 7, "dropped": 0, "events": [event] });
    gateway.post("/gateway/v1/events", batch).await.ok();
    let list = bench.admin.get("/v1/identities?last_seen_before=2027-01-15T09:00:00Z").await.ok();
    let found: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(found.len(), 7);
    assert!(!found.contains(&&json!(ids[5])));
    bench.admin.get("/v1/identities?last_seen_before=old").await.problem(400);
}

#[tokio::test]
async fn denials_of_strangers_are_gathered() {
    let (bench, signer, _) = mk_bench().await;
    let ask = async |token: &str| {
        let body = format!("grant_type={BEARER}&assertion={token}");
        bench.nobody.send(Method::POST, "/oauth2/v1/token", &[FORM], body).await
    };
    for number in 0..50 {
        let exp = START.secs() - 100 - number;
        ask(&signer.sign(&claims_with(json!({ "exp": exp })))).await;
    }
    ask("a.b.c").await;
    bench.app.engine.settle().await;
    let list = bench.admin.get("/v1/audit?action=denial").await.ok();
    let told: Vec<(&Value, u64)> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["reason"], row["detail"]["count"].as_u64().unwrap_or(1)))
        .collect();
    let (expired, malformed) = (json!("token_expired"), json!("token_malformed"));
    assert_eq!(told, [(&expired, 1), (&malformed, 1), (&expired, 49)]);
}
