//! Attacks on the claims of a token that is signed well (§2.2).

use cambist_core::denial::Denial;
use cambist_tests::issuer::AUDIENCE;
use cambist_tests::jwt::{self, Parts};
use serde_json::{Value, json};

use super::forgery::claims_of;
use super::ground::NARROW;
use super::row::Row;

super::rows! {
    c1_times_of_the_wrong_type,
    c2_times_with_fractions_and_exponents,
    c3_times_out_of_range,
    c4_no_expiry,
    c5_not_yet_valid,
    c6_audience_that_is_not_ours,
}

/// A good token whose claims hold this text as the value of `name`.
pub(super) fn spelled(row: &Row<'_>, name: &str, text: &str) -> String {
    let mut claims = row.claims();
    claims[name] = json!("@");
    let claims = claims.to_string().replace("\"@\"", text);
    row.key().sign_bytes(row.header().to_string().as_bytes(), claims.as_bytes())
}

pub(super) fn without(row: &Row<'_>, name: &str) -> String {
    let mut claims = row.claims();
    claims.as_object_mut().unwrap().remove(name);
    row.key().token(&claims)
}

async fn c1_times_of_the_wrong_type(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    for name in ["exp", "nbf", "iat"] {
        let good = row.claims()[name].clone();
        let values = [
            json!(good.to_string()),
            json!(""),
            json!(null),
            json!(true),
            json!([good]),
            json!({ "at": good }),
            json!([]),
        ];
        for value in values {
            let what = format!("{name}: {value}");
            row.refuses_token(&what, &row.with_claim(name, value), Denial::JwtMalformed).await;
        }
    }
    for value in [json!(1), json!(null), json!(["a"]), json!({})] {
        row.refuses_token("jti", &row.with_claim("jti", value), Denial::JwtMalformed).await;
    }
}

async fn c2_times_with_fractions_and_exponents(row: &mut Row<'_>) {
    let now = jwt::now();
    let end = now + 100;
    for text in [format!("{end}.999"), format!("{end}999e-3"), format!("{end}.0"), format!("{end}00.5E-2")] {
        let seen = row.passes_token(&text, &spelled(row, "exp", &text)).await;
        let exp = Parts::of(seen.bearer()).claims["exp"].as_i64().unwrap();
        assert_eq!(exp, end, "{text} was rounded up");
    }
    for name in ["nbf", "iat"] {
        row.passes_token(name, &spelled(row, name, &format!("{}.25", now - 10))).await;
    }
    row.refuses_token(
        "a fraction of the past",
        &spelled(row, "exp", &format!("{}.9", now - 10)),
        Denial::TokenExpired,
    )
    .await;
}

async fn c3_times_out_of_range(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    let millis = format!("{}000", jwt::now() + 600);
    for (text, denial) in [
        ("-1", Denial::JwtMalformed),
        ("-0.5", Denial::JwtMalformed),
        ("-1e300", Denial::JwtMalformed),
        ("1e300", Denial::JwtMalformed),
        ("1e400", Denial::JwtMalformed),
        ("9007199254740992", Denial::JwtMalformed),
        ("9223372036854775807", Denial::JwtMalformed),
        ("9223372036854775808", Denial::JwtMalformed),
        ("18446744073709551615", Denial::JwtMalformed),
        ("18446744073709551616", Denial::JwtMalformed),
        ("-9223372036854775808", Denial::JwtMalformed),
        ("0", Denial::TokenExpired),
        ("0.0", Denial::TokenExpired),
        ("1", Denial::TokenExpired),
        ("9007199254740991", Denial::TokenTooOld),
        (&millis, Denial::TokenTooOld),
    ] {
        row.refuses_token(&format!("exp {text}"), &spelled(row, "exp", text), denial).await;
    }
    for name in ["nbf", "iat"] {
        for (text, denial) in [
            ("-1", Denial::JwtMalformed),
            ("1e300", Denial::JwtMalformed),
            ("9223372036854775808", Denial::JwtMalformed),
            ("9007199254740991", Denial::TokenNotYetValid),
            (&millis, Denial::TokenNotYetValid),
        ] {
            row.refuses_token(&format!("{name} {text}"), &spelled(row, name, text), denial).await;
        }
    }
    // One day is the longest life, counted from `iat`.
    let now = jwt::now();
    row.passes_token("a day", &row.with_claim("exp", json!(now + 86_000))).await;
    row.refuses_token("more than a day", &row.with_claim("exp", json!(now + 86_600)), Denial::TokenTooOld)
        .await;
    row.refuses_token("iat 0", &row.with_claim("iat", json!(0)), Denial::TokenTooOld).await;
}

async fn c4_no_expiry(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    for name in ["iat", "nbf", "jti"] {
        row.passes_token(&format!("without {name}"), &without(row, name)).await;
    }
    row.refuses_token("without exp", &without(row, "exp"), Denial::JwtMalformed).await;
    let now = jwt::now();
    for seconds in [1, 30, 59, 61, 86_400] {
        let token = row.with_claim("exp", json!(now - seconds));
        row.refuses_token("expired", &token, Denial::TokenExpired).await;
    }
    // And an age, where the issuer limits it.
    let narrow = |name: &str, value: Value| {
        let mut claims = claims_of(NARROW, AUDIENCE);
        claims[name] = value;
        claims
    };
    let key = row.key();
    row.passes_token("young", &key.token(&narrow("iat", json!(now - 200)))).await;
    row.refuses_token("old", &key.token(&narrow("iat", json!(now - 301))), Denial::TokenTooOld).await;
    let mut ageless = claims_of(NARROW, AUDIENCE);
    ageless.as_object_mut().unwrap().remove("iat");
    row.refuses_token("of no age", &key.token(&ageless), Denial::TokenTooOld).await;
}

async fn c5_not_yet_valid(row: &mut Row<'_>) {
    let now = jwt::now();
    for name in ["nbf", "iat"] {
        for seconds in [-600, 0, 30] {
            row.passes_token(&format!("{name} {seconds}"), &row.with_claim(name, json!(now + seconds))).await;
        }
        for seconds in [75, 300, 100_000] {
            let token = row.with_claim(name, json!(now + seconds));
            row.refuses_token(&format!("{name} {seconds}"), &token, Denial::TokenNotYetValid).await;
        }
    }
}

async fn c6_audience_that_is_not_ours(row: &mut Row<'_>) {
    for aud in [json!(AUDIENCE), json!([AUDIENCE]), json!(["https://other.example", AUDIENCE])] {
        row.passes_token(&aud.to_string(), &row.with_claim("aud", aud)).await;
    }
    let spellings = [
        "https://other.example".into(),
        String::new(),
        format!("{AUDIENCE}/"),
        format!("{AUDIENCE}.evil.example"),
        format!("{AUDIENCE} https://other.example"),
        format!(" {AUDIENCE}"),
        format!("{AUDIENCE}\0"),
        AUDIENCE.to_uppercase(),
        AUDIENCE.replace("https", "http"),
        AUDIENCE[..AUDIENCE.len() - 1].into(),
        "*".into(),
    ];
    for aud in spellings {
        let list = json!([aud, "https://other.example"]);
        let tokens = [row.with_claim("aud", json!(aud)), row.with_claim("aud", list)];
        row.refuses_tokens(Denial::AudienceMismatch, tokens).await;
    }
    row.refuses_tokens(Denial::AudienceMismatch, [row.with_claim("aud", json!([])), without(row, "aud")])
        .await;
    let typed = [
        json!(null),
        json!(1),
        json!({ "a": AUDIENCE }),
        json!([AUDIENCE, 1]),
        json!([AUDIENCE, null]),
        json!([[AUDIENCE]]),
    ];
    for aud in typed {
        row.refuses_token(&aud.to_string(), &row.with_claim("aud", aud.clone()), Denial::JwtMalformed).await;
    }
    // An issuer whose tokens may name one audience only.
    let narrow = |aud: Value| {
        let mut claims = claims_of(NARROW, AUDIENCE);
        claims["aud"] = aud;
        claims
    };
    let key = row.key();
    for aud in [json!(AUDIENCE), json!([AUDIENCE])] {
        row.passes_token("one audience", &key.token(&narrow(aud))).await;
    }
    for aud in [
        json!([AUDIENCE, "https://other.example"]),
        json!([AUDIENCE, AUDIENCE]),
        json!(["https://other.example"]),
    ] {
        row.refuses_token("not exactly one", &key.token(&narrow(aud)), Denial::AudienceMismatch).await;
    }
}
