//! Access tokens that somebody else makes: what is asked, and what the answer means for the request that asked.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, sync::Arc, vec::Vec};

use serde_json::{Value, json};

use crate::{
    denial::Denial,
    exchange::external::{answer::Failure, name_of},
    fixture::{Ask, Gateway, NOW, TARGET, Token, Wire},
    flow::{Answer, Call, Counted, Credential, Edits, ExchangeFailure, Flow, Remote, Step},
    wire::{
        changes::Revoked,
        event::Outcome,
        snapshot::{Exchange, Mode},
    },
};

/// The two ways that need an answer; every test of the laws runs on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    ControlPlane,
    External,
}

pub(super) const WAYS: [Way; 2] = [Way::ControlPlane, Way::External];
/// What an endpoint of others gives.
pub(super) const OBTAINED: &str = "obtained.from-others";

pub(super) fn endpoint() -> Value {
    json!({
        "id": "partner",
        "uri": "https://sts.example/token",
        "grant": "jwt-bearer",
        "login": { "method": "client_secret_basic", "client_id": "edge", "secret": { "value": "s3cret" } },
        "timeout_ms": 700,
    })
}

impl Way {
    /// A snapshot whose only route goes this way, after `change`.
    pub(super) fn wire(self, change: impl FnOnce(&mut Wire)) -> Wire {
        Wire::changed(|wire| {
            match self {
                Self::ControlPlane => wire.routes[0].exchange = Exchange::ControlPlane,
                Self::External => {
                    wire.routes[0].exchange = Exchange::External;
                    wire.routes[0].external = Some("partner".into());
                    wire.external_endpoints.push(serde_json::from_value(endpoint()).unwrap());
                }
            }
            // Nothing here may be minted by accident.
            wire.signing_keys.clear();
            change(wire);
        })
    }

    pub(super) fn gateway(self) -> Gateway {
        Gateway::new(self.wire(|_| ()))
    }

    /// A good answer: a token that is good for `seconds`.
    pub(super) fn good(self, token: &str, seconds: i64) -> Remote {
        json_answer(
            200,
            &match self {
                Self::ControlPlane => json!({ "access_token": token, "jti": "jti-1", "exp": NOW + seconds }),
                Self::External => {
                    json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds })
                }
            },
        )
    }

    /// An answer that refuses, and why.
    pub(super) fn refusal(self) -> (Remote, Denial) {
        match self {
            Self::ControlPlane => {
                (json_answer(403, &json!({ "reason": "condition_false" })), Denial::ConditionFalse)
            }
            Self::External => {
                (json_answer(400, &json!({ "error": "invalid_scope" })), Denial::ScopeNotAllowed)
            }
        }
    }

    pub(super) fn counted(self) -> Counted {
        match self {
            Self::ControlPlane => Counted::MintedRemote,
            Self::External => Counted::MintedExternal,
        }
    }
}

pub(super) fn json_answer(status: u16, body: &Value) -> Remote {
    let (content_type, body) = (Some("application/json".into()), format!("{body}").into_bytes());
    Remote { status, content_type, body, retry_after: None }
}

pub(super) fn ask() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

pub(super) fn answer(gateway: &mut Gateway, (flow, call): (Flow, Call), remote: Remote) -> Step {
    gateway.resume(&flow, &Answer::Remote(call, remote))
}

/// Asks, and answers for a request that is held up.
pub(super) fn serve(gateway: &mut Gateway, remote: Remote) -> Step {
    let call = gateway.call(&ask());
    answer(gateway, call, remote)
}

fn replaced(token: &str) -> Credential {
    Credential::Replace(Arc::from(format!("Bearer {token}")))
}

#[test]
fn the_control_plane_is_asked_with_route_and_token() {
    let token = Token::valid().sign();
    let (_, call) = Way::ControlPlane.gateway().call(&Ask::bearing(&token));
    let Call::MintRemotely { body } = &call else { panic!("{call:?}") };
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body, json!({ "route": { "route": "api", "subject_token": token } }));
    assert!(call.is_shared() && call.is_mint());
}

#[test]
fn an_external_endpoint_is_asked_with_the_token_alone() {
    let token = Token::valid().sign();
    let (_, call) = Way::External.gateway().call(&Ask::bearing(&token));
    let Call::ExchangeExternally(request) = &call else { panic!("{call:?}") };
    let body = core::str::from_utf8(request.body.expose()).unwrap();
    assert!(body.contains(&format!("assertion={token}&scope=orders.read&audience=https")), "{body}");
    assert!(request.authorization.as_ref().unwrap().expose().starts_with("Basic "));
    assert_eq!((&*request.id, request.timeout_ms, call.most_bytes()), ("partner", 700, 65_536));
    assert!(call.is_shared() && call.is_mint());
}

#[test]
fn what_comes_back_replaces_the_subject_token() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let edits = serve(&mut gateway, way.good(OBTAINED, 600)).into_edits();
        assert_eq!(edits.credential, replaced(OBTAINED));
        assert_eq!((edits.report.counted, edits.report.exchange), (way.counted(), None));
        assert_eq!(gateway.crypto.counts(), (1, 0), "{way:?}: verified twice or signed");
    }
}

#[test]
fn a_mint_of_others_is_recorded_and_one_of_the_control_plane_is_not() {
    let edits = serve(&mut Way::ControlPlane.gateway(), Way::ControlPlane.good(OBTAINED, 600)).into_edits();
    assert!(edits.report.event.is_none(), "the control plane has written it");
    let edits = serve(&mut Way::External.gateway(), Way::External.good(OBTAINED, 600)).into_edits();
    let event = edits.report.event();
    assert_eq!(event.outcome, Outcome::Mint);
    let minted = event.minted.as_ref().unwrap();
    assert_eq!((&*minted.kid, &*minted.target, &*minted.scope), ("external:partner", TARGET, "orders.read"));
    assert_eq!((&minted.jti, minted.exp), (&name_of(OBTAINED), NOW + 600));
    assert!(event.identity.is_some() && event.token_sha256.is_some());
}

#[test]
fn without_an_answer_the_request_is_unavailable() {
    for way in WAYS {
        for (remote, failure) in [
            (Remote::default(), Failure::NoAnswer),
            (Remote { status: 503, ..Remote::default() }, Failure::Status(503)),
            (Remote { status: 302, ..Remote::default() }, Failure::Status(302)),
            (json_answer(200, &json!({})), Failure::Malformed),
        ] {
            let (response, report) = serve(&mut way.gateway(), remote).into_reply();
            assert_eq!(report.counted, Counted::Denied(Denial::UpstreamStsUnavailable), "{way:?}");
            assert_eq!(response.status, 503);
            assert!(response.headers.contains(&("retry-after", String::from("1"))));
            let external = (way == Way::External).then(|| String::from("partner"));
            assert_eq!(report.exchange.as_deref(), Some(&ExchangeFailure { external, failure }));
            assert!(report.event().identity.is_some(), "{way:?}: nobody is told who it was");
        }
        let mut gateway = way.gateway();
        let (flow, call) = gateway.call(&ask());
        let (_, report) = gateway.resume(&flow, &Answer::TimedOut(call)).into_reply();
        assert_eq!(report.counted, Counted::Denied(Denial::UpstreamStsUnavailable));
        assert_eq!(report.exchange.unwrap().failure, Failure::NoAnswer);
        let mut gateway = way.gateway();
        let (flow, _) = gateway.call(&ask());
        assert_eq!(gateway.resume(&flow, &Answer::Overloaded).into_denial(), Denial::Overloaded);
    }
}

#[test]
fn a_refusal_is_passed_on_as_what_it_is() {
    for way in WAYS {
        let (remote, denial) = way.refusal();
        assert_eq!(serve(&mut way.gateway(), remote).into_denial(), denial);
    }
    for (error, status) in [("invalid_grant", 401), ("invalid_scope", 403), ("invalid_target", 403)] {
        let remote = json_answer(400, &json!({ "error": error }));
        let (response, _) = serve(&mut Way::External.gateway(), remote).into_reply();
        assert_eq!(response.status, status, "{error}");
    }
}

/// X1: whatever the answer is, the credential that goes on is the token in it or none at all.
#[test]
fn nothing_but_a_good_token_ever_goes_on() {
    for way in WAYS {
        let good = way.good(OBTAINED, 600);
        let mut answers: Vec<Remote> = (0..good.body.len())
            .map(|end| Remote { body: good.body[..end].to_vec(), ..good.clone() })
            .collect();
        answers.extend(
            (100..600).filter(|status| *status != 200).map(|status| Remote { status, ..good.clone() }),
        );
        answers.push(Remote { content_type: None, ..good.clone() });
        for remote in answers {
            let mut gateway = way.gateway();
            match serve(&mut gateway, remote) {
                Step::Reply { .. } => {}
                other @ (Step::Forward(_) | Step::NeedBody { .. } | Step::Call { .. }) => {
                    panic!("{way:?}: {}", other.kind())
                }
            }
        }
    }
}

#[test]
fn what_is_refused_anyway_is_not_asked_about() {
    for way in WAYS {
        for (token, denial) in [
            (Token::valid().with("exp", NOW).sign(), Denial::TokenExpired),
            (Token::valid().with("sub", "stranger").sign(), Denial::IdentityNotFound),
            (Token::valid().forged(), Denial::BadSignature),
        ] {
            assert_eq!(way.gateway().denial(&Ask::bearing(&token)), denial, "{way:?}");
        }
        let mut gateway = way.gateway();
        gateway.revoke(Revoked { clients: [String::from("cl_shop")].into(), ..Revoked::default() });
        assert_eq!(gateway.denial(&ask()), Denial::IdentityRevoked);
        let narrow = way.wire(|wire| wire.bindings[0].scopes.clear());
        assert_eq!(Gateway::new(narrow).denial(&ask()), Denial::ScopeNotAllowed);
        let elsewhere = way.wire(|wire| wire.routes[0].target = Some("https://other.example".into()));
        assert_eq!(Gateway::new(elsewhere).denial(&ask()), Denial::TargetNotAllowed);
    }
}

#[test]
fn a_token_that_expired_while_it_was_asked_about_is_refused() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let ask = Ask::bearing(&Token::valid().with("exp", NOW + 5).sign());
        let call = gateway.call(&ask);
        gateway.pass_secs(5);
        assert_eq!(answer(&mut gateway, call, way.good(OBTAINED, 600)).into_denial(), Denial::TokenExpired);
    }
}

#[test]
fn who_is_revoked_while_it_was_asked_about_is_refused() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let call = gateway.call(&ask());
        gateway.revoke(Revoked { clients: [String::from("cl_shop")].into(), ..Revoked::default() });
        let step = answer(&mut gateway, call, way.good(OBTAINED, 600));
        assert_eq!(step.into_denial(), Denial::IdentityRevoked);
    }
}

#[test]
fn an_observed_request_asks_nobody() {
    for way in WAYS {
        let mut gateway = Gateway::new(way.wire(|wire| wire.routes[0].mode = Mode::Observe));
        let Edits { credential, report, .. } = gateway.forward(&ask());
        assert_eq!((credential, report.counted), (Credential::Keep, Counted::Observed(None)));
        let late = Ask::bearing(&Token::valid().with("exp", NOW).sign());
        let edits = gateway.forward(&late);
        assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::TokenExpired)));
    }
}

#[test]
fn an_answer_to_another_question_is_none() {
    let way = Way::External;
    let mut gateway = way.gateway();
    let (flow, call) = gateway.call(&ask());
    // Meanwhile the secret there was changed, and what the old one brought is nobody's.
    gateway.adopt(|wire| wire.external_endpoints[0].timeout_ms = 900);
    let (flow, call) = {
        let step = gateway.resume(&flow, &Answer::Remote(call, way.good(OBTAINED, 600)));
        assert_eq!(step.into_edits().credential, replaced(OBTAINED), "a timeout is no reason");
        let mut gateway_2 = way.gateway();
        core::mem::swap(&mut gateway, &mut gateway_2);
        gateway.call(&ask())
    };
    gateway.adopt(|wire| {
        let mut changed = endpoint();
        changed["login"]["secret"] = json!({ "value": "rotated" });
        wire.external_endpoints[0] = serde_json::from_value(changed).unwrap();
    });
    let (_, again) =
        gateway.resume(&flow, &Answer::Remote(call.clone(), way.good(OBTAINED, 600))).into_call();
    assert_ne!(again, call);
}
