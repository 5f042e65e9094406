#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::ToString as _, vec, vec::Vec};

use serde_json::json;

use super::*;
use crate::fixture::Numbers;

const SUBJECT: &str = "ada";

fn answer(members: &Value) -> Result<UserInfo, Failure> {
    read(200, Some("application/json"), members.to_string().as_bytes(), SUBJECT, Some(&login_id()))
}

fn login_id() -> ClaimPath {
    ClaimPath::parse("profile.email").unwrap()
}

fn login(members: &Value) -> Result<Option<Arc<str>>, Failure> {
    answer(members).map(|userinfo| userinfo.login().cloned())
}

#[test]
fn reads_members_and_login_id() {
    let members = json!({ "sub": SUBJECT, "profile": { "email": "ada@example.org" }, "groups": ["a"] });
    let userinfo = answer(&members).unwrap();
    assert_eq!(Some(userinfo.members()), members.as_object());
    assert_eq!(userinfo.login().map(|login| &**login), Some("ada@example.org"));
}

#[test]
fn without_a_member_or_a_rule_there_is_no_login_id() {
    assert_eq!(login(&json!({ "sub": SUBJECT })), Ok(None));
    assert_eq!(login(&json!({ "sub": SUBJECT, "profile": "x" })), Ok(None));
    let body = json!({ "sub": SUBJECT, "profile": { "email": 1 } }).to_string();
    let userinfo = read(200, Some("application/json"), body.as_bytes(), SUBJECT, None).unwrap();
    assert_eq!(userinfo.login(), None);
}

#[test]
fn a_login_id_is_a_short_text() {
    let with = |email: Value| login(&json!({ "sub": SUBJECT, "profile": { "email": email } }));
    let longest = "a".repeat(MAX_LOGIN_BYTES);
    assert_eq!(with(json!(longest)), Ok(Some(longest.as_str().into())));
    for bad in [
        json!(null),
        json!(1),
        json!(["a"]),
        json!(""),
        json!("a\nb"),
        json!("a".repeat(MAX_LOGIN_BYTES + 1)),
    ] {
        assert_eq!(with(bad.clone()), Err(Failure::LoginId), "{bad}");
    }
}

#[test]
fn the_subject_must_be_the_tokens_byte_for_byte() {
    for other in ["Ada", "ada ", "", "adá"] {
        assert_eq!(answer(&json!({ "sub": other })), Err(Failure::OtherSubject), "{other}");
    }
    for bad in [json!({}), json!({ "sub": null }), json!({ "sub": ["ada"] }), json!({ "sub": 1 })] {
        assert_eq!(answer(&bad), Err(Failure::Malformed), "{bad}");
    }
}

#[test]
fn only_200_is_an_answer_and_only_401_and_403_refuse_the_token() {
    let body = json!({ "sub": SUBJECT }).to_string();
    for (status, failure) in [
        (0, Failure::NoAnswer),
        (201, Failure::Status(201)),
        (204, Failure::Status(204)),
        (302, Failure::Status(302)),
        (400, Failure::Status(400)),
        (401, Failure::Refused(401)),
        (403, Failure::Refused(403)),
        (404, Failure::Status(404)),
        (429, Failure::Status(429)),
        (500, Failure::Status(500)),
        (503, Failure::Status(503)),
        (504, Failure::Status(504)),
    ] {
        let read = read(status, Some("application/json"), body.as_bytes(), SUBJECT, None);
        assert_eq!(read, Err(failure));
    }
}

#[test]
fn the_content_type_must_say_json() {
    let read = |content_type| read(200, content_type, br#"{"sub":"ada"}"#, SUBJECT, None).map(drop);
    for good in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
        assert_eq!(read(Some(good)), Ok(()), "{good}");
    }
    for bad in ["", "application/jwt", "text/json", "application/jsonx", "application/json, text/html"] {
        assert_eq!(read(Some(bad)), Err(Failure::ContentType), "{bad}");
    }
    assert_eq!(read(None), Err(Failure::ContentType));
}

#[test]
fn the_body_must_be_one_strict_and_short_object() {
    let read = |body: &[u8]| read(200, Some("application/json"), body, SUBJECT, None).map(drop);
    for bad in [
        &b""[..],
        b"[]",
        b"\"ada\"",
        b"{\"sub\":\"ada\"",
        b"{\"sub\":\"ada\"}{}",
        b"{\"sub\":\"ada\",\"sub\":\"ada\"}",
        b"{\"sub\":\"eve\",\"s\\u0075b\":\"ada\"}",
        b"{\"sub\":\"ada\",\"x\":\"\xff\"}",
        b"eyJhbGciOiJub25lIn0.e30.",
    ] {
        assert_eq!(read(bad), Err(Failure::Malformed), "{bad:?}");
    }
    let mut body = br#"{"sub":"ada"}"#.to_vec();
    body.resize(MAX_BODY_BYTES, b' ');
    assert_eq!(read(&body), Ok(()));
    body.push(b' ');
    assert_eq!(read(&body), Err(Failure::TooLarge));
}

#[test]
fn a_failure_is_401_only_where_the_issuer_does_not_stand_by_the_token() {
    for failure in [Failure::Refused(401), Failure::Refused(403), Failure::OtherSubject] {
        assert_eq!(failure.denial().row().status, 401);
    }
    for failure in [
        Failure::NoAnswer,
        Failure::Status(500),
        Failure::TooLarge,
        Failure::ContentType,
        Failure::Malformed,
        Failure::LoginId,
    ] {
        assert_eq!(failure.denial(), Denial::UpstreamStsUnavailable);
    }
}

#[test]
fn weighs_at_least_what_it_holds() {
    let value = |number: usize| json!({ "name": "x".repeat(number), "list": vec![true; number] });
    let weigh = |number| answer(&json!({ "sub": SUBJECT, "value": value(number) })).unwrap().weight();
    let grown = weigh(1_001) - weigh(1);
    assert!(grown >= 1_000 * (1 + size_of::<Value>()), "{grown}");
    let many: Map<String, Value> = (0..1_000).map(|number| (number.to_string(), Value::Null)).collect();
    assert!(
        answer(&json!({ "sub": SUBJECT, "value": many })).unwrap().weight()
            >= 1_000 * size_of::<(String, Value)>()
    );
}

#[test]
fn shows_no_value() {
    let userinfo = answer(&json!({ "sub": SUBJECT, "profile": { "email": "secret" } })).unwrap();
    let shown: Vec<_> = vec![format!("{userinfo:?}")];
    assert_eq!(shown, ["UserInfo(2)"]);
}

#[test]
fn no_mutated_answer_panics_or_is_about_another_subject() {
    let valid = json!({ "sub": SUBJECT, "profile": { "email": "ada@example.org" }, "n": [1, 2.5, null] });
    let mut numbers = Numbers::seeded(7);
    let mut read_anyway = 0;
    for _ in 0..5_000 {
        let mut body = valid.to_string().into_bytes();
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(body.len());
            match numbers.below(3) {
                0 => body[at] = u8::try_from(numbers.below(256)).unwrap(),
                1 => drop(body.remove(at)),
                _ => body.insert(at, b"{}[]\",:\\u0a"[numbers.below(11)]),
            }
        }
        if let Ok(userinfo) = read(200, Some("application/json"), &body, SUBJECT, Some(&login_id())) {
            assert_eq!(userinfo.members()["sub"], SUBJECT);
            assert!(userinfo.login().is_none_or(|login| !login.is_empty()));
            read_anyway += 1;
        }
    }
    assert!(read_anyway > 100, "{read_anyway}: too few mutations are harmless to say anything");
}
