//! What counts as an exchange, and what an identity over its rate is told.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String};

use serde_json::json;

use super::{
    endpoint::{self, bearer},
    endpoint_clients::{CREDENTIALS, with_credentials},
    ways::{OBTAINED, WAYS, Way, answer, json_answer},
};
use crate::{
    denial::Denial,
    exchange::Venue,
    fixture::{Ask, Gateway, SUBJECT, Token, Wire},
    flow::{Counted, Remote, Response, Step},
    wire::snapshot::{Exchange, Rate},
};

/// As many at once as this.
const TWO: Rate = Rate { per_minute: 10, burst: 2 };

fn token(n: u8) -> String {
    Token::valid().with("jti", format!("name {n}")).sign()
}

fn limited(wire: &mut Wire) {
    wire.bindings[0].rate = TWO;
}

/// What is refused for the rate, and after how many seconds it says to come back.
fn refused(step: Step) -> (Response, Option<u32>) {
    let (response, report) = step.into_reply();
    assert_eq!(report.counted, Counted::Denied(Denial::RateLimited));
    let identity = report.event().identity.as_ref().expect("the record says who");
    assert_eq!(identity.subject, SUBJECT);
    let seconds = response.retry_after();
    (response, seconds)
}

#[test]
fn each_call_of_the_token_endpoint_counts() {
    let mut gateway = endpoint::gateway(endpoint::wire());
    gateway.adopt(limited);
    let body = bearer(&token(1), "");
    for _ in 0..2 {
        assert_eq!(gateway.post(&Ask::form(), &body).0.status, 200);
    }
    gateway.pass_millis(1_500);
    let (response, seconds) = refused(gateway.post_step(&Ask::form(), &body));
    assert_eq!((response.status, seconds), (429, Some(5)));
    assert_eq!(response.body, "{\"error\":\"temporarily_unavailable\"}\n");
    assert_eq!(response.headers.iter().filter(|(name, _)| *name == "retry-after").count(), 1);
    gateway.pass_millis(4_500);
    assert_eq!(gateway.post(&Ask::form(), &body).0.status, 200);
}

#[test]
fn what_is_refused_for_something_else_does_not_count() {
    let mut gateway = endpoint::gateway(endpoint::wire());
    gateway.adopt(limited);
    for _ in 0..5 {
        let body = bearer(&token(1), "&scope=admin");
        assert_eq!(gateway.post(&Ask::form(), &body).0.status, 400);
    }
    assert_eq!(gateway.post(&Ask::form(), &bearer(&token(1), "")).0.status, 200);
}

#[test]
fn one_identity_does_not_count_for_another() {
    let mut gateway = endpoint::gateway(endpoint::wire());
    gateway.adopt(|wire| {
        limited(wire);
        wire.bindings[0].subjects.push("neighbour".into());
    });
    for _ in 0..3 {
        gateway.post(&Ask::form(), &bearer(&token(1), ""));
    }
    let neighbour = Token::valid().with("sub", "neighbour").sign();
    assert_eq!(gateway.post(&Ask::form(), &bearer(&neighbour, "")).0.status, 200);
}

#[test]
fn what_the_gateway_mints_for_a_route_is_free() {
    let mut gateway = Gateway::new(Wire::changed(limited));
    for n in 0..10 {
        assert_eq!(gateway.forward(&Ask::bearing(&token(n))).report.counted, Counted::Minted);
    }
}

#[test]
fn what_somebody_else_makes_counts_once_for_each_order() {
    for way in WAYS {
        let mut gateway = Gateway::new(way.wire(limited));
        for n in 0..2 {
            let ask = Ask::bearing(&token(n));
            let call = gateway.call(&ask);
            // A second worker, or a second request that waits for the same.
            let _ = gateway.call(&ask);
            let made = answer(&mut gateway, call, way.good(OBTAINED, 600)).into_edits();
            assert_eq!(made.report.counted, way.counted());
            assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
        }
        let (response, seconds) = refused(gateway.start(&Ask::bearing(&token(3))));
        assert_eq!((response.status, seconds), (429, Some(6)), "{way:?}");
        let kept = gateway.forward(&Ask::bearing(&token(0)));
        assert_eq!(kept.report.counted, Counted::MintedCached, "{way:?}");
    }
}

#[test]
fn what_may_not_be_kept_counts_each_time() {
    let mut gateway = Gateway::new(Way::External.wire(limited));
    let ask = Ask::bearing(&token(1));
    let fleeting = || json_answer(200, &json!({ "access_token": OBTAINED, "token_type": "Bearer" }));
    for _ in 0..2 {
        let call = gateway.call(&ask);
        let _ = answer(&mut gateway, call, fleeting()).into_edits();
    }
    assert_eq!(refused(gateway.start(&ask)).1, Some(6));
}

#[test]
fn the_control_plane_counts_an_errand_once_for_each_order() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        limited(wire);
        wire.routes[0].exchange = Exchange::ControlPlane;
    }));
    gateway.state.venue = Venue::ControlPlane;
    for n in [1, 1, 1, 2, 2] {
        assert_eq!(gateway.errand("api", &token(n), None).into_edits().report.counted, Counted::Minted);
    }
    let (response, seconds) = refused(gateway.errand("api", &token(3), None));
    assert_eq!((response.status, seconds), (429, Some(6)));
}

#[test]
fn what_the_control_plane_refuses_is_refused_for_as_long_as_it_says() {
    let mut gateway = Gateway::new(Way::ControlPlane.wire(|_| ()));
    let ask = Ask::bearing(&token(1));
    let said = json_answer(429, &json!({ "reason": "rate_limited", "retry_after": 40 }));
    let call = gateway.call(&ask);
    let (response, report) = answer(&mut gateway, call, said).into_reply();
    assert_eq!((response.status, response.retry_after()), (429, Some(40)));
    assert_eq!(report.counted, Counted::Denied(Denial::RateLimited));
    gateway.pass_millis(29_500);
    assert_eq!(refused(gateway.start(&ask)).1, Some(11));
    gateway.pass_millis(10_500);
    let _ = gateway.call(&ask);
}

#[test]
fn a_relayed_call_is_counted_by_the_control_plane_and_its_answer_goes_on() {
    let mut wire = endpoint::wire();
    wire.signing_keys.clear();
    let mut gateway = endpoint::gateway(wire);
    gateway.adopt(limited);
    let said = json_answer(429, &json!({ "error": "temporarily_unavailable" }));
    for _ in 0..5 {
        let call = gateway.post_step(&Ask::form(), &bearer(&token(1), "")).into_call();
        let said = Remote { retry_after: Some(17), ..said.clone() };
        let (response, _) = answer(&mut gateway, call, said).into_reply();
        assert_eq!((response.status, response.retry_after()), (429, Some(17)));
        assert_eq!(response.body, "{\"error\":\"temporarily_unavailable\"}\n");
    }
}

#[test]
fn the_clients_own_grant_counts_by_its_own_rate() {
    let mut gateway = with_credentials();
    gateway.adopt(|wire| wire.clients[0].credentials.as_mut().unwrap().rate = TWO);
    let body = format!("{CREDENTIALS}&client_id=cl_shop&client_secret=the%2Bsecret");
    for _ in 0..2 {
        assert_eq!(gateway.post(&Ask::form(), &body).0.status, 200);
    }
    let (response, report) = gateway.post(&Ask::form(), &body);
    assert_eq!((response.status, response.retry_after()), (429, Some(6)));
    assert_eq!(report.counted, Counted::Denied(Denial::RateLimited));
    assert_eq!(report.event().identity.as_ref().unwrap().client_id, "cl_shop");
}
