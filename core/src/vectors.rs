//! Test vectors that others published, through the public paths: JWK to key, token to verdict.
//!
//! They run natively, as WebAssembly in a JavaScript host and as the target that ships. Each suite prints what it
//! counted and asserts it. Sources and licences stand beside the files in `tests/fixtures`. Deliberately absent:
//! any vector of our own.
#![expect(clippy::arithmetic_side_effects, reason = "a test whose arithmetic overflows fails, as it should")]

extern crate std;

/// The text of a file in `tests/fixtures`.
macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/", $path))
    };
}

mod flips;
mod json_web;
mod published;
mod raw;
mod tally;
mod wycheproof;

use crate::{
    crypto::RustCrypto,
    denial::Denial,
    jose::{
        alg::Alg,
        compact::UntrustedToken,
        key_set::KeySet,
        verify::{VerifiedSignature, verify},
    },
};

/// What is said of a token when every algorithm is allowed: of its signature alone, not of its claims.
fn judge(token: &str, keys: &KeySet) -> Result<VerifiedSignature, Denial> {
    let token = UntrustedToken::parse(token.as_bytes())?;
    verify(&token, &Alg::ALL, None, keys, &RustCrypto)
}

fn alg(name: &str) -> Alg {
    Alg::from_name(name).unwrap_or_else(|| panic!("{name} is not known"))
}

/// Prints a line also where a passing test's output is captured: the counts are part of what a run shows.
fn say(line: &str) {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    wasm_bindgen_test::console_log!("{line}");
    #[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
    {
        use std::io::Write as _;
        writeln!(std::io::stderr(), "{line}").unwrap();
    }
}
