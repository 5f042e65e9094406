//! Tokens with one thing about them changed, half of them signed again after the change.
//!
//! For comparing verifiers: without signing again only the check of the signature would be tried. The same seed makes
//! the same tokens but for what the key's own randomness does. Tokens are visible ASCII without spaces, so that they
//! fit into a header. Deliberately absent: any opinion about which of them are good.

mod claims;
mod form;
mod header;

use std::fmt;

use serde_json::{Map, Value, json};

use crate::jwt::{Key, encode};

/// A stream of pseudo-random numbers that is the same for the same seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

/// What was done to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The part that changed, such as `alg` or `exp type`.
    pub what: &'static str,
    /// Whether the signature was made after the change, by the right key.
    pub signed: bool,
}

/// A token in the parts that a change is made to.
struct Draft {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

/// A change of a draft: its label and what it does.
type Change = (&'static str, fn(&mut Numbers, &mut Map<String, Value>));

/// A token of `key` and `claims` with one thing changed, or now and then nothing.
///
/// `claims` are a good token's, an object with numbers `iat` and `exp`; times are moved about `iat`, so it should be
/// the current time. Half of the tokens are signed after the change; the others bear the signature of the unchanged
/// token, or a changed one.
pub fn mutate(numbers: &mut Numbers, key: &Key, claims: &Value) -> (String, Label) {
    let signed = numbers.below(2) == 0;
    let mut draft = Draft::of(key, claims);
    let good = join(&draft.header_text(), &draft.claims_text());
    let (what, input) = match numbers.below(8) {
        0 | 1 => {
            let (what, change) = *numbers.pick(header::CHANGES);
            change(numbers, &mut draft.header);
            (what, join(&draft.header_text(), &draft.claims_text()))
        }
        2..=4 => {
            let (what, change) = *numbers.pick(claims::CHANGES);
            change(numbers, &mut draft.claims);
            (what, join(&draft.header_text(), &draft.claims_text()))
        }
        5 => {
            let (mut header, mut claims) = (draft.header_text(), draft.claims_text());
            let changed = if numbers.below(2) == 0 { &mut header } else { &mut claims };
            (form::change_json(numbers, changed), join(&header, &claims))
        }
        6 => ("base64", form::change_base64(numbers, &good)),
        _ if signed => {
            let token = format!("{good}.{}", encode(&key.signature(good.as_bytes())));
            let (what, token) = form::change_segments(numbers, token);
            return (token, Label { what, signed });
        }
        _ => {
            let signature = form::change_signature(numbers, key, &good);
            return (format!("{good}.{signature}"), Label { what: "signature", signed });
        }
    };
    let signature = key.signature(if signed { input.as_bytes() } else { good.as_bytes() });
    (format!("{input}.{}", encode(&signature)), Label { what, signed })
}

fn join(header: &[u8], claims: &[u8]) -> String {
    format!("{}.{}", encode(header), encode(claims))
}

// === impl Draft ===

impl Draft {
    fn of(key: &Key, claims: &Value) -> Self {
        let header = json!({ "alg": key.alg(), "typ": "JWT", "kid": key.kid() });
        Self { header: object(&header), claims: object(claims) }
    }

    fn header_text(&self) -> Vec<u8> {
        serde_json::to_vec(&self.header).expect("an object is JSON")
    }

    fn claims_text(&self) -> Vec<u8> {
        serde_json::to_vec(&self.claims).expect("an object is JSON")
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

// === impl Numbers ===

impl Numbers {
    /// The stream of this seed.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("it fits")).expect("it fits")
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

// === impl Label ===

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.what, if self.signed { ", signed" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn half_of_the_tokens_are_signed_and_every_kind_comes_up() {
        let key = Key::p256("first");
        let claims =
            json!({ "iss": "https://a.example", "sub": "s", "aud": "a", "iat": 1_000, "exp": 2_000 });
        let mut numbers = Numbers::seeded(1);
        let mut seen = BTreeMap::new();
        for _ in 0..4_000 {
            let (token, label) = mutate(&mut numbers, &key, &claims);
            assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{label}: {token}");
            *seen.entry(label).or_insert(0) += 1;
        }
        let signed: u32 = seen.iter().filter(|(label, _)| label.signed).map(|(_, count)| count).sum();
        assert!((1_900..2_100).contains(&signed), "{signed}");
        let kinds = header::CHANGES.iter().chain(claims::CHANGES).map(|(what, _)| *what);
        for what in kinds.chain(["base64", "json", "repeated member"]) {
            for signed in [false, true] {
                assert!(seen.contains_key(&Label { what, signed }), "{what}, {signed}: {seen:?}");
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_tokens() {
        let key = Key::rsa("first");
        let claims = json!({ "iat": 1_000, "exp": 2_000 });
        let draw = || {
            let mut numbers = Numbers::seeded(7);
            (0..50).map(|_| mutate(&mut numbers, &key, &claims).0).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }
}
