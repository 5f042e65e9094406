//! What a UserInfo answer, or its absence, means for the request that asked (OIDC Core §5.3).

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use serde_json::{Value, json};

use crate::{
    denial::Denial,
    fixture::{Ask, FLEET_KEY, Gateway, NOW, SUBJECT, Signer, Token, Wire},
    flow::{Answer, Call, Counted, Credential, Edits, Flow, Remote, Step},
    userinfo::{Failure, MAX_BODY_BYTES},
    wire::{
        changes::Revoked,
        snapshot::{Exchange, Mode, OnError, UserInfo},
    },
};

pub(super) fn rules() -> UserInfo {
    UserInfo {
        uri: "https://issuer.example/userinfo".into(),
        login_id: Some("email".into()),
        on_error: OnError::Deny,
        timeout_ms: 2_000,
        cache_seconds: 300,
    }
}

/// A gateway whose issuer is asked for more.
pub(super) fn asking(change: impl FnOnce(&mut Wire)) -> Gateway {
    Gateway::new(Wire::changed(|wire| {
        wire.issuers[0].userinfo = Some(rules());
        change(wire);
    }))
}

/// The same, going on whatever becomes of the question.
pub(super) fn ignoring() -> Gateway {
    asking(|wire| wire.issuers[0].userinfo = Some(UserInfo { on_error: OnError::Ignore, ..rules() }))
}

pub(super) fn good() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

pub(super) fn json_answer(members: &Value) -> Remote {
    let body = members.to_string().into_bytes();
    Remote { status: 200, content_type: Some("application/json".into()), body, retry_after: None }
}

pub(super) fn about(login: &str) -> Remote {
    json_answer(&json!({ "sub": SUBJECT, "email": login }))
}

fn status(status: u16) -> Remote {
    Remote { status, ..Remote::default() }
}

pub(super) fn answer(gateway: &mut Gateway, (flow, call): (Flow, Call), remote: Remote) -> Step {
    gateway.resume(&flow, &Answer::Remote(call, remote))
}

/// Asks and answers for a request that is held up by the question.
pub(super) fn serve(gateway: &mut Gateway, remote: Remote) -> Step {
    let call = gateway.call(&good());
    answer(gateway, call, remote)
}

/// `workload` of the access token that a request was given.
pub(super) fn workload(edits: &Edits) -> Value {
    let Credential::Replace(value) = &edits.credential else { panic!("not replaced") };
    let token = value.strip_prefix("Bearer ").unwrap();
    Signer::numbered(FLEET_KEY).open(token).unwrap().1["workload"].clone()
}

#[test]
fn a_verified_token_is_asked_about_with_the_token_itself() {
    let token = Token::valid().sign();
    let (_, call) = asking(|_| ()).call(&Ask::bearing(&token));
    let Call::UserInfo { issuer, endpoint, authorization, timeout_ms } = call else { panic!("{call:?}") };
    assert_eq!((&*issuer, endpoint.host(), endpoint.path()), ("shop-cluster", "issuer.example", "/userinfo"));
    assert_eq!((authorization.expose(), timeout_ms), (&format!("Bearer {token}"), 2_000));
}

#[test]
fn a_good_answer_names_the_login_id_in_the_access_token() {
    let mut gateway = asking(|_| ());
    let edits = serve(&mut gateway, about("ada@example.org")).into_edits();
    assert_eq!(edits.report.counted, Counted::Minted);
    assert_eq!(edits.report.userinfo, None);
    assert_eq!(workload(&edits)["login_id"], "ada@example.org");
    assert_eq!(gateway.crypto.counts(), (1, 1), "the answer cost another signature");
}

#[test]
fn an_answer_without_a_login_id_gives_none() {
    let edits = serve(&mut asking(|_| ()), json_answer(&json!({ "sub": SUBJECT }))).into_edits();
    assert_eq!(workload(&edits).get("login_id"), None);
}

#[test]
fn an_issuer_without_userinfo_is_not_asked() {
    let edits = Gateway::valid().forward(&good());
    assert_eq!(workload(&edits).get("login_id"), None);
}

/// What an endpoint may do wrong, and how that is told.
fn failures() -> Vec<(Remote, Failure, Denial)> {
    let other_type = Remote { content_type: Some("application/jwt".into()), ..about("ada") };
    let too_large =
        Remote { body: [&*about("ada").body, &b" ".repeat(MAX_BODY_BYTES)].concat(), ..about("ada") };
    let unavailable = Denial::UpstreamStsUnavailable;
    Vec::from([
        (Remote::default(), Failure::NoAnswer, unavailable),
        (status(500), Failure::Status(500), unavailable),
        (status(504), Failure::Status(504), unavailable),
        (status(302), Failure::Status(302), unavailable),
        (status(404), Failure::Status(404), unavailable),
        (status(401), Failure::Refused(401), Denial::IdentityRevoked),
        (status(403), Failure::Refused(403), Denial::IdentityRevoked),
        (other_type, Failure::ContentType, unavailable),
        (too_large, Failure::TooLarge, unavailable),
        (Remote { body: b"<html>".to_vec(), ..about("ada") }, Failure::Malformed, unavailable),
        (json_answer(&json!({ "email": "ada" })), Failure::Malformed, unavailable),
        (
            json_answer(&json!({ "sub": "eve", "email": "ada" })),
            Failure::OtherSubject,
            Denial::IdentityNotFound,
        ),
        (json_answer(&json!({ "sub": SUBJECT, "email": 7 })), Failure::LoginId, unavailable),
    ])
}

#[test]
fn without_a_good_answer_the_request_is_refused() {
    for (remote, failure, denial) in failures() {
        let mut gateway = asking(|_| ());
        let (response, report) = serve(&mut gateway, remote).into_reply();
        assert_eq!(report.counted, Counted::Denied(denial), "{failure:?}");
        assert_eq!(response.status, denial.row().status);
        let told = report.userinfo.as_ref().unwrap();
        assert_eq!((&*told.issuer, told.failure), ("shop-cluster", failure));
        assert_eq!(gateway.crypto.counts(), (1, 0));
    }
}

#[test]
fn without_a_good_answer_the_request_goes_on_where_that_is_ignored() {
    for (remote, failure, _) in failures() {
        let edits = serve(&mut ignoring(), remote).into_edits();
        assert_eq!(edits.report.counted, Counted::Minted, "{failure:?}");
        assert_eq!(workload(&edits).get("login_id"), None);
        assert_eq!(edits.report.userinfo.unwrap().failure, failure);
    }
}

#[test]
fn an_answer_that_does_not_come_is_a_failure() {
    let mut gateway = asking(|_| ());
    let (flow, call) = gateway.call(&good());
    let denial = gateway.resume(&flow, &Answer::TimedOut(call)).into_denial();
    assert_eq!(denial, Denial::UpstreamStsUnavailable);
    let mut gateway = ignoring();
    let (flow, call) = gateway.call(&good());
    let edits = gateway.resume(&flow, &Answer::TimedOut(call)).into_edits();
    assert_eq!(edits.report.userinfo.unwrap().failure, Failure::NoAnswer);
}

#[test]
fn a_question_that_cannot_be_put_because_too_many_wait_is_nobodys_failure() {
    let mut gateway = asking(|_| ());
    let (flow, _) = gateway.call(&good());
    let (_, report) = gateway.resume(&flow, &Answer::Overloaded).into_reply();
    assert_eq!(report.counted, Counted::Denied(Denial::Overloaded));
    assert_eq!(report.userinfo, None);
    let _ = gateway.call(&good());
    let mut gateway = ignoring();
    let (flow, _) = gateway.call(&good());
    assert_eq!(gateway.resume(&flow, &Answer::Overloaded).into_edits().report.counted, Counted::Minted);
    let _ = gateway.call(&good());
}

#[test]
fn what_is_refused_anyway_is_not_asked_about() {
    let expired = Token::valid().with("exp", NOW);
    let stranger = Token::valid().with("sub", "stranger");
    for (token, denial) in [(expired, Denial::TokenExpired), (stranger, Denial::IdentityNotFound)] {
        assert_eq!(asking(|_| ()).denial(&Ask::bearing(&token.sign())), denial);
    }
    let forged = Ask::bearing(&Token::valid().forged());
    assert_eq!(asking(|_| ()).denial(&forged), Denial::BadSignature);
    for (change, denial) in [
        ((|wire| wire.clients[0].enabled = false) as fn(&mut Wire), Denial::ClientUnknown),
        (|wire| wire.bindings[0].enabled = false, Denial::AudienceMismatch),
        (|wire| wire.bindings[0].until = Some(NOW), Denial::IdentityNotFound),
        (|wire| wire.bindings[0].scopes.clear(), Denial::ScopeNotAllowed),
    ] {
        assert_eq!(asking(change).denial(&good()), denial);
    }
}

#[test]
fn what_is_revoked_is_not_asked_about() {
    let mut gateway = asking(|_| ());
    let id = {
        let edits = serve(&mut gateway, about("ada")).into_edits();
        edits.report.event().identity.as_ref().unwrap().id.clone()
    };
    for revoke in [
        Revoked { issuers: [String::from("shop-cluster")].into(), ..Revoked::default() },
        Revoked { clients: [String::from("cl_shop")].into(), ..Revoked::default() },
        Revoked { identities: [id].into(), ..Revoked::default() },
    ] {
        let mut gateway = asking(|_| ());
        gateway.revoke(revoke);
        assert_eq!(gateway.denial(&good()), Denial::IdentityRevoked);
    }
}

#[test]
fn an_observed_request_never_asks() {
    let mut gateway = asking(|wire| wire.routes[0].mode = Mode::Observe);
    let edits = gateway.forward(&good());
    assert_eq!((edits.credential, edits.report.counted), (Credential::Keep, Counted::Observed(None)));
}

#[test]
fn a_verifying_route_asks_too() {
    let mut gateway = asking(|wire| wire.routes[0].exchange = Exchange::None);
    assert_eq!(serve(&mut gateway, status(401)).into_denial(), Denial::IdentityRevoked);
    let mut gateway = asking(|wire| wire.routes[0].exchange = Exchange::None);
    assert_eq!(serve(&mut gateway, about("ada")).into_edits().credential, Credential::Remove);
}
