//! Changes of the claims.

use serde_json::{Map, Value, json};

use super::{Change, Numbers};

/// Every change of the claims.
pub(super) const CHANGES: &[Change] = &[
    ("exp", |numbers, claims| move_time(numbers, claims, "exp")),
    ("nbf", |numbers, claims| move_time(numbers, claims, "nbf")),
    ("iat", |numbers, claims| move_time(numbers, claims, "iat")),
    ("exp type", |numbers, claims| retype_time(numbers, claims, "exp")),
    ("nbf type", |numbers, claims| retype_time(numbers, claims, "nbf")),
    ("iat type", |numbers, claims| retype_time(numbers, claims, "iat")),
    ("missing claim", missing),
    ("iss", iss),
    ("aud", aud),
    ("sub", sub),
    ("jti", jti),
    ("cnf", cnf),
    ("unknown claim", unknown),
];

/// Seconds from `iat`: about now, about the usual leeways, and far away. Some of them are harmless.
const STEPS: [i64; 19] =
    [0, 1, -1, 30, -30, 58, -58, 62, -62, 118, -118, 122, -122, 600, -600, 86_000, -86_000, 90_000, 1 << 32];

fn move_time(numbers: &mut Numbers, claims: &mut Map<String, Value>, name: &str) {
    let now = claims["iat"].as_i64().expect("iat is a number");
    claims.insert(name.into(), json!(now + numbers.pick(&STEPS)));
}

fn retype_time(numbers: &mut Numbers, claims: &mut Map<String, Value>, name: &str) {
    let good = claims["iat"].as_i64().expect("iat is a number");
    let near = good.to_string().parse::<f64>().expect("a number");
    let values = [
        json!(good.to_string()),
        json!(null),
        json!(true),
        json!([good]),
        json!({ "at": good }),
        json!(""),
        json!(near + 900.5),
        json!(near - 900.5),
        json!(1e300),
        json!(-1e300),
        json!(-1),
        json!(-0.5),
        json!(0),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1_i64 << 53),
        json!((1_i64 << 53) - 1),
        json!(253_402_300_800_i64),
        json!(1e16),
    ];
    claims.insert(name.into(), numbers.pick(&values).clone());
}

fn missing(numbers: &mut Numbers, claims: &mut Map<String, Value>) {
    claims.remove(*numbers.pick(&["exp", "iat", "nbf", "iss", "sub", "aud", "jti"]));
}

fn iss(numbers: &mut Numbers, claims: &mut Map<String, Value>) {
    let good = claims.get("iss").and_then(Value::as_str).unwrap_or_default().to_owned();
    let values = [
        json!(format!("{good}/")),
        json!(good.to_uppercase()),
        json!(format!(" {good}")),
        json!(format!("{good}\u{0}")),
        json!("https://other.example"),
        json!(""),
        json!(null),
        json!(1),
        json!([good]),
    ];
    claims.insert("iss".into(), numbers.pick(&values).clone());
}

fn aud(numbers: &mut Numbers, claims: &mut Map<String, Value>) {
    let good = match claims.get("aud") {
        Some(Value::Array(list)) => list.first().cloned().unwrap_or_default(),
        Some(one) => one.clone(),
        None => Value::Null,
    };
    let good = good.as_str().unwrap_or_default().to_owned();
    let values = [
        json!(good),
        json!([good]),
        json!(["https://other.example", good]),
        json!([good, 1]),
        json!([good, null]),
        json!([[good]]),
        json!({ "aud": good }),
        json!([]),
        json!(""),
        json!(null),
        json!(1),
        json!("https://other.example"),
        json!(format!("{good}/")),
        json!(good.to_uppercase()),
    ];
    claims.insert("aud".into(), numbers.pick(&values).clone());
}

fn sub(numbers: &mut Numbers, claims: &mut Map<String, Value>) {
    let values = [
        json!(""),
        json!(null),
        json!(1),
        json!(["a"]),
        json!("a\u{0}b"),
        json!("a\nb"),
        json!("é"),
        json!("s".repeat(2_048)),
        json!("s".repeat(2_049)),
    ];
    claims.insert("sub".into(), numbers.pick(&values).clone());
}

fn jti(numbers: &mut Numbers, claims: &mut Map<String, Value>) {
    claims.insert("jti".into(), numbers.pick(&[json!("a"), json!(""), json!(null), json!(1)]).clone());
}

fn cnf(numbers: &mut Numbers, claims: &mut Map<String, Value>) {
    claims.insert("cnf".into(), numbers.pick(&[json!({ "jkt": "AAAA" }), json!({}), json!(null)]).clone());
}

fn unknown(numbers: &mut Numbers, claims: &mut Map<String, Value>) {
    let values = [
        json!(null),
        json!({ "kubernetes.io": { "namespace": "prod" } }),
        json!([1, "two", { "three": [] }]),
        json!(u64::MAX),
        json!(1.5e10),
        json!("x".repeat(4_000)),
    ];
    claims.insert("x_anything".into(), numbers.pick(&values).clone());
}
