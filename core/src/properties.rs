//! Properties that hold for any input, tried on generated ones: the same ones in every run.
//!
//! Native only: what they try is the same code everywhere. Deliberately absent: persisted failures; a failure prints
//! its smallest input, which becomes a test of its own.
#![expect(clippy::arithmetic_side_effects, reason = "a test whose arithmetic overflows fails, as it should")]

mod forms;
mod parsing;
mod rates;
mod templates;
mod times;
mod tokens;

use proptest::{
    prelude::{Strategy, any},
    test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner},
};

use alloc::vec::Vec;

/// Inputs that are tried per property.
const CASES: u32 = 1_000;

/// Tries `property` on values of `strategy`.
fn hold<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> TestCaseResult) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    if let Err(failure) = TestRunner::new_with_rng(config, random).run(&strategy, property) {
        panic!("{failure}");
    }
}

/// One of `valid` with up to four of its bytes replaced, inserted or removed, or its end cut off.
fn nearly(valid: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((0..4_u8, any::<proptest::sample::Index>(), telling_byte()), 0..4);
    (proptest::sample::select(valid), edits).prop_map(|(mut bytes, edits)| {
        for (kind, place, byte) in edits {
            let at = place.index(bytes.len() + 1);
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 if byte < 16 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

/// Any byte, but more often one that means something to a parser.
fn telling_byte() -> impl Strategy<Value = u8> {
    const TELLING: &[u8] = b".,;:/?#%\\\"{}[]=+-_ \t\r\n\0\x7f\xff\xc3*@AaZz09~e";
    proptest::prop_oneof![any::<u8>(), proptest::sample::select(TELLING)]
}
