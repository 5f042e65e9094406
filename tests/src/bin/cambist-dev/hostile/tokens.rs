//! Tokens that are made before the load begins: good ones, and ones that look good.

use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{self, Key};
use cambist_tests::numbers::Numbers;
use serde_json::json;

/// Good tokens: more than the caches of a worker hold.
const GOOD: usize = 12_000;

/// Those of them that are sent again and again.
const FAVOURITES: usize = 64;

/// Tokens of every other sort.
const OTHERS: usize = 256;

/// Longer than any run.
const LIFETIME_SECONDS: i64 = 8 * 3_600;

/// Tokens of every sort.
#[derive(Debug)]
pub(crate) struct Tokens {
    good: Vec<String>,
    forged: Vec<String>,
    unknown: Vec<String>,
    unreachable: Vec<String>,
}

// === impl Tokens ===

impl Tokens {
    /// Signs tokens of `issuer`, and of `slow`, whose keys never come.
    pub(crate) fn make(issuer: &Issuer, slow: &Issuer) -> Self {
        let key = issuer.key();
        let (stranger, renamed) = (Key::p256(key.kid()), key.named("unheard-of"));
        let many = |issuer: &Issuer, key: &Key, count: usize| -> Vec<_> {
            (0..count).map(|number| key.token(&claims(issuer, number))).collect()
        };
        Self {
            good: many(issuer, &key, GOOD),
            forged: many(issuer, &stranger, OTHERS),
            unknown: many(issuer, &renamed, OTHERS),
            unreachable: many(slow, &slow.key(), OTHERS),
        }
    }

    /// A good one, in `percent` of a hundred cases a favourite.
    pub(crate) fn good(&self, numbers: &mut Numbers, percent: usize) -> &str {
        let among = if numbers.chance(percent) { FAVOURITES } else { self.good.len() };
        &self.good[numbers.below(among)]
    }

    /// One that another key signed under the name of the right one.
    pub(crate) fn forged(&self, numbers: &mut Numbers) -> &str {
        numbers.pick::<String>(&self.forged)
    }

    /// One that names a key nobody has heard of.
    pub(crate) fn unknown(&self, numbers: &mut Numbers) -> &str {
        numbers.pick::<String>(&self.unknown)
    }

    /// One of the issuer whose keys never come.
    pub(crate) fn unreachable(&self, numbers: &mut Numbers) -> &str {
        numbers.pick::<String>(&self.unreachable)
    }
}

fn claims(issuer: &Issuer, number: usize) -> serde_json::Value {
    let mut claims = issuer.claims(&format!("system:serviceaccount:shop:cart-{number}"));
    claims["exp"] = json!(jwt::now() + LIFETIME_SECONDS);
    claims
}
