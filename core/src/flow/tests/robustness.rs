//! Parsing and policy are total functions (law 9): whatever comes in, something is decided.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    format,
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use serde_json::json;

use crate::{
    fixture::{Ask, Gateway, NOW, NoSecrets, Numbers, Signer, Token, Wire, host_issuer},
    flow::{Answer, Step},
    keyring::{Fetched, Keyring},
    policy::Compiler,
    time::Timestamp,
    wire::snapshot::{ForeignToken, KeySource, Mode, PathMatch, Route},
};

/// Changes 1 to 4 bytes: overwritten, inserted, removed, doubled, or the tail cut off.
fn mutate(numbers: &mut Numbers, bytes: &mut Vec<u8>) {
    const TELLING: &[u8] = b".,;:/?#%\\\"'{}[]()=+-_ \t\r\n\0\x7f\xff\xc3*@AaZz09~^|<>";
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let byte = if numbers.below(3) == 0 {
            u8::try_from(numbers.below(256)).unwrap()
        } else {
            TELLING[numbers.below(TELLING.len())]
        };
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] = byte,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if numbers.below(8) == 0 => bytes.truncate(at),
            3 if at < bytes.len() => {
                let tail = bytes[at..].to_vec();
                bytes.splice(at..at, tail.into_iter().take(8));
            }
            _ => bytes.insert(at, byte),
        }
    }
}

fn busy() -> Wire {
    Wire::changed(|wire| {
        let base = wire.routes[0].clone();
        let mut add = |id: &str, host: &str, path, mode, foreign_token| {
            wire.routes.push(Route {
                id: id.into(),
                host: host.into(),
                path,
                mode,
                foreign_token,
                cors_preflight: true,
                ..base.clone()
            });
        };
        add("wild", "*.example", PathMatch::Template("/a/{b}".into()), Mode::Observe, ForeignToken::Reject);
        add("any", "*", PathMatch::Prefix("/".into()), Mode::Optional, ForeignToken::Pass);
        let sources = json!([
            "authorization",
            { "header": { "name": "x-token", "prefix": "Token " } },
            { "query": "access_token" },
            { "cookie": "session" },
        ]);
        let everywhere = wire.routes.last_mut().unwrap();
        everywhere.token_sources = serde_json::from_value(sources).unwrap();
        let mut fetched = host_issuer("fetched");
        fetched.keys = KeySource::Derived;
        wire.issuers.push(fetched);
        wire.add_neighbour("fetched");
        wire.bindings[1].issuer = "fetched".into();
    })
}

fn seeds() -> Vec<Ask> {
    let valid = Token::valid;
    let tokens: [String; 6] = [
        valid().sign(),
        valid().with("iss", "https://fetched.example").with("sub", "fetched").sign(),
        valid().with("exp", 9_007_199_254_740_991_i64).without_header("typ").sign(),
        valid().with("nbf", -1).with("aud", vec!["a"; 40]).sign(),
        valid().with("exp", 1.8e9 + 0.5).with("iat", NOW - 1).sign(),
        "e30.e30.e30".into(),
    ];
    tokens
        .iter()
        .flat_map(|token| {
            [
                Ask::bearing(token),
                Ask { authority: b"X.Example:8443".to_vec(), ..Ask::bearing(token).to("/a/b?c=d") },
                Ask {
                    method: b"OPTIONS".to_vec(),
                    authority: b"[::1]:80".to_vec(),
                    has_origin: true,
                    has_request_method: true,
                    ..Ask::bearing(token).to("/%20/%C3%A9")
                },
                Ask { authority: b"any".to_vec(), ..Ask::bare().and("x-token", format!("Token {token}")) },
                Ask {
                    authority: b"any".to_vec(),
                    ..Ask::bare().to(&format!("/a?b=1&access_token={token}")).and("cookie", "a=b; c")
                },
                Ask {
                    authority: b"any".to_vec(),
                    ..Ask::bare().to("/a?b").and("cookie", format!("a=1; session={token}"))
                },
            ]
        })
        .collect()
}

#[test]
fn no_mutated_request_panics_or_gets_through() {
    let mut numbers = Numbers::seeded(20_000);
    let mut gateway = Gateway::new(busy());
    let seeds = seeds();
    let mut seen = hashbrown::HashSet::new();
    for _ in 0..20_000 {
        let mut ask = seeds[numbers.below(seeds.len())].clone();
        match numbers.below(8) {
            0 => mutate(&mut numbers, &mut ask.method),
            1 => mutate(&mut numbers, &mut ask.authority),
            2 => mutate(&mut numbers, &mut ask.path),
            3 if !ask.authorization.is_empty() => ask.authorization.push(ask.authorization[0].clone()),
            4 if !ask.others.is_empty() => ask.others.push(ask.others[0].clone()),
            _ => match ask.authorization.first_mut().or(ask.others.first_mut().map(|(_, value)| value)) {
                Some(value) => mutate(&mut numbers, value),
                None => mutate(&mut numbers, &mut ask.path),
            },
        }
        if numbers.below(50) == 0 {
            gateway.now = Timestamp::from_millis(match numbers.below(4) {
                0 => i64::MIN,
                1 => i64::MAX,
                2 => 0,
                _ => numbers.between(-1_000_000, 1_000_000_000_000_000),
            });
        } else {
            gateway.now = Timestamp::from_secs(NOW);
        }
        let step = match gateway.start(&ask) {
            Step::Call { flow, call } => {
                let answers = [Answer::Ready, Answer::Overloaded, Answer::TimedOut(call)];
                gateway.resume(&flow, &answers[numbers.below(3)])
            }
            other @ (Step::Forward(_) | Step::Reply { .. } | Step::NeedBody { .. }) => other,
        };
        seen.insert(step.kind());
    }
    // The mutations reach deep: most refusals and several ways to be forwarded were met.
    assert!(seen.len() >= 15, "{seen:?}");
}

#[test]
fn no_mutated_snapshot_line_panics() {
    let mut numbers = Numbers::seeded(7);
    let lines = busy().lines();
    for _ in 0..4_000 {
        let mut compiler = Compiler::default();
        let mut line = lines[numbers.below(lines.len())].clone();
        mutate(&mut numbers, &mut line);
        compiler.feed_line(&lines[0], &NoSecrets);
        compiler.feed_line(&line, &NoSecrets);
        let _ = compiler.finish();
    }
}

#[test]
fn no_mutated_snapshot_panics() {
    let mut numbers = Numbers::seeded(9);
    let lines = busy().lines();
    let mut accepted = 0;
    for _ in 0..200 {
        let mut compiler = Compiler::default();
        let victim = numbers.below(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let mut line = line.clone();
            if index == victim {
                mutate(&mut numbers, &mut line);
            }
            compiler.feed_line(&line, &NoSecrets);
        }
        accepted += u32::from(compiler.finish().is_ok());
    }
    assert!((1..100).contains(&accepted), "{accepted}");
}

#[test]
fn no_mutated_key_answer_panics() {
    let mut numbers = Numbers::seeded(8);
    let policies = [KeySource::Derived, KeySource::Discovery].map(|keys| {
        let mut wire = busy();
        wire.issuers[1].keys = keys;
        wire.compile().unwrap()
    });
    let jwks = json!({"keys": [Signer::numbered(1).jwk()]}).to_string();
    let document = json!({"issuer": "https://fetched.example", "jwks_uri": "https://fetched.example/keys"});
    let bodies = [jwks, document.to_string()];
    let now = Timestamp::from_secs(NOW);
    for round in 0..4_000 {
        let mut keyring = Keyring::default();
        keyring.adopt(&policies[round % 2], now);
        let fetch = keyring.due(now).remove(0);
        let mut body = bodies[round % 2].clone().into_bytes();
        mutate(&mut numbers, &mut body);
        let status = [200, 200, 200, 304, 503, 0, u16::MAX][numbers.below(7)];
        let max_age = [None, Some(0), Some(u32::MAX)][numbers.below(3)];
        let answer = Fetched::Answer { status, body: &body, max_age };
        let _ = keyring.finish(&fetch.issuer, fetch.ticket, answer, now, u32::MAX);
    }
}
