//! Attacks on who a token is from and who it is of (§2.2).

use cambist_core::denial::Denial;
use cambist_tests::client::Request;
use cambist_tests::issuer::AUDIENCE;
use serde_json::json;

use super::claims::{spelled, without};
use super::ground::{PEOPLE, PERSON};
use super::row::Row;

super::rows! {
    c7_issuer_by_another_spelling,
    c8_key_of_another_issuer,
    c9_subject_that_is_none,
    c10_subject_that_resembles_another,
    c11_token_presented_twice,
}

async fn c7_issuer_by_another_spelling(row: &mut Row<'_>) {
    let good = row.ground.stage.issuer.iss().to_owned();
    // JSON may escape it; what it says is the same.
    row.passes_token("escaped", &spelled(row, "iss", &format!("\"{}\"", good.replace('/', "\\/")))).await;
    let port = good.rsplit(':').next().unwrap();
    let spellings = [
        format!("{good}/"),
        format!("{good}//"),
        good.to_uppercase(),
        good.replace("http:", "https:"),
        good.replace("http:", "HTTP:"),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:0{port}"),
        format!("http://127.1:{port}"),
        good.replace("http://", "http://user@"),
        good.replace("127.0.0.1", "127.0.0.1.evil.example"),
        good.replace("http", "һttp"),
        format!("{good}\0"),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}#"),
        format!("{good}?"),
        good.replace("http://", ""),
        "https://issuer.example".into(),
        String::new(),
    ];
    for iss in spellings {
        row.refuses_token(&iss, &row.with_claim("iss", json!(iss)), Denial::IssuerNotAllowed).await;
    }
    row.refuses_token("without iss", &without(row, "iss"), Denial::IssuerNotAllowed).await;
    for iss in [json!([good]), json!(null), json!(1), json!({ "iss": good })] {
        row.refuses_token(&iss.to_string(), &row.with_claim("iss", iss.clone()), Denial::JwtMalformed).await;
    }
}

async fn c8_key_of_another_issuer(row: &mut Row<'_>) {
    let (ours, theirs) = (&row.ground.stage.issuer, &row.ground.other);
    let (our_key, their_key) = (ours.key(), theirs.key());
    assert_eq!(our_key.kid(), their_key.kid());
    row.passes_token("ours", &our_key.token(&ours.claims("job"))).await;
    row.passes_token("theirs", &their_key.token(&theirs.claims("job"))).await;
    row.refuses_token("theirs for ours", &their_key.token(&ours.claims("job")), Denial::BadSignature).await;
    row.refuses_token("ours for theirs", &our_key.token(&theirs.claims("job")), Denial::BadSignature).await;
    // A key that only one of the two has.
    let rsa = row.ground.rsa.clone();
    row.passes_token("ours by RSA", &rsa.token(&ours.claims("job"))).await;
    row.refuses_token("ours by RSA for theirs", &rsa.token(&theirs.claims("job")), Denial::UnknownKid).await;
    // Names of both in one token.
    let mut both = ours.claims("job");
    both["aud"] = json!([AUDIENCE, theirs.iss()]);
    row.refuses_token("both", &their_key.token(&both), Denial::BadSignature).await;
}

async fn c9_subject_that_is_none(row: &mut Row<'_>) {
    for sub in ["j".repeat(2_048), "ünïcode".into(), "a b".into()] {
        row.passes_token("a subject", &row.with_claim("sub", json!(sub))).await;
    }
    let texts =
        ["", "a\r\nx-injected: yes", "a\nb", "a\rb", "a\0b", "a\tb", "\u{7f}", "a\u{85}b", "a\u{1b}[31m"];
    let values = texts.map(|text| json!(text)).into_iter();
    for sub in values.chain([
        json!("j".repeat(2_049)),
        json!(null),
        json!(1),
        json!(true),
        json!(["job"]),
        json!({}),
    ]) {
        row.refuses_token("sub", &row.with_claim("sub", sub), Denial::JwtMalformed).await;
    }
    row.refuses_token("without sub", &without(row, "sub"), Denial::JwtMalformed).await;
}

async fn c10_subject_that_resembles_another(row: &mut Row<'_>) {
    let token = |row: &Row<'_>, sub: &str| {
        let mut claims = row.claims();
        claims["aud"] = json!(PEOPLE);
        claims["sub"] = json!(sub);
        row.key().token(&claims)
    };
    row.passes_token("the person", &token(row, PERSON)).await;
    for sub in [
        "alice@example.com@evil.example",
        "mallory@evil.example,alice@example.com",
        "mallory@evil.example alice@example.com",
        "\"alice@example.com\"@evil.example",
        "alice@example.com.evil.example",
        "notalice@example.com",
        "alice@EXAMPLE.com",
        "Alice@example.com",
        "alice@example.com.",
        " alice@example.com",
        "alice@example.com ",
        "<alice@example.com>",
        "alice+x@example.com",
        "аlice@example.com",
        "alice%40example.com",
        "*",
        "*@example.com",
    ] {
        row.refuses_token(sub, &token(row, sub), Denial::IdentityNotFound).await;
    }
}

/// A bearer token may be presented again; Kubernetes workloads do so for an hour. It ends with its expiry.
async fn c11_token_presented_twice(row: &mut Row<'_>) {
    let token = row.token();
    let first = row.passes_token("the first time", &token).await;
    let again = row.passes_token("again", &token).await;
    assert_eq!(first.bearer(), again.bearer(), "one presented token is one access token");
    let elsewhere = row.passes("elsewhere", &Request::get("/elsewhere").bearer(&token)).await;
    assert_eq!(first.bearer(), elsewhere.bearer());
}
