//! Which route a request belongs to, and how requests that name no place are refused.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{vec, vec::Vec};

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, Token, Wire},
    wire::snapshot::{PathMatch, Route},
};

fn good() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

#[test]
fn refuses_what_no_route_covers() {
    for authority in ["other.example", "api.example.evil", "x.api.example", "api"] {
        let ask = Ask { authority: authority.as_bytes().to_vec(), ..good() };
        assert_eq!(Gateway::valid().denial(&ask), Denial::RouteUnknown, "{authority}");
    }
    let narrow = Wire::changed(|wire| wire.routes[0].path = PathMatch::Prefix("/api".into()));
    for path in ["/", "/ap", "/apis", "/other", "/API"] {
        assert_eq!(Gateway::new(narrow.clone()).denial(&good().to(path)), Denial::RouteUnknown, "{path}");
    }
}

#[test]
fn the_host_is_compared_without_port_and_case() {
    for authority in ["api.example", "API.Example", "api.example:443", "api.example:10000"] {
        let ask = Ask { authority: authority.as_bytes().to_vec(), ..good() };
        let _ = Gateway::valid().forward(&ask);
    }
}

#[test]
fn refuses_an_authority_that_is_none() {
    for authority in [
        &b""[..],
        b":443",
        b"api.example.",
        b"api.example:",
        b"api.example:x",
        b"api.example:443:1",
        b"u@api.example",
        b"api.example:123456",
        b"api.example/x",
        b"api example",
        b"\xffapi.example",
        b"[::1",
        b"[]x",
    ] {
        let ask = Ask { authority: authority.to_vec(), ..good() };
        let denial = Gateway::valid().denial(&ask);
        assert_eq!(denial, Denial::TokenMalformed, "{authority:?}");
    }
}

#[test]
fn refuses_a_request_without_path_or_method() {
    assert_eq!(Gateway::valid().denial(&Ask { path: Vec::new(), ..good() }), Denial::TokenMalformed);
    for target in ["*", "http://api.example/orders", "orders", "api.example:443", "?x", "#"] {
        assert_eq!(Gateway::valid().denial(&good().to(target)), Denial::TokenMalformed, "{target}");
    }
    assert_eq!(Gateway::valid().denial(&Ask { method: Vec::new(), ..good() }), Denial::TokenMalformed);
    assert_eq!(Gateway::valid().denial(&Ask { method: b"\xff".to_vec(), ..good() }), Denial::TokenMalformed);
}

#[test]
fn refuses_every_path_that_is_not_canonical() {
    for path in [
        "//orders",
        "/./orders",
        "/x/../orders",
        "/orders;v=1",
        "/%6frders",
        "/orders%2Fx",
        "/%2e%2e/orders",
        "/orders%00",
        "/orders\\x",
        "/orders#x",
    ] {
        assert_eq!(Gateway::valid().denial(&good().to(path)), Denial::RouteUnknown, "{path}");
    }
    let bytes = Ask { path: b"/orders\xff".to_vec(), ..good() };
    assert_eq!(Gateway::valid().denial(&bytes), Denial::RouteUnknown);
}

#[test]
fn the_query_decides_nothing() {
    let narrow = || Wire::changed(|wire| wire.routes[0].path = PathMatch::Exact("/orders".into()));
    for path in ["/orders", "/orders?", "/orders?a=/../b", "/orders?/x;y%00"] {
        let _ = Gateway::new(narrow()).forward(&good().to(path));
    }
}

#[test]
fn a_path_that_is_named_for_other_methods_only_is_refused() {
    let wire = Wire::changed(|wire| {
        let exact = Route {
            id: "get-only".into(),
            path: PathMatch::Exact("/admin".into()),
            methods: Some(vec!["GET".into()]),
            ..wire.routes[0].clone()
        };
        wire.routes.push(exact);
    });
    let _ = Gateway::new(wire.clone()).forward(&good().to("/admin"));
    for method in ["POST", "get", "OPTIONS", "HEAD"] {
        let ask = Ask { method: method.into(), ..good().to("/admin") };
        assert_eq!(Gateway::new(wire.clone()).denial(&ask), Denial::RouteUnknown, "{method}");
    }
}

#[test]
fn an_ipv6_host_is_a_host() {
    let wire = Wire::changed(|wire| wire.routes[0].host = "[::1]".into());
    for authority in ["[::1]", "[::1]:8443"] {
        let _ = Gateway::new(wire.clone()).forward(&Ask { authority: authority.into(), ..good() });
    }
    let ask = Ask { authority: b"[::1]x".to_vec(), ..good() };
    assert_eq!(Gateway::new(wire).denial(&ask), Denial::TokenMalformed);
}
