//! Discovery, published keys and the renewal of the fleet key.

use axum::http::Method;
use cambist_control_plane::{
    keys::{
        authority::{self, LONGEST_TOKEN},
        fleet::{GRACE, LEAD, LIFETIME, RENEWAL},
    },
    store::{Store as _, records::KeyRole},
};
use cambist_core::wire::snapshot::Record;
use serde_json::{Value, json};

use super::{
    bench::{AUTHORITY, Bench, START},
    tokens::{Signer, claims_with, header},
};

#[tokio::test]
async fn publishes_discovery_documents() {
    let bench = Bench::new().await;
    let paths = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    for path in paths {
        let answer = bench.nobody.get(path).await;
        assert!(answer.header("cache-control").starts_with("public, max-age="));
        let document = answer.ok();
        assert_eq!(document["issuer"], AUTHORITY);
        assert_eq!(document["jwks_uri"], format!("{AUTHORITY}/oauth2/v1/keys"));
        assert_eq!(document["token_endpoint"], format!("{AUTHORITY}/oauth2/v1/token"));
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256"]));
        for member in
            ["grant_types_supported", "token_endpoint_auth_methods_supported", "response_types_supported"]
        {
            assert!(!document[member].as_array().unwrap().is_empty(), "{member}");
        }
    }
}

#[tokio::test]
async fn serves_discovery_where_an_authority_with_a_path_has_it() {
    let bench = Bench::of("https://auth.example/tenants/a").await;
    for path in [
        "/tenants/a/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenants/a",
        "/.well-known/openid-configuration",
    ] {
        let document = bench.nobody.get(path).await.ok();
        assert_eq!(document["jwks_uri"], "https://auth.example/tenants/a/oauth2/v1/keys");
    }
    bench.nobody.get("/tenants/a/oauth2/v1/keys").await.ok();
    for path in ["/tenants/b/oauth2/v1/keys", "/tenants/a", "/tenants/a/v1/issuers", "/tenants/a/healthz"] {
        bench.nobody.get(path).await.problem(404);
    }
}

#[tokio::test]
async fn publishes_public_keys_in_a_stable_order() {
    let bench = Bench::new().await;
    let answer = bench.nobody.get("/oauth2/v1/keys").await;
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert!(answer.header("cache-control").starts_with("public, max-age="));
    let keys = answer.ok();
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("EC"), &json!("P-256"), &json!("ES256")));
        assert!(key["d"].is_null());
    }
    assert_eq!(bench.nobody.get("/oauth2/v1/keys").await.body, answer.body);
}

#[tokio::test]
async fn publishes_the_same_keys_as_a_spiffe_bundle() {
    let bench = Bench::new().await;
    let mut expected = bench.nobody.get("/oauth2/v1/keys").await.ok();
    let answer = bench.nobody.get("/.well-known/spiffe-bundle").await;
    assert!(answer.header("cache-control").starts_with("public, max-age="));
    let bundle = answer.ok();
    for key in expected["keys"].as_array_mut().unwrap() {
        key["use"] = json!("jwt-svid");
    }
    assert_eq!(bundle["keys"], expected["keys"]);
    assert_eq!(bundle["spiffe_refresh_hint"], 300);
    let below = Bench::of("https://auth.example/tenants/a").await;
    below.nobody.get("/tenants/a/.well-known/spiffe-bundle").await.ok();
}

#[tokio::test]
async fn renews_the_fleet_key_before_it_ends_and_publishes_it_before_it_signs() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", true).await;
    let first = bench.epoch();
    bench.app.keep_keys().await.unwrap();
    assert_eq!(bench.epoch(), first, "a fresh key needs no successor");

    let renewal = START.plus_secs(LIFETIME - RENEWAL);
    bench.clock.set(renewal);
    bench.app.keep_keys().await.unwrap();
    bench.app.keep_keys().await.unwrap();
    let keys = bench.store.keys("default").await.unwrap();
    let fleet: Vec<_> = keys.iter().filter(|key| key.role == KeyRole::Fleet).collect();
    assert_eq!(fleet.len(), 2);
    assert_eq!(fleet[1].not_before, renewal.plus_secs(LEAD));
    assert!(fleet[1].not_after.unwrap() <= renewal.plus_secs(LIFETIME));
    assert!(fleet[0].not_after.unwrap() > fleet[1].not_before, "one can always sign");
    let published = bench.nobody.get("/oauth2/v1/keys").await.ok();
    assert_eq!(published["keys"].as_array().unwrap().len(), 3);
    let records = gateway.get("/gateway/v1/snapshot").await.records();
    let signers = records.iter().filter(|record| matches!(record, Record::SigningKey(_))).count();
    assert_eq!(signers, 2);

    // The first has ended: it signs no more, and stays published as long as its last token may live.
    bench.clock.set(START.plus_secs(LIFETIME));
    bench.app.keep_keys().await.unwrap();
    assert_eq!(bench.nobody.get("/oauth2/v1/keys").await.ok()["keys"].as_array().unwrap().len(), 4);
    bench.clock.set(START.plus_secs(LIFETIME + GRACE));
    bench.app.keep_keys().await.unwrap();
    let kids: Vec<_> = bench.store.keys("default").await.unwrap().into_iter().map(|key| key.kid).collect();
    assert!(!kids.contains(&fleet[0].kid));
    assert!(kids.contains(&fleet[1].kid));
}

#[tokio::test]
async fn makes_a_key_that_signs_at_once_after_a_long_stop() {
    let bench = Bench::new().await;
    let later = START.plus_secs(10 * LIFETIME);
    bench.clock.set(later);
    bench.app.keep_keys().await.unwrap();
    let keys = bench.store.keys("default").await.unwrap();
    let fleet: Vec<_> = keys.iter().filter(|key| key.role == KeyRole::Fleet).collect();
    assert_eq!(fleet.len(), 1);
    assert_eq!(fleet[0].not_before, later);
}

/// `kid`, algorithm, role and state of every key.
async fn stages(bench: &Bench) -> Vec<[String; 4]> {
    let keys = bench.admin.get("/v1/keys").await.ok();
    let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
    let items = keys["items"].as_array().unwrap().iter();
    items.map(|key| ["kid", "alg", "role", "state"].map(|member| text(key, member))).collect()
}

/// `kid` and state of the authority's keys of an algorithm.
async fn own(bench: &Bench, alg: &str) -> Vec<(String, String)> {
    let all = stages(bench).await.into_iter();
    let own = all.filter(|[_, of, role, _]| of == alg && role == "authority");
    own.map(|[kid, _, _, state]| (kid, state)).collect()
}

async fn published(bench: &Bench) -> Vec<String> {
    let keys = bench.nobody.get("/oauth2/v1/keys").await.ok();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn signer_of(bench: &Bench, token: &str) -> String {
    let body = format!("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={token}");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = bench.nobody.send(Method::POST, "/oauth2/v1/token", &[form], body).await.ok();
    let token = answer["access_token"].as_str().unwrap();
    header(token)["kid"].as_str().unwrap().to_owned()
}

/// A token of the issuer that is good at the bench's time.
fn fresh(bench: &Bench, signer: &Signer) -> String {
    let now = bench.clock.now().secs();
    signer.sign(&claims_with(json!({ "iat": now, "exp": now + 3600 })))
}

fn bearer_client() -> Value {
    json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"] })
}

#[tokio::test]
async fn a_successor_is_published_signs_and_lets_its_predecessor_go() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    bench.exchanging(&signer, bearer_client()).await;
    let first = own(&bench, "ES256").await.remove(0);
    assert_eq!(first.1, "signing");
    let made = bench.admin.post("/v1/keys/rotate", json!({ "alg": "ES256" })).await;
    let second = made.created()["kid"].as_str().unwrap().to_owned();
    assert_eq!(made.created()["state"], "published");
    let again = bench.admin.post("/v1/keys/rotate", json!({ "alg": "ES256" })).await.ok();
    assert_eq!(again["kid"], json!(second), "one that waits for its time is not succeeded");
    assert!(published(&bench).await.contains(&second));

    let mut now = START.plus_secs(LEAD - 1);
    bench.clock.set(now);
    assert_eq!(signer_of(&bench, &fresh(&bench, &signer)).await, first.0);
    now = START.plus_secs(LEAD);
    bench.clock.set(now);
    // Nothing but time passed: what was compiled before holds the new key already.
    assert_eq!(signer_of(&bench, &fresh(&bench, &signer)).await, second);
    let mut states = own(&bench, "ES256").await;
    states.sort_by_key(|(kid, _)| *kid == second);
    let told = |kid: &str, state: &str| (kid.to_owned(), state.to_owned());
    assert_eq!(states, [told(&first.0, "retired"), told(&second, "signing")]);

    // The last token of the first one has expired only after the longest life there is.
    let end = START.plus_secs(LEAD + LONGEST_TOKEN + GRACE);
    bench.clock.set(end.plus_secs(-1));
    bench.app.keep_keys().await.unwrap();
    assert!(published(&bench).await.contains(&first.0));
    bench.clock.set(end);
    bench.app.keep_keys().await.unwrap();
    assert!(!published(&bench).await.contains(&first.0));
    assert!(published(&bench).await.contains(&second));
    let audited = bench.audit().await;
    assert!(audited.contains(&(String::from("admin:first"), String::from("create"), second)));
}

#[tokio::test]
async fn the_authority_rotates_by_itself_after_its_time() {
    let bench = Bench::new().await;
    let first = own(&bench, "ES256").await.remove(0).0;
    bench.clock.set(START.plus_secs(authority::LIFETIME - LEAD - 1));
    bench.app.keep_keys().await.unwrap();
    assert_eq!(own(&bench, "ES256").await.len(), 1);
    bench.clock.set(START.plus_secs(authority::LIFETIME - LEAD));
    bench.app.keep_keys().await.unwrap();
    bench.app.keep_keys().await.unwrap();
    let states = own(&bench, "ES256").await;
    assert_eq!(states.len(), 2);
    assert_eq!((&states[0].0, &*states[0].1, &*states[1].1), (&first, "signing", "published"));
    bench.clock.set(START.plus_secs(authority::LIFETIME));
    let states: Vec<_> = own(&bench, "ES256").await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["retired", "signing"]);
}

#[tokio::test]
async fn makes_rsa_keys_where_a_binding_asks_for_them() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, bearer_client()).await;
    assert!(stages(&bench).await.iter().all(|[_, alg, _, _]| alg == "ES256"));
    let path = format!("/v1/clients/{client}/bindings/shop");
    let mut binding = bench.admin.get(&path).await.ok();
    binding["alg"] = json!("RS256");
    bench.admin.put(&path, "*", binding).await.ok();
    let rsa: Vec<_> = stages(&bench).await.into_iter().filter(|[_, alg, _, _]| alg == "RS256").collect();
    let mut roles: Vec<_> = rsa.iter().map(|[_, _, role, state]| (role.as_str(), state.as_str())).collect();
    roles.sort_unstable();
    assert_eq!(roles, [("authority", "signing"), ("fleet", "signing")]);
    assert_eq!(signer_of(&bench, &fresh(&bench, &signer)).await, own(&bench, "RS256").await[0].0);
    let document = bench.nobody.get("/.well-known/openid-configuration").await.ok();
    let mut algs: Vec<_> = document["id_token_signing_alg_values_supported"].as_array().unwrap().clone();
    algs.sort_by_key(ToString::to_string);
    assert_eq!(algs, ["ES256", "RS256"]);
    let gateway = bench.gateway("edge", true).await;
    let records = gateway.get("/gateway/v1/snapshot").await.records();
    let alg =
        |record: &Record| if let Record::SigningKey(key) = record { Some(key.alg.clone()) } else { None };
    let mut algs: Vec<_> = records.iter().filter_map(alg).collect();
    algs.sort_unstable();
    assert_eq!(algs, ["ES256", "RS256"]);
}

#[tokio::test]
async fn refuses_to_rotate_what_is_not_there() {
    let bench = Bench::new().await;
    for body in [json!({ "alg": "HS256" }), json!({ "alg": "none" }), json!({ "alg": 1 }), json!({})] {
        assert_eq!(bench.admin.post("/v1/keys/rotate", body).await.pointers(), ["/alg"]);
    }
    bench.nobody.post("/v1/keys/rotate", json!({ "alg": "ES256" })).await.problem(401);
    bench.nobody.get("/v1/keys").await.problem(401);
    let first = bench.admin.post("/v1/keys/rotate", json!({ "alg": "RS256" })).await.created();
    assert_eq!(first["state"], "signing", "the first of an algorithm signs at once");
}
