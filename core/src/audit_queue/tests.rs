//! Numbering, times and bounds.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::collections::BTreeMap;

use super::*;
use crate::wire::event::IdentityTuple;

fn event(outcome: Outcome) -> Event {
    Event {
        sequence: 0,
        at_ms: 0,
        outcome,
        reason: None,
        epoch: u64::MAX,
        route: None,
        token_sha256: None,
        identity: None,
        minted: None,
        grant: None,
        actor: None,
        fields: BTreeMap::new(),
        audit_fields: BTreeMap::new(),
        shadow: None,
        count: 1,
    }
}

fn sequences(queue: &AuditQueue) -> Vec<u64> {
    queue.batch().iter().map(|event| event.sequence).collect()
}

fn now() -> Timestamp {
    Timestamp::from_secs(1)
}

#[test]
fn keeps_events_until_they_are_acknowledged() {
    let mut queue = AuditQueue::default();
    for _ in 0..3 {
        queue.push(event(Outcome::Mint), now());
    }
    assert_eq!(sequences(&queue), [1, 2, 3]);
    assert_eq!(sequences(&queue), [1, 2, 3]);
    queue.acknowledge(2);
    assert_eq!(sequences(&queue), [3]);
    queue.acknowledge(1);
    assert_eq!(sequences(&queue), [3]);
    queue.acknowledge(u64::MAX);
    assert!(queue.is_empty());
    queue.push(event(Outcome::Mint), now());
    assert_eq!(sequences(&queue), [4]);
}

#[test]
fn notes_when_an_event_came() {
    let mut queue = AuditQueue::default();
    queue.push(event(Outcome::Mint), Timestamp::from_millis(1_234));
    assert_eq!(queue.batch()[0].at_ms, 1_234);
}

#[test]
fn a_flood_of_anonymous_denials_leaves_room_for_mints() {
    let mut queue = AuditQueue::default();
    for _ in 0..MAX_EVENTS {
        queue.push(event(Outcome::Denial), now());
    }
    assert_eq!(queue.dropped(), (MAX_EVENTS / 2) as u64);
    queue.push(event(Outcome::Mint), now());
    let identity = IdentityTuple {
        id: "idn_a".into(),
        client_id: "cl_a".into(),
        issuer: "a".into(),
        audience: "cl_a".into(),
        subject: "s".into(),
    };
    queue.push(Event { identity: Some(identity), ..event(Outcome::Denial) }, now());
    assert_eq!(queue.dropped(), (MAX_EVENTS / 2) as u64);
    assert_eq!(queue.len(), MAX_EVENTS / 2 + 2);
}

#[test]
fn a_full_queue_drops_what_comes_and_leaves_a_gap() {
    let mut queue = AuditQueue::default();
    for _ in 0..=MAX_EVENTS {
        queue.push(event(Outcome::Mint), now());
    }
    assert_eq!((queue.len(), queue.dropped()), (MAX_EVENTS, 1));
    queue.acknowledge(MAX_EVENTS as u64);
    queue.push(event(Outcome::Mint), now());
    assert_eq!(sequences(&queue), [MAX_EVENTS as u64 + 2]);
}

#[test]
fn a_batch_holds_so_many_events_at_most() {
    let mut queue = AuditQueue::default();
    for _ in 0..=MAX_BATCH {
        queue.push(event(Outcome::Mint), now());
    }
    assert_eq!(queue.batch().len(), MAX_BATCH);
}
