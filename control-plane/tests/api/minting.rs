//! `POST /gateway/v1/mint`: access tokens for gateways without a key.

use std::sync::Arc;

use cambist_control_plane::store::{Store as _, records::KeyRole};
use cambist_core::identity::identity_id;
use serde_json::{Value, json};

use super::{
    bench::{AUTHORITY, Answer, Bench, Client, START},
    origin::{Net, Origin},
    tokens::{ISS, Signer, claims, claims_with, header, payload},
};

const MINT: &str = "/gateway/v1/mint";

async fn mint(gateway: &Client, route: &str, token: &str) -> Answer {
    gateway.post(MINT, json!({ "route": { "route": route, "subject_token": token } })).await
}

fn refusal(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
    answer.json()["reason"].as_str().unwrap().to_owned()
}

/// The last audit row with its detail.
async fn last_row(bench: &Bench) -> Value {
    bench.app.engine.settle().await;
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let row = rows.last().unwrap();
    json!({ "actor": row.actor, "action": row.action, "object": row.object, "detail": row.detail })
}

#[tokio::test]
async fn mints_what_the_route_says_and_records_it_first() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, json!({})).await;
    let gateway = bench.gateway("edge", false).await;
    let epoch = bench.epoch();
    let answer = mint(&gateway, "all", &signer.sign(&claims())).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let minted = answer.ok();
    let token = minted["access_token"].as_str().unwrap();
    let identity = identity_id("default", &client, "eks", "api", "cart");
    let told = payload(token);
    assert_eq!((&told["iss"], &told["sub"]), (&json!(AUTHORITY), &json!(identity)));
    assert_eq!(
        (&told["aud"], &told["scope"], &told["client_id"]),
        (&json!("upstream"), &json!("read"), &json!(client))
    );
    assert_eq!((&told["jti"], &told["exp"]), (&minted["jti"], &minted["exp"]));
    assert_eq!(told["exp"], START.secs() + 900);
    let keys = bench.nobody.get("/oauth2/v1/keys").await.ok();
    let all = bench.store.keys("default").await.unwrap();
    let authority = all.into_iter().find(|key| key.role == KeyRole::Authority).unwrap();
    assert_eq!(header(token)["kid"], authority.kid);
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == authority.kid));

    let row = last_row(&bench).await;
    assert_eq!(
        (&row["actor"], &row["action"], &row["object"]),
        (&json!("gateway:edge"), &json!("mint"), &json!(identity))
    );
    assert_eq!((&row["detail"]["minted"]["jti"], &row["detail"]["route"]), (&told["jti"], &json!("all")));
    let seen = bench.admin.get(&format!("/v1/identities/{identity}")).await.ok();
    assert_eq!(
        (&seen["count"], &seen["kind"], &seen["subject"]),
        (&json!(1), &json!("workload"), &json!("cart"))
    );
    assert_eq!(bench.epoch(), epoch, "a mint changes nothing that gateways ask for");

    // Nothing is given away twice: each mint has a row of its own.
    let again = mint(&gateway, "all", &signer.sign(&claims())).await.ok();
    assert_ne!(again["jti"], minted["jti"]);
    let same = signer.sign(&claims());
    let (first, second) = (mint(&gateway, "all", &same).await.ok(), mint(&gateway, "all", &same).await.ok());
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!(bench.admin.get(&format!("/v1/identities/{identity}")).await.ok()["count"], 4);
}

#[tokio::test]
async fn verifies_the_token_itself() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    bench.exchanging(&signer, json!({})).await;
    let gateway = bench.gateway("edge", false).await;
    let forged = Signer::new("a").sign(&claims());
    let cases = [
        (401, "bad_signature", forged),
        (401, "token_expired", signer.sign(&claims_with(json!({ "exp": START.secs() - 1 })))),
        (401, "audience_mismatch", signer.sign(&claims_with(json!({ "aud": "other" })))),
        (401, "issuer_not_allowed", signer.sign(&claims_with(json!({ "iss": "https://other.example" })))),
        (401, "identity_not_found", signer.sign(&claims_with(json!({ "sub": "other" })))),
        (401, "token_malformed", String::from("a.b")),
        (400, "token_malformed", String::from("a b")),
        (400, "token_malformed", String::new()),
        (400, "token_too_large", "a".repeat(16_385)),
    ];
    for (status, reason, token) in cases {
        assert_eq!(refusal(&mint(&gateway, "all", &token).await, status), reason);
        let row = last_row(&bench).await;
        assert_eq!((&row["actor"], &row["action"]), (&json!("gateway:edge"), &json!("denial")));
        assert_eq!(row["detail"]["reason"], reason);
    }
}

#[tokio::test]
async fn serves_only_routes_that_exchange_here() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, json!({})).await;
    let gateway = bench.gateway("edge", true).await;
    let token = signer.sign(&claims());
    for (id, exchange, mode) in
        [("local", "gateway", "require"), ("plain", "none", "require"), ("seen", "control-plane", "observe")]
    {
        let route = json!({
            "id": id, "host": "*", "path": { "prefix": format!("/{id}") }, "clients": [client],
            "exchange": exchange, "mode": mode,
        });
        bench.admin.post("/v1/routes", route).await.created();
        assert_eq!(refusal(&mint(&gateway, id, &token).await, 403), "route_unknown");
    }
    assert_eq!(refusal(&mint(&gateway, "none", &token).await, 403), "route_unknown");
    let sidecar =
        bench.admin.post("/v1/gateways", json!({ "name": "side", "kind": "sidecar" })).await.created();
    let sidecar = bench.nobody.with_token(sidecar["token"].as_str().unwrap());
    assert_eq!(refusal(&mint(&sidecar, "all", &token).await, 403), "route_unknown");
    mint(&bench.nobody, "all", &token).await.problem(401);
    mint(&bench.admin, "all", &token).await.problem(401);
    gateway.post(MINT, json!({ "route": { "route": "all" } })).await.problem(400);
}

#[tokio::test]
async fn follows_changes_and_revocations_at_once() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, json!({})).await;
    let gateway = bench.gateway("edge", false).await;
    let token = signer.sign(&claims());
    let minted = mint(&gateway, "all", &token).await.ok();
    let identity = payload(minted["access_token"].as_str().unwrap())["sub"].as_str().unwrap().to_owned();
    for path in [
        format!("/v1/identities/{identity}"),
        format!("/v1/clients/{client}"),
        String::from("/v1/issuers/eks"),
    ] {
        bench.admin.post(&format!("{path}/revoke"), json!({})).await.ok();
        assert_eq!(refusal(&mint(&gateway, "all", &token).await, 401), "identity_revoked", "{path}");
        bench.admin.post(&format!("{path}/reinstate"), json!({})).await.ok();
        mint(&gateway, "all", &token).await.ok();
    }
    let bindings = format!("/v1/clients/{client}/bindings/shop");
    let mut binding = bench.admin.get(&bindings).await.ok();
    binding["subjects"] = json!(["other"]);
    bench.admin.put(&bindings, "*", binding).await.ok();
    assert_eq!(refusal(&mint(&gateway, "all", &token).await, 401), "identity_not_found");
}

#[tokio::test]
async fn fetches_the_keys_of_issuers_once_for_all_who_wait() {
    let signer = Signer::new("a");
    let origin = Origin::new(None).await;
    origin.set("/keys", &signer.jwks());
    let bench = Bench::on(Net::to(origin.address)).await;
    bench.exchanging(&signer, json!({})).await;
    let issuer = json!({
        "iss": ISS, "allow_http": true, "keys": { "source": "jwks_uri", "uri": "http://issuer.example/keys" },
    });
    bench.admin.put("/v1/issuers/eks", "*", issuer).await.ok();
    let gateway = bench.gateway("edge", false).await;
    let gateway = Arc::new(gateway);
    let all = (0..20).map(|_| {
        let (gateway, token) = (Arc::clone(&gateway), signer.sign(&claims()));
        tokio::spawn(async move { mint(&gateway, "all", &token).await.ok() })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test]
async fn cannot_tell_without_keys() {
    let signer = Signer::new("a");
    let origin = Origin::new(None).await;
    let bench = Bench::on(Net::to(origin.address)).await;
    bench.exchanging(&signer, json!({})).await;
    let issuer = json!({
        "iss": ISS, "allow_http": true, "keys": { "source": "jwks_uri", "uri": "http://issuer.example/keys" },
    });
    bench.admin.put("/v1/issuers/eks", "*", issuer).await.ok();
    let gateway = bench.gateway("edge", false).await;
    let answer = mint(&gateway, "all", &signer.sign(&claims())).await;
    assert_eq!(refusal(&answer, 503), "keys_unavailable");
}

#[tokio::test]
async fn asks_userinfo_as_gateways_do() {
    let signer = Signer::new("a");
    let origin = Origin::new(None).await;
    let bench = Bench::on(Net::to(origin.address)).await;
    bench.exchanging(&signer, json!({})).await;
    let keys = json!({ "source": "inline", "jwks": signer.jwks() });
    let userinfo = json!({ "uri": "http://issuer.example/userinfo", "login_id": "email" });
    let issuer = json!({ "iss": ISS, "allow_http": true, "keys": keys, "userinfo": userinfo });
    bench.admin.put("/v1/issuers/eks", "*", issuer).await.ok();
    let gateway = bench.gateway("edge", false).await;
    let token = signer.sign(&claims());
    let body = json!({ "sub": "cart", "email": "cart@shop.example" }).to_string();
    let answer = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    origin.set_raw("/userinfo", answer("200 OK", &body));
    let minted = mint(&gateway, "all", &token).await.ok();
    let told = payload(minted["access_token"].as_str().unwrap());
    assert_eq!(told["workload"]["login_id"], "cart@shop.example");
    assert!(origin.heads()[0].contains(&format!("authorization: Bearer {token}")));
    for (status, body, refused) in [
        ("401 Unauthorized", "{}", (401, "identity_revoked")),
        ("200 OK", "{\"sub\":\"other\"}", (401, "identity_not_found")),
        ("500 Oops", "{}", (503, "upstream_sts_unavailable")),
        ("302 Found", "{}", (503, "upstream_sts_unavailable")),
    ] {
        origin.set_raw("/userinfo", answer(status, body));
        // Another token, of which nothing is remembered.
        let token = signer.sign(&claims_with(json!({ "jti": status, "x": body })));
        let answer = mint(&gateway, "all", &token).await;
        assert_eq!(refusal(&answer, refused.0), refused.1, "{status}");
    }
}
