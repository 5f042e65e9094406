//! The tokens that others published, sent through Envoy: what happens to them is what core says, for core's reason.

use std::collections::BTreeMap;
use std::fs;

use cambist_core::denial::Denial;
use cambist_tests::artifact;
use cambist_tests::client::Request;
use cambist_tests::envoy::Setup;
use cambist_tests::envoy::config;
use cambist_tests::issuer::{AUDIENCE, Issuer};
use cambist_tests::jwt::{self, Key};
use cambist_tests::policy::{Policy, binding};
use cambist_tests::stage::{bootstrap, clusters};
use cambist_tests::upstream::Upstream;
use cambist_tests::verdict::Judge;
use serde_json::{Value, json};

workers! {
    published_tokens_are_judged_by_envoy_as_by_core,
}

/// A token and where it is from.
struct Published {
    set: &'static str,
    token: String,
}

/// All algorithms that there are.
const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

fn fixture(path: &str) -> Value {
    let path = artifact::root().join("tests/fixtures").join(path);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// Tokens and public keys of a file of Wycheproof, both as they are.
fn wycheproof(file: &str, tokens: &mut Vec<Published>, keys: &mut Vec<Value>) {
    for group in fixture(&format!("wycheproof/{file}.json"))["testGroups"].as_array().unwrap() {
        let public = &group["public"];
        match public["keys"].as_array() {
            Some(set) => keys.extend(set.iter().cloned()),
            None => keys.extend(public.is_object().then(|| public.clone())),
        }
        for test in group["tests"].as_array().unwrap() {
            let token = test.get("jws").unwrap_or_else(|| &test["jwe"]);
            let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
            tokens.push(Published { set: "wycheproof", token });
        }
    }
}

/// Every token, and the issuers that sign them with the keys that belong to them.
fn published() -> (Vec<Published>, Vec<Value>) {
    let (mut tokens, mut keys) = (Vec::new(), Vec::new());
    for file in
        ["json_web_signature_test", "json_web_key_test", "json_web_crypto_test", "json_web_encryption_test"]
    {
        wycheproof(file, &mut tokens, &mut keys);
    }
    let mut add = |set, cases: &Value| {
        let cases = cases.as_array().unwrap();
        let token = |case: &Value| case["token"].as_str().unwrap().to_owned();
        tokens.extend(cases.iter().map(|case| Published { set, token: token(case) }));
    };
    let rfc = fixture("rfc7520/cases.json")["cases"].clone();
    add("rfc", &rfc);
    add("istio", &fixture("istio/cases.json")["cases"]);
    add("kubernetes", &fixture("kubernetes/tokens.json")["tokens"]);
    let rfc_keys = rfc.as_array().unwrap().iter().map(|case| case["jwk"].clone());
    keys.extend(rfc_keys.filter(Value::is_object));
    // `joe` is the issuer in RFC 7515; the payloads of Wycheproof name none.
    let issuers = vec![
        trusted("joe", "joe", &json!({ "keys": keys })),
        trusted("istio", "testing@secure.istio.io", &fixture("istio/jwks.json")),
        trusted("kubernetes", "https://127.0.0.1:26443", &fixture("kubernetes/jwks.json")),
    ];
    (tokens, issuers)
}

fn trusted(id: &str, iss: &str, jwks: &Value) -> Value {
    let keys = json!({ "source": "inline", "jwks": jwks });
    json!({ "id": id, "iss": iss, "keys": keys, "algorithms": ALGORITHMS })
}

/// A policy that verifies tokens of those issuers, and of one of ours whose tokens are good.
fn policy(issuers: Vec<Value>, ours: &Issuer, key: &Key) -> Policy {
    let mut policy = Policy::verify(ours);
    policy.issuers = vec![trusted("main", ours.iss(), &json!({ "keys": [key.jwk()] }))];
    for issuer in issuers {
        let id = issuer["id"].as_str().unwrap().to_owned();
        policy.bindings.push(binding(&id, &id));
        policy.issuers.push(issuer);
    }
    for binding in &mut policy.bindings {
        binding["audiences"] = json!([AUDIENCE, "cambist"]);
    }
    policy
}

async fn published_tokens_are_judged_by_envoy_as_by_core(workers: u32) {
    let key = Key::p256("ours");
    let issuer = Issuer::start(key.clone()).await;
    let (tokens, issuers) = published();
    let plugin = policy(issuers, &issuer, &key).inline();
    let mut judge = Judge::new(&plugin);
    let upstream = Upstream::start().await;
    let filters = [config::cambist(&plugin)];
    let envoy = Setup::new(workers, bootstrap(&filters, &clusters(&upstream, 1))).start().await;

    let good = issuer.token("job");
    assert_eq!(judge.judge(&good, jwt::now()), Ok(()));
    envoy.send(&Request::get("/").bearer(&good)).await.expect(200);

    let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for Published { set, token } in &tokens {
        let said = judge.judge(token, jwt::now());
        let reason = said.map_or_else(Denial::reason, |()| "accepted");
        let status = said.map_or_else(|denial| denial.row().status, |()| 200);
        // Only a client that is broken itself could send it.
        let sendable = !token.bytes().any(|byte| byte.is_ascii_control());
        if sendable {
            let answer = envoy.send(&Request::get("/").bearer(token)).await;
            assert_eq!(answer.status, status, "{set}: {token}: {reason}: {}", answer.text());
            *reasons.entry(reason).or_default() += 1;
        }
        let reason = if sendable { reason } else { "not sendable" };
        *counts.entry(set).or_default().entry(reason).or_default() += 1;
    }
    eprintln!("vectors: through Envoy with {workers} workers: {counts:?}");
    for (reason, count) in &reasons {
        let counter = format!("cambist.decision.{reason}");
        envoy.until_counted(&counter, *count).await;
        assert_eq!(envoy.counter(&counter).await, *count, "{reason}");
    }
    envoy.send(&Request::get("/").bearer(&good)).await.expect(200);
    assert_eq!(upstream.count(), 2, "only our own tokens arrive upstream");
    assert_eq!(tokens.len(), 401 + 26 + 83 + 139 + 15 + 2 + 3);
    // Signed, and yet not good: these expired long ago, have no audience, or are no claims at all.
    assert_eq!(counts["kubernetes"], BTreeMap::from([(Denial::TokenExpired.reason(), 3)]));
    assert_eq!(counts["istio"], BTreeMap::from([(Denial::AudienceMismatch.reason(), 2)]));
    assert!(counts.values().all(|reasons| !reasons.contains_key("accepted")));
}
