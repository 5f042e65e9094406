//! Rules that are tried out: what they would have decided is told, and nothing is decided by them.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::ToString as _, vec, vec::Vec};

use serde_json::json;

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, ISS, ISSUER_KEY, NOW, SUBJECT, Signer, Token, Wire, host_issuer},
    flow::{Counted, Hosts, Report, Step},
    wire::{
        changes::Revoked,
        event::{Outcome, Shadow},
        snapshot::{Condition, Enforcement, ForeignToken, GrantType, Issuer, KeySource, Mode},
    },
};

const AUDIT: Enforcement = Enforcement::Audit;

fn condition(team: &str) -> Option<Condition> {
    serde_json::from_value(json!({ "attribute": "jwt.claim.team", "equals": team })).unwrap()
}

fn team(name: &str) -> Ask {
    Ask::bearing(&Token::valid().with("team", name).sign())
}

fn shadow(rule: &str, denial: Option<Denial>) -> Shadow {
    Shadow { rule: rule.into(), reason: denial.map(|denial| denial.reason().into()) }
}

/// What is told of rules on trial: what is counted of each, and what its events and the decision's own say.
fn told(report: &Report) -> (Vec<Option<Denial>>, Vec<Shadow>) {
    let counted = report.shadows.iter().map(|shadow| shadow.denial).collect();
    let own = report.event.iter().filter_map(|event| event.shadow.clone());
    let more = report.shadows.iter().filter_map(|shadow| {
        let event = shadow.event.as_deref()?;
        assert_eq!((event.outcome, &event.reason, event.count), (Outcome::Shadow, &None, 1));
        assert!(event.token_sha256.is_some() && event.minted.is_none());
        event.shadow.clone()
    });
    (counted, own.chain(more).collect())
}

fn nothing() -> (Vec<Option<Denial>>, Vec<Shadow>) {
    (Vec::new(), Vec::new())
}

fn once(rule: &str, denial: Option<Denial>) -> (Vec<Option<Denial>>, Vec<Shadow>) {
    (vec![denial], vec![shadow(rule, denial)])
}

fn report(step: Step) -> Report {
    match step {
        Step::Forward(edits) => edits.report,
        Step::Reply { report, .. } => report,
        Step::NeedBody { .. } | Step::Call { .. } => panic!("no decision: {}", step.kind()),
    }
}

/// Asks twice, so that the second answer comes from what is cached; both must come to `counted`.
fn twice(gateway: &mut Gateway, ask: &Ask, counted: Counted) -> [(Vec<Option<Denial>>, Vec<Shadow>); 2] {
    [(), ()].map(|()| {
        let report = report(gateway.start(ask));
        let cached = if counted == Counted::Minted { Counted::MintedCached } else { counted };
        assert!([counted, cached].contains(&report.counted), "{:?}", report.counted);
        told(&report)
    })
}

/// A second issuer of another text and key, whose binding is of its own.
fn add_issuer(wire: &mut Wire, enforcement: Enforcement) {
    let jwks = json!({ "keys": [Signer::numbered(ISSUER_KEY).jwk()] });
    let second = Issuer {
        id: "second".into(),
        iss: "https://second.example".into(),
        keys: KeySource::Inline { jwks },
        enforcement,
        ..wire.issuers[0].clone()
    };
    wire.issuers.push(second);
    wire.add_neighbour("second");
    wire.bindings[1].issuer = "second".into();
}

fn of_second(subject: &str) -> Token {
    Token::valid().with("iss", "https://second.example").with("sub", subject)
}

#[test]
fn an_issuer_on_trial_gives_nothing_and_says_what_it_would() {
    let expired = Token::valid().with("exp", NOW).sign();
    for (token, denial) in [
        (Token::valid().sign(), None),
        (Token::valid().with("sub", "nobody").sign(), Some(Denial::IdentityNotFound)),
        (Token::valid().forged(), Some(Denial::BadSignature)),
        (expired, Some(Denial::TokenExpired)),
    ] {
        let mut gateway = Gateway::new(Wire::changed(|wire| wire.issuers[0].enforcement = AUDIT));
        let [first, second] =
            twice(&mut gateway, &Ask::bearing(&token), Counted::Denied(Denial::IssuerNotAllowed));
        assert_eq!(first, once("issuer/shop-cluster", denial));
        assert_eq!(second, first, "each refusal is told");
        assert!(gateway.state.verified.len() <= 1);
    }
}

#[test]
fn a_token_of_an_issuer_on_trial_is_verified_once() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.issuers[0].enforcement = AUDIT));
    let ask = Ask::bearing(&Token::valid().sign());
    let refused = Counted::Denied(Denial::IssuerNotAllowed);
    let [(..), (..)] = twice(&mut gateway, &ask, refused);
    assert_eq!(gateway.crypto.verified.get(), 1);
    // Once it is in force, what is known of the token is of another issuer.
    gateway.adopt(|wire| wire.issuers[0].enforcement = Enforcement::Enforce);
    assert_eq!(gateway.forward(&ask).report.counted, Counted::Minted);
    gateway.adopt(|wire| wire.issuers[0].enforcement = AUDIT);
    let [(..), (..)] = twice(&mut gateway, &ask, refused);
}

#[test]
fn an_issuer_on_trial_names_the_identity_that_it_would_let_in() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.issuers[0].enforcement = AUDIT));
    let (_, report) = gateway.reply(&Ask::bearing(&Token::valid().sign()));
    let event = report.event();
    assert_eq!(event.outcome, Outcome::Denial);
    assert_eq!(event.reason.as_deref(), Some("issuer_not_allowed"));
    assert_eq!(event.identity.as_ref().unwrap().subject, SUBJECT);
}

#[test]
fn an_issuer_on_trial_hides_no_other() {
    let mut gateway = Gateway::new(Wire::changed(|wire| add_issuer(wire, AUDIT)));
    let [first, _] = twice(
        &mut gateway,
        &Ask::bearing(&of_second("second").sign()),
        Counted::Denied(Denial::IssuerNotAllowed),
    );
    assert_eq!(first, once("issuer/second", None));
    let ask = Ask::bearing(&Token::valid().sign());
    assert_eq!(twice(&mut gateway, &ask, Counted::Minted), [nothing(), nothing()]);
    // The same text and audience: whoever is in force serves, and it is no fault.
    gateway.adopt(|wire| wire.issuers[1].iss = ISS.into());
    assert_eq!(twice(&mut gateway, &ask, Counted::MintedCached), [nothing(), nothing()]);
}

#[test]
fn a_foreign_token_still_passes_by_an_issuer_on_trial() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        wire.issuers[0].enforcement = AUDIT;
        wire.routes[0].mode = Mode::Optional;
        wire.routes[0].foreign_token = ForeignToken::Pass;
    }));
    let [first, second] = twice(&mut gateway, &Ask::bearing(&Token::valid().sign()), Counted::Foreign);
    assert_eq!(first, once("issuer/shop-cluster", None));
    assert_eq!(second, (vec![None], Vec::new()), "recorded once");
    let [first, second] = twice(&mut gateway, &Ask::bearing(&Token::valid().forged()), Counted::Foreign);
    assert_eq!(first, (vec![Some(Denial::BadSignature)], Vec::new()), "anybody can cause it");
    assert_eq!(second, first);
}

#[test]
fn nobody_waits_for_the_keys_of_an_issuer_on_trial() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        let iss = wire.issuers[0].iss.clone();
        wire.issuers[0] = Issuer {
            iss,
            enforcement: AUDIT,
            keys: KeySource::JwksUri { uri: "https://keys.example/jwks".into() },
            ..host_issuer("shop-cluster")
        };
    }));
    let ask = Ask::bearing(&Token::valid().sign());
    let [first, _] = twice(&mut gateway, &ask, Counted::Denied(Denial::IssuerNotAllowed));
    assert_eq!(first, once("issuer/shop-cluster", Some(Denial::KeysUnavailable)));
    assert_eq!(gateway.due().issuer, "shop-cluster", "they are fetched");
}

#[test]
fn a_binding_on_trial_gives_nothing_and_says_what_it_would() {
    // Its audience is nobody else's, so without it the issuer takes none.
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.bindings[0].enforcement = AUDIT));
    let ask = team("blue");
    let [first, second] = twice(&mut gateway, &ask, Counted::Denied(Denial::AudienceMismatch));
    assert_eq!(first, once("binding/cart", None));
    assert_eq!(second, first);
    gateway.adopt(|wire| wire.bindings[0].condition = condition("red"));
    let [first, _] = twice(&mut gateway, &ask, Counted::Denied(Denial::AudienceMismatch));
    assert_eq!(first, once("binding/cart", Some(Denial::ConditionFalse)));
    let other = Ask::bearing(&Token::valid().with("sub", "nobody").sign());
    let [first, _] = twice(&mut gateway, &other, Counted::Denied(Denial::AudienceMismatch));
    assert_eq!(first, nothing(), "it would change nothing");
}

#[test]
fn a_binding_on_trial_beside_one_for_others_leaves_identity_not_found() {
    let wire = Wire::changed(|wire| {
        wire.add_neighbour("other");
        wire.bindings[0].enforcement = AUDIT;
    });
    let mut gateway = Gateway::new(wire);
    let [first, second] = twice(&mut gateway, &team("blue"), Counted::Denied(Denial::IdentityNotFound));
    assert_eq!(first, once("binding/cart", None));
    assert_eq!(second, first);
    // What is in force beside it counts for it, too.
    gateway.adopt(|wire| wire.routes[0].scopes = vec!["orders.delete".into()]);
    let [first, _] = twice(&mut gateway, &team("blue"), Counted::Denied(Denial::IdentityNotFound));
    assert_eq!(first, once("binding/cart", Some(Denial::ScopeNotAllowed)));
    gateway.adopt(|wire| wire.routes[0].scopes.clear());
    gateway.revoke(Revoked { clients: vec!["cl_shop".into()], ..Revoked::default() });
    let [first, _] = twice(&mut gateway, &team("blue"), Counted::Denied(Denial::IdentityNotFound));
    assert_eq!(first, once("binding/cart", Some(Denial::IdentityRevoked)));
}

#[test]
fn a_binding_in_force_serves_beside_one_on_trial() {
    let wire = Wire::changed(|wire| {
        wire.add_neighbour("other");
        wire.bindings[1].subjects = vec![SUBJECT.into()];
        wire.bindings[1].enforcement = AUDIT;
    });
    let mut gateway = Gateway::new(wire);
    let [first, second] = twice(&mut gateway, &team("blue"), Counted::Minted);
    assert_eq!(first, once("binding/other", Some(Denial::BindingAmbiguous)));
    assert_eq!(second, (vec![Some(Denial::BindingAmbiguous)], Vec::new()), "recorded once");
    // One that does not fit would change nothing.
    gateway.adopt(|wire| wire.bindings[1].condition = condition("red"));
    assert_eq!(twice(&mut gateway, &team("green"), Counted::Minted), [nothing(), nothing()]);
}

#[test]
fn a_condition_on_trial_denies_nothing() {
    let on_binding = Wire::changed(|wire| {
        wire.bindings[0].condition = condition("red");
        wire.bindings[0].condition_enforcement = AUDIT;
    });
    let on_route = Wire::changed(|wire| {
        wire.routes[0].condition = condition("red");
        wire.routes[0].condition_enforcement = AUDIT;
    });
    for (wire, rule) in [(on_binding, "binding/cart/condition"), (on_route, "route/api/condition")] {
        let mut gateway = Gateway::new(wire);
        let [first, second] = twice(&mut gateway, &team("blue"), Counted::Minted);
        assert_eq!(first, once(rule, Some(Denial::ConditionFalse)));
        assert_eq!(second, (vec![Some(Denial::ConditionFalse)], Vec::new()), "recorded once");
        let passes = (vec![None], Vec::new());
        assert_eq!(twice(&mut gateway, &team("red"), Counted::Minted), [passes.clone(), passes]);
        // Whoever is refused for another reason is not judged by it.
        let other = Ask::bearing(&Token::valid().with("sub", "nobody").sign());
        let [first, _] = twice(&mut gateway, &other, Counted::Denied(Denial::IdentityNotFound));
        assert_eq!(first, nothing());
    }
}

#[test]
fn each_route_records_its_own() {
    let wire = Wire::changed(|wire| {
        wire.bindings[0].condition = condition("red");
        wire.bindings[0].condition_enforcement = AUDIT;
        let mut second = wire.routes[0].clone();
        second.id = "second".into();
        second.host = "second.example".into();
        wire.routes.push(second);
    });
    let mut gateway = Gateway::new(wire);
    let ask = team("blue");
    let elsewhere = Ask { authority: b"second.example".to_vec(), ..ask.clone() };
    for (ask, route) in [(&ask, "api"), (&elsewhere, "second")] {
        let report = report(gateway.start(ask));
        let event = report.shadows[0].event.as_deref().unwrap();
        assert_eq!(event.route.as_deref(), Some(route));
        assert_eq!(event.identity.as_ref().unwrap().subject, SUBJECT);
        assert!(report.event.is_none_or(|own| own.shadow.is_none()), "a mint says nothing of it");
    }
}

#[test]
fn a_condition_on_trial_beside_one_that_tells_bindings_apart_makes_them_ambiguous() {
    // As if it were absent.
    let wire = Wire::changed(|wire| {
        wire.add_neighbour("other");
        wire.bindings[1].subjects = vec![SUBJECT.into()];
        wire.bindings[0].condition = condition("red");
        wire.bindings[1].condition = condition("blue");
        wire.bindings[0].condition_enforcement = AUDIT;
    });
    let mut gateway = Gateway::new(wire);
    assert_eq!(gateway.denial(&team("blue")), Denial::BindingAmbiguous);
    assert_eq!(report(gateway.start(&team("red"))).counted, Counted::Minted);
}

#[test]
fn the_token_endpoint_tries_rules_too() {
    let wire = Wire::changed(|wire| {
        wire.clients[0].grant_types = vec![GrantType::JwtBearer];
        wire.bindings[0].condition = condition("red");
        wire.bindings[0].condition_enforcement = AUDIT;
    });
    let mut gateway = Gateway::new(wire);
    gateway.state.endpoints = Hosts::every();
    let token = Token::valid().with("team", "blue").sign();
    let body = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={token}&client_id=cl_shop"
    );
    let (response, report) = gateway.post(&Ask::form(), &body);
    assert_eq!(response.status, 200);
    assert_eq!(told(&report), once("binding/cart/condition", Some(Denial::ConditionFalse)));
    assert_eq!(report.shadows[0].event.as_ref().unwrap().grant, Some(GrantType::JwtBearer));
    gateway.adopt(|wire| wire.issuers[0].enforcement = AUDIT);
    let (response, report) = gateway.post(&Ask::form(), &body);
    assert_eq!(response.status, 400);
    assert_eq!(told(&report), once("issuer/shop-cluster", None));
}

#[test]
fn observed_requests_try_rules_too() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        wire.routes[0].mode = Mode::Observe;
        wire.issuers[0].enforcement = AUDIT;
    }));
    let report = report(gateway.start(&team("blue")));
    assert_eq!(report.counted, Counted::Observed(Some(Denial::IssuerNotAllowed)));
    assert_eq!(told(&report), once("issuer/shop-cluster", None));
}

#[test]
fn a_condition_that_alone_says_who_fits_cannot_be_on_trial() {
    let change = |wire: &mut Wire| {
        wire.bindings[0].subjects.clear();
        wire.bindings[0].condition = condition("red");
    };
    assert!(Wire::changed(change).compile().is_ok());
    let tried = Wire::changed(|wire| {
        change(wire);
        wire.bindings[0].condition_enforcement = AUDIT;
    });
    let faults = tried.compile().unwrap_err().to_string();
    assert!(faults.contains("binding/cart/condition_enforcement"), "{faults}");
    let anybody = Wire::changed(|wire| {
        change(wire);
        wire.bindings[0].condition_enforcement = AUDIT;
        wire.bindings[0].allow_any_subject = true;
    });
    assert!(anybody.compile().is_ok());
}
