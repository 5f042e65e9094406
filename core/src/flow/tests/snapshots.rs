//! Before the first snapshot, and after the last was confirmed too long ago (law 12).

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec;

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, NOW, Token, Wire},
    flow::{Answer, Call, Counted, Credential},
    wire::snapshot::Mode,
};

fn good() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

#[test]
fn a_request_waits_for_the_first_snapshot() {
    let mut gateway = Gateway::without_snapshot();
    let (flow, call) = gateway.call(&good());
    assert_eq!(call, Call::AwaitSnapshot);
    let (flow, call) = gateway.resume(&flow, &Answer::Ready).into_call();
    assert_eq!(call, Call::AwaitSnapshot);
    gateway.adopt(|_| ());
    let edits = gateway.resume(&flow, &Answer::Ready).into_edits();
    assert_eq!(edits.report.counted, Counted::Minted);
}

#[test]
fn every_request_waits_even_one_of_no_route() {
    for ask in [Ask::bare(), Ask { path: b"*".to_vec(), ..Ask::bare() }] {
        assert_eq!(Gateway::without_snapshot().call(&ask).1, Call::AwaitSnapshot);
    }
}

#[test]
fn a_request_is_refused_when_no_snapshot_comes() {
    let mut gateway = Gateway::without_snapshot();
    let (flow, call) = gateway.call(&good());
    let late = gateway.resume(&flow, &Answer::TimedOut(call));
    let (response, report) = late.into_reply();
    assert_eq!(report.counted, Counted::Denied(Denial::ConfigStale));
    assert_eq!(response.status, 503);
    assert_eq!(report.event().epoch, 0);
    assert_eq!(gateway.resume(&flow, &Answer::Overloaded).into_denial(), Denial::Overloaded);
}

#[test]
fn what_is_resumed_is_decided_from_the_beginning() {
    let mut gateway = Gateway::without_snapshot();
    let (flow, _) = gateway.call(&Ask {
        has_origin: true,
        has_request_method: true,
        method: b"OPTIONS".to_vec(),
        ..Ask::bare()
    });
    gateway.adopt(|wire| wire.routes[0].cors_preflight = true);
    let edits = gateway.resume(&flow, &Answer::Ready).into_edits();
    assert_eq!(edits.report.counted, Counted::Preflight);
}

#[test]
fn a_waiting_request_keeps_both_of_its_credentials() {
    let mut gateway = Gateway::without_snapshot();
    let twice = Ask { authorization: vec![b"Bearer a".to_vec(), b"Bearer b".to_vec()], ..Ask::bare() };
    let (flow, _) = gateway.call(&twice);
    gateway.adopt(|_| ());
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_denial(), Denial::MultipleTokens);
}

#[test]
fn a_snapshot_serves_until_its_staleness_and_not_a_millisecond_longer() {
    let mut gateway = Gateway::valid();
    gateway.pass_secs(3_600);
    let ask = Ask::bearing(&Token::valid().with("exp", NOW + 8_000).sign());
    let _ = gateway.forward(&ask);
    gateway.pass_millis(1);
    let (response, report) = gateway.reply(&ask);
    assert_eq!((response.status, report.counted), (503, Counted::Denied(Denial::ConfigStale)));
    gateway.state.confirm(gateway.now);
    let _ = gateway.forward(&ask);
}

#[test]
fn a_clock_that_is_set_back_does_not_make_a_snapshot_stale() {
    let mut gateway = Gateway::valid();
    gateway.pass_secs(-10);
    assert!(gateway.state.is_fresh(gateway.now));
}

#[test]
fn a_stale_snapshot_still_knows_its_routes() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.routes[0].mode = Mode::Observe));
    gateway.pass_secs(4_000);
    assert_eq!(gateway.forward(&good()).credential, Credential::Keep);
    assert_eq!(gateway.denial(&Ask { authority: b"x".to_vec(), ..good() }), Denial::RouteUnknown);
}

#[test]
fn a_request_whose_route_became_observed_is_forwarded_whatever_the_answer() {
    let mut gateway = Gateway::without_snapshot();
    let (flow, _) = gateway.call(&good());
    gateway.adopt(|wire| wire.routes[0].mode = Mode::Observe);
    let edits = gateway.resume(&flow, &Answer::Overloaded).into_edits();
    assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::Overloaded)));
}
