//! Changes of the header.

use serde_json::{Map, Value, json};

use super::{Change, Numbers};

/// Every change of the header's members.
pub(super) const CHANGES: &[Change] = &[
    ("nothing", |_, _| {}),
    ("alg", alg),
    ("kid", kid),
    ("typ", typ),
    ("crit", crit),
    ("b64 or zip", b64_or_zip),
    ("key in the header", embedded_key),
    ("unknown parameter", unknown),
];

fn alg(numbers: &mut Numbers, header: &mut Map<String, Value>) {
    let values = [
        json!("none"),
        json!("None"),
        json!("HS256"),
        json!("RS256"),
        json!("ES256"),
        json!("EdDSA"),
        json!("Ed25519"),
        json!("PS256"),
        json!("RS384"),
        json!("ES384"),
        json!("es256"),
        json!("ES256 "),
        json!(""),
        json!(null),
        json!(256),
        json!(["ES256"]),
    ];
    replace(numbers, header, "alg", &values);
}

fn kid(numbers: &mut Numbers, header: &mut Map<String, Value>) {
    let other = [json!(""), json!("other"), json!(null), json!(1), json!(["a"]), json!("k".repeat(257))];
    replace(numbers, header, "kid", &other);
}

fn typ(numbers: &mut Numbers, header: &mut Map<String, Value>) {
    let values = [
        json!("jwt"),
        json!("application/jwt"),
        json!("at+jwt"),
        json!("application/at+jwt"),
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("JOSE"),
        json!(""),
        json!(null),
        json!(1),
        json!(["JWT"]),
    ];
    replace(numbers, header, "typ", &values);
}

fn crit(numbers: &mut Numbers, header: &mut Map<String, Value>) {
    let values =
        [json!([]), json!(["exp"]), json!(["b64"]), json!(["alg"]), json!("b64"), json!(null), json!({})];
    header.insert("crit".into(), numbers.pick(&values).clone());
}

fn b64_or_zip(numbers: &mut Numbers, header: &mut Map<String, Value>) {
    let changes = [("b64", json!(false)), ("b64", json!(true)), ("zip", json!("DEF")), ("zip", json!(null))];
    let (name, value) = numbers.pick(&changes);
    header.insert((*name).into(), value.clone());
}

fn embedded_key(numbers: &mut Numbers, header: &mut Map<String, Value>) {
    let octets = json!({ "kty": "oct", "k": "AAAA" });
    let changes = [
        ("jwk", octets.clone()),
        ("jwk", json!(1)),
        ("jku", json!("https://attacker.example/keys")),
        ("x5u", json!("https://attacker.example/chain")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!(1)),
    ];
    let (name, value) = numbers.pick(&changes);
    header.insert((*name).into(), value.clone());
}

fn unknown(numbers: &mut Numbers, header: &mut Map<String, Value>) {
    let values = [json!(null), json!("text"), json!({ "a": [1, { "b": 2.5 }] }), json!("x".repeat(2_000))];
    header.insert("x-anything".into(), numbers.pick(&values).clone());
}

/// Removes the member, or gives it one of `values`.
fn replace(numbers: &mut Numbers, members: &mut Map<String, Value>, name: &str, values: &[Value]) {
    match numbers.below(values.len() + 1).checked_sub(1) {
        None => drop(members.remove(name)),
        Some(index) => drop(members.insert(name.into(), values[index].clone())),
    }
}
