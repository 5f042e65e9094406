//! The control plane's token endpoint: what it grants, what it refuses, and what is on disk before it says so.

use axum::http::{HeaderMap, Method, StatusCode};
use cambist_control_plane::store::Store as _;
use cambist_core::identity::identity_id;
use data_encoding::BASE64;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use super::{
    bench::{AUTHORITY, Answer, Bench, Client, START, mk_binding},
    origin::{Net, Origin},
    tokens::{ISS, Signer, claims, claims_with, header, payload},
};

const TOKEN: &str = "/oauth2/v1/token";
const EXCHANGE: &str = "/v1/auth/oidc/exchange";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SWAP: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Every grant there is.
fn all_grants() -> Value {
    json!({
        "grant_types": [BEARER, SWAP, "client_credentials"],
        "credentials": { "scopes": ["read", "write"], "targets": ["upstream"], "audience_tenants": ["a"] },
    })
}

async fn ask(client: &Client, body: &str) -> Answer {
    client.send(Method::POST, TOKEN, &[FORM], body.to_owned()).await
}

fn bearer(token: &str) -> String {
    format!("grant_type={BEARER}&assertion={token}")
}

fn swap(token: &str) -> String {
    format!("grant_type={SWAP}&subject_token={token}&subject_token_type=urn:ietf:params:oauth:token-type:jwt")
}

/// The headers of an answer of the token endpoint, but for those that every answer of the service has: its id, and the
/// length that a gateway's host adds as well.
fn headers(answer: &Answer) -> Vec<(String, String)> {
    let known = |headers: &HeaderMap| {
        let own = headers.iter().filter(|(name, _)| *name != "x-request-id" && *name != "content-length");
        own.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    let mut all = known(&answer.headers);
    all.sort();
    all
}

fn assert_granted(answer: &Answer) -> Value {
    let granted = answer.ok();
    let told = [("cache-control", "no-store"), ("content-type", "application/json"), ("pragma", "no-cache")];
    assert_eq!(headers(answer), told.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(granted["token_type"], "Bearer");
    granted
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str, more: &[(&str, &str)]) {
    let body = format!("{{\"error\":\"{error}\"}}\n");
    assert_eq!((answer.status.as_u16(), core::str::from_utf8(&answer.body).unwrap()), (status, &*body));
    let mut told =
        vec![("cache-control", "no-store"), ("content-type", "application/json"), ("pragma", "no-cache")];
    told.extend(more);
    told.sort_unstable();
    let told: Vec<_> = told.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(headers(answer), told);
}

/// Action, reason and identity of the last audit row.
async fn last_row(bench: &Bench) -> (String, String, Value) {
    bench.app.engine.settle().await;
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let row = rows.last().unwrap();
    (format!("{} {}", row.actor, row.action), row.object.clone(), row.detail.clone())
}

async fn secret(bench: &Bench, client: &str) -> String {
    let made = bench.admin.post(&format!("/v1/clients/{client}/secrets"), json!({})).await.created();
    made["secret"].as_str().unwrap().to_owned()
}

fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{client}:{secret}").as_bytes()))
}

#[tokio::test]
async fn grants_an_access_token_and_leaves_an_identity() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, all_grants()).await;
    let token = signer.sign(&claims());
    let granted = assert_granted(&ask(&bench.nobody, &bearer(&token)).await);
    assert_eq!((&granted["expires_in"], &granted["scope"]), (&json!(900), &json!("read write")));
    let access = granted["access_token"].as_str().unwrap();
    let (told, identity) = (payload(access), identity_id("default", &client, "eks", "api", "cart"));
    assert_eq!((&told["sub"], &told["aud"]), (&json!(identity), &json!("upstream")));
    assert_eq!((&told["iss"], &header(access)["typ"]), (&json!(AUTHORITY), &json!("at+jwt")));
    let (row, object, detail) = last_row(&bench).await;
    assert_eq!((row.as_str(), &object), ("control-plane mint", &identity));
    assert_eq!((&detail["grant"], &detail["minted"]["jti"]), (&json!(BEARER), &told["jti"]));
    let seen = bench.admin.get(&format!("/v1/identities/{identity}")).await.ok();
    assert_eq!((&seen["count"], &seen["kind"]), (&json!(1), &json!("workload")));

    let narrow = format!("{}&scope=read&resource=upstream", swap(&token));
    assert_refused(&ask(&bench.nobody, &narrow).await, 400, "invalid_target", &[]);
    let narrow = format!("{}&scope=read&audience=upstream&client_id={client}", swap(&token));
    let granted = assert_granted(&ask(&bench.nobody, &narrow).await);
    assert_eq!(granted["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(payload(granted["access_token"].as_str().unwrap())["scope"], "read");
    assert_eq!(last_row(&bench).await.2["grant"], SWAP);
    assert_eq!(bench.admin.get(&format!("/v1/identities/{identity}")).await.ok()["count"], 2);
}

#[tokio::test]
async fn answers_the_json_form() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    bench.exchanging(&signer, all_grants()).await;
    let body = json!({ "token": signer.sign(&claims()) }).to_string();
    let json = ("content-type", "application/json");
    let granted = assert_granted(&bench.nobody.send(Method::POST, EXCHANGE, &[json], body).await);
    assert_eq!(granted["token"], granted["access_token"]);
}

#[tokio::test]
async fn a_client_gets_a_token_for_its_secret() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, all_grants()).await;
    let secret = secret(&bench, &client).await;
    let body = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=read");
    let granted = assert_granted(&ask(&bench.nobody, &body).await);
    let told = payload(granted["access_token"].as_str().unwrap());
    assert_eq!((&told["client_id"], &told["scope"]), (&json!(client), &json!("read")));
    let (row, object, detail) = last_row(&bench).await;
    assert_eq!((row.as_str(), json!(object)), ("control-plane mint", told["sub"].clone()));
    assert_eq!(detail["grant"], "client_credentials");
    let seen = bench.admin.get(&format!("/v1/identities/{object}")).await.ok();
    assert_eq!((&seen["kind"], &seen["client_id"]), (&json!("client"), &json!(client)));

    let authorization = ("authorization", &*basic(&client, &secret));
    let by_header =
        async |body: &'static str| bench.nobody.send(Method::POST, TOKEN, &[FORM, authorization], body).await;
    assert_granted(&by_header("grant_type=client_credentials&tenant=a").await);
    let other = by_header("grant_type=client_credentials&tenant=b").await;
    assert_refused(&other, 400, "invalid_target", &[]);
    let wrong = ("authorization", &*basic(&client, "cs_wrong"));
    let refused =
        bench.nobody.send(Method::POST, TOKEN, &[FORM, wrong], "grant_type=client_credentials").await;
    let challenge = [("www-authenticate", "Basic realm=\"token endpoint\"")];
    assert_refused(&refused, 401, "invalid_client", &challenge);
    let body = format!("grant_type=client_credentials&client_id={client}");
    assert_refused(&ask(&bench.nobody, &body).await, 401, "invalid_client", &[]);
    bench.admin.post(&format!("/v1/identities/{object}/revoke"), json!({})).await.ok();
    let revoked = by_header("grant_type=client_credentials").await;
    assert_refused(&revoked, 400, "invalid_grant", &[]);
}

#[tokio::test]
async fn one_secret_takes_the_place_of_another_without_a_gap() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, all_grants()).await;
    let path = format!("/v1/clients/{client}/secrets");
    let grants = async |secret: &str| {
        let body = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        ask(&bench.nobody, &body).await.status == StatusCode::OK
    };
    let old = bench.admin.post(&path, json!({})).await;
    assert_eq!(old.header("cache-control"), "no-store");
    assert_eq!(old.header("location"), format!("{path}/{}", old.created()["id"].as_str().unwrap()));
    let old = old.created();
    let new = secret(&bench, &client).await;
    assert_ne!(old["secret"], json!(new));
    assert!(grants(old["secret"].as_str().unwrap()).await && grants(&new).await);
    let third = bench.admin.post(&path, json!({})).await;
    assert_eq!(third.problem(409)["code"], "enough_secrets");
    let listed = bench.admin.get(&path).await;
    assert_eq!(listed.ok()["items"].as_array().unwrap().len(), 2);
    assert!(!String::from_utf8_lossy(&listed.body).contains("cs_"), "a secret is shown once");
    bench.admin.delete(&format!("{path}/{}", old["id"].as_str().unwrap())).await.no_content();
    bench.admin.delete(&format!("{path}/{}", old["id"].as_str().unwrap())).await.problem(404);
    assert!(!grants(old["secret"].as_str().unwrap()).await && grants(&new).await);
    bench.admin.get("/v1/clients/cl_none/secrets").await.problem(404);
    bench.admin.post("/v1/clients/cl_none/secrets", json!({})).await.problem(404);
    bench.nobody.get(&path).await.problem(401);
    let audited = bench.audit().await.into_iter().filter(|(_, action, _)| action.ends_with("_secret"));
    assert_eq!(
        audited.map(|(_, action, _)| action).collect::<Vec<_>>(),
        ["add_secret", "add_secret", "remove_secret"]
    );
}

#[tokio::test]
async fn each_refusal_has_its_status_body_and_headers() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, all_grants()).await;
    let good = signer.sign(&claims());
    let with = |members: Value| signer.sign(&claims_with(members));
    let forged = Signer::new("a").sign(&claims());
    for (reason, token) in [
        ("token_malformed", String::from("a.b.c")),
        ("issuer_not_allowed", with(json!({ "iss": "https://other.example" }))),
        ("bad_signature", forged),
        ("unknown_kid", Signer::new("b").sign(&claims())),
        (
            "typ_not_allowed",
            signer.sign_under(&json!({ "alg": "ES256", "kid": "a", "typ": "dpop+jwt" }), &claims()),
        ),
        ("alg_not_allowed", signer.sign_under(&json!({ "alg": "PS256", "kid": "a" }), &claims())),
        ("alg_not_allowed", signer.sign_under(&json!({ "alg": "none" }), &claims())),
        ("token_expired", with(json!({ "exp": START.secs() }))),
        ("token_not_yet_valid", with(json!({ "nbf": START.secs() + 61 }))),
        ("token_too_old", with(json!({ "exp": START.secs() + 90_000 }))),
        ("audience_mismatch", with(json!({ "aud": "other" }))),
        ("identity_not_found", with(json!({ "sub": "other" }))),
    ] {
        for (body, error) in [(bearer(&token), "invalid_grant"), (swap(&token), "invalid_request")] {
            assert_refused(&ask(&bench.nobody, &body).await, 400, error, &[]);
            let (row, _, detail) = last_row(&bench).await;
            assert_eq!((row.as_str(), &detail["reason"]), ("control-plane denial", &json!(reason)));
        }
    }
    for (status, error, reason, body) in [
        (400, "invalid_request", "request_malformed", String::new()),
        (400, "invalid_request", "duplicate_parameter", format!("{}&scope=read&scope=read", bearer(&good))),
        (400, "invalid_request", "token_too_large", bearer(&"a".repeat(16_385))),
        (400, "unsupported_grant_type", "grant_unknown", String::from("grant_type=password")),
        (400, "invalid_scope", "scope_not_allowed", format!("{}&scope=admin", bearer(&good))),
        (400, "invalid_target", "target_not_allowed", format!("{}&audience=other", bearer(&good))),
        (401, "invalid_client", "client_unknown", format!("{}&client_id=cl_none", bearer(&good))),
        (
            401,
            "invalid_client",
            "client_auth_failed",
            format!("{}&client_id={client}&client_secret=cs_wrong", bearer(&good)),
        ),
    ] {
        assert_refused(&ask(&bench.nobody, &body).await, status, error, &[]);
        assert_eq!(last_row(&bench).await.2["reason"], reason, "{body}");
    }
    let large = format!("{}&x={}", bearer(&good), "a".repeat(65_536));
    let large = ask(&bench.nobody, &large).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let plain =
        bench.nobody.send(Method::POST, TOKEN, &[("content-type", "text/plain")], bearer(&good)).await;
    assert_refused(&plain, 400, "invalid_request", &[]);
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for path in [TOKEN, EXCHANGE] {
            let answer = bench.nobody.send(method.clone(), path, &[FORM], bearer(&good)).await;
            assert_refused(&answer, 405, "invalid_request", &[("allow", "POST")]);
        }
    }
}

#[tokio::test]
async fn refuses_grants_that_are_off_and_bindings_that_tie() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, json!({})).await;
    let token = signer.sign(&claims());
    assert_refused(&ask(&bench.nobody, &bearer(&token)).await, 400, "unauthorized_client", &[]);
    let path = format!("/v1/clients/{client}");
    bench.admin.put(&path, "*", json!({ "name": "shop", "grant_types": [BEARER] })).await.ok();
    assert_granted(&ask(&bench.nobody, &bearer(&token)).await);
    assert_refused(&ask(&bench.nobody, &swap(&token)).await, 400, "unauthorized_client", &[]);
    let secret_only = json!({ "name": "shop", "grant_types": [BEARER], "authentication": "secret" });
    bench.admin.put(&path, "*", secret_only).await.ok();
    assert_refused(&ask(&bench.nobody, &bearer(&token)).await, 401, "invalid_client", &[]);
    let secret = secret(&bench, &client).await;
    let proved = format!("{}&client_id={client}&client_secret={secret}", bearer(&token));
    assert_granted(&ask(&bench.nobody, &proved).await);
    let other =
        bench.admin.post("/v1/clients", json!({ "name": "b", "grant_types": [BEARER] })).await.created();
    let other = other["client_id"].as_str().unwrap();
    let mut binding = mk_binding();
    binding["id"] = json!("other");
    bench.admin.post(&format!("/v1/clients/{other}/bindings"), binding).await.created();
    assert_refused(&ask(&bench.nobody, &bearer(&token)).await, 400, "invalid_grant", &[]);
    assert_eq!(last_row(&bench).await.2["reason"], "binding_ambiguous");
    assert_granted(&ask(&bench.nobody, &format!("{}&client_id={other}", bearer(&token))).await);
}

#[tokio::test]
async fn a_mint_that_cannot_be_recorded_is_not_answered() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    bench.exchanging(&signer, all_grants()).await;
    let mut beside =
        SqliteConnection::connect(bench.folder.path().join("cambist.db").to_str().unwrap()).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON audit WHEN NEW.action = 'mint' \
                BEGIN SELECT RAISE(ABORT, 'no space'); END";
    sqlx::query(full).execute(&mut beside).await.unwrap();
    let token = signer.sign(&claims());
    let answer = ask(&bench.nobody, &bearer(&token)).await;
    assert_refused(&answer, 503, "temporarily_unavailable", &[("retry-after", "1")]);
    assert!(bench.admin.get("/v1/identities").await.ok()["items"].as_array().unwrap().is_empty());
    sqlx::query("DROP TRIGGER full").execute(&mut beside).await.unwrap();
    assert_granted(&ask(&bench.nobody, &bearer(&token)).await);
}

#[tokio::test]
async fn many_mints_share_a_transaction_and_each_has_its_row() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    bench.exchanging(&signer, all_grants()).await;
    let body = bearer(&signer.sign(&claims()));
    let asked = (0..200).map(|_| {
        let (nobody, body) = (bench.nobody.clone(), body.clone());
        tokio::spawn(async move { assert_granted(&ask(&nobody, &body).await) })
    });
    let mut told = Vec::new();
    for one in asked.collect::<Vec<_>>() {
        let granted = one.await.unwrap();
        told.push(payload(granted["access_token"].as_str().unwrap())["jti"].clone());
    }
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let mut minted: Vec<Value> = rows
        .iter()
        .filter(|row| row.action == "mint")
        .map(|row| row.detail["minted"]["jti"].clone())
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    minted.sort_by_key(text);
    told.sort_by_key(text);
    assert_eq!((minted.len(), minted), (200, told));
    assert_eq!(bench.admin.get("/v1/identities").await.ok()["items"][0]["count"], 200);
}

#[tokio::test]
async fn stands_below_the_path_of_the_authority_too() {
    let (bench, signer) = (Bench::of("https://auth.example/tenants/a").await, Signer::new("a"));
    bench.exchanging(&signer, all_grants()).await;
    let body = bearer(&signer.sign(&claims()));
    for path in [TOKEN, "/tenants/a/oauth2/v1/token"] {
        assert_granted(&bench.nobody.send(Method::POST, path, &[FORM], body.clone()).await);
    }
    let answer = bench.nobody.get("/tenants/a/oauth2/v1/token").await;
    assert_refused(&answer, 405, "invalid_request", &[("allow", "POST")]);
    bench.nobody.send(Method::POST, "/tenants/b/oauth2/v1/token", &[FORM], body).await.problem(404);
}

#[tokio::test]
async fn answers_for_a_gateway_as_it_does_itself() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    bench.exchanging(&signer, all_grants()).await;
    let gateway = bench.gateway("edge", false).await;
    let relay = async |path: &str, body: &str| {
        let request = json!({ "endpoint": { "path": path, "headers": { FORM.0: FORM.1 }, "body": body } });
        gateway.post("/gateway/v1/mint", request).await
    };
    let token = signer.sign(&claims());
    let granted = assert_granted(&relay(TOKEN, &bearer(&token)).await);
    let (row, _, detail) = last_row(&bench).await;
    assert_eq!(row, "gateway:edge mint");
    assert_eq!(detail["minted"]["jti"], payload(granted["access_token"].as_str().unwrap())["jti"]);
    for body in [bearer("a.b.c"), swap("a.b.c"), format!("{}&scope=admin", bearer(&token)), String::new()] {
        let (relayed, direct) = (relay(TOKEN, &body).await, ask(&bench.nobody, &body).await);
        assert_eq!((relayed.status, &relayed.body), (direct.status, &direct.body));
        assert_eq!(headers(&relayed), headers(&direct));
    }
    // What is no token endpoint is no way to a route either.
    assert_eq!(relay("/orders", &bearer(&token)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn says_of_a_known_workload_no_more_than_of_an_unknown_one() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, all_grants()).await;
    let token = signer.sign(&claims());
    let refused = async |reason: &str| {
        assert_refused(&ask(&bench.nobody, &bearer(&token)).await, 400, "invalid_grant", &[]);
        assert_eq!(last_row(&bench).await.2["reason"], reason);
        assert_refused(&ask(&bench.nobody, &swap(&token)).await, 400, "invalid_request", &[]);
    };
    let identity = identity_id("default", &client, "eks", "api", "cart");
    bench.admin.post(&format!("/v1/identities/{identity}/revoke"), json!({})).await.ok();
    refused("identity_revoked").await;
    bench.admin.post(&format!("/v1/identities/{identity}/reinstate"), json!({})).await.ok();
    let path = format!("/v1/clients/{client}/bindings/shop");
    let mut binding = bench.admin.get(&path).await.ok();
    binding["condition"] = json!({ "attribute": "jwt.claim.env", "equals": "production" });
    bench.admin.put(&path, "*", binding).await.ok();
    refused("condition_false").await;
    bench.admin.delete(&path).await.no_content();
    refused("audience_mismatch").await;
}

#[tokio::test]
async fn a_token_that_two_issuers_could_have_signed_is_refused() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, all_grants()).await;
    let keys = json!({ "source": "inline", "jwks": Signer::new("b").jwks() });
    let twin = json!({ "id": "twin", "iss": "https://issuer.example", "keys": keys });
    bench.admin.post("/v1/issuers", twin).await.created();
    let mut binding = mk_binding();
    (binding["id"], binding["issuer"], binding["audiences"]) =
        (json!("twin"), json!("twin"), json!(["other"]));
    bench.admin.post(&format!("/v1/clients/{client}/bindings"), binding).await.created();
    assert_granted(&ask(&bench.nobody, &bearer(&signer.sign(&claims()))).await);
    let both = signer.sign(&claims_with(json!({ "aud": ["api", "other"] })));
    assert_refused(&ask(&bench.nobody, &bearer(&both)).await, 400, "invalid_grant", &[]);
    assert_eq!(last_row(&bench).await.2["reason"], "issuer_ambiguous");
}

#[tokio::test]
async fn cannot_tell_without_the_keys_of_the_issuer() {
    let signer = Signer::new("a");
    let origin = Origin::new(None).await;
    let bench = Bench::on(Net::to(origin.address)).await;
    bench.exchanging(&signer, all_grants()).await;
    let issuer = json!({
        "iss": ISS, "allow_http": true, "keys": { "source": "jwks_uri", "uri": "http://issuer.example/keys" },
    });
    bench.admin.put("/v1/issuers/eks", "*", issuer).await.ok();
    let token = signer.sign(&claims());
    for body in [bearer(&token), swap(&token)] {
        let answer = ask(&bench.nobody, &body).await;
        assert_refused(&answer, 503, "temporarily_unavailable", &[("retry-after", "1")]);
        assert_eq!(last_row(&bench).await.2["reason"], "keys_unavailable");
    }
}

#[tokio::test]
async fn believes_no_header_that_a_proxy_might_have_set() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    bench.exchanging(&signer, all_grants()).await;
    let body = bearer(&signer.sign(&claims()));
    let forwarded = [
        FORM,
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-original-url", "/v1/keys"),
        ("x-http-method-override", "GET"),
        ("host", "evil.example"),
    ];
    let granted = assert_granted(&bench.nobody.send(Method::POST, TOKEN, &forwarded, body).await);
    assert_eq!(payload(granted["access_token"].as_str().unwrap())["iss"], AUTHORITY);
}
