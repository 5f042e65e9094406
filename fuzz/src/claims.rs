//! Payloads of tokens, and strict JSON under them.

use cambist_core::{
    claims::{Claims, MAX_SUBJECT_BYTES, TimeRules},
    json,
    time::Timestamp,
};
use serde_json::Value;

/// Numbers above this are not exact in JSON.
const END_OF_TIME: i64 = 1 << 53;

/// The input is a payload.
///
/// Both strict readers agree with each other and are never laxer than `serde_json`; claims that are read are those that
/// stand there; no time makes a token valid at or after its end.
pub fn claims(data: &[u8]) {
    strict(data);
    let Ok(claims) = Claims::parse(data) else { return };
    let value: Value = serde_json::from_slice(data).expect("claims that were read are JSON");
    assert_eq!(value["iss"], claims.iss(), "another issuer was read");
    assert_eq!(value["sub"], claims.sub(), "another subject was read");
    assert!(!claims.sub().is_empty() && claims.sub().len() <= MAX_SUBJECT_BYTES);
    assert!(!claims.audiences().is_empty(), "a token for nobody was read");
    let audiences = match &value["aud"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    assert_eq!(audiences, claims.audiences(), "other audiences were read");
    assert!(value.get("cnf").is_none(), "a token that is bound to a key was read");
    assert_eq!(value.as_object(), Some(&claims.members()), "members were lost");
    assert!((0..END_OF_TIME).contains(&claims.exp()), "an end out of range was read");
    let times = [claims.iat(), claims.nbf(), Some(claims.exp())];
    for at in times.into_iter().flatten().chain([0, i64::MIN, i64::MAX, END_OF_TIME]) {
        for (clock_skew, exp_leeway, max_lifetime, max_age) in [
            (0, 0, u32::MAX, None),
            (60, 60, 86_400, Some(86_400)),
            (u32::MAX, 0, 0, Some(0)),
            (u32::MAX, u32::MAX, u32::MAX, Some(u32::MAX)),
        ] {
            let rules = TimeRules { clock_skew, exp_leeway, max_lifetime, max_age };
            let end = claims.exp().saturating_add(exp_leeway.into());
            for at in [at.saturating_sub(1), at, at.saturating_add(1)] {
                let valid = claims.check_times(&rules, Timestamp::from_secs(at)).is_ok();
                assert!(!valid || at < end, "a token was valid at its end or after it");
            }
        }
    }
}

fn strict(data: &[u8]) {
    let built = json::parse_object(data);
    let mut names = 0;
    let scanned = json::scan_object(data, |_, _| names += 1);
    assert_eq!(built.is_ok(), scanned.is_ok(), "the two strict readers disagree");
    if let Ok(members) = built {
        assert_eq!(members.len(), names, "a member was not shown");
        let lax: Value = serde_json::from_slice(data).expect("what is strictly JSON is JSON");
        assert_eq!(lax, Value::Object(members), "the strict reader reads something else");
    }
}
