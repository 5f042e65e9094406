//! The attacks of `docs/attacks.md` that concern tokens and requests, one row each, through real Envoy.
//!
//! A row starts from what is valid and changes one thing per case. It shows the status, the uniform answer, the reason
//! that is counted, and that the upstream saw nothing. All rows share one gateway, one at a time; the last one says
//! how many there were.

mod claims;
mod forgery;
mod forms;
mod ground;
mod keys;
mod limits;
mod parties;
mod places;
mod requests;
mod row;
mod tokens;

use std::collections::BTreeSet;
use std::io::Write as _;

/// Makes a test of each row, and a list of them.
macro_rules! rows {
    ($($name:ident),* $(,)?) => {
        pub(super) const ROWS: &[&str] = &[$(stringify!($name)),*];
        $(
            mod $name {
                #[test]
                fn through_envoy() {
                    crate::e2e::refusals::ground::run(async |row| super::$name(row).await);
                }
            }
        )*
    };
}
use rows;

/// Every row of the suite.
fn every_row() -> impl Iterator<Item = &'static str> {
    [
        tokens::ROWS,
        forms::ROWS,
        keys::ROWS,
        claims::ROWS,
        parties::ROWS,
        requests::ROWS,
        limits::ROWS,
        places::ROWS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The catalogue's id in the name of a row: `A1` of `a1_alg_none`.
fn id(row: &str) -> String {
    row.split('_').next().unwrap_or_default().to_uppercase()
}

/// Past the capture of tests, so that it shows where they pass.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn every_row_is_named_by_an_attack() {
    let ids: BTreeSet<_> = every_row().map(id).collect();
    for id in &ids {
        let (kind, number) = id.split_at(1);
        assert!(["A", "C", "R"].contains(&kind) && number.parse::<u32>().is_ok(), "{id} is no attack");
    }
    say(&format!("refusals: {} ids, {} rows", ids.len(), every_row().count()));
}
