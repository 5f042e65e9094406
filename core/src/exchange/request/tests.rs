#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec, vec::Vec};

use super::{AnswerForm, Grant, TokenRequest};
use crate::{bearer::MAX_TOKEN_BYTES, denial::Denial};

const BEARER: &str = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c";
const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=a.b.c\
    &subject_token_type=urn:ietf:params:oauth:token-type:jwt";
const ACTOR: &str = "&actor_token=d.e.f&actor_token_type=urn:ietf:params:oauth:token-type:access_token";

fn read(body: &str) -> TokenRequest {
    TokenRequest::from_form(&[], body.as_bytes()).unwrap_or_else(|denial| panic!("{body}: {denial:?}"))
}

fn refused(body: &str) -> Option<Denial> {
    TokenRequest::from_form(&[], body.as_bytes()).err()
}

fn json(body: &str) -> Result<TokenRequest, Denial> {
    TokenRequest::from_json(&[], body.as_bytes())
}

#[test]
fn reads_an_assertion_with_all_that_may_stand_beside_it() {
    let request = read(&format!(
        "{BEARER}&client_id=cl_a&scope=openid+a+b+a&audience=x&resource=https%3A%2F%2Fr%2F&audience=x&unknown=1"
    ));
    assert!(matches!(&request.grant, Grant::JwtBearer { assertion } if assertion == "a.b.c"));
    assert_eq!(request.client.map(|client| client.id).as_deref(), Some("cl_a"));
    assert_eq!(request.scopes, vec![String::from("a"), String::from("b")]);
    assert_eq!(request.targets, vec![String::from("x"), String::from("https://r/")]);
    assert_eq!(request.form, AnswerForm::OAuth);
}

#[test]
fn reads_an_exchange_with_and_without_an_actor() {
    let request = read(EXCHANGE);
    assert!(
        matches!(&request.grant, Grant::TokenExchange { subject_token, actor_token: None } if subject_token == "a.b.c")
    );
    assert_eq!(request.form, AnswerForm::Exchange(super::ACCESS_TOKEN));
    let request = read(&format!("{EXCHANGE}{ACTOR}&requested_token_type={}", super::JWT));
    let Grant::TokenExchange { actor_token: Some(actor), .. } = &request.grant else { panic!("no actor") };
    assert_eq!(actor, "d.e.f");
    assert_eq!(request.form, AnswerForm::Exchange(super::JWT));
}

#[test]
fn a_parameter_that_is_missing_or_cannot_be_used_is_refused() {
    let token_type = "urn:ietf:params:oauth:token-type:";
    let mut wrong = vec![
        String::new(),
        "grant_type=".into(),
        "assertion=a.b.c".into(),
        BEARER.replace("a.b.c", ""),
        EXCHANGE.replace("a.b.c", ""),
        EXCHANGE.replace(":jwt", ":refresh_token"),
        EXCHANGE.replace(":jwt", ":saml1"),
        EXCHANGE.replace(":jwt", ":saml2"),
        EXCHANGE.replace(":jwt", ":JWT"),
        EXCHANGE.replace(&format!("&subject_token_type={token_type}jwt"), ""),
        format!("{EXCHANGE}&actor_token=d.e.f"),
        format!("{EXCHANGE}&actor_token_type={token_type}jwt"),
        format!("{EXCHANGE}{}", ACTOR.replace(":access_token", ":refresh_token")),
        format!("{EXCHANGE}&requested_token_type={token_type}refresh_token"),
        format!("{EXCHANGE}&requested_token_type={token_type}id_token"),
        format!("{EXCHANGE}&assertion=a.b.c"),
        format!("{BEARER}&subject_token=a.b.c"),
        format!("{BEARER}{ACTOR}"),
        format!("{BEARER}&client_secret=s"),
    ];
    wrong.push("grant_type=client_credentials&client_id=a&client_secret=s&subject_token=a.b.c".into());
    for body in wrong {
        assert_eq!(refused(&body), Some(Denial::RequestMalformed), "{body}");
    }
}

#[test]
fn each_other_fault_has_a_name_of_its_own() {
    let long = "x".repeat(MAX_TOKEN_BYTES + 1);
    let mut rows: Vec<(String, Denial)> = vec![
        ("grant_type=password&username=a&password=b".into(), Denial::GrantUnknown),
        ("grant_type=refresh_token".into(), Denial::GrantUnknown),
        (format!("{BEARER}&assertion=a.b.c"), Denial::DuplicateParameter),
        (BEARER.replace("a.b.c", &long), Denial::TokenTooLarge),
        (EXCHANGE.replace("a.b.c", &long), Denial::TokenTooLarge),
        (format!("{EXCHANGE}{}", ACTOR.replace("d.e.f", &long)), Denial::TokenTooLarge),
        (format!("{BEARER}&scope=a%22b"), Denial::ScopeNotAllowed),
        (format!("{BEARER}&client_id=a&client_assertion=a.b.c"), Denial::ClientAuthFailed),
    ];
    for resource in ["x", "/x", "https:", "https://r/%23x", "https://r/ x", "1https://r", ":x"] {
        rows.push((
            format!("{BEARER}&resource={}", resource.replace('%', "%25").replace("%2523", "%23")),
            Denial::TargetNotAllowed,
        ));
    }
    for (body, denial) in rows {
        assert_eq!(refused(&body), Some(denial), "{body}");
    }
}

#[test]
fn reads_the_json_form() {
    let request = json(
        r#"{"token":"a.b.c","client_id":"cl_a","scope":"a b","audience":["x","y"],"resource":"https://r"}"#,
    );
    let request = request.unwrap_or_else(|denial| panic!("{denial:?}"));
    assert!(matches!(&request.grant, Grant::JwtBearer { assertion } if assertion == "a.b.c"));
    assert_eq!(request.targets.len(), 3);
    assert_eq!(request.form, AnswerForm::Json);
}

#[test]
fn the_json_form_is_exact() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"token":""}"#,
        r#"{"token":1}"#,
        r#"{"token":null}"#,
        r#"{"token":["a.b.c"]}"#,
        r#"{"token":"a.b.c","token":"a.b.c"}"#,
        r#"{"token":"a.b.c","extra":1}"#,
        r#"{"token":"a.b.c","client_secret":"s"}"#,
        r#"{"token":"a.b.c","scope":["a"]}"#,
        r#"{"token":"a.b.c","audience":[1]}"#,
        r#"{"token":"a.b.c","audience":{}}"#,
        r#"{"token":"a.b.c"} x"#,
    ] {
        assert_eq!(json(body).err(), Some(Denial::RequestMalformed), "{body}");
    }
}
