#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String};

use serde_json::{Value, json};

use super::{Claims, TimeRules};
use crate::{
    denial::Denial,
    jose::sample::{NOW, RULES, claims, now},
    time::Timestamp,
};

fn parse(claims: &Value) -> Result<Claims, Denial> {
    Claims::parse(&serde_json::to_vec(claims).unwrap())
}

/// The sample claims with one of them replaced, or removed when `value` is JSON's null written as `None`.
fn with(name: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.into(), value),
        None => members.remove(name),
    };
    claims
}

/// The sample claims with `exp` written as this JSON text.
fn exp_as(text: &str) -> Result<i64, Denial> {
    let payload = format!(r#"{{"iss":"i","sub":"s","aud":"a","exp":{text}}}"#);
    Claims::parse(payload.as_bytes()).map(|claims| claims.exp())
}

#[test]
fn reads_every_registered_claim() {
    let claims = parse(&claims()).unwrap();
    assert_eq!(claims.iss(), "https://issuer.example");
    assert_eq!(claims.sub(), "system:serviceaccount:shop:checkout");
    assert_eq!(claims.audiences(), ["cambist"]);
    assert_eq!((claims.exp(), claims.nbf(), claims.iat()), (NOW + 600, Some(NOW - 10), Some(NOW - 10)));
    assert_eq!(claims.jti(), Some("c5a16007"));
    assert_eq!(claims.members().len(), 7);
}

#[test]
fn does_without_optional_claims() {
    for name in ["nbf", "iat", "jti"] {
        assert!(parse(&with(name, None)).is_ok(), "{name}");
    }
}

#[test]
fn refuses_missing_required_claims() {
    for (name, denial) in [
        ("iss", Denial::IssuerNotAllowed),
        ("sub", Denial::JwtMalformed),
        ("aud", Denial::AudienceMismatch),
        ("exp", Denial::JwtMalformed),
    ] {
        assert_eq!(parse(&with(name, None)), Err(denial), "{name}");
    }
}

#[test]
fn refuses_wrong_types_even_of_optional_claims() {
    for name in ["exp", "nbf", "iat"] {
        for value in [json!(null), json!("1800000600"), json!(true), json!([1]), json!({})] {
            assert_eq!(parse(&with(name, Some(value))), Err(Denial::JwtMalformed), "{name}");
        }
    }
    for name in ["iss", "sub", "jti"] {
        for value in [json!(null), json!(1), json!(false), json!(["a"]), json!({})] {
            assert_eq!(parse(&with(name, Some(value))), Err(Denial::JwtMalformed), "{name}");
        }
    }
}

#[test]
fn reads_fractions_and_exponents_without_prolonging() {
    assert_eq!(exp_as("1800000600.9"), Ok(1_800_000_600));
    assert_eq!(exp_as("1.8e9"), Ok(1_800_000_000));
    assert_eq!(exp_as("0"), Ok(0));
    assert_eq!(exp_as("-0.0"), Ok(0));
    assert_eq!(exp_as("9007199254740991"), Ok((1 << 53) - 1));
    let late = parse(&with("nbf", Some(json!(1_800_000_000.1)))).unwrap();
    assert_eq!(late.nbf(), Some(1_800_000_001));
    let late = parse(&with("iat", Some(json!(1_800_000_000.0)))).unwrap();
    assert_eq!(late.iat(), Some(1_800_000_000));
}

#[test]
fn refuses_times_out_of_range() {
    for text in [
        "-1",
        "-0.5",
        "1e300",
        "1e400",
        "-1e400",
        "9007199254740992",
        "9007199254740992.5",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
    ] {
        assert_eq!(exp_as(text), Err(Denial::JwtMalformed), "{text}");
    }
}

#[test]
fn refuses_subjects_that_are_no_names() {
    let longest = "s".repeat(super::MAX_SUBJECT_BYTES);
    assert!(parse(&with("sub", Some(json!(longest)))).is_ok());
    let too_long = format!("{longest}s");
    for sub in ["", "a\r\nb", "a\0", "\u{7f}", "\u{85}", "tab\t", &too_long] {
        assert_eq!(parse(&with("sub", Some(json!(sub)))), Err(Denial::JwtMalformed), "{sub:?}");
    }
}

#[test]
fn reads_one_audience_or_several() {
    let audiences = |aud: Value| parse(&with("aud", Some(aud))).map(|claims| claims.audiences().to_vec());
    assert_eq!(audiences(json!("a")), Ok(alloc::vec![String::from("a")]));
    assert_eq!(audiences(json!(["b", "a"])), Ok(alloc::vec!["b".into(), "a".into()]));
    assert_eq!(audiences(json!([])), Err(Denial::AudienceMismatch));
    for aud in [json!(null), json!(1), json!({}), json!(["a", 1]), json!([["a"]]), json!([null])] {
        assert_eq!(audiences(aud), Err(Denial::JwtMalformed));
    }
}

#[test]
fn refuses_tokens_that_are_bound_to_a_key() {
    assert_eq!(parse(&with("cnf", Some(json!({"jkt": "x"})))), Err(Denial::TypNotAllowed));
}

#[test]
fn refuses_security_events_whatever_their_type() {
    // A logout token may come without its own `typ` (OpenID Connect Back-Channel Logout §2.4).
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for events in [events, json!({}), json!(null)] {
        assert_eq!(parse(&with("events", Some(events))), Err(Denial::TypNotAllowed));
    }
}

#[test]
fn refuses_repeated_claims() {
    let payload = br#"{"iss":"i","sub":"s","aud":"a","exp":1,"ex\u0070":2}"#;
    assert_eq!(Claims::parse(payload), Err(Denial::JwtMalformed));
}

fn times(exp: i64, nbf: Option<i64>, iat: Option<i64>, rules: &TimeRules) -> Result<(), Denial> {
    let mut claims = json!({"iss": "i", "sub": "s", "aud": "a", "exp": exp});
    let members = claims.as_object_mut().unwrap();
    for (name, value) in [("nbf", nbf), ("iat", iat)] {
        if let Some(value) = value {
            members.insert(name.into(), value.into());
        }
    }
    parse(&claims).unwrap().check_times(rules, now())
}

#[test]
fn ends_exactly_at_exp_plus_leeway() {
    let lenient = TimeRules { exp_leeway: 60, ..RULES };
    assert_eq!(times(NOW + 1, None, None, &RULES), Ok(()));
    assert_eq!(times(NOW, None, None, &RULES), Err(Denial::TokenExpired));
    assert_eq!(times(NOW - 59, None, None, &lenient), Ok(()));
    assert_eq!(times(NOW - 60, None, None, &lenient), Err(Denial::TokenExpired));
    assert_eq!(times(0, None, None, &lenient), Err(Denial::TokenExpired));
}

#[test]
fn starts_no_earlier_than_the_skew_allows() {
    let exp = NOW + 1000;
    for (nbf, iat) in [(Some(NOW + 60), None), (None, Some(NOW + 60))] {
        assert_eq!(times(exp, nbf, iat, &RULES), Ok(()));
    }
    for (nbf, iat) in [(Some(NOW + 61), None), (None, Some(NOW + 61)), (Some((1 << 53) - 1), None)] {
        assert_eq!(times(exp, nbf, iat, &RULES), Err(Denial::TokenNotYetValid));
    }
}

#[test]
fn limits_the_lifetime() {
    let day = i64::from(RULES.max_lifetime);
    assert_eq!(times(NOW + day, None, None, &RULES), Ok(()));
    assert_eq!(times(NOW + day + 1, None, None, &RULES), Err(Denial::TokenTooOld));
    assert_eq!(times(NOW - 10 + day, None, Some(NOW - 10), &RULES), Ok(()));
    assert_eq!(times(NOW - 9 + day, None, Some(NOW - 10), &RULES), Err(Denial::TokenTooOld));
    assert_eq!(times((1 << 53) - 1, None, Some(0), &RULES), Err(Denial::TokenTooOld));
}

#[test]
fn limits_the_age_where_the_issuer_says_so() {
    let young = TimeRules { max_age: Some(300), ..RULES };
    let exp = NOW + 1_000;
    assert_eq!(times(exp, None, Some(NOW - 300), &young), Ok(()));
    assert_eq!(times(exp, None, Some(NOW - 301), &young), Err(Denial::TokenTooOld));
    assert_eq!(times(exp, None, Some(NOW + 60), &young), Ok(()));
    assert_eq!(times(exp, None, None, &young), Err(Denial::TokenTooOld), "no iat tells its age");
    assert_eq!(times(exp, None, Some(NOW - 301), &RULES), Ok(()));
    let oldest = TimeRules { max_age: Some(u32::MAX), ..RULES };
    assert_eq!(times(exp, None, Some(exp - 86_400), &oldest), Ok(()));
}

#[test]
fn never_wraps() {
    let widest =
        TimeRules { clock_skew: u32::MAX, exp_leeway: u32::MAX, max_lifetime: u32::MAX, max_age: None };
    let latest = parse(&json!({"iss": "i", "sub": "s", "aud": "a", "exp": (1_i64 << 53) - 1})).unwrap();
    assert_eq!(latest.check_times(&widest, Timestamp::from_millis(i64::MAX)), Err(Denial::TokenExpired));
    assert_eq!(latest.check_times(&widest, Timestamp::from_millis(i64::MIN)), Err(Denial::TokenTooOld));
}

#[test]
fn debug_shows_no_subject() {
    let text = format!("{:?}", parse(&claims()).unwrap());
    assert!(text.contains("issuer.example") && !text.contains("checkout") && !text.contains("c5a16007"));
}
