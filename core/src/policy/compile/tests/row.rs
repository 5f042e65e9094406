//! Asserting that a change of the valid snapshot is, or is not, one fault.

use alloc::vec::Vec;

use crate::{
    fixture::Wire,
    policy::{Fault, Faults},
};

#[track_caller]
pub(super) fn faults(change: impl FnOnce(&mut Wire)) -> Vec<Fault> {
    Wire::changed(change).compile().err().as_ref().map(Faults::listed).unwrap_or_default().to_vec()
}

/// Exactly one fault, at `path`, whose detail holds `part`.
#[track_caller]
pub(super) fn has_fault(path: &str, part: &str, change: impl FnOnce(&mut Wire)) {
    let found = faults(change);
    assert_eq!(found.iter().map(|fault| &*fault.path).collect::<Vec<_>>(), [path]);
    assert!(found[0].detail.contains(part), "{}", found[0].detail);
}

#[track_caller]
pub(super) fn is_valid(change: impl FnOnce(&mut Wire)) {
    assert_eq!(faults(change), []);
}
