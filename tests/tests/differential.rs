//! Our verifier beside another one, `jwt-compact`, over mutated tokens of which half are signed again.
//!
//! It shares no code with ours but `serde_json`: its signatures are checked by aws-lc. Where the two differ, the
//! difference falls into one of a few categories that are explained here, and every category must come up.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic;

use cambist_core::denial::Denial;
use cambist_tests::issuer::AUDIENCE;
use cambist_tests::jwt::Key;
use cambist_tests::mutate::{Label, Numbers, mutate};
use cambist_tests::policy::{CLIENT, Policy, binding, route};
use cambist_tests::verdict::Judge;
use chrono::{DateTime, TimeDelta};
use jwt_compact::{Algorithm, AlgorithmExt as _, AlgorithmSignature, Empty, TimeOptions, UntrustedToken};
use serde_json::{Value, json};

/// Tokens that are compared.
const TOKENS: usize = 20_000;
const ISS: &str = "https://issuer.example";
const NOW: i64 = 1_800_000_000;
/// Seconds of leeway on both sides.
const LEEWAY: u32 = 60;

/// What the other verifier did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Theirs {
    Accepted,
    Refused,
    Panicked,
}

/// A key of ours as an algorithm of `jwt-compact`.
struct Scheme(&'static str);

struct Signature(Vec<u8>);

impl AlgorithmSignature for Signature {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

impl Algorithm for Scheme {
    type SigningKey = Key;
    type VerifyingKey = Key;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.0)
    }

    fn sign(&self, key: &Key, message: &[u8]) -> Signature {
        Signature(key.signature(message))
    }

    fn verify_signature(&self, signature: &Signature, key: &Key, message: &[u8]) -> bool {
        key.verifies(message, &signature.0)
    }
}

/// Signature, `exp` and, where it is there, `nbf`: all that `jwt-compact` checks.
fn other(token: &str, key: &Key) -> Result<(), String> {
    let leeway = TimeDelta::seconds(LEEWAY.into());
    let clock = || DateTime::from_timestamp(NOW, 0).unwrap();
    let options = TimeOptions::new(leeway, clock);
    let token = UntrustedToken::new(token).map_err(|error| error.to_string())?;
    let scheme = Scheme(key.alg());
    let token = scheme.validator::<Empty>(key).validate(&token).map_err(|error| error.to_string())?;
    let claims = token.claims();
    claims.validate_expiration(&options).map_err(|error| error.to_string())?;
    if claims.not_before.is_some() {
        claims.validate_maturity(&options).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn theirs(token: &str, key: &Key) -> Theirs {
    match panic::catch_unwind(|| other(token, key)) {
        Ok(Ok(())) => Theirs::Accepted,
        Ok(Err(_)) => Theirs::Refused,
        Err(_) => Theirs::Panicked,
    }
}

fn judge(key: &Key) -> Judge {
    let policy = Policy {
        issuers: vec![json!({
            "id": "main", "iss": ISS, "algorithms": ["RS256", "ES256", "EdDSA"],
            "keys": { "source": "inline", "jwks": { "keys": [key.jwk()] } },
            "clock_skew": LEEWAY, "exp_leeway": LEEWAY,
        })],
        clients: vec![json!({ "client_id": CLIENT, "name": "Test" })],
        bindings: vec![binding("main", "main")],
        external_endpoints: Vec::new(),
        routes: vec![route("everything", "/", "none")],
        endpoints: Vec::new(),
    };
    Judge::new(&policy.inline())
}

fn claims() -> Value {
    json!({ "iss": ISS, "sub": "job", "aud": AUDIENCE, "iat": NOW, "nbf": NOW, "exp": NOW + 600, "jti": "j" })
}

/// Why the two differ: a name, what we said (nothing: we accepted and they did not), and which changes lead there.
/// `json` stands where a changed byte of JSON text can do the same.
struct Category {
    why: &'static str,
    ours: Option<Denial>,
    changes: &'static [&'static str],
}

const CATEGORIES: [Category; 14] = [
    they_ignore("iss", Denial::IssuerNotAllowed, &["iss", "missing claim", "json"]),
    they_ignore("aud", Denial::AudienceMismatch, &["aud", "missing claim", "json"]),
    they_ignore("kid, the caller chooses the key", Denial::UnknownKid, &["kid", "json"]),
    they_ignore("typ", Denial::TypNotAllowed, &["typ", "json"]),
    they_ignore("cnf, which makes a token no bearer token", Denial::TypNotAllowed, &["cnf"]),
    they_ignore("crit, b64 and zip", Denial::JwtMalformed, &["crit", "b64 or zip"]),
    they_ignore(
        "members that repeat where they read none of them",
        Denial::JwtMalformed,
        &["repeated member"],
    ),
    they_ignore("wrong types of iss, sub, aud and jti", Denial::JwtMalformed, &["iss", "sub", "aud", "jti"]),
    they_ignore(
        "a missing sub, a kid of more than 256 bytes, and null",
        Denial::JwtMalformed,
        &["missing claim", "kid", "typ"],
    ),
    they_ignore("nesting between 64 and 128, and what a changed byte did", Denial::JwtMalformed, &["json"]),
    they_ignore("times before 1970", Denial::JwtMalformed, &["nbf type", "iat type"]),
    they_ignore("iat in the future", Denial::TokenNotYetValid, &["iat", "iat type", "json"]),
    they_ignore("lifetimes", Denial::TokenTooOld, &["exp", "exp type", "iat", "iat type", "json"]),
    // `Ed25519` is the same algorithm as `EdDSA` to us (RFC 9864), and they read the type of x5t and the like, which
    // we ignore whatever it is.
    Category {
        why: "they know one name of Ed25519, and read parameters that we ignore",
        ours: None,
        changes: &["alg", "key in the header"],
    },
];

const fn they_ignore(why: &'static str, denial: Denial, changes: &'static [&'static str]) -> Category {
    Category { why, ours: Some(denial), changes }
}

fn explain(ours: Result<(), Denial>, theirs: Theirs, label: Label) -> Option<&'static str> {
    // Nobody takes a token that was changed and not signed again.
    let possible = label.signed && (ours.is_ok(), theirs) != (true, Theirs::Accepted);
    let fits = |category: &&Category| {
        let side = if category.ours.is_some() { Theirs::Accepted } else { Theirs::Refused };
        category.ours == ours.err() && theirs == side && category.changes.contains(&label.what)
    };
    CATEGORIES.iter().find(fits).filter(|_| possible).map(|category| category.why)
}

#[test]
fn every_difference_from_jwt_compact_is_explained() {
    let mut numbers = Numbers::seeded(4);
    let keys = [Key::rsa("first"), Key::p256("first"), Key::ed25519("first")];
    let mut judges: Vec<_> = keys.iter().map(judge).collect();
    let (mut accepted, mut refused, mut signed) = (0, 0, 0);
    let mut differences: BTreeMap<&str, usize> =
        CATEGORIES.iter().map(|category| (category.why, 0)).collect();
    for nth in 0..TOKENS {
        let which = nth % keys.len();
        let (token, label) = mutate(&mut numbers, &keys[which], &claims());
        let (ours, theirs) = (judges[which].judge(&token, NOW), theirs(&token, &keys[which]));
        signed += usize::from(label.signed);
        match (ours, theirs) {
            (Ok(()), Theirs::Accepted) => accepted += 1,
            (Err(_), Theirs::Refused) => refused += 1,
            _ => {
                let why = explain(ours, theirs, label);
                let why = why.unwrap_or_else(|| panic!("{label}: {ours:?}, they {theirs:?}: {token}"));
                *differences.get_mut(why).unwrap() += 1;
            }
        }
    }
    let differing: usize = differences.values().sum();
    eprintln!(
        "differential: {TOKENS} tokens, {signed} signed after the change: both accepted {accepted}, both refused {refused}, {differing} differ"
    );
    for (why, count) in &differences {
        eprintln!("differential: {count:5}: {why}");
        assert!(*count > 0, "nothing differs any more because {why}");
    }
    assert!((9_500..10_500).contains(&signed) && accepted > 1_000 && refused > 10_000);
}
