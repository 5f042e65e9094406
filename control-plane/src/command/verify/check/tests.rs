use cambist_core::{jose::key_set::KeySet, time::Timestamp};
use serde_json::Value;

use super::{Asked, Check, Findings, Outcome, judge};

const TOKENS: &str = include_str!("../../../../../tests/fixtures/golden/tokens.json");
const JWKS: &str = include_str!("../../../../../tests/fixtures/golden/jwks.json");

fn failed(checks: &[Check]) -> Vec<&str> {
    checks.iter().filter(|check| check.outcome == Outcome::Failed).map(|check| check.check).collect()
}

#[test]
fn says_of_every_golden_token_what_must_be_said() {
    let keys = KeySet::parse(JWKS.as_bytes()).unwrap();
    let golden: Value = serde_json::from_str(TOKENS).unwrap();
    let verdicts = golden["verdicts"].as_array().unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for verdict in verdicts {
        let text = |name: &str| verdict[name].as_str().unwrap();
        let now = Timestamp::from_secs(verdict["now"].as_i64().unwrap());
        let asked = Asked { authority: text("authority"), audience: text("audience"), now };
        let Findings { checks, .. } = judge(text("token").as_bytes(), &asked, Some(&keys));
        let expected: Vec<&str> =
            verdict["failed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(failed(&checks), expected, "{}: {checks:?}", text("name"));
        // Whatever fails says what to do, and what passes has nothing to say about it.
        assert!(checks.iter().all(|check| check.next.is_some() == (check.outcome == Outcome::Failed)));
        if failed(&checks).is_empty() { accepted += 1 } else { refused += 1 }
    }
    assert_eq!((accepted, refused), (8, 27));
}

#[test]
fn without_keys_nothing_is_content() {
    let golden: Value = serde_json::from_str(TOKENS).unwrap();
    let token = golden["tokens"][0]["token"].as_str().unwrap();
    let now = Timestamp::from_secs(golden["now"].as_i64().unwrap());
    let asked = Asked { authority: "https://authority.example", audience: "https://orders.internal", now };
    let Findings { checks, .. } = judge(token.as_bytes(), &asked, None);
    assert!(failed(&checks).is_empty());
    assert!(checks.iter().any(|check| check.outcome != Outcome::Ok), "the signature was not reached");
}

#[test]
fn what_is_no_token_is_told_of_without_showing_it() {
    let now = Timestamp::from_secs(0);
    let asked = Asked { authority: "https://authority.example", audience: "a", now };
    for token in ["", "secret-text", "a.b.c", "e30.e30."] {
        let found = judge(token.as_bytes(), &asked, None);
        assert_eq!(failed(&found.checks), ["form"]);
        assert!(!format!("{found:?}").contains("secret"));
    }
}
