//! No credential in `Debug` of anything (law 10).

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{boxed::Box, format, string::String, sync::Arc, vec};

use crate::{
    digest::Digest,
    endpoint::Endpoint,
    exchange::external,
    fixture::{Ask, FLEET_KEY, Gateway, Signer, Token, Wire},
    flow::{Answer, Call, Credential, Head, Remote},
    secret::Secret,
    wire::snapshot::{PrivateKey, Record},
};

const SECRET: &str = "eyJhbGciOiJub25lIn0.secret.secret";

/// Neither as text nor as a list of bytes.
#[track_caller]
fn shows_nothing(shown: &str, secret: &str) {
    assert!(!shown.contains(secret), "{shown}");
    let bytes = format!("{:?}", secret.as_bytes());
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}

#[test]
fn a_request_head_shows_no_credential() {
    let value = format!("Bearer {SECRET}");
    let head = Head { authorization: &[value.as_bytes()], path: b"/orders", ..Head::default() };
    shows_nothing(&format!("{head:?}"), SECRET);
}

#[test]
fn edits_show_no_credential() {
    shows_nothing(&format!("{:?}", Credential::Replace(Arc::from(SECRET))), SECRET);
    assert_eq!(format!("{:?}", Credential::Keep), "Keep");
}

#[test]
fn calls_and_answers_show_no_body() {
    let body = || SECRET.as_bytes().to_vec();
    for call in [
        Call::MintRemotely { body: body() },
        Call::ExchangeExternally(Box::new(external::Request {
            id: String::from("partner"),
            endpoint: Endpoint::parse("https://sts.example/token", false).unwrap(),
            key: Digest::of(b""),
            authorization: Some(Secret::new(String::from(SECRET))),
            body: Secret::new(body()),
            timeout_ms: 100,
        })),
        Call::UserInfo {
            issuer: "shop".into(),
            endpoint: Endpoint::parse("https://issuer.example/userinfo", false).unwrap(),
            authorization: Secret::new(format!("Bearer {SECRET}")),
            timeout_ms: 1,
        },
    ] {
        shows_nothing(&format!("{call:?}"), SECRET);
        shows_nothing(&format!("{:?}", Answer::TimedOut(call)), SECRET);
    }
    let remote = Remote { status: 200, content_type: None, body: body(), retry_after: None };
    shows_nothing(&format!("{remote:?}"), SECRET);
    shows_nothing(&format!("{:?}", Answer::Remote(Call::AwaitSnapshot, remote)), SECRET);
}

#[test]
fn the_state_shows_neither_tokens_nor_keys() {
    let mut gateway = Gateway::valid();
    let token = Token::valid().sign();
    let (minted, report) = gateway.exchange(&token);
    let shown = format!("{:?} {report:?} {:?}", gateway.state, gateway.state.policy());
    let key = Signer::numbered(FLEET_KEY);
    for secret in [token, minted, key.pkcs8()] {
        shows_nothing(&shown, &secret);
        let (_, signature) = secret.rsplit_once('.').unwrap_or(("", &secret));
        shows_nothing(&shown, signature);
    }
    assert!(!shown.contains("2, 2, 2, 2"), "the private scalar");
}

#[test]
fn a_record_shows_no_private_key() {
    let wire = Wire::valid();
    let PrivateKey::Pkcs8(secret) = wire.signing_keys[0].private_key.clone() else { panic!("inline key") };
    shows_nothing(&format!("{:?}", Record::SigningKey(wire.signing_keys[0].clone())), &secret);
}

#[test]
fn a_denial_event_holds_the_digest_of_the_token_only() {
    let token = Token::valid().forged();
    let (response, report) = Gateway::valid().reply(&Ask::bearing(&token));
    let shown = format!("{report:?} {response:?} {}", serde_json::to_string(report.event()).unwrap());
    for part in token.split('.') {
        shows_nothing(&shown, part);
    }
}

#[test]
fn a_verified_token_is_kept_without_its_text() {
    let mut gateway = Gateway::valid();
    let token = Token::valid().sign();
    let _ = gateway.exchange(&token);
    let known = gateway.state.verified.get(token.as_bytes()).unwrap();
    let shown = format!("{known:?}");
    for part in vec![&*token].into_iter().chain(token.split('.')) {
        shows_nothing(&shown, part);
    }
}
