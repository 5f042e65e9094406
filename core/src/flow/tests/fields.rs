//! What is told of a workload beside its subject: in access tokens and events of verified tokens, nowhere else.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec,
};

use serde_json::{Value, json};

use crate::{
    denial::Denial,
    fixture::{Ask, FLEET_KEY, Gateway, ISS, SUBJECT, Signer, Token, Wire},
    flow::Counted,
    wire::{
        changes::Revoked,
        snapshot::{Exchange, Mode},
    },
};

fn list(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

/// The valid snapshot with the fields of a Kubernetes cluster.
fn telling() -> Wire {
    Wire::changed(|wire| {
        wire.issuers[0].identity_fields = list(&[
            ("namespace", r"jwt.claim.kubernetes\.io.namespace"),
            ("service_account", r"jwt.claim.kubernetes\.io.serviceaccount.name"),
        ]);
        wire.issuers[0].audit_fields = list(&[("pod", r"jwt.claim.kubernetes\.io.pod.name")]);
    })
}

fn of_pod(pod: &str) -> Token {
    Token::valid().with(
        "kubernetes.io",
        json!({ "namespace": "shop", "serviceaccount": { "name": "cart", "uid": "u-1" }, "pod": { "name": pod } }),
    )
}

fn workload(access_token: &str) -> Value {
    let (_, claims) = Signer::numbered(FLEET_KEY).open(access_token).expect("signed by the fleet key");
    claims["workload"].clone()
}

fn told() -> BTreeMap<String, String> {
    list(&[("namespace", "shop"), ("service_account", "cart")])
}

#[test]
fn a_mint_tells_what_the_issuer_names_and_the_pod_to_the_audit_alone() {
    let (token, report) = Gateway::new(telling()).exchange(&of_pod("cart-0").sign());
    assert_eq!(
        workload(&token),
        json!({
            "iss": ISS, "issuer": "shop-cluster", "sub": SUBJECT, "cluster": "shop-eu", "namespace": "shop",
            "service_account": "cart",
        })
    );
    assert_eq!(report.event().fields, told());
    assert_eq!(report.event().audit_fields, list(&[("pod", "cart-0")]));
}

#[test]
fn an_access_token_tells_the_same_when_nobody_audits() {
    let mut gateway = Gateway::new(telling());
    gateway.state.audited = false;
    let (token, report) = gateway.exchange(&of_pod("cart-0").sign());
    assert!(report.event.is_none());
    assert_eq!(workload(&token)["namespace"], "shop");
}

#[test]
fn no_field_is_part_of_who_it_is() {
    let mut gateway = Gateway::new(telling());
    let (_, first) = gateway.exchange(&of_pod("cart-0").sign());
    let (_, second) = gateway.exchange(&of_pod("cart-1").sign());
    assert_eq!(first.event().identity, second.event().identity);
    assert_eq!(second.event().audit_fields, list(&[("pod", "cart-1")]));
    let (_, without) = Gateway::valid().exchange(&of_pod("cart-0").sign());
    assert_eq!(first.event().identity, without.event().identity);
}

/// What the rules of an issuer `{"field": "jwt.claim.value"}` make of a token's `value`.
fn read(value: impl Into<Value>) -> Option<String> {
    let wire = Wire::changed(|wire| wire.issuers[0].identity_fields = list(&[("field", "jwt.claim.value")]));
    let (token, report) = Gateway::new(wire).exchange(&Token::valid().with("value", value).sign());
    let field = report.event().fields.get("field").cloned();
    assert_eq!(workload(&token).get("field").map(|field| field.as_str().unwrap()), field.as_deref());
    field
}

#[test]
fn values_are_short_texts_or_left_out() {
    for (value, text) in [
        (json!("shop"), "shop"),
        (json!(""), ""),
        (json!("é日"), "é日"),
        (json!(123_456_789), "123456789"),
        (json!(true), "true"),
        (json!("a".repeat(256)), &"a".repeat(256)),
    ] {
        assert_eq!(read(value).as_deref(), Some(text));
    }
    for value in [
        json!("a".repeat(257)),
        json!("é".repeat(129)),
        json!("a\nb"),
        json!("a\u{0}"),
        json!("a\u{85}"),
        Value::Null,
        json!(["shop"]),
        json!({ "name": "shop" }),
    ] {
        assert_eq!(read(value), None);
    }
}

#[test]
fn a_missing_claim_leaves_out_its_field_alone() {
    let token = Token::valid().with("kubernetes.io", json!({ "namespace": "shop", "pod": "cart-0" }));
    let (_, report) = Gateway::new(telling()).exchange(&token.sign());
    assert_eq!(report.event().fields, list(&[("namespace", "shop")]));
    assert_eq!(report.event().audit_fields, list(&[]));
}

#[test]
fn a_denial_of_a_verified_token_tells_them_every_time() {
    let ask = Ask::bearing(&of_pod("cart-0").sign());
    let stranger = Ask::bearing(&of_pod("cart-0").with("sub", "stranger").sign());
    let mut revoked = Gateway::new(telling());
    revoked.revoke(Revoked { issuers: vec!["shop-cluster".into()], ..Default::default() });
    let mut scoped = telling();
    scoped.routes[0].scopes = vec!["admin".into()];
    for (mut gateway, ask, denial) in [
        (Gateway::new(telling()), &stranger, Denial::IdentityNotFound),
        (revoked, &ask, Denial::IdentityRevoked),
        (Gateway::new(scoped), &ask, Denial::ScopeNotAllowed),
    ] {
        for _ in 0..2 {
            let (_, report) = gateway.reply(ask);
            assert_eq!(report.counted, Counted::Denied(denial));
            assert_eq!(report.event().fields, told());
            assert_eq!(report.event().audit_fields, list(&[("pod", "cart-0")]));
        }
    }
}

#[test]
fn an_observed_denial_tells_them_too() {
    let mut wire = telling();
    wire.routes[0].mode = Mode::Observe;
    let edits = Gateway::new(wire).forward(&Ask::bearing(&of_pod("cart-0").with("sub", "stranger").sign()));
    assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::IdentityNotFound)));
    assert_eq!(edits.report.event().fields, told());
}

#[test]
fn nothing_is_told_of_a_token_that_nobody_verified() {
    for (token, denial) in [
        (of_pod("cart-0").forged(), Denial::BadSignature),
        (of_pod("cart-0").with("exp", 1).sign(), Denial::TokenExpired),
        (of_pod("cart-0").with("aud", "other").sign(), Denial::AudienceMismatch),
    ] {
        let (_, report) = Gateway::new(telling()).reply(&Ask::bearing(&token));
        assert_eq!(report.counted, Counted::Denied(denial));
        assert_eq!(report.event().fields, list(&[]));
        assert_eq!(report.event().audit_fields, list(&[]));
    }
}

#[test]
fn a_hit_tells_what_was_minted_and_a_changed_issuer_mints_anew() {
    let mut gateway = Gateway::new(telling());
    let token = of_pod("cart-0").sign();
    let (first, _) = gateway.exchange(&token);
    let (second, report) = gateway.exchange(&token);
    assert_eq!((first, report.counted), (second, Counted::MintedCached));
    assert!(report.event.is_none());
    gateway.adopt(|wire| {
        wire.issuers[0].identity_fields = list(&[("uid", r"jwt.claim.kubernetes\.io.serviceaccount.uid")]);
    });
    let (third, report) = gateway.exchange(&token);
    assert_eq!(report.counted, Counted::Minted);
    assert_eq!(workload(&third)["uid"], "u-1");
    assert!(workload(&third).get("namespace").is_none());
}

#[test]
fn a_verify_only_route_records_none() {
    let mut wire = telling();
    wire.routes[0].exchange = Exchange::None;
    let edits = Gateway::new(wire).forward(&Ask::bearing(&of_pod("cart-0").sign()));
    assert_eq!(edits.report.counted, Counted::Verified);
    assert!(edits.report.event.is_none());
}
