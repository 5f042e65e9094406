//! Conditions decide which binding fits and what a route admits, for cached tokens as for new ones.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, vec::Vec};

use serde_json::{Value, json};

use super::userinfo::{about, asking, good, serve};
use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, SUBJECT, Token, Wire},
    flow::{Counted, Credential, Step},
    identity::identity_id,
    token_cache::MAX_VERDICTS,
    wire::{
        changes::Revoked,
        snapshot::{Condition, Exchange, Mode},
    },
};

const NAMESPACE: &str = r"jwt.claim.kubernetes\.io.namespace";

fn condition(condition: Value) -> Option<Condition> {
    serde_json::from_value(condition).unwrap()
}

fn namespace(name: &str) -> Option<Condition> {
    condition(json!({ "attribute": NAMESPACE, "equals": name }))
}

fn token(name: &str) -> Token {
    Token::valid().with("kubernetes.io", json!({ "namespace": name }))
}

fn ask(token: &Token) -> Ask {
    Ask::bearing(&token.sign())
}

/// The valid snapshot with two bindings of one subject that a namespace tells apart, `cart` and `other`.
fn divided() -> Wire {
    Wire::changed(|wire| {
        wire.add_neighbour("other");
        wire.bindings[0].condition = namespace("prod");
        wire.bindings[1].condition = namespace("staging");
        wire.bindings[1].subjects = [SUBJECT.into()].into();
    })
}

/// The client that a request acts for.
fn client(gateway: &mut Gateway, token: &Token) -> Value {
    let (access, _) = gateway.exchange(&token.sign());
    let payload = access.split('.').nth(1).unwrap();
    let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["client_id"].clone()
}

#[test]
fn a_condition_that_is_not_true_is_403_and_names_the_identity() {
    let wire = Wire::changed(|wire| wire.bindings[0].condition = namespace("prod"));
    for token in [token("staging"), Token::valid(), token("prod").with("kubernetes.io", json!("prod"))] {
        let mut gateway = Gateway::new(wire.clone());
        // New, then from the cache.
        for _ in 0..2 {
            let (response, report) = gateway.reply(&ask(&token));
            assert_eq!(response.status, 403);
            assert_eq!(report.counted, Counted::Denied(Denial::ConditionFalse));
            let event = report.event();
            assert_eq!(event.reason.as_deref(), Some("condition_false"));
            assert_eq!(event.identity.as_ref().unwrap().client_id, "cl_shop");
        }
    }
    let _ = Gateway::new(wire).forward(&ask(&token("prod")));
}

#[test]
fn a_condition_tells_bindings_of_one_subject_apart() {
    let mut gateway = Gateway::new(divided());
    // Again and again, so that each is served from the cache beside the other.
    for _ in 0..3 {
        assert_eq!(client(&mut gateway, &token("prod")), "cl_shop");
        assert_eq!(client(&mut gateway, &token("staging")), "cl_other");
    }
    let (_, report) = gateway.reply(&ask(&token("dev")));
    assert_eq!(report.counted, Counted::Denied(Denial::ConditionFalse));
    assert_eq!(report.event().identity, None, "two would fit: neither is named");
}

#[test]
fn two_bindings_whose_conditions_are_both_true_are_ambiguous() {
    let mut gateway = Gateway::new(divided());
    gateway.adopt(|wire| {
        wire.bindings[1].condition = condition(json!({ "attribute": NAMESPACE, "matches": "p.*" }));
    });
    assert_eq!(gateway.denial(&ask(&token("prod"))), Denial::BindingAmbiguous);
    gateway.adopt(|wire| wire.bindings[1].condition = None);
    assert_eq!(gateway.denial(&ask(&token("prod"))), Denial::BindingAmbiguous);
    assert_eq!(client(&mut gateway, &token("dev")), "cl_other");
}

#[test]
fn the_condition_of_a_client_that_may_not_use_the_route_is_not_looked_at() {
    let mut gateway = Gateway::new(divided());
    gateway.adopt(|wire| wire.routes[0].clients.truncate(1));
    assert_eq!(gateway.denial(&ask(&token("staging"))), Denial::ConditionFalse);
    gateway.adopt(|wire| drop(wire.bindings.remove(0)));
    assert_eq!(gateway.denial(&ask(&token("staging"))), Denial::ClientUnknown);
}

#[test]
fn without_subjects_the_condition_says_who_fits() {
    let wire = Wire::changed(|wire| {
        wire.bindings[0].subjects.clear();
        wire.bindings[0].condition = namespace("prod");
    });
    let mut gateway = Gateway::new(wire);
    for subject in [SUBJECT, "anybody"] {
        let _ = gateway.forward(&ask(&token("prod").with("sub", subject)));
        assert_eq!(gateway.denial(&ask(&token("dev").with("sub", subject))), Denial::ConditionFalse);
    }
}

#[test]
fn a_route_has_a_condition_of_its_own() {
    let mut gateway = Gateway::new(divided());
    gateway.adopt(|wire| {
        let mut narrow = wire.routes[0].clone();
        narrow.id = "admin".into();
        narrow.path = serde_json::from_value(json!({ "prefix": "/admin" })).unwrap();
        narrow.condition = condition(json!({ "all": [
            { "attribute": "client.id", "equals": "cl_shop" },
            { "attribute": "issuer.id", "equals": "shop-cluster" },
            { "attribute": "issuer.cluster", "matches": "shop-(eu|us)" },
            { "not": { "attribute": "jwt.claim.sub", "matches": ".*:default" } },
        ]}));
        wire.routes.push(narrow);
    });
    for _ in 0..2 {
        let _ = gateway.forward(&ask(&token("prod")).to("/admin"));
        assert_eq!(gateway.denial(&ask(&token("staging")).to("/admin")), Denial::ConditionFalse);
        let _ = gateway.forward(&ask(&token("staging")));
    }
}

#[test]
fn a_condition_may_aim_at_one_identity() {
    let own = identity_id("default", "cl_shop", "shop-cluster", "cl_shop", SUBJECT);
    for (id, admitted) in [(own.as_str(), true), ("idn_other", false)] {
        let wire = Wire::changed(|wire| {
            wire.bindings[0].subjects.clear();
            wire.bindings[0].allow_any_subject = true;
            wire.routes[0].condition = condition(json!({ "attribute": "identity.id", "equals": id }));
        });
        let mut gateway = Gateway::new(wire);
        let admits = |gateway: &mut Gateway, ask: &Ask| matches!(gateway.start(ask), Step::Forward(_));
        assert_eq!(admits(&mut gateway, &ask(&Token::valid())), admitted);
        // The same binding, another identity.
        let another = ask(&Token::valid().with("sub", "another"));
        assert_eq!(gateway.denial(&another), Denial::ConditionFalse);
    }
}

#[test]
fn a_revoked_identity_is_refused_as_revoked_where_the_routes_condition_is_false_too() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.routes[0].condition = namespace("prod")));
    assert_eq!(gateway.denial(&ask(&token("dev"))), Denial::ConditionFalse);
    gateway.revoke(Revoked { clients: ["cl_shop".into()].into(), ..Revoked::default() });
    assert_eq!(gateway.denial(&ask(&token("dev"))), Denial::IdentityRevoked);
}

#[test]
fn every_mode_heeds_conditions_where_a_token_is_presented() {
    let with = |mode| {
        Gateway::new(Wire::changed(|wire| {
            wire.routes[0].mode = mode;
            wire.routes[0].condition = namespace("prod");
            wire.routes[0].exchange = Exchange::None;
        }))
    };
    let (good, bad) = (ask(&token("prod")), ask(&token("dev")));
    assert_eq!(with(Mode::Require).denial(&bad), Denial::ConditionFalse);
    assert_eq!(with(Mode::Optional).denial(&bad), Denial::ConditionFalse);
    assert_eq!(with(Mode::Optional).forward(&good).report.counted, Counted::Verified);
    assert_eq!(with(Mode::Optional).forward(&Ask::bare()).report.counted, Counted::Unauthenticated);
    let edits = with(Mode::Observe).forward(&bad);
    assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::ConditionFalse)));
    assert!(matches!(edits.credential, Credential::Keep));
}

#[test]
fn a_changed_condition_is_judged_anew_for_a_cached_token() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.bindings[0].condition = namespace("prod")));
    let ask = ask(&token("prod"));
    let _ = gateway.forward(&ask);
    assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
    let verified = gateway.crypto.counts().0;
    gateway.adopt(|wire| wire.bindings[0].condition = namespace("staging"));
    assert_eq!(gateway.denial(&ask), Denial::ConditionFalse);
    gateway.adopt(|wire| wire.bindings[0].condition = namespace("prod"));
    assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
    gateway.adopt(|wire| wire.routes[0].condition = namespace("staging"));
    assert_eq!(gateway.denial(&ask), Denial::ConditionFalse);
    gateway.adopt(|wire| wire.routes[0].condition = namespace("prod"));
    assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
    assert_eq!(gateway.crypto.counts().0, verified, "no signature was verified again");
}

#[test]
fn a_condition_on_what_the_issuer_is_follows_the_issuer() {
    let cluster = |name: &str| condition(json!({ "attribute": "issuer.cluster", "equals": name }));
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.bindings[0].condition = cluster("shop-eu")));
    let ask = ask(&Token::valid());
    let _ = gateway.forward(&ask);
    gateway.adopt(|wire| wire.issuers[0].cluster = Some("shop-us".into()));
    assert_eq!(gateway.denial(&ask), Denial::ConditionFalse);
}

#[test]
fn what_userinfo_says_is_judged_and_judged_anew_when_it_says_something_else() {
    let mut gateway = asking(|wire| {
        wire.bindings[0].condition = condition(json!({ "all": [
            { "attribute": "identity.login", "matches": r"[a-z]+@example\.org" },
            { "attribute": "userinfo.email", "equals": "ada@example.org" },
        ]}));
    });
    let _ = serve(&mut gateway, about("ada@example.org")).into_edits();
    assert_eq!(gateway.forward(&good()).report.counted, Counted::MintedCached);
    gateway.pass_secs(300);
    assert_eq!(serve(&mut gateway, about("eve@example.org")).into_denial(), Denial::ConditionFalse);
    assert_eq!(gateway.denial(&good()), Denial::ConditionFalse);
}

#[test]
fn what_was_judged_without_userinfo_is_judged_anew_with_it() {
    let mut gateway = asking(|wire| {
        wire.bindings[0].condition =
            condition(json!({ "attribute": "userinfo.email", "equals": "ada@example.org" }));
        wire.routes[0].mode = Mode::Observe;
    });
    let edits = gateway.forward(&good());
    assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::ConditionFalse)));
    gateway.adopt(|wire| wire.routes[0].mode = Mode::Require);
    let _ = serve(&mut gateway, about("ada@example.org")).into_edits();
}

#[test]
fn a_hit_does_not_judge_again() {
    let mut gateway = Gateway::new(divided());
    let token = token("prod").sign();
    let _ = gateway.forward(&Ask::bearing(&token));
    let verified = gateway.state.verified.get(token.as_bytes()).unwrap();
    assert_eq!(verified.verdicts.len(), 2);
    let (bytes, _) = (gateway.state.verified.bytes(), gateway.forward(&Ask::bearing(&token)));
    assert_eq!(gateway.state.verified.get(token.as_bytes()).unwrap().verdicts.len(), 2);
    assert_eq!(gateway.state.verified.bytes(), bytes);
}

#[test]
fn verdicts_are_bounded_and_weighed() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.bindings[0].condition = namespace("prod")));
    let token = token("prod").sign();
    let mut weights = Vec::new();
    for name in 0..=MAX_VERDICTS {
        gateway.adopt(|wire| wire.routes[0].condition = namespace(&format!("ns{name}")));
        assert_eq!(gateway.denial(&Ask::bearing(&token)), Denial::ConditionFalse);
        let kept = gateway.state.verified.get(token.as_bytes()).unwrap().verdicts.len();
        assert!((1..=MAX_VERDICTS).contains(&kept), "{kept}");
        weights.push((kept, gateway.state.verified.bytes()));
    }
    // Every verdict weighs the same, and what was forgotten weighs nothing.
    let (kept, first) = weights[0];
    let each = (weights[1].1 - first) / (weights[1].0 - kept);
    assert!(each >= 65, "{each}");
    for (count, bytes) in weights {
        assert_eq!(bytes + kept * each, first + count * each, "{count}");
    }
}

#[test]
fn without_conditions_nothing_is_judged() {
    let mut gateway = Gateway::valid();
    let token = token("prod").sign();
    for _ in 0..2 {
        let _ = gateway.forward(&Ask::bearing(&token));
        assert!(gateway.state.verified.get(token.as_bytes()).unwrap().verdicts.is_empty());
    }
}
