//! What a binding says of the shape of access tokens: profile, subject and more claims.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, format, string::String};

use serde_json::{Value, json};

use super::endpoint::{self, JWT, exchange};
use crate::{
    denial::Denial,
    fixture::{Ask, FLEET_KEY, Gateway, ISS, NOW, SUBJECT, Signer, TARGET, Token, Wire},
    flow::Counted,
    identity::identity_id,
    wire::snapshot::{ActorRule, Binding, Profile},
};

/// A gateway whose one binding is changed.
fn gateway(change: impl FnOnce(&mut Binding)) -> Gateway {
    Gateway::new(Wire::changed(|wire| change(&mut wire.bindings[0])))
}

fn opened(token: &str) -> (Value, Value) {
    Signer::numbered(FLEET_KEY).open(token).expect("signed by the fleet key")
}

fn kubernetes() -> Token {
    Token::valid().with("kubernetes.io", json!({ "namespace": "shop", "serviceaccount": { "name": "cart" } }))
}

fn identity() -> String {
    identity_id("default", "cl_shop", "shop-cluster", "cl_shop", SUBJECT)
}

fn claims(claims: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(claims).unwrap()
}

fn svid(binding: &mut Binding) {
    binding.profile = Profile::JwtSvid;
    binding.subject_template = Some(
        r"spiffe://td.example/ns/${jwt.claim.kubernetes\.io.namespace}/sa/${jwt.claim.kubernetes\.io.serviceaccount.name}"
            .into(),
    );
}

#[test]
fn mints_a_jwt_svid() {
    let (token, report) = gateway(svid).exchange(&kubernetes().sign());
    let (header, claims) = opened(&token);
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "fleet-1" }));
    assert_eq!(
        claims,
        json!({
            "iss": "https://authority.example",
            "sub": "spiffe://td.example/ns/shop/sa/cart",
            "aud": TARGET,
            "client_id": "cl_shop",
            "scope": "orders.read",
            "jti": "AQEBAQEBAQEBAQEBAQEBAQ",
            "iat": NOW,
            "exp": NOW + 900,
            "cambist_identity": identity(),
            "cambist_issuer": "shop-cluster",
        })
    );
    // The identity is the same, whatever the token calls it.
    assert_eq!(report.event().identity.as_ref().unwrap().id, identity());
}

#[test]
fn a_template_names_the_subject_of_an_access_token() {
    let (token, _) =
        gateway(|binding| binding.subject_template = Some("k8s:${issuer.cluster}:${jwt.claim.sub}".into()))
            .exchange(&kubernetes().sign());
    let (header, claims) = opened(&token);
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(claims["sub"], format!("k8s:shop-eu:{SUBJECT}"));
    assert_eq!(claims["cambist_identity"], identity());
    assert_eq!(claims["workload"]["iss"], ISS);
}

#[test]
fn without_a_template_the_subject_is_the_identity_and_nothing_says_so_twice() {
    let (token, _) = Gateway::valid().exchange(&kubernetes().sign());
    let (_, claims) = opened(&token);
    assert_eq!(claims["sub"], identity());
    assert_eq!(claims.get("cambist_identity"), None);
}

#[test]
fn adds_the_claims_of_the_binding() {
    let more = json!({
        "env": "prod",
        "groups": "${jwt.claim.groups}",
        "where": { "ns": r"${jwt.claim.kubernetes\.io.namespace}", "identity": "${identity.id}" },
    });
    let (token, _) = gateway(|binding| binding.claims = claims(more))
        .exchange(&kubernetes().with("groups", json!(["a", { "b": 1 }])).sign());
    let (_, claims) = opened(&token);
    assert_eq!(claims["env"], "prod");
    assert_eq!(claims["groups"], json!(["a", { "b": 1 }]));
    assert_eq!(claims["where"], json!({ "ns": "shop", "identity": identity() }));
    assert_eq!(claims["sub"], identity(), "the rest is as ever");
    assert_eq!(claims.as_object().unwrap().len(), 13);
}

/// Every way in which a token may not say enough: nothing is minted, and the answer is "you may not".
#[test]
fn a_token_that_does_not_fit_the_templates_is_refused() {
    let with = |namespace: Value| {
        kubernetes()
            .with("kubernetes.io", json!({ "namespace": namespace, "serviceaccount": { "name": "cart" } }))
    };
    for token in [
        Token::valid(),
        with(Value::Null),
        with(json!("")),
        with(json!("..")),
        with(json!("shop/sa/admin")),
        with(json!("Shop%2e")),
        with(json!(["shop"])),
        with(json!("x".repeat(2_048))),
    ] {
        let mut gateway = gateway(svid);
        // Twice: what holds for a fresh token holds for a cached one.
        for _ in 0..2 {
            assert_eq!(gateway.denial(&Ask::bearing(&token.sign())), Denial::ConditionFalse);
        }
        assert_eq!(gateway.crypto.counts().1, 0, "nothing was signed");
    }
    let mut gateway = gateway(|binding| binding.claims = claims(json!({ "team": "${jwt.claim.team}" })));
    assert_eq!(gateway.denial(&Ask::bearing(&kubernetes().sign())), Denial::ConditionFalse);
    let (token, _) = gateway.exchange(&kubernetes().with("team", "a").sign());
    assert_eq!(opened(&token).1["team"], "a");
}

#[test]
fn nothing_a_token_says_becomes_a_claim_of_ours() {
    let token = kubernetes()
        .with("scope", "admin")
        .with("client_id", "cl_other")
        .with("act", json!({ "sub": "idn_other" }))
        .with("cambist_identity", "idn_other");
    let more = json!({ "copied": "${jwt.claim.act}" });
    let (token, _) = gateway(|binding| {
        svid(binding);
        binding.claims = claims(more);
    })
    .exchange(&token.sign());
    let (_, claims) = opened(&token);
    assert_eq!((&claims["scope"], &claims["client_id"]), (&json!("orders.read"), &json!("cl_shop")));
    assert_eq!(claims.get("act"), None);
    assert_eq!(claims["cambist_identity"], identity());
    assert_eq!(claims["copied"], json!({ "sub": "idn_other" }));
}

/// What templates look at belongs to the token or stands in the cache's key.
#[test]
fn a_cached_access_token_has_the_shape_that_its_binding_says_now() {
    let mut gateway = gateway(|binding| binding.claims = claims(json!({ "env": "test" })));
    let ask = Ask::bearing(&kubernetes().sign());
    assert_eq!(gateway.forward(&ask).report.counted, Counted::Minted);
    assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
    gateway.adopt(|wire| wire.bindings[0].claims = claims(json!({ "env": "prod" })));
    let (token, report) = gateway.exchange(&kubernetes().sign());
    assert_eq!((report.counted, &opened(&token).1["env"]), (Counted::Minted, &json!("prod")));
    gateway.adopt(|wire| svid(&mut wire.bindings[0]));
    let (token, report) = gateway.exchange(&kubernetes().sign());
    assert_eq!((report.counted, &opened(&token).0["typ"]), (Counted::Minted, &json!("JWT")));
    gateway.adopt(|wire| wire.issuers[0].cluster = Some("shop-us".into()));
    assert_eq!(gateway.forward(&ask).report.counted, Counted::Minted, "its cluster may stand in a template");
}

/// A gateway with a token endpoint whose one binding is changed, and whose client's neighbour may act for others.
fn at_endpoint(change: impl FnOnce(&mut Binding)) -> Gateway {
    let mut wire = endpoint::wire();
    wire.bindings[0].targets.push("https://stock.internal".into());
    change(&mut wire.bindings[0]);
    wire.add_neighbour("helper");
    endpoint::gateway(wire)
}

fn claims_of(gateway: &mut Gateway, body: &str) -> Value {
    let (response, _) = gateway.post(&Ask::form(), body);
    let members: Value = serde_json::from_str(&response.body).unwrap();
    opened(members["access_token"].as_str().unwrap_or_else(|| panic!("{}", response.body))).1
}

#[test]
fn a_jwt_svid_has_one_audience() {
    let both = format!("&audience={TARGET}&audience=https://stock.internal");
    let token = kubernetes().sign();
    let (response, report) = at_endpoint(svid).post(&Ask::form(), &exchange(&token, &both));
    assert_eq!((response.status, &*response.body), (400, "{\"error\":\"invalid_target\"}\n"));
    assert_eq!(report.counted, Counted::Denied(Denial::TargetNotAllowed));
    let one = claims_of(&mut at_endpoint(svid), &exchange(&token, "&audience=https://stock.internal"));
    assert_eq!(one["aud"], "https://stock.internal");
    let several = claims_of(&mut at_endpoint(|_| ()), &exchange(&token, &both));
    assert_eq!(several["aud"], json!([TARGET, "https://stock.internal"]));
}

#[test]
fn a_token_says_who_acts_and_who_did_before() {
    let actor = Token::valid().with("sub", "helper").with("act", json!({ "sub": "before" })).sign();
    let body = exchange(&kubernetes().sign(), &format!("&actor_token={actor}&actor_token_type={JWT}"));
    let helper = identity_id("default", "cl_helper", "shop-cluster", "cl_shop", "helper");
    let expected = json!({ "iss": "https://authority.example", "sub": helper, "act": { "sub": "before" } });
    for change in [svid as fn(&mut Binding), |_| ()] {
        let mut gateway = at_endpoint(|binding| {
            binding.actor = ActorRule::Allow;
            change(binding);
        });
        let claims = claims_of(&mut gateway, &body);
        assert_eq!(claims["act"], expected);
        // Who acts is no part of who it is.
        let alone = claims_of(&mut gateway, &exchange(&kubernetes().sign(), ""));
        assert_eq!((&alone["sub"], alone.get("act")), (&claims["sub"], None));
    }
}
