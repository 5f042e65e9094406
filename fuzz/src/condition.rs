//! Conditions of policy, and the claims that they judge.

use cambist_core::{
    attribute::Facts,
    condition::{Condition, Truth},
    json,
    policy::Faults,
    wire::snapshot,
};
use serde_json::{Map, Value};

/// The input is a condition, and on a second line the claims of a token.
///
/// It compiles or has faults with a place and a reason; what compiles judges any claims, the same each time, and is
/// turned around by `not`, but for what cannot be told. Without claims nothing about one is true.
pub fn condition(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Ok(written) = serde_json::from_slice::<snapshot::Condition>(&data[..end]) else { return };
    let Some(condition) = compiled(&written) else { return };
    let claims = data.get(end + 1..).and_then(|claims| json::parse_object(claims).ok()).unwrap_or_default();
    let turned = snapshot::Condition { not: Some(Box::new(written)), ..snapshot::Condition::default() };
    let turned = compiled(&turned);
    for claims in [claims, Map::new()] {
        let facts = facts(&claims);
        let truth = condition.judge(&facts);
        assert_eq!(condition.judge(&facts), truth, "the same claims are judged differently");
        assert_eq!(condition.holds(&facts), truth == Truth::True, "what is not true holds");
        // One level deeper may be too deep.
        if let Some(turned) = &turned {
            let expected = match truth {
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
                Truth::True => Truth::False,
            };
            assert_eq!(turned.judge(&facts), expected, "not does not turn it around");
        }
    }
}

fn compiled(condition: &snapshot::Condition) -> Option<Condition> {
    let mut faults = Faults::default();
    let compiled = Condition::compile(condition, "binding/fuzz/condition", &mut faults);
    assert_eq!(compiled.is_some(), faults.is_empty(), "a faulty condition compiles, or a good one does not");
    for fault in faults.listed() {
        assert!(fault.path.starts_with("binding/fuzz/condition") && !fault.detail.is_empty());
    }
    compiled
}

fn facts(claims: &Map<String, Value>) -> Facts<'_> {
    Facts {
        claims,
        userinfo: None,
        identity_id: Some("id_1"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop-cluster",
        issuer_cluster: None,
    }
}
