//! Numbering, times, joining and bounds.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, format};

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
        strict: false,
    }
}

fn identity(id: &str) -> IdentityTuple {
    IdentityTuple {
        id: id.into(),
        client_id: "cl_a".into(),
        issuer: "a".into(),
        audience: "cl_a".into(),
        subject: "s".into(),
    }
}

/// A refusal of a token that nobody verified, of its own kind for each `reason`.
fn anonymous(reason: usize) -> Event {
    Event { reason: Some(format!("reason-{reason}")), ..event(Outcome::Denial) }
}

fn refused(id: &str) -> Event {
    Event { identity: Some(identity(id)), ..event(Outcome::Denial) }
}

fn sequences(queue: &mut AuditQueue) -> Vec<u64> {
    queue.batch().iter().map(|event| event.sequence).collect()
}

/// A queue whose mints leave `room`.
fn filled(room: usize) -> AuditQueue {
    let mut queue = AuditQueue::default();
    for _ in 0..MAX_EVENTS.saturating_sub(room) {
        queue.push(event(Outcome::Mint), now());
    }
    queue
}

fn now() -> Timestamp {
    Timestamp::from_secs(1)
}

#[test]
fn keeps_events_until_they_are_acknowledged() {
    let mut queue = AuditQueue::default();
    for sequence in 1..=3 {
        assert_eq!(queue.push(event(Outcome::Mint), now()), Some(sequence));
    }
    assert_eq!(sequences(&mut queue), [1, 2, 3]);
    assert_eq!(sequences(&mut queue), [1, 2, 3]);
    queue.acknowledge(2);
    assert_eq!(sequences(&mut queue), [3]);
    queue.acknowledge(1);
    assert_eq!(sequences(&mut queue), [3]);
    queue.acknowledge(u64::MAX);
    assert!(queue.is_empty());
    queue.push(event(Outcome::Mint), now());
    assert_eq!(sequences(&mut queue), [4]);
}

#[test]
fn what_was_not_handed_out_is_not_acknowledged() {
    let mut queue = AuditQueue::default();
    queue.push(event(Outcome::Mint), now());
    queue.batch();
    queue.push(event(Outcome::Mint), now());
    queue.acknowledge(2);
    assert!(queue.is_acknowledged(1) && !queue.is_acknowledged(2));
    assert_eq!(sequences(&mut queue), [2]);
}

#[test]
fn notes_when_an_event_came() {
    let mut queue = AuditQueue::default();
    queue.push(event(Outcome::Mint), Timestamp::from_millis(1_234));
    assert_eq!(queue.batch()[0].at_ms, 1_234);
}

#[test]
fn equal_refusals_of_unverified_tokens_are_one_event() {
    let mut queue = AuditQueue::default();
    for digest in ["first", "second", "third"] {
        let at = Timestamp::from_secs(i64::try_from(digest.len()).unwrap());
        queue.push(Event { token_sha256: Some(digest.into()), ..anonymous(1) }, at);
        queue.push(event(Outcome::Mint), at);
    }
    queue.push(anonymous(2), now());
    queue.push(Event { route: Some("other".into()), ..anonymous(1) }, now());
    queue.push(Event { epoch: 9, ..anonymous(1) }, now());
    let batch = queue.batch();
    let counts: Vec<u64> = batch.iter().map(|event| event.count).collect();
    assert_eq!(counts, [3, 1, 1, 1, 1, 1, 1]);
    assert_eq!((batch[0].token_sha256.as_deref(), batch[0].at_ms), (Some("first"), 5_000));
    // Those that joined another took no number: there is no gap.
    assert_eq!(sequences(&mut queue), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(queue.dropped(), 0);
}

#[test]
fn what_was_handed_out_stays_as_it_is() {
    let mut queue = AuditQueue::default();
    queue.push(anonymous(1), now());
    let sent = queue.batch();
    queue.push(anonymous(1), now());
    queue.push(anonymous(1), now());
    let counts: Vec<u64> = queue.batch().iter().map(|event| event.count).collect();
    assert_eq!((sent[0].count, counts), (1, alloc::vec![1, 2]));
}

#[test]
fn refusals_of_identities_are_told_one_by_one_until_the_queue_is_half_full() {
    let mut queue = filled(MAX_EVENTS / 2 + 2);
    queue.push(refused("idn_a"), now());
    queue.push(refused("idn_a"), now());
    assert_eq!(queue.len(), MAX_EVENTS / 2);
    for id in ["idn_a", "idn_b", "idn_b"] {
        queue.push(refused(id), now());
    }
    assert_eq!(queue.len(), MAX_EVENTS / 2 + 1);
    assert_eq!(queue.dropped(), 0);
}

#[test]
fn a_flood_of_unverified_tokens_leaves_room_for_mints() {
    let mut queue = AuditQueue::default();
    for reason in 0..MAX_EVENTS {
        queue.push(anonymous(reason), now());
    }
    assert_eq!(queue.dropped(), (MAX_EVENTS / 2) as u64);
    queue.push(event(Outcome::Mint), now());
    queue.push(refused("idn_a"), now());
    assert_eq!(queue.dropped(), (MAX_EVENTS / 2) as u64);
    assert_eq!(queue.len(), MAX_EVENTS / 2 + 2);
}

/// A full queue of two refusals of unverified tokens and mints.
fn mixed() -> AuditQueue {
    let mut queue = AuditQueue::default();
    queue.push(anonymous(1), now());
    queue.push(anonymous(2), now());
    for _ in 2..MAX_EVENTS {
        queue.push(event(Outcome::Mint), now());
    }
    queue
}

#[test]
fn mints_take_the_place_of_unverified_tokens_in_a_full_queue() {
    let mut queue = mixed();
    assert_eq!(queue.push(refused("idn_a"), now()), None);
    let full = MAX_EVENTS as u64;
    assert!(queue.has_room());
    assert_eq!(queue.push(event(Outcome::Mint), now()), Some(full + 2));
    assert_eq!(queue.push(event(Outcome::Mint), now()), Some(full + 3));
    assert!(!queue.has_room());
    assert_eq!((queue.len(), queue.dropped()), (MAX_EVENTS, 3));
    let mut seen = Vec::new();
    while let Some(last) = queue.batch().last().map(|event| event.sequence) {
        seen.append(&mut sequences(&mut queue));
        queue.acknowledge(last);
    }
    let missing: Vec<u64> = (1..=full + 3).filter(|sequence| !seen.contains(sequence)).collect();
    assert_eq!(missing, [1, 2, full + 1]);
}

#[test]
fn what_the_receiver_may_have_is_not_displaced() {
    let mut queue = mixed();
    queue.batch();
    assert_eq!((queue.has_room(), queue.push(event(Outcome::Mint), now())), (false, None));
}

#[test]
fn a_full_queue_drops_what_comes_and_leaves_a_gap() {
    let mut queue = filled(0);
    assert!(!queue.has_room());
    assert_eq!(queue.push(event(Outcome::Mint), now()), None);
    assert_eq!((queue.len(), queue.dropped()), (MAX_EVENTS, 1));
    while let Some(last) = queue.batch().last().map(|event| event.sequence) {
        queue.acknowledge(last);
    }
    queue.push(event(Outcome::Mint), now());
    assert_eq!(sequences(&mut queue), [MAX_EVENTS as u64 + 2]);
}

#[test]
fn says_whether_somebody_waits() {
    let mut queue = AuditQueue::default();
    queue.push(event(Outcome::Mint), now());
    assert!(!queue.is_awaited());
    assert_eq!(queue.push_awaited(event(Outcome::Mint), now()), Some(2));
    queue.push(event(Outcome::Mint), now());
    queue.batch();
    queue.acknowledge(1);
    assert!(queue.is_awaited() && !queue.is_acknowledged(2));
    queue.acknowledge(2);
    assert!(!queue.is_awaited() && queue.is_acknowledged(2));
}

#[test]
fn a_batch_holds_so_many_events_at_most() {
    let mut queue = filled(0);
    assert_eq!(queue.batch().len(), MAX_BATCH);
}
