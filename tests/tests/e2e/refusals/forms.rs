//! Attacks on the form of a token (§2.1).

use cambist_core::denial::Denial;
use cambist_tests::jwt::encode;
use serde_json::json;

use super::forgery::unsigned;
use super::row::Row;

/// Makes something else of a JSON text.
type Change<'a> = &'a dyn Fn(&str) -> Vec<u8>;

super::rows! {
    a10_other_serialisations,
    a14_other_forms_of_base64_and_segments,
    a15_json_that_is_not_strict,
    a16_oversized,
    a18_token_for_another_purpose,
}

async fn a10_other_serialisations(row: &mut Row<'_>) {
    let good = row.token();
    row.passes_token("the control", &good).await;
    let parts: Vec<_> = good.split('.').collect();
    let jwe = encode(br#"{"alg":"RSA-OAEP","enc":"A256GCM","cty":"JWT"}"#);
    let plain = format!("{}.", unsigned(&json!({ "alg": "none" }), &row.claims()));
    let nested = row.key().sign_bytes(br#"{"alg":"ES256","kid":"first","cty":"JWT"}"#, good.as_bytes());
    let malformed = [
        format!("{jwe}.AAAA.AAAA.{}.AAAA", parts[1]),
        format!("{jwe}.AAAA.AAAA.{}.AAAA", encode(plain.as_bytes())),
        format!("{jwe}...."),
        format!("{good}.AAAA.AAAA"),
        nested,
        row.key().sign_bytes(row.header().to_string().as_bytes(), json!(good).to_string().as_bytes()),
    ];
    row.refuses_tokens(Denial::JwtMalformed, malformed).await;
    let flattened = json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] });
    let general =
        json!({ "payload": parts[1], "signatures": [{ "protected": parts[0], "signature": parts[2] }] });
    row.refuses_tokens(Denial::TokenMalformed, [flattened.to_string(), general.to_string()]).await;
}

async fn a14_other_forms_of_base64_and_segments(row: &mut Row<'_>) {
    let good = row.token();
    row.passes_token("the control", &good).await;
    let parts: Vec<_> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three segments") };
    let key = row.key();
    // Signed over the changed text, so that only its form is wrong.
    let signed = |input: String| format!("{input}.{}", encode(&key.signature(input.as_bytes())));
    let spaced = row.header().to_string() + " ";
    let spaced = (0..3)
        .map(|more| encode((spaced.clone() + &" ".repeat(more)).as_bytes()))
        .find(|text| text.len() % 4 != 0);
    let spaced = spaced.expect("one of three has spare bits");
    let malformed = [
        format!("{good}="),
        format!("{good}=="),
        signed(format!("{}.{claims}", raise_spare_bits(&spaced))),
        format!("{header}.{claims}.{}", raise_spare_bits(signature)),
        signed(format!("{header}+.{claims}")),
        signed(format!("{header}/.{claims}")),
        signed(format!("{header}.{claims}+/")),
        signed(format!("{header}.{claims}~")),
        signed(format!("{header}.A{claims}")),
        format!("{header}.{claims}"),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!("{good}."),
        format!(".{claims}.{signature}"),
        format!("{header}..{signature}"),
        "..".into(),
        "a".into(),
    ];
    row.refuses_tokens(Denial::JwtMalformed, malformed).await;
    let carriers = [
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header} .{claims}.{signature}"),
        format!("{header}.{claims}\t.{signature}"),
        format!("{good},{good}"),
        format!("{good}, {good}"),
        format!("{good};{good}"),
        format!("\"{good}\""),
        format!("{header}%2E{claims}%2E{signature}"),
        format!("{good} {good}"),
    ];
    row.refuses_tokens(Denial::TokenMalformed, carriers).await;
    row.refuses_token("no signature", &format!("{header}.{claims}."), Denial::BadSignature).await;
    // Envoy takes a lone carriage return out of a value.
    let request = format!("GET / HTTP/1.1\r\nhost: a.example\r\nauthorization: Bearer {good}\rx\r\n\r\n");
    row.refuses_bytes(request.as_bytes(), Denial::JwtMalformed).await;
    for byte in ["\0", "\n"] {
        let request =
            format!("GET / HTTP/1.1\r\nhost: a.example\r\nauthorization: Bearer {good}{byte}x\r\n\r\n");
        row.rejected_by_envoy(request.as_bytes(), &[400]).await;
    }
}

/// The same bytes, with the bits set that base64 leaves over.
fn raise_spare_bits(segment: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = ALPHABET.find(&segment[segment.len() - 1..]).expect("base64url");
    format!("{}{}", &segment[..segment.len() - 1], &ALPHABET[place + 1..place + 2])
}

async fn a15_json_that_is_not_strict(row: &mut Row<'_>) {
    let (key, header, claims) = (row.key(), row.header().to_string(), row.claims().to_string());
    let deep = |depth: usize| format!(",\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let with = |text: &str, more: &[u8]| [&text.as_bytes()[..text.len() - 1], more].concat();
    let spaced = [b" \t\r\n", header.as_bytes(), b"\n "].concat();
    row.passes_token("white space around", &key.sign_bytes(&spaced, claims.as_bytes())).await;
    row.passes_token("63 deep", &key.sign_bytes(header.as_bytes(), &with(&claims, deep(63).as_bytes())))
        .await;
    let changes: [Change<'_>; 19] = [
        &|text| with(text, b",\"x\":\"\xff\"}"),
        &|text| with(text, b",\"x\":\"\xc0\xaf\"}"),
        &|text| with(text, b",\"x\":\"\xed\xa0\x80\"}"),
        &|text| with(text, b",\"x\":\"\\ud800\"}"),
        &|text| with(text, b",\"x\":\"\\udc00\\ud800\"}"),
        &|text| with(text, b",\"x\":1e400}"),
        &|text| with(text, b",\"x\":01}"),
        &|text| with(text, b",\"x\":NaN}"),
        &|text| with(text, b",\"x\":\"a\nb\"}"),
        &|text| with(text, b",}"),
        &|text| with(text, b""),
        &|text| with(text, deep(64).as_bytes()),
        &|text| with(text, deep(2_000).as_bytes()),
        &|text| [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        &|text| [text, text].concat().into_bytes(),
        &|text| format!("{text}x").into_bytes(),
        &|text| format!("[{text}]").into_bytes(),
        &|text| text.replace('"', "'").into_bytes(),
        &|_| Vec::new(),
    ];
    for (number, change) in changes.iter().enumerate() {
        for token in [
            key.sign_bytes(&change(&header), claims.as_bytes()),
            key.sign_bytes(header.as_bytes(), &change(&claims)),
        ] {
            row.refuses_token(&format!("change {number}"), &token, Denial::JwtMalformed).await;
        }
    }
}

async fn a16_oversized(row: &mut Row<'_>) {
    const MOST: usize = 16 * 1_024;
    let padded = |length: usize| row.with_claim("pad", json!("x".repeat(length)));
    let spare = MOST - padded(0).len();
    let larger = padded(spare);
    let sizes = (spare / 4 * 3 - 4..spare).map(padded);
    let largest = sizes.take_while(|token| token.len() <= MOST).last().unwrap();
    row.passes_token("the largest", &largest).await;
    let oversized = [
        format!("{largest}{}", "A".repeat(MOST + 1 - largest.len())),
        larger,
        "a".repeat(MOST + 1),
        ".".repeat(MOST + 1),
        ".".repeat(50_000),
        format!("{}.{}", row.token(), "A".repeat(50_000)),
    ];
    row.refuses_tokens(Denial::TokenTooLarge, oversized).await;
    row.refuses_tokens(Denial::JwtMalformed, [".".repeat(MOST), "a".repeat(MOST)]).await;
    // A million dots is more than Envoy takes by default; this listener takes them.
    let dots = format!(
        "GET / HTTP/1.1\r\nhost: a.example\r\nauthorization: Bearer {}\r\n\r\n",
        ".".repeat(1_000_000)
    );
    row.refuses_bytes(dots.as_bytes(), Denial::TokenTooLarge).await;
}

async fn a18_token_for_another_purpose(row: &mut Row<'_>) {
    for typ in ["JWT", "jwt", "application/jwt", "at+jwt", "application/at+jwt"] {
        row.passes_token(typ, &row.with_header("typ", json!(typ))).await;
    }
    for typ in [
        "logout+jwt",
        "LOGOUT+JWT",
        "application/logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "JOSE",
        "id_token",
        "kb+jwt",
        "token-introspection+jwt",
        "",
        "JWT ",
        "application/application/jwt",
    ] {
        row.refuses_token(typ, &row.with_header("typ", json!(typ)), Denial::TypNotAllowed).await;
    }
    for typ in [json!(null), json!(1), json!(["JWT"])] {
        row.refuses_token("a typ that is no text", &row.with_header("typ", typ), Denial::JwtMalformed).await;
    }
    let bound = [json!({ "jkt": "AAAA" }), json!({ "x5t#S256": "AAAA" }), json!({}), json!(null)];
    for cnf in bound {
        row.refuses_token("cnf", &row.with_claim("cnf", cnf), Denial::TypNotAllowed).await;
    }
    let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    row.refuses_token("a logout token", &row.with_claim("events", events), Denial::TypNotAllowed).await;
}
