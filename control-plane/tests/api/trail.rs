//! The audit trail as a chain: what is changed, dropped, moved or slipped in is named.

use std::path::{Path, PathBuf};

use cambist_control_plane::store::{Store as _, chain::Link, sqlite::SqliteStore};
use cambist_core::identity::identity_id;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::bench::{Bench, Client, START};

const EVENTS: &str = "/gateway/v1/events";

fn mk_event(client: &str, sequence: u64) -> Value {
    json!({
        "sequence": sequence, "at_ms": START.millis(), "outcome": "mint", "epoch": 7, "route": "all",
        "token_sha256": "ab",
        "identity": {
            "id": identity_id("default", client, "eks", "api", "cart"),
            "client_id": client, "issuer": "eks", "audience": "api", "subject": "cart",
        },
        "minted": {
            "jti": format!("j{sequence}"), "kid": "k1", "target": "upstream", "scope": "read", "exp": 5,
        },
    })
}

async fn deliver(gateway: &Client, instance: &str, events: &[Value]) {
    let batch = json!({ "instance": instance, "epoch": 7, "dropped": 0, "events": events });
    gateway.post(EVENTS, batch).await.ok();
}

/// Changes, and events with ids from `first` on.
async fn mk_trail(bench: &Bench) -> String {
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let events: Vec<Value> = (1..=400).map(|sequence| mk_event(&client, sequence)).collect();
    deliver(&gateway, "node/1", &events).await;
    bench.admin.post("/v1/clients", json!({ "name": "later" })).await.created();
    client
}

fn database(bench: &Bench) -> PathBuf {
    bench.folder.path().join("cambist.db")
}

async fn tamper(path: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn verify(bench: &Bench) -> Value {
    bench.admin.get("/v1/audit/verify").await.ok()
}

#[tokio::test]
async fn an_untouched_trail_verifies() {
    let bench = Bench::new().await;
    mk_trail(&bench).await;
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let found = verify(&bench).await;
    assert_eq!((&found["rows"], &found["broken"]), (&json!(rows.len()), &json!(null)), "{found}");
    assert_eq!((&found["complete"], &found["last"]["id"]), (&json!(true), &json!(rows.last().unwrap().id)));
    // It goes on from any row whose hash is known.
    let list = bench.admin.get("/v1/audit?limit=5").await.ok();
    let fifth = &list["items"][4];
    let path = format!("/v1/audit/verify?after={}&hash={}", fifth["id"], fifth["hash"].as_str().unwrap());
    let rest = bench.admin.get(&path).await.ok();
    assert_eq!((&rest["rows"], &rest["last"]), (&json!(rows.len() - 5), &found["last"]));
    let wrong = path.replace("after=5", "after=4");
    assert_eq!(bench.admin.get(&wrong).await.ok()["broken"]["id"], 5);
    bench.admin.get("/v1/audit/verify?after=5").await.problem(400);
    bench.admin.get("/v1/audit/verify?after=5&hash=zz").await.problem(400);
    bench.nobody.get("/v1/audit/verify").await.problem(401);
}

#[tokio::test]
async fn names_the_first_row_that_does_not_fit() {
    for (statement, broken, after) in [
        ("UPDATE audit SET detail = json_set(detail, '$.minted.scope', 'write') WHERE id = 100", 100, 99),
        ("UPDATE audit SET actor = 'admin:other' WHERE id = 3", 3, 2),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE id = 100", 100, 99),
        ("UPDATE audit SET object = '' WHERE id = 100", 100, 99),
        ("UPDATE audit SET hash = NULL WHERE id = 100", 100, 99),
        ("UPDATE audit SET hash = zeroblob(32) WHERE id = 100", 100, 99),
        ("DELETE FROM audit WHERE id = 100", 101, 99),
        ("DELETE FROM audit WHERE id = 1", 2, 0),
        // Two rows that change places, with all they hold.
        (
            "UPDATE audit SET id = -1 WHERE id = 100; UPDATE audit SET id = 100 WHERE id = 101; \
             UPDATE audit SET id = 101 WHERE id = -1",
            100,
            99,
        ),
        // One that is put in where another was, and one behind the end.
        (
            "UPDATE audit SET id = id + 1000 WHERE id > 100; INSERT INTO audit (id, tenant, at_ms, epoch, actor, \
             action, kind, object, request, detail, hash) SELECT 101, tenant, at_ms, epoch, actor, action, kind, \
             object, request, detail, hash FROM audit WHERE id = 100",
            101,
            100,
        ),
        (
            "INSERT INTO audit (tenant, at_ms, epoch, actor, action, kind, object, request, detail, hash) \
             VALUES ('default', 1, 1, 'admin:first', 'create', 'client', 'x', 'r', '{}', zeroblob(32))",
            -1,
            0,
        ),
    ] {
        let bench = Bench::new().await;
        mk_trail(&bench).await;
        let end = bench.store.audit("default", 0, 1000).await.unwrap().last().unwrap().id;
        let (broken, after) = if broken < 0 { (end + 1, end) } else { (broken, after) };
        tamper(&database(&bench), statement).await;
        let found = verify(&bench).await;
        assert_eq!(
            (&found["broken"]["id"], &found["broken"]["after"]),
            (&json!(broken), &json!(after)),
            "{statement}: {found}"
        );
        assert_eq!(found["last"]["id"], after, "{statement}");
    }
}

#[tokio::test]
async fn a_trail_that_was_cut_off_is_found_out_also_when_it_goes_on() {
    let bench = Bench::new().await;
    mk_trail(&bench).await;
    let end = bench.store.audit("default", 0, 1000).await.unwrap().last().unwrap().id;
    tamper(&database(&bench), "DELETE FROM audit WHERE id = (SELECT MAX(id) FROM audit)").await;
    let found = verify(&bench).await;
    assert_eq!(
        (&found["broken"]["id"], &found["broken"]["after"]),
        (&json!(end), &json!(end - 1)),
        "{found}"
    );
    bench.admin.post("/v1/clients", json!({ "name": "more" })).await.created();
    let found = verify(&bench).await;
    assert_eq!(
        (&found["broken"]["id"], &found["broken"]["after"]),
        (&json!(end + 1), &json!(end - 1)),
        "{found}"
    );
}

#[tokio::test]
async fn rows_from_before_the_chain_are_sealed_once() {
    let bench = Bench::new().await;
    mk_trail(&bench).await;
    let path = database(&bench);
    let unseal = "UPDATE audit SET hash = NULL; UPDATE audit_heads SET id = 0, hash = zeroblob(32), \
                  legacy = (SELECT MAX(id) FROM audit)";
    tamper(&path, unseal).await;
    assert_eq!(verify(&bench).await["broken"]["id"], 1);
    let store = SqliteStore::open(&path).await.unwrap();
    let found = store.verify("default", Link::default(), 10_000).await.unwrap();
    assert_eq!((found.broken, found.is_end), (None, true));
    assert_eq!(found.rows, 400 + bench.store.audit("default", 0, 1000).await.unwrap().len() as u64 - 400);
    store.close().await;
    // What is opened again is taken as it is.
    tamper(&path, "UPDATE audit SET hash = NULL WHERE id = 7").await;
    let store = SqliteStore::open(&path).await.unwrap();
    let found = store.verify("default", Link::default(), 10_000).await.unwrap();
    assert_eq!(found.broken.unwrap().id, 7);
}

#[tokio::test]
async fn shows_whom_a_row_is_about_and_finds_by_it() {
    let bench = Bench::new().await;
    let client = mk_trail(&bench).await;
    let gateway = bench.gateway("other", true).await;
    bench.clock.set(START.plus_secs(60));
    let denial = json!({
        "sequence": 1, "at_ms": START.plus_secs(60).millis(), "outcome": "denial", "epoch": 8,
        "reason": "token_expired",
    });
    deliver(&gateway, "node/2", &[denial]).await;
    let find = async |query: &str| bench.admin.get(&format!("/v1/audit?limit=1000&{query}")).await.ok();
    let id = identity_id("default", &client, "eks", "api", "cart");
    let list = find("jti=j7").await;
    let [row] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
    for (member, value) in [
        ("identity", json!(id)),
        ("client_id", json!(client)),
        ("issuer", json!("eks")),
        ("subject", json!("cart")),
        ("target", json!("upstream")),
        ("scope", json!("read")),
        ("jti", json!("j7")),
        ("kid", json!("k1")),
        ("epoch", json!(7)),
        ("gateway", json!("edge")),
        ("instance", json!("node/1")),
        ("sequence", json!(7)),
        ("token_sha256", json!("ab")),
        ("action", json!("mint")),
        ("reason", json!(null)),
        ("actor", json!("gateway:edge")),
    ] {
        assert_eq!(row[member], value, "{member}");
    }
    assert!(row["request"].as_str().unwrap().len() == 16 && row["hash"].as_str().unwrap().len() == 64);
    let request = row["request"].as_str().unwrap();
    for (query, count) in [
        (format!("identity={id}"), 400),
        (format!("client_id={client}&action=mint"), 400),
        (format!("client_id={client}&action=create"), 1),
        (String::from("issuer=eks&action=mint"), 400),
        (String::from("issuer=eks&action=create"), 1),
        (String::from("reason=token_expired"), 1),
        (String::from("gateway=other&action=denial"), 1),
        (String::from("instance=node%2F1"), 400),
        (format!("request={request}"), 400),
        (String::from("since=2027-01-15T08:00:30Z"), 1),
        (String::from("until=2027-01-15T08:00:00Z"), 0),
        (String::from("action=nothing"), 0),
        (String::from("identity=%27%20OR%201%3D1"), 0),
    ] {
        let list = find(&query).await;
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}");
        assert_eq!(list["next"], json!(null), "{query}");
    }
    let newest = bench.admin.get("/v1/audit?order=newest&limit=2").await.ok();
    assert_eq!(newest["items"][0]["reason"], "token_expired");
    let older = newest["next"].as_str().unwrap();
    let older = bench.admin.get(&format!("/v1/audit?order=newest&limit=1&cursor={older}")).await.ok();
    assert_eq!(older["items"][0]["id"], newest["items"][1]["id"].as_i64().unwrap() - 1);
    for query in ["since=yesterday", "until=5", "order=best", "colour=red"] {
        bench.admin.get(&format!("/v1/audit?{query}")).await.problem(400);
    }
}

#[tokio::test]
async fn events_that_never_came_are_gaps() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let events = |sequences: &[u64]| sequences.iter().map(|one| mk_event(&client, *one)).collect::<Vec<_>>();
    deliver(&gateway, "node/1", &events(&[1, 2, 3])).await;
    let gaps = async || bench.admin.get("/v1/audit/gaps").await.ok()["items"].clone();
    assert_eq!(gaps().await, json!([]));
    deliver(&gateway, "node/1", &events(&[7, 8, 11])).await;
    deliver(&gateway, "node/2", &events(&[2])).await;
    let gap = |instance: &str, first: u64, last: u64| {
        json!({
            "gateway": "edge", "instance": instance, "first": first, "last": last, "count": last - first + 1,
        })
    };
    assert_eq!(gaps().await, json!([gap("node/1", 4, 6), gap("node/1", 9, 10), gap("node/2", 1, 1)]));
    // What comes late closes its gap, and is counted once.
    deliver(&gateway, "node/1", &events(&[3, 4, 5, 6, 7])).await;
    deliver(&gateway, "node/2", &events(&[1])).await;
    assert_eq!(gaps().await, json!([gap("node/1", 9, 10)]));
    assert_eq!(bench.admin.get("/v1/identities").await.ok()["items"][0]["count"], 11);
    assert_eq!(bench.admin.get("/v1/audit/gaps?gateway=other").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn batches_that_come_at_once_share_a_transaction_and_all_are_there() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let mut waiting = Vec::new();
    for instance in 0..40 {
        let events: Vec<Value> = (1..=50).map(|sequence| mk_event(&client, sequence)).collect();
        let batch = json!({
            "instance": format!("node/{instance}"), "epoch": 7, "dropped": 0, "events": events,
        });
        let gateway = gateway.clone();
        waiting.push(tokio::spawn(async move { gateway.post(EVENTS, batch).await.ok() }));
    }
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), json!({ "sequence": 50 }));
    }
    assert_eq!(bench.admin.get("/v1/identities").await.ok()["items"][0]["count"], 2000);
    assert_eq!(verify(&bench).await["broken"], json!(null));
}

#[tokio::test]
async fn every_kind_of_change_leaves_actor_request_and_difference() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    bench.gateway("edge", true).await;
    let id = identity_id("default", &client, "eks", "api", "cart");
    let tuple = json!({ "client_id": client, "issuer": "eks", "audience": "api", "subject": "cart" });
    let admin = &bench.admin;
    admin.put("/v1/issuers/eks", "*", json!({ "iss": "https://issuer.example", "cluster": "eu" })).await.ok();
    admin.post("/v1/gateways/edge/token", json!({})).await.ok();
    admin.post("/v1/identities", tuple.clone()).await.created();
    admin.post(&format!("/v1/identities/{id}/revoke"), json!({})).await.ok();
    admin.post(&format!("/v1/identities/{id}/reinstate"), json!({})).await.ok();
    admin.delete(&format!("/v1/identities/{id}")).await.no_content();
    admin.post(&format!("/v1/clients/{client}/revoke"), json!({})).await.ok();
    admin.post(&format!("/v1/clients/{client}/secrets"), json!({})).await.created();
    admin.post("/v1/keys/rotate", json!({ "alg": "ES256" })).await.created();
    admin.delete("/v1/gateways/edge").await.no_content();

    let list = admin.get("/v1/audit?limit=1000").await.ok();
    let find = |kind: &str, action: &str| {
        let mut rows = list["items"].as_array().unwrap().iter();
        rows.rfind(|row| row["kind"] == kind && row["action"] == action)
            .unwrap_or_else(|| panic!("{kind} {action}: {list:#}"))
            .clone()
    };
    for (kind, action, before, after) in [
        ("issuer", "replace", json!({ "cluster": null }), json!({ "cluster": "eu" })),
        ("identity", "create", json!(null), tuple.clone()),
        ("identity", "revoke", json!({ "revoked": false }), json!({ "revoked": true })),
        ("identity", "reinstate", json!({ "revoked": true }), json!({ "revoked": false })),
        ("identity", "delete", tuple.clone(), json!(null)),
        ("client", "revoke", json!({ "revoked": false }), json!({ "revoked": true })),
    ] {
        let row = find(kind, action);
        // A member that was not there is left out.
        let known = if row["detail"]["before"] == json!({}) {
            json!({ "cluster": null })
        } else {
            row["detail"]["before"].clone()
        };
        assert_eq!((&known, &row["detail"]["after"]), (&before, &after), "{kind} {action}");
    }
    assert_eq!(find("client", "add_secret")["detail"]["after"].as_object().unwrap().len(), 1);
    assert_eq!(find("key", "create")["detail"]["after"]["alg"], "ES256");
    assert_eq!(
        find("gateway", "rotate_token")["detail"]["after"]["token_sha256"].as_str().unwrap().len(),
        64
    );
    assert_eq!(find("gateway", "delete")["detail"]["after"], json!(null));
    for row in list["items"].as_array().unwrap().iter().filter(|row| row["actor"] == "admin:first") {
        assert_eq!(row["request"].as_str().unwrap().len(), 16, "{row}");
        assert!(row["detail"].get("before").is_some() && row["detail"].get("after").is_some(), "{row}");
    }
}

#[tokio::test]
async fn no_row_no_change() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let admin = &bench.admin;
    let read = async || {
        let mut all = Vec::new();
        for path in ["issuers", "clients", "identities", "gateways", "keys", "audit"] {
            all.push(admin.get(&format!("/v1/{path}")).await.ok());
        }
        all.push(gateway.get("/gateway/v1/changes?since=0").await.ok());
        all
    };
    tamper(
        &database(&bench),
        "CREATE TRIGGER no_rows BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'the disk is full'); END",
    )
    .await;
    let before = read().await;
    let id = identity_id("default", &client, "eks", "api", "cart");
    let tuple = json!({ "client_id": client, "issuer": "eks", "audience": "api", "subject": "cart" });
    for (path, body) in [
        ("/v1/issuers", json!({ "id": "other", "iss": "https://other.example" })),
        ("/v1/clients", json!({ "name": "other" })),
        ("/v1/gateways", json!({ "name": "other" })),
        ("/v1/gateways/edge/token", json!({})),
        ("/v1/identities", tuple),
        (&format!("/v1/identities/{id}/revoke"), json!({})),
        (&format!("/v1/clients/{client}/revoke"), json!({})),
        ("/v1/issuers/eks/revoke", json!({})),
        (&format!("/v1/clients/{client}/secrets"), json!({})),
        ("/v1/keys/rotate", json!({ "alg": "ES256" })),
    ] {
        admin.post(path, body).await.problem(503);
    }
    admin
        .put("/v1/issuers/eks", "*", json!({ "iss": "https://issuer.example", "cluster": "eu" }))
        .await
        .problem(503);
    admin.delete("/v1/gateways/edge").await.problem(503);
    let batch = json!({ "instance": "n", "epoch": 7, "dropped": 0, "events": [mk_event(&client, 1)] });
    gateway.post(EVENTS, batch.clone()).await.problem(503);
    assert_eq!(read().await, before);
    tamper(&database(&bench), "DROP TRIGGER no_rows").await;
    gateway.post(EVENTS, batch).await.ok();
    assert_eq!(admin.get("/v1/audit?action=mint").await.ok()["items"].as_array().unwrap().len(), 1);
}
