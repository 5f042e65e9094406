//! One row per fault of a binding or a route.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec, vec::Vec};

use serde_json::json;

use super::row::{faults, has_fault, is_valid};
use crate::{
    fixture::Wire,
    wire::snapshot::{ActorRule, Condition, Exchange, ForeignToken, Mode, PathMatch, Place, Profile},
};

#[test]
fn binding() {
    has_fault("binding/cart/client_id", "no client \"cl_x\"", |wire| {
        wire.bindings[0].client_id = "cl_x".into();
    });
    has_fault("binding/cart/issuer", "no issuer \"x\"", |wire| wire.bindings[0].issuer = "x".into());
    has_fault("binding/cart/audiences", "at least one", |wire| wire.bindings[0].audiences.clear());
    has_fault("binding/cart/audiences", "at least one", |wire| {
        wire.bindings[0].audiences.push(String::new());
    });
    has_fault("binding/cart/subjects", "allow_any_subject", |wire| wire.bindings[0].subjects.clear());
    has_fault("binding/cart/subjects", "allow_any_subject", |wire| wire.bindings[0].allow_any_subject = true);
    has_fault("binding/cart/subjects", "empty subject", |wire| wire.bindings[0].subjects.push(String::new()));
    for scope in ["", "a b", "a\"b", "a\\b", "\u{e9}"] {
        has_fault("binding/cart/scopes", "RFC 6749", |wire| wire.bindings[0].scopes.push(scope.into()));
    }
    has_fault("binding/cart/targets", "empty audience", |wire| wire.bindings[0].targets.push(String::new()));
    for ttl in [0, 59, 3_601] {
        has_fault("binding/cart/ttl", "must be 60 to 3600", |wire| wire.bindings[0].ttl = ttl);
    }
    has_fault("binding/cart/id", "twice", |wire| wire.bindings.push(wire.bindings[0].clone()));
}

#[test]
fn templates_of_a_binding() {
    let subject = |profile, template: &'static str| {
        move |wire: &mut Wire| {
            wire.bindings[0].profile = profile;
            wire.bindings[0].subject_template = Some(template.into());
        }
    };
    let (any, svid) = (Profile::AtJwt, Profile::JwtSvid);
    has_fault("binding/cart/subject_template", "must say the SPIFFE ID", |wire| {
        wire.bindings[0].profile = Profile::JwtSvid;
    });
    has_fault("binding/cart/subject_template", "spiffe://", subject(svid, "${jwt.claim.sub}"));
    has_fault("binding/cart/subject_template", "trust domain", subject(any, "spiffe://TD/a"));
    has_fault("binding/cart/subject_template", "without its `}`", subject(any, "a${jwt.claim.sub"));
    has_fault("binding/cart/subject_template", "must not be empty", subject(any, ""));
    is_valid(subject(svid, "spiffe://td.example/sa/${jwt.claim.sub}"));
    is_valid(subject(any, "spiffe://td.example/sa/${jwt.claim.sub}"));
    is_valid(subject(any, "k8s:${jwt.claim.sub}"));
    has_fault("binding/cart/claims", "\"sub\" is set by the exchange", |wire| {
        wire.bindings[0].claims.insert("sub".into(), json!("x"));
    });
    has_fault("binding/cart/claims", "\"env\" cannot use userinfo", |wire| {
        wire.bindings[0].claims.insert("env".into(), json!({ "deep": ["${userinfo.email}"] }));
    });
    is_valid(|wire| {
        wire.bindings[0].claims.insert("env".into(), json!({ "deep": ["${jwt.claim.env}", 1] }));
    });
    for actor in [ActorRule::Refuse, ActorRule::Allow, ActorRule::Require] {
        is_valid(|wire| wire.bindings[0].actor = actor);
    }
}

#[test]
fn a_binding_without_subjects_needs_a_condition_or_the_word_of_the_operator() {
    let condition: Condition =
        serde_json::from_value(json!({ "attribute": "jwt.claim.env", "equals": "prod" })).unwrap();
    is_valid(|wire| wire.bindings[0].condition = Some(condition.clone()));
    is_valid(|wire| {
        wire.bindings[0].subjects.clear();
        wire.bindings[0].condition = Some(condition.clone());
    });
    is_valid(|wire| {
        wire.bindings[0].subjects.clear();
        wire.bindings[0].allow_any_subject = true;
        wire.bindings[0].condition = Some(condition.clone());
    });
    has_fault("binding/cart/subjects", "a condition", |wire| wire.bindings[0].subjects.clear());
    has_fault("binding/cart/subjects", "must name a subject", |wire| {
        wire.bindings[0].allow_any_subject = true;
        wire.bindings[0].condition = Some(condition.clone());
    });
}

#[test]
fn conditions_are_told_of_by_their_place_among_all_other_faults() {
    let condition: Condition = serde_json::from_value(json!({ "all": [
        { "attribute": "jwt.claim.env", "matches": "(" },
        { "not": { "attribute": "env", "equals": "prod" } },
    ]}))
    .unwrap();
    let found = faults(|wire| {
        wire.bindings[0].ttl = 0;
        wire.bindings[0].subjects.clear();
        wire.bindings[0].enabled = false;
        wire.bindings[0].condition = Some(condition.clone());
        wire.routes[0].host = "X".into();
        wire.routes[0].condition = Some(condition);
    });
    let mut paths: Vec<&str> = found.iter().map(|fault| &*fault.path).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "binding/cart/condition/all/0/matches",
            "binding/cart/condition/all/1/not/attribute",
            "binding/cart/ttl",
            "route/api/condition/all/0/matches",
            "route/api/condition/all/1/not/attribute",
            "route/api/host",
        ]
    );
}

#[test]
fn a_disabled_binding_must_be_right_as_well() {
    is_valid(|wire| wire.bindings[0].enabled = false);
    has_fault("binding/cart/ttl", "must be", |wire| {
        wire.bindings[0].enabled = false;
        wire.bindings[0].ttl = 1;
    });
}

#[test]
fn route() {
    has_fault("route/A/id", "must match", |wire| wire.routes[0].id = "A".into());
    has_fault("route/api/id", "twice", |wire| {
        let mut second = wire.routes[0].clone();
        second.host = "second.example".into();
        wire.routes.push(second);
    });
    for host in [
        "",
        "API.example",
        "api.example:443",
        "*api.example",
        "*.",
        "a*.example",
        "*.*",
        "api.example.",
        ".api",
        "a..b",
    ] {
        has_fault("route/api/host", "lower-case host", |wire| wire.routes[0].host = host.into());
    }
    for host in ["*", "*.example", "localhost", "[::1]", "10.0.0.1", "a_b.example"] {
        is_valid(|wire| wire.routes[0].host = host.into());
    }
    has_fault("route/api/methods", "upper-case", |wire| wire.routes[0].methods = Some(vec![]));
    has_fault("route/api/methods", "upper-case", |wire| wire.routes[0].methods = Some(vec!["get".into()]));
    has_fault("route/api/clients", "denies all", |wire| wire.routes[0].clients.clear());
    has_fault("route/api/clients", "no client \"cl_x\"", |wire| wire.routes[0].clients.push("cl_x".into()));
    has_fault("route/api/scopes", "RFC 6749", |wire| wire.routes[0].scopes.push("a b".into()));
    is_valid(|wire| wire.routes[0].exchange = Exchange::ControlPlane);
    has_fault("route/api/exchange", "at a sidecar", |wire| wire.routes[0].place = Place::Sidecar);
    is_valid(|wire| {
        wire.routes[0].place = Place::Sidecar;
        wire.routes[0].exchange = Exchange::None;
    });
    has_fault("route/api/forward", "no meaning", |wire| wire.routes[0].forward = true);
    is_valid(|wire| {
        wire.routes[0].place = Place::Sidecar;
        wire.routes[0].exchange = Exchange::None;
        wire.routes[0].target = Some("x".into());
    });
    for resource in [
        "http://a.example",
        "a.example/x",
        "https://a.example/#x",
        "https://a.example/?x",
        "https://a.example/\\",
    ] {
        has_fault("route/api/resource", "must", |wire| wire.routes[0].resource = Some(resource.into()));
    }
    has_fault("route/api/foreign_token", "unverified", |wire| {
        wire.routes[0].foreign_token = ForeignToken::Pass;
    });
    is_valid(|wire| {
        wire.routes[0].mode = Mode::Optional;
        wire.routes[0].foreign_token = ForeignToken::Pass;
        wire.routes[0].clients.clear();
    });
}

#[test]
fn route_path() {
    for path in [
        PathMatch::Exact("orders".into()),
        PathMatch::Exact("/a/../b".into()),
        PathMatch::Exact("/a//b".into()),
        PathMatch::Exact("/a?b".into()),
        PathMatch::Exact("/a{b}".into()),
        PathMatch::Prefix("/%61".into()),
        PathMatch::Prefix(String::new()),
        PathMatch::Template("/a/{}".into()),
        PathMatch::Template("/a/x{b}".into()),
        PathMatch::Template("a/{b}".into()),
    ] {
        has_fault("route/api/path", "can never match", |wire| wire.routes[0].path = path);
    }
    is_valid(|wire| wire.routes[0].path = PathMatch::Template("/a/{b}/c".into()));
}

#[test]
fn routes_that_tie() {
    has_fault("route/second/path", "ties with route \"api\"", |wire| {
        let mut second = wire.routes[0].clone();
        second.id = "second".into();
        wire.routes.push(second);
    });
}
