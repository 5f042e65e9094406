//! Strict audit: no request carries what was minted for it before the record is acknowledged.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::ways::{OBTAINED, Way, answer};
use crate::{
    audit_queue::MAX_EVENTS,
    denial::Denial,
    fixture::{Ask, Gateway, Token, Wire},
    flow::{Answer, Call, Counted, Credential, Edits, Flow, Step},
    wire::{
        changes::Revoked,
        event::{Event, Outcome},
        snapshot::AuditMode,
    },
};

fn strict(wire: &mut Wire) {
    wire.routes[0].audit = AuditMode::Strict;
}

fn gateway() -> Gateway {
    Gateway::new(Wire::changed(strict))
}

fn ask() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

fn another() -> Ask {
    Ask::bearing(&Token::valid().with("nonce", "2").sign())
}

/// The request that waits, and the sequence it waits for.
fn waiting(step: Step) -> (Flow, u64) {
    let Step::Call { flow, call: Call::AwaitAudit { sequence } } = step else { panic!("does not wait") };
    (flow, sequence)
}

fn acknowledge(gateway: &mut Gateway, sequence: u64) {
    gateway.audit.batch();
    gateway.audit.acknowledge(sequence);
}

/// The minted token's `jti` in the only event that was recorded.
fn recorded(gateway: &mut Gateway) -> Event {
    let mut batch = gateway.audit.batch();
    assert_eq!(batch.len(), 1);
    batch.remove(0)
}

#[test]
fn a_mint_goes_on_when_its_record_is_acknowledged_and_not_before() {
    let mut gateway = gateway();
    let (flow, sequence) = waiting(gateway.start(&ask()));
    let event = recorded(&mut gateway);
    assert_eq!((event.outcome, event.strict, event.sequence), (Outcome::Mint, true, sequence));
    // Awake, but not for this.
    let (flow, again) = waiting(gateway.resume(&flow, &Answer::Ready));
    assert_eq!(again, sequence);
    acknowledge(&mut gateway, sequence);
    let Edits { credential, report, .. } = gateway.resume(&flow, &Answer::Ready).into_edits();
    assert!(matches!(credential, Credential::Replace(_)));
    assert_eq!((report.counted, report.event.is_none()), (Counted::Minted, true));
    let Edits { report, .. } = gateway.forward(&ask());
    assert_eq!(report.counted, Counted::MintedCached);
    assert_eq!(gateway.drawn, Some(1));
}

#[test]
fn a_cached_token_whose_record_is_on_its_way_waits_too() {
    let mut gateway = gateway();
    let (_, sequence) = waiting(gateway.start(&ask()));
    let (flow, same) = waiting(gateway.start(&ask()));
    assert_eq!((same, gateway.drawn), (sequence, Some(1)));
    acknowledge(&mut gateway, sequence);
    assert_eq!(gateway.forward(&ask()).report.counted, Counted::Minted);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_edits().report.counted, Counted::MintedCached);
}

#[test]
fn what_is_not_acknowledged_in_time_is_unavailable() {
    let mut gateway = gateway();
    let (flow, sequence) = waiting(gateway.start(&ask()));
    let denial = gateway.resume(&flow, &Answer::TimedOut(Call::AwaitAudit { sequence })).into_denial();
    assert_eq!(denial, Denial::UpstreamStsUnavailable);
    let (flow, _) = waiting(gateway.start(&ask()));
    assert_eq!(gateway.resume(&flow, &Answer::Overloaded).into_denial(), Denial::Overloaded);
}

#[test]
fn what_is_revoked_meanwhile_is_refused() {
    let mut gateway = gateway();
    let (flow, sequence) = waiting(gateway.start(&ask()));
    let identity = recorded(&mut gateway).identity.unwrap().id;
    acknowledge(&mut gateway, sequence);
    gateway.revoke(Revoked { identities: [identity].into(), ..Revoked::default() });
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_denial(), Denial::IdentityRevoked);
}

#[test]
fn a_full_queue_mints_nothing_and_keeps_nothing() {
    let mut gateway = gateway();
    let (_, report) = Gateway::valid().exchange(&Token::valid().sign());
    let event = *report.event.unwrap();
    for _ in 0..MAX_EVENTS {
        gateway.audit.push(event.clone(), gateway.now);
    }
    assert_eq!(gateway.denial(&ask()), Denial::Overloaded);
    assert_eq!((gateway.drawn, gateway.audit.len()), (Some(0), MAX_EVENTS));
    while let Some(last) = gateway.audit.batch().last().map(|event| event.sequence) {
        gateway.audit.acknowledge(last);
    }
    waiting(gateway.start(&ask()));
}

#[test]
fn without_anybody_to_record_nothing_passes() {
    let mut gateway = gateway();
    gateway.state.audited = false;
    assert_eq!(gateway.denial(&ask()), Denial::UpstreamStsUnavailable);
    assert_eq!(gateway.denial(&ask()), Denial::UpstreamStsUnavailable);
}

#[test]
fn a_token_of_a_route_that_does_not_wait_is_not_served_where_one_does() {
    let mut gateway = Gateway::valid();
    assert_eq!(gateway.forward(&ask()).report.counted, Counted::Minted);
    gateway.adopt(strict);
    let (_, sequence) = waiting(gateway.start(&ask()));
    acknowledge(&mut gateway, sequence);
    assert_eq!(gateway.forward(&ask()).report.counted, Counted::Minted);
    assert_eq!(gateway.drawn, Some(2));
}

#[test]
fn each_token_waits_for_its_own_record() {
    let mut gateway = gateway();
    let (first, one) = waiting(gateway.start(&ask()));
    let (second, two) = waiting(gateway.start(&another()));
    acknowledge(&mut gateway, one);
    gateway.resume(&first, &Answer::Ready).into_edits();
    let (second, _) = waiting(gateway.resume(&second, &Answer::Ready));
    acknowledge(&mut gateway, two);
    gateway.resume(&second, &Answer::Ready).into_edits();
}

#[test]
fn what_others_make_waits_for_its_record_too() {
    // Without its time of life it is for one request alone.
    for (seconds, calls) in [(Some(600), 1), (None, 2)] {
        let mut gateway = Gateway::new(Way::External.wire(strict));
        let mut good = Way::External.good(OBTAINED, 600);
        if seconds.is_none() {
            good.body = serde_json::to_vec(&serde_json::json!({
                "access_token": OBTAINED, "token_type": "Bearer",
            }))
            .unwrap();
        }
        let asked = gateway.call(&ask());
        let (flow, sequence) = waiting(answer(&mut gateway, asked, good));
        assert!(recorded(&mut gateway).strict);
        acknowledge(&mut gateway, sequence);
        let Edits { report, .. } = gateway.resume(&flow, &Answer::Ready).into_edits();
        assert_eq!(report.counted, Counted::MintedExternal);
        let is_asked = matches!(gateway.start(&ask()), Step::Call { call: Call::ExchangeExternally(_), .. });
        assert_eq!(is_asked, calls == 2);
    }
}

#[test]
fn what_the_control_plane_makes_is_on_disk_already() {
    let mut gateway = Gateway::new(Way::ControlPlane.wire(strict));
    let asked = gateway.call(&ask());
    let step = answer(&mut gateway, asked, Way::ControlPlane.good(OBTAINED, 600));
    assert_eq!(step.into_edits().report.counted, Counted::MintedRemote);
    assert!(gateway.audit.is_empty());
}
