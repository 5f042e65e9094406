//! For how long a UserInfo answer is known, what makes it be forgotten, and that nobody asks twice.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use serde_json::json;

use super::userinfo::{about, answer, asking, good, ignoring, json_answer, rules, serve, workload};
use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, ISSUER_KEY, NOW, SUBJECT, Signer, Token},
    flow::{Answer, Call, Counted, Remote},
    keyring::{Fetch, Fetched},
    token_cache::{MAX_BYTES, VerifiedTokens},
    wire::snapshot::{KeySource, UserInfo},
};

fn asks(gateway: &mut Gateway) {
    let (_, call) = gateway.call(&good());
    assert!(matches!(call, Call::UserInfo { .. }), "{call:?}");
}

#[test]
fn a_good_answer_serves_until_its_time() {
    let mut gateway = asking(|_| ());
    let _ = serve(&mut gateway, about("ada")).into_edits();
    gateway.pass_secs(299);
    gateway.pass_millis(999);
    assert_eq!(gateway.forward(&good()).report.counted, Counted::MintedCached);
    gateway.pass_millis(1);
    asks(&mut gateway);
}

#[test]
fn no_answer_outlives_its_token() {
    let mut gateway = asking(|wire| {
        wire.issuers[0].userinfo = Some(UserInfo { cache_seconds: 3_600, ..rules() });
    });
    let token = Token::valid().with("exp", NOW + 60).sign();
    let call = gateway.call(&Ask::bearing(&token));
    let _ = answer(&mut gateway, call, about("ada"));
    let until = gateway.state.verified.get(token.as_bytes()).unwrap().userinfo.as_ref().unwrap().until;
    assert_eq!(until.secs(), NOW + 60);
}

#[test]
fn a_failure_is_remembered_for_a_few_seconds() {
    let failing = || Remote { status: 500, ..Remote::default() };
    let mut gateway = asking(|_| ());
    let _ = serve(&mut gateway, failing()).into_denial();
    gateway.pass_millis(2_999);
    let (_, report) = gateway.reply(&good());
    assert_eq!(report.counted, Counted::Denied(Denial::UpstreamStsUnavailable));
    assert_eq!(report.userinfo, None, "told once per question");
    gateway.pass_millis(1);
    assert_eq!(serve(&mut gateway, about("ada")).into_edits().report.counted, Counted::Minted);

    let mut gateway = ignoring();
    let _ = serve(&mut gateway, failing()).into_edits();
    gateway.pass_millis(29_999);
    assert_eq!(gateway.forward(&good()).report.counted, Counted::MintedCached);
    gateway.pass_millis(1);
    asks(&mut gateway);
}

#[test]
fn another_login_id_is_another_access_token() {
    let mut gateway = asking(|_| ());
    let _ = serve(&mut gateway, about("ada")).into_edits();
    for (login, counted) in [("eve", Counted::Minted), ("eve", Counted::MintedCached)] {
        gateway.pass_secs(300);
        let edits = serve(&mut gateway, about(login)).into_edits();
        assert_eq!((edits.report.counted, &workload(&edits)["login_id"]), (counted, &json!(login)));
    }
    gateway.pass_secs(250);
    let edits = gateway.forward(&good());
    assert_eq!(workload(&edits)["login_id"], "eve");
}

#[test]
fn a_login_id_that_is_gone_is_gone_from_the_access_token() {
    let mut gateway = ignoring();
    let _ = serve(&mut gateway, about("ada")).into_edits();
    gateway.pass_secs(300);
    let edits = serve(&mut gateway, Remote::default()).into_edits();
    assert_eq!(workload(&edits).get("login_id"), None);
}

#[test]
fn a_changed_configuration_asks_anew() {
    let mut gateway = asking(|_| ());
    let _ = serve(&mut gateway, about("ada")).into_edits();
    gateway.adopt(|wire| wire.issuers[0].userinfo.as_mut().unwrap().login_id = Some("name".into()));
    let edits =
        serve(&mut gateway, json_answer(&json!({ "sub": SUBJECT, "email": "a", "name": "b" }))).into_edits();
    assert_eq!(workload(&edits)["login_id"], "b");
}

#[test]
fn an_answer_of_another_endpoint_than_the_present_one_is_none() {
    let mut gateway = asking(|_| ());
    let call = gateway.call(&good());
    gateway.adopt(|wire| {
        wire.issuers[0].userinfo.as_mut().unwrap().uri = "https://issuer.example/other".into();
    });
    assert_eq!(answer(&mut gateway, call, about("ada")).into_denial(), Denial::UpstreamStsUnavailable);
}

#[test]
fn an_answer_about_another_token_than_the_present_one_is_none() {
    let mut gateway = asking(|_| ());
    let (mut flow, call) = gateway.call(&good());
    gateway.refresh(&mut flow, &Ask::bearing(&Token::valid().with("jti", "another").sign()));
    let denial = answer(&mut gateway, (flow, call), about("ada")).into_denial();
    assert_eq!(denial, Denial::UpstreamStsUnavailable);
}

#[test]
fn what_changes_while_waiting_is_not_missed() {
    let mut gateway = asking(|_| ());
    let call = gateway.call(&good());
    gateway.adopt(|wire| wire.bindings[0].enabled = false);
    assert_eq!(answer(&mut gateway, call, about("ada")).into_denial(), Denial::AudienceMismatch);
    let mut gateway = asking(|_| ());
    let call = gateway.call(&good());
    gateway.adopt(|wire| wire.issuers[0].userinfo = None);
    let edits = answer(&mut gateway, call, about("ada")).into_edits();
    assert_eq!(workload(&edits).get("login_id"), None);
}

#[test]
fn a_request_that_waited_for_the_answer_to_another_does_not_ask() {
    let mut gateway = asking(|_| ());
    let (first, second) = (gateway.call(&good()), gateway.call(&good()));
    assert!(first.1 == second.1, "they ask the same");
    let _ = answer(&mut gateway, first, about("ada")).into_edits();
    let edits = gateway.resume(&second.0, &Answer::Ready).into_edits();
    assert_eq!(edits.report.counted, Counted::MintedCached);
}

#[test]
fn a_request_that_waited_in_vain_for_the_answer_to_another_asks_itself() {
    let mut gateway = asking(|_| ());
    let (flow, _) = gateway.call(&good());
    let own = gateway.resume(&flow, &Answer::Ready).into_call();
    assert_eq!(answer(&mut gateway, own, about("ada")).into_edits().report.counted, Counted::Minted);
}

#[test]
fn a_request_asks_once_whatever_is_forgotten_meanwhile() {
    // No token is kept at all.
    let mut gateway = asking(|_| ());
    gateway.state.verified = VerifiedTokens::new(0, 0);
    let edits = serve(&mut gateway, about("ada")).into_edits();
    assert_eq!(workload(&edits)["login_id"], "ada");
    let denial = serve(&mut gateway, Remote::default()).into_denial();
    assert_eq!(denial, Denial::UpstreamStsUnavailable);
    assert!(gateway.state.verified.is_empty());
}

#[test]
fn a_request_that_waits_for_keys_after_its_answer_does_not_ask_again() {
    let mut gateway = asking(|wire| {
        wire.issuers[0].keys = KeySource::JwksUri { uri: "https://issuer.example/jwks".into() };
    });
    let finish = |gateway: &mut Gateway, due: Fetch, signers: &[u8]| {
        let keys: Vec<_> = signers.iter().map(|number| Signer::numbered(*number).jwk()).collect();
        let body = json!({ "keys": keys }).to_string();
        let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None };
        let _ = gateway.finish(&due, answer);
    };
    let due = gateway.due();
    finish(&mut gateway, due, &[ISSUER_KEY]);
    gateway.pass_secs(300);
    // A fetch that began before the request comes without its key, while the issuer is asked.
    let due = gateway.due();
    gateway.pass_secs(1);
    let asked = gateway.call(&good());
    assert!(matches!(asked.1, Call::UserInfo { .. }));
    finish(&mut gateway, due, &[5]);
    let (flow, call) = answer(&mut gateway, asked, about("ada")).into_call();
    assert!(matches!(call, Call::FetchKeys { .. }), "{call:?}");
    let due = gateway.due();
    finish(&mut gateway, due, &[ISSUER_KEY, 5]);
    let denial = gateway.resume(&flow, &Answer::Ready).into_denial();
    assert_eq!(denial, Denial::UpstreamStsUnavailable);
}

#[test]
fn answers_count_for_the_bytes_of_the_cache() {
    let mut gateway = asking(|_| ());
    let _ = gateway.call(&good());
    let before = gateway.state.verified.bytes();
    let body = json!({ "sub": SUBJECT, "email": "ada", "more": "x".repeat(60_000) });
    let _ = serve(&mut gateway, json_answer(&body)).into_edits();
    assert!(gateway.state.verified.bytes() >= before + 60_000);
    for number in 0..400 {
        let token = Token::valid().with("jti", format!("{number}")).sign();
        let call = gateway.call(&Ask::bearing(&token));
        let _ = answer(&mut gateway, call, json_answer(&body)).into_edits();
        assert!(gateway.state.verified.bytes() <= MAX_BYTES);
    }
    assert!(gateway.state.verified.len() < 300, "{}", gateway.state.verified.len());
}

#[test]
fn the_state_shows_nothing_of_an_answer() {
    let mut gateway = asking(|_| ());
    let token: String = Token::valid().sign();
    let (flow, call) = gateway.call(&Ask::bearing(&token));
    let shown = format!("{call:?}");
    assert!(!shown.contains(&token), "{shown}");
    let _ = gateway.resume(&flow, &Answer::Remote(call, about("ada@example.org"))).into_edits();
    let shown = format!("{:?}", gateway.state.verified.get(token.as_bytes()).unwrap());
    assert!(!shown.contains("ada@example.org"), "{shown}");
}
