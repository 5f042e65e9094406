//! Bounds in entries and bytes, whole keys, and everything that a key must hold.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{boxed::Box, format, string::String, sync::Arc, vec, vec::Vec};

use super::{
    Access, AccessKey, AccessTokens, MAX_ACCESS_PER_TOKEN, MAX_BYTES, Told, VerdictKey, Verdicts, Verified,
    VerifiedTokens,
};
use crate::{claims::Times, denial::Denial, digest::Digest, fixture::NOW, time::Timestamp};

fn verified(subject: &str) -> Box<Verified> {
    Box::new(Verified {
        issuer: "issuer".into(),
        issuer_digest: Digest::of(b"issuer"),
        subject: subject.into(),
        audiences: vec!["audience".into()],
        times: Times { exp: NOW + 3_600, nbf: None, iat: None },
        thumbprint: [0; 32],
        identity: None,
        sha256: None,
        userinfo: None,
        verdicts: Verdicts::default(),
        tried: Vec::new(),
        access: AccessTokens::default(),
        told: Told::default(),
        admission: None,
        own: None,
    })
}

fn access(name: &str) -> Access {
    Access {
        authorization: Arc::from(name),
        exp: NOW + 200,
        usable_until: Timestamp::from_secs(NOW + 100),
        jti: "jti".into(),
        kid: None,
        pending: None,
    }
}

fn key() -> AccessKey<'static> {
    AccessKey {
        actor: None,
        issuer: Digest::of(b"issuer"),
        binding: Digest::of(b"binding"),
        targets: &["target"],
        scope: "scope",
        login: Some("login"),
        minter: b"minter",
        strict: false,
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

#[test]
fn finds_a_token_by_all_of_its_bytes() {
    let mut cache = VerifiedTokens::new(0, 10);
    cache.put(b"token", verified("a"));
    assert_eq!(cache.get(b"token").unwrap().subject, "a");
    for other in [&b"toke"[..], b"token ", b"Token", b"tokem", b"", b"token\0"] {
        assert!(cache.get(other).is_none());
    }
    cache.put(b"token", verified("b"));
    assert_eq!(cache.get(b"token").unwrap().subject, "b");
    assert_eq!(cache.len(), 1);
}

/// The end by which a token is found is not all that is compared.
#[test]
fn no_token_passes_for_another_with_the_same_end() {
    let token = [b'a'; 1_003];
    let mut cache = VerifiedTokens::new(7, 10);
    cache.put(&token, verified("a"));
    for at in 0..token.len() {
        let mut other = token;
        other[at] = b'b';
        assert!(cache.get(&other).is_none(), "{at}");
        assert!(cache.get(&token[..at]).is_none() && cache.get(&token[at + 1..]).is_none(), "{at}");
    }
    assert!(cache.get(&[&b"a"[..], &token].concat()).is_none());
    assert_eq!(cache.get(&token).unwrap().subject, "a");
    // Of two the later one stays, and only what is there is counted.
    let mut other = token;
    other[0] = b'b';
    let before = cache.bytes();
    cache.put(&other, verified("b"));
    assert_eq!((cache.len(), cache.bytes()), (1, before));
    assert!(cache.get(&token).is_none());
    cache.reweigh(&token);
    assert_eq!(cache.get(&other).unwrap().subject, "b");
    assert_eq!(cache.bytes(), before);
}

#[test]
fn a_refusal_stands_for_its_key_and_its_time_until_there_is_a_token() {
    let mut tokens = AccessTokens::default();
    let until = now().plus_secs(5);
    tokens.refuse(&key(), Denial::ScopeNotAllowed, until);
    assert!(tokens.take_grown() && !tokens.take_grown());
    assert_eq!(tokens.refusal(&key(), now()), Some((Denial::ScopeNotAllowed, until)));
    assert_eq!(tokens.refusal(&key(), until), None);
    let other = AccessKey { minter: b"another", ..key() };
    assert_eq!(tokens.refusal(&other, now()), None);
    tokens.put(&key(), access("a"));
    assert_eq!(tokens.refusal(&key(), now()), None);
}

#[test]
fn refusals_are_bounded() {
    let mut tokens = AccessTokens::default();
    let names: Vec<String> = (0..=MAX_ACCESS_PER_TOKEN).map(|number| format!("{number}")).collect();
    for name in &names {
        let key = AccessKey { scope: name, ..key() };
        tokens.refuse(&key, Denial::ScopeNotAllowed, now().plus_secs(5));
    }
    let refused = |name: &str| tokens.refusal(&AccessKey { scope: name, ..key() }, now()).is_some();
    assert!(!refused(&names[0]) && names[1..].iter().all(|name| refused(name)));
}

#[test]
fn the_least_recently_used_goes_first() {
    let mut cache = VerifiedTokens::new(0, 3);
    for token in [b"a", b"b", b"c"] {
        cache.put(token, verified("x"));
    }
    let _ = cache.get(b"a");
    cache.put(b"d", verified("x"));
    let kept: Vec<bool> = [b"a", b"b", b"c", b"d"].map(|token| cache.get(token).is_some()).into();
    assert_eq!(kept, [true, false, true, true]);
    assert_eq!(cache.len(), 3);
}

#[test]
fn holds_no_more_bytes_than_it_may() {
    let mut cache = VerifiedTokens::new(0, 1_000_000);
    let subject = "x".repeat(2_000);
    for number in 0..20_000_u32 {
        cache.put(format!("{number:0>2000}").as_bytes(), verified(&subject));
        assert!(cache.bytes() <= MAX_BYTES);
    }
    // Each entry holds more than 4,000 bytes.
    assert!(cache.len() <= MAX_BYTES / 4_000 && cache.len() >= MAX_BYTES / 8_000, "{}", cache.len());
    assert!(cache.get(format!("{:0>2000}", 19_999).as_bytes()).is_some());
}

#[test]
fn what_is_larger_than_the_whole_cache_is_not_kept() {
    let mut cache = VerifiedTokens::new(0, 10);
    cache.put(b"small", verified("x"));
    cache.put(b"large", verified(&"x".repeat(MAX_BYTES)));
    assert!(cache.is_empty());
    assert_eq!(cache.bytes(), 0);
    cache.put(b"small", verified("x"));
    assert_eq!(cache.len(), 1);
}

#[test]
fn counts_the_bytes_of_what_is_replaced_only_once() {
    let mut cache = VerifiedTokens::new(0, 10);
    cache.put(b"token", verified("x"));
    let bytes = cache.bytes();
    for _ in 0..10 {
        cache.put(b"token", verified("x"));
    }
    assert_eq!(cache.bytes(), bytes);
    cache.put(b"token", verified(&"x".repeat(100)));
    assert_eq!(cache.bytes(), bytes + 99);
}

#[test]
fn counts_access_tokens_when_it_weighs_again() {
    let mut cache = VerifiedTokens::new(0, 10);
    cache.put(b"token", verified("x"));
    let bytes = cache.bytes();
    let minted = access(&"x".repeat(1_000));
    cache.get(b"token").unwrap().access.put(&key(), minted);
    cache.reweigh(b"token");
    let weighed = cache.bytes();
    assert!(weighed >= bytes + 1_000);
    cache.reweigh(b"token");
    cache.reweigh(b"another");
    assert_eq!(cache.bytes(), weighed);
    let minted = access(&"x".repeat(MAX_BYTES));
    cache.get(b"token").unwrap().access.put(&key(), minted);
    cache.reweigh(b"token");
    assert!(cache.is_empty());
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn an_access_token_is_found_by_all_it_depends_on() {
    let mut tokens = AccessTokens::default();
    tokens.put(&key(), access("first"));
    assert_eq!(&*tokens.get(&key(), now()).unwrap().authorization, "first");
    let other = Digest::of(b"other");
    let others = [
        AccessKey { actor: Some(other), ..key() },
        AccessKey { issuer: other, ..key() },
        AccessKey { binding: other, ..key() },
        AccessKey { strict: true, ..key() },
        AccessKey { targets: &["other"], ..key() },
        AccessKey { targets: &[""], ..key() },
        AccessKey { targets: &[], ..key() },
        AccessKey { targets: &["target", "target"], ..key() },
        AccessKey { scope: "other", ..key() },
        AccessKey { scope: "scope ", ..key() },
        AccessKey { login: Some("other"), ..key() },
        AccessKey { login: Some(""), ..key() },
        AccessKey { login: None, ..key() },
        AccessKey { minter: b"other", ..key() },
        AccessKey { issuer: key().binding, binding: key().issuer, ..key() },
        AccessKey { targets: &["targets"], scope: "cope", ..key() },
        AccessKey { scope: "scopem", minter: b"inter", ..key() },
        AccessKey { targets: &[], scope: "target", login: Some("scope"), minter: b"login", ..key() },
        AccessKey {
            targets: &["target", "scope"],
            scope: "login",
            login: Some("minter"),
            minter: b"",
            ..key()
        },
    ];
    for other in others {
        assert!(tokens.get(&other, now()).is_none(), "{other:?}");
    }
}

#[test]
fn an_access_token_is_served_until_its_time_and_not_at_it() {
    let mut tokens = AccessTokens::default();
    tokens.put(&key(), access("x"));
    let end = Timestamp::from_secs(NOW + 100);
    assert!(tokens.get(&key(), end.plus_millis(-1)).is_some());
    assert!(tokens.get(&key(), end).is_none());
}

#[test]
fn a_new_access_token_takes_the_place_of_the_old_one() {
    let mut tokens = AccessTokens::default();
    for name in ["first", "second"] {
        tokens.put(&key(), access(name));
    }
    assert_eq!(tokens.len(), 1);
    assert_eq!(&*tokens.get(&key(), now()).unwrap().authorization, "second");
}

#[test]
fn the_access_token_that_ends_first_makes_room() {
    let targets: Vec<String> = (0..=MAX_ACCESS_PER_TOKEN).map(|number| format!("t{number}")).collect();
    let mut tokens = AccessTokens::default();
    for (number, target) in targets.iter().enumerate() {
        // The third ends first.
        let secs = if number == 2 { NOW + 1 } else { NOW + 100 };
        let minted = Access { usable_until: Timestamp::from_secs(secs), ..access(target) };
        tokens.put(&AccessKey { targets: &[target], ..key() }, minted);
    }
    assert_eq!(tokens.len(), MAX_ACCESS_PER_TOKEN);
    for (number, target) in targets.iter().enumerate() {
        let found = tokens.get(&AccessKey { targets: &[target], ..key() }, now());
        assert_eq!(found.map(|access| &*access.authorization), (number != 2).then_some(&**target));
    }
}

#[test]
fn a_verdict_is_of_one_condition_and_one_binding() {
    let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
    let mut verdicts = Verdicts::default();
    verdicts.put(VerdictKey { condition: a, binding: b }, true);
    verdicts.put(VerdictKey { condition: b, binding: b }, false);
    for (condition, binding, known) in [(a, b, Some(true)), (b, b, Some(false)), (a, a, None), (b, a, None)] {
        assert_eq!(verdicts.get(&VerdictKey { condition, binding }), known);
    }
}
