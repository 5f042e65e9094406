//! What is told of the keys, and how often.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, vec::Vec};

use super::ring::{ISSUER, Ring, issuer_with, jwks};
use crate::{
    fixture::{NOW, Signer, host_issuer},
    keyring::{Fetched, Receipt},
    wire::{
        keys::{IssuerKeys, KeyRule},
        snapshot::{Carrier, KeySource},
    },
};

/// Takes what is due, which must be one report.
fn due(ring: &Ring) -> (Receipt, IssuerKeys) {
    let mut reports = ring.keyring.reports(ring.now, 10);
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

/// A ring whose first report has arrived.
fn told() -> Ring {
    let mut ring = Ring::warm();
    ring.pass_secs(1);
    let (receipt, _) = due(&ring);
    ring.keyring.reported(&[receipt], ring.now);
    ring
}

#[test]
fn tells_the_keys_their_times_and_what_is_skipped() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    let body = jwks(&[1]).replace("{\"keys\":[", "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"bad\"},");
    let _ = ring.answer(&fetch, &body);
    ring.pass_secs(1);
    let (_, report) = due(&ring);
    assert_eq!((report.issuer.as_str(), report.source), (ISSUER, KeyRule::JwksUri));
    assert_eq!(report.url.as_deref(), Some("https://issuer.example/jwks"));
    assert_eq!(report.keys.len(), 1);
    assert_eq!(report.keys[0].kid.as_deref(), Some(Signer::numbered(1).kid.as_str()));
    assert_eq!(report.keys[0].algorithms, ["ES256"]);
    assert_eq!((report.skipped.len(), report.skipped[0].index), (1, 0));
    assert_eq!(report.skipped[0].kid.as_deref(), Some("bad"));
    assert!(!report.skipped[0].reason.is_empty());
    let at = |seconds: i64| Some((NOW + seconds) * 1_000);
    assert_eq!((report.fetched_at, report.next_fetch_at), (at(0), at(300)));
    assert_eq!((report.usable_until, report.last_error), (at(3_900), None));
}

#[test]
fn a_change_is_told_within_a_second_and_until_it_has_arrived() {
    let mut ring = told();
    assert!(!ring.keyring.is_report_due(ring.now));
    ring.pass_secs(299);
    ring.fetch(&[1, 2]);
    assert!(!ring.keyring.is_report_due(ring.now));
    ring.pass_secs(1);
    for _ in 0..3 {
        assert!(ring.keyring.is_report_due(ring.now));
        assert_eq!(due(&ring).1.keys.len(), 2);
        ring.pass_secs(1);
    }
    let (receipt, _) = due(&ring);
    ring.keyring.reported(&[receipt], ring.now);
    assert!(!ring.keyring.is_report_due(ring.now));
}

#[test]
fn a_failure_and_its_end_are_told() {
    let mut ring = told();
    ring.pass_secs(299);
    ring.fail();
    ring.pass_secs(1);
    let (receipt, report) = due(&ring);
    assert!(report.last_error.is_some_and(|error| error.starts_with("no answer")));
    assert_eq!(report.keys.len(), 1, "the last good set is still used");
    ring.keyring.reported(&[receipt], ring.now);
    ring.fetch(&[1]);
    ring.pass_secs(1);
    assert_eq!(due(&ring).1.last_error, None);
}

#[test]
fn what_changed_on_the_way_is_told_again() {
    let mut ring = told();
    ring.pass_secs(299);
    ring.fetch(&[1, 2]);
    ring.pass_secs(1);
    let (receipt, _) = due(&ring);
    ring.pass_secs(299);
    ring.fetch(&[2]);
    ring.keyring.reported(&[receipt], ring.now);
    ring.pass_secs(1);
    assert_eq!(due(&ring).1.keys.len(), 1);
}

#[test]
fn a_refresh_that_changes_nothing_is_told_once_a_minute() {
    let mut ring = Ring::new(issuer_with(|issuer| issuer.refresh_least_ms = 1_000));
    let mut reports = 0;
    for _ in 0..600 {
        if let Some(fetch) = ring.launch() {
            let body = jwks(&[1]);
            let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: Some(1) };
            let _ = ring.finish(&fetch, answer);
        }
        let receipts: Vec<_> =
            ring.keyring.reports(ring.now, 10).into_iter().map(|(receipt, _)| receipt).collect();
        reports += receipts.len();
        ring.keyring.reported(&receipts, ring.now);
        ring.pass_secs(1);
    }
    assert!((9..=11).contains(&reports), "{reports} in ten minutes");
}

#[test]
fn everything_is_told_again_every_five_minutes() {
    let mut ring = told();
    ring.pass_secs(299);
    assert!(!ring.keyring.is_report_due(ring.now));
    ring.pass_secs(1);
    assert!(ring.keyring.is_report_due(ring.now));
}

#[test]
fn as_many_are_told_as_fit() {
    let mut ring = Ring::cold();
    ring.adopt((0..5).map(|number| host_issuer(&format!("issuer-{number}"))).collect());
    ring.pass_secs(1);
    let first: Vec<_> = ring.keyring.reports(ring.now, 3).into_iter().map(|(receipt, _)| receipt).collect();
    assert_eq!(first.len(), 3);
    ring.keyring.reported(&first, ring.now);
    assert_eq!(ring.keyring.reports(ring.now, 3).len(), 2);
}

#[test]
fn carried_keys_are_told_when_they_change_and_not_with_every_policy() {
    let carried = |numbers: &[u8]| {
        let jwks = serde_json::from_str(&jwks(numbers)).unwrap();
        issuer_with(|issuer| issuer.keys = KeySource::Carried { by: Carrier::Pushed, jwks: Some(jwks) })
    };
    let mut ring = Ring::new(carried(&[1]));
    ring.pass_secs(1);
    let (receipt, report) = due(&ring);
    assert_eq!((report.source, report.url, report.fetched_at), (KeyRule::Pushed, None, None));
    assert_eq!((report.next_fetch_at, report.usable_until), (None, None));
    ring.keyring.reported(&[receipt], ring.now);
    ring.adopt([carried(&[1])].into());
    ring.pass_secs(1);
    assert!(!ring.keyring.is_report_due(ring.now));
    ring.adopt([carried(&[1, 2])].into());
    ring.pass_secs(1);
    assert_eq!(due(&ring).1.keys.len(), 2);
}
