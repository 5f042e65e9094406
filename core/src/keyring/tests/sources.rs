//! Where keys come from: an explicit address, discovery, or the derived one of EKS.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String};

use super::ring::{Ring, Said, issuer_with, jwks, settled};
use crate::{
    keyring::{Fetch, FetchFailure, Fetched, Progress, answer::MOST_NOT_TAKEN},
    wire::snapshot::KeySource,
};

fn discovering(iss: &str) -> Ring {
    Ring::new(issuer_with(|issuer| {
        issuer.iss = iss.into();
        issuer.keys = KeySource::Discovery;
    }))
}

fn document(issuer: &str, jwks_uri: &str) -> String {
    format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}","claims_supported":["sub"]}}"#)
}

fn url(fetch: &Fetch) -> String {
    let scheme = if fetch.endpoint.is_https() { "https" } else { "http" };
    format!("{scheme}://{}{}", fetch.endpoint.authority(), fetch.endpoint.path())
}

fn asked(iss: &str, keys: KeySource) -> String {
    url(&Ring::new(issuer_with(|issuer| {
        issuer.iss = iss.into();
        issuer.keys = keys;
    }))
    .due())
}

#[test]
fn asks_where_the_issuer_says() {
    let jwks_uri = KeySource::JwksUri { uri: "https://keys.example:8443/a?b=c".into() };
    assert_eq!(asked("kubernetes/serviceaccount", jwks_uri), "https://keys.example:8443/a?b=c");
    for iss in ["https://issuer.example/x", "https://issuer.example/x/"] {
        let document = "https://issuer.example/x/.well-known/openid-configuration";
        assert_eq!(asked(iss, KeySource::Discovery), document);
        assert_eq!(asked(iss, KeySource::Derived), "https://issuer.example/x/keys");
    }
}

#[test]
fn derives_the_address_of_eks_and_of_nobody_who_looks_like_it() {
    let eks = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF";
    assert_eq!(asked(eks, KeySource::Discovery), format!("{eks}/keys"));
    for iss in [
        "https://oidc.eks.eu.amazonaws.com.evil.example/id/A",
        "https://oidc.eks.eu.amazonaws.com/id/A/b",
        "https://oidc.eks.x.y.amazonaws.com/id/A",
        "https://oidc.eks..amazonaws.com/id/A",
        "https://oidc.eks.eu.amazonaws.com/ID/A",
    ] {
        assert_eq!(asked(iss, KeySource::Discovery), format!("{iss}/.well-known/openid-configuration"));
    }
}

#[test]
fn follows_discovery_to_the_keys() {
    let mut ring = discovering("https://issuer.example");
    let fetch = ring.due();
    let body = document("https://issuer.example", "https://issuer.example/other/jwks?v=1");
    let Progress::Next(next) = ring.answer(&fetch, &body) else { panic!("does not go on") };
    assert_eq!(url(&next), "https://issuer.example/other/jwks?v=1");
    assert_eq!(ring.look_up(1), Said::Wait);
    assert!(ring.launch().is_none());
    assert_eq!(ring.answer(&next, &jwks(&[1])), settled(None));
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn the_second_half_of_a_discovery_has_its_own_deadline() {
    let mut ring = discovering("https://issuer.example");
    let fetch = ring.due();
    ring.pass_secs(8);
    let body = document("https://issuer.example", "https://issuer.example/jwks");
    let Progress::Next(next) = ring.answer(&fetch, &body) else { panic!("does not go on") };
    ring.pass_secs(8);
    assert!(ring.keyring.expire(&(), ring.now, 10).is_empty());
    assert_eq!(ring.answer(&next, &jwks(&[1])), settled(None));
}

#[test]
fn the_second_half_of_a_discovery_may_fail() {
    let mut ring = discovering("https://issuer.example");
    let fetch = ring.due();
    let body = document("https://issuer.example", "https://issuer.example/jwks");
    let Progress::Next(next) = ring.answer(&fetch, &body) else { panic!("does not go on") };
    assert_eq!(ring.finish(&next, Fetched::Failed), settled(Some(FetchFailure::Unreachable)));
    assert_eq!(ring.look_up(1), Said::Unavailable);
    let (_, again) = ring.next_due();
    assert_eq!(url(&again), url(&fetch), "begins with the document again");
}

/// The document is asked for again each time, and its answers must not make that endless.
#[test]
fn the_second_half_of_a_discovery_may_never_be_taken() {
    let mut ring = discovering("https://issuer.example");
    let body = document("https://issuer.example", "https://issuer.example/jwks");
    for left in (0..=MOST_NOT_TAKEN).rev() {
        let fetch = ring.due();
        let Progress::Next(next) = ring.answer(&fetch, &body) else { panic!("does not go on") };
        let failed = settled(Some(FetchFailure::Unreachable));
        let expected = if left == 0 { failed } else { Progress::Ignored };
        assert_eq!(ring.finish(&next, Fetched::NotTaken), expected);
    }
    assert!(ring.launch().is_none());
}

#[test]
fn refuses_a_document_of_another_issuer() {
    for issuer in ["https://issuer.example/", "https://ISSUER.example", "https://other.example", ""] {
        let mut ring = discovering("https://issuer.example");
        let fetch = ring.due();
        let body = document(issuer, "https://issuer.example/jwks");
        assert_eq!(ring.answer(&fetch, &body), settled(Some(FetchFailure::IssuerMismatch)));
    }
}

#[test]
fn refuses_keys_on_another_host() {
    for uri in [
        "https://keys.example/jwks",
        "https://issuer.example:8443/jwks",
        "http://issuer.example/jwks",
        "https://issuer.example@evil.example/jwks",
        "/jwks",
        "",
        "file:///etc/passwd",
    ] {
        let mut ring = discovering("https://issuer.example");
        let fetch = ring.due();
        let body = document("https://issuer.example", uri);
        assert_eq!(ring.answer(&fetch, &body), settled(Some(FetchFailure::ForeignJwksUri)), "{uri}");
    }
}

#[test]
fn refuses_what_is_no_document() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"issuer":"https://issuer.example"}"#,
        r#"{"issuer":1,"jwks_uri":2}"#,
        &jwks(&[1]),
    ] {
        let mut ring = discovering("https://issuer.example");
        let fetch = ring.due();
        assert_eq!(ring.answer(&fetch, body), settled(Some(FetchFailure::InvalidDiscovery)));
    }
    let twice = r#"{"issuer":"https://evil.example","issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks"}"#;
    let mut ring = discovering("https://issuer.example");
    let fetch = ring.due();
    assert_eq!(ring.answer(&fetch, twice), settled(Some(FetchFailure::InvalidDiscovery)));
}

#[test]
fn http_needs_permission_on_both_halves() {
    let mut ring = Ring::new(issuer_with(|issuer| {
        issuer.iss = "http://127.0.0.1:8080".into();
        issuer.keys = KeySource::Discovery;
        issuer.allow_http = true;
    }));
    let fetch = ring.due();
    let body = document("http://127.0.0.1:8080", "http://127.0.0.1:8080/jwks");
    let Progress::Next(next) = ring.answer(&fetch, &body) else { panic!("does not go on") };
    assert!(!next.endpoint.is_https());
}
