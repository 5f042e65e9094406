//! The attacks of `docs/attacks.md` on the fetching of keys, and everything that an issuer may do wrong, through real
//! Envoy with one worker and with four.

mod asking;
mod clock;
mod faults;
mod illness;
mod key_sets;
mod lanes;
mod waiting;

use std::collections::BTreeSet;
use std::io::Write as _;

/// Makes the tests of each row, and a list of them.
macro_rules! attacks {
    ($($name:ident),* $(,)?) => {
        pub(super) const ROWS: &[&str] = &[$(stringify!($name)),*];
        workers! { $($name),* }
    };
}
use attacks;

/// Attacks on the fetching of keys.
const ATTACKS: u32 = 12;

/// Past the capture of tests, so that it shows where they pass.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn every_attack_on_fetching_has_a_row() {
    let rows: Vec<_> = [asking::ROWS, key_sets::ROWS, faults::ROWS].into_iter().flatten().collect();
    let ids: BTreeSet<_> = rows.iter().filter_map(|row| row.split('_').next()).collect();
    let wanted: Vec<_> = (1..=ATTACKS).map(|number| format!("j{number}")).collect();
    let missing: Vec<_> = wanted.iter().filter(|id| !ids.contains(id.as_str())).collect();
    assert!(missing.is_empty() && ids.len() == wanted.len(), "no row: {missing:?}; rows: {ids:?}");
    say(&format!("fetching: {} ids, {} rows", ids.len(), rows.len()));
}
