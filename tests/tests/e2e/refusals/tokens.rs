//! Attacks on the algorithm of a token and on its header (§2.1).

use cambist_core::denial::Denial;
use cambist_tests::issuer::{Fetches, Issuer};
use cambist_tests::jwt::{Key, encode};
use serde_json::{Value, json};

use super::forgery::{coordinate, hmac_token, pem, spki, unsigned};
use super::row::Row;

super::rows! {
    a1_alg_none_in_any_form,
    a2_hmac_with_what_is_public,
    a3_algorithm_that_the_key_is_not_for,
    a4_key_that_the_token_brings,
    a5_critical_header,
    a6_unencoded_or_compressed_payload,
    a7_kid_that_means_something_elsewhere,
    a8_repeated_member,
}

async fn a1_alg_none_in_any_form(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    let fetched = row.ground.stage.issuer.fetches();
    let names =
        ["none", "None", "NONE", "nOnE", "none ", "", "es256", "ES256\0", "X"].map(|name| json!(name));
    let others = [
        json!(null),
        json!(0),
        json!(true),
        json!([]),
        json!(["ES256"]),
        json!({}),
        json!({ "alg": "ES256" }),
    ];
    let mut headers: Vec<Value> =
        names.into_iter().chain(others).map(|alg| json!({ "alg": alg, "kid": "new" })).collect();
    headers.push(json!({ "kid": "new" }));
    for header in headers {
        let signed = row.key().sign(&header, &row.claims());
        let bare = format!("{}.", unsigned(&header, &row.claims()));
        row.refuses_tokens(Denial::AlgNotAllowed, [signed, bare]).await;
    }
    assert_eq!(row.ground.stage.issuer.fetches(), fetched, "a key was looked up");
}

async fn a2_hmac_with_what_is_public(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    let jwk = row.key().jwk();
    let pem = pem(&jwk);
    let rsa = row.ground.rsa.jwk();
    let modulus = coordinate(&rsa, "n");
    let secrets = [
        pem.as_bytes().to_vec(),
        pem.trim_end().as_bytes().to_vec(),
        spki(&jwk),
        coordinate(&jwk, "x"),
        jwk.to_string().into_bytes(),
        row.ground.stage.issuer.jwks().to_string().into_bytes(),
        modulus,
        rsa["n"].as_str().unwrap().into(),
        Vec::new(),
        vec![0; 64],
    ];
    for secret in secrets {
        for (alg, kid) in
            [("HS256", "first"), ("HS384", "first"), ("HS512", "first"), ("HS256", "rsa"), ("hs256", "rsa")]
        {
            let token = hmac_token(alg, kid, &row.claims(), &secret);
            row.refuses_token(alg, &token, Denial::AlgNotAllowed).await;
        }
    }
    // Under an algorithm that is allowed, the tag is no signature.
    for secret in [spki(&jwk), Vec::new()] {
        let token = hmac_token("ES256", "first", &row.claims(), &secret);
        row.refuses_token("an HMAC as ES256", &token, Denial::BadSignature).await;
    }
}

async fn a3_algorithm_that_the_key_is_not_for(row: &mut Row<'_>) {
    let (p256, rsa) = (row.key(), row.ground.rsa.clone());
    row.passes_token("ES256", &p256.token(&row.claims())).await;
    row.passes_token("RS256", &rsa.token(&row.claims())).await;
    for (signer, alg, kid) in [
        (&p256, "RS256", "first"),
        (&rsa, "ES256", "rsa"),
        (&rsa, "RS256", "first"),
        (&p256, "ES256", "rsa"),
        (&rsa, "PS256", "rsa"),
        (&rsa, "RS384", "rsa"),
        (&rsa, "RS512", "rsa"),
        (&p256, "ES384", "first"),
        (&p256, "ES256K", "first"),
        (&p256, "EdDSA", "first"),
        (&p256, "Ed25519", "first"),
        (&p256, "ML-DSA-44", "first"),
    ] {
        let token = signer.sign(&json!({ "alg": alg, "kid": kid }), &row.claims());
        row.refuses_token(&format!("{alg} with {kid}"), &token, Denial::AlgNotAllowed).await;
    }
    let odd = super::forgery::claims_of(super::ground::ODD, cambist_tests::issuer::AUDIENCE);
    let other_scheme = [row.ground.odd.pss_token(&odd), row.ground.odd.sha512_token(&odd)];
    row.refuses_tokens(Denial::BadSignature, other_scheme).await;
}

async fn a4_key_that_the_token_brings(row: &mut Row<'_>) {
    let attacker = Issuer::start(Key::p256("attacker")).await;
    let url = json!(attacker.keys_url());
    let members = [
        ("jwk", attacker.key().jwk()),
        ("jwk", json!({ "kty": "oct", "k": "" })),
        ("jku", url.clone()),
        ("x5u", url),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
    ];
    for (name, value) in members {
        row.passes_token(&format!("a good token with {name}"), &row.with_header(name, value.clone())).await;
        for (kid, denial) in [("first", Denial::BadSignature), ("attacker", Denial::UnknownKid)] {
            let header = json!({ "alg": "ES256", "kid": kid, name: value });
            let token = attacker.key().sign(&header, &row.claims());
            row.refuses_token(&format!("{name} with {kid}"), &token, denial).await;
        }
    }
    assert_eq!(attacker.fetches(), Fetches::default(), "the attacker was asked");
}

async fn a5_critical_header(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    let values = [
        json!(["exp"]),
        json!(["b64"]),
        json!(["alg"]),
        json!(["absent"]),
        json!(["kid", "typ"]),
        json!([]),
        json!([1]),
        json!("exp"),
        json!(null),
        json!({}),
        json!(true),
    ];
    for value in values {
        let mut header = row.header();
        header["crit"] = value;
        header["exp"] = json!(1);
        let token = row.key().sign(&header, &row.claims());
        row.refuses_token(&header.to_string(), &token, Denial::JwtMalformed).await;
    }
}

async fn a6_unencoded_or_compressed_payload(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    for (name, value) in [
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("b64", json!("false")),
        ("b64", json!(null)),
        ("zip", json!("DEF")),
        ("zip", json!("")),
        ("zip", json!(null)),
    ] {
        row.refuses_token(name, &row.with_header(name, value), Denial::JwtMalformed).await;
    }
    // The payload as it is, which is what b64=false says.
    let header = encode(br#"{"alg":"ES256","kid":"first","b64":false,"crit":["b64"]}"#);
    let plain = format!("{header}.plain");
    let token = format!("{plain}.{}", encode(&row.key().signature(plain.as_bytes())));
    row.refuses_token("an unencoded payload", &token, Denial::JwtMalformed).await;
}

async fn a7_kid_that_means_something_elsewhere(row: &mut Row<'_>) {
    row.passes_token("the control", &row.token()).await;
    let log = row.ground.stage.envoy.output().len();
    for kid in [
        "../../../../dev/null",
        "' OR 1=1 --",
        "first\0",
        "first\r\nx-injected: yes",
        "${jndi:ldap://attacker.example}",
        "FIRST",
        " first",
        "first/",
        "",
        "https://attacker.example/key",
        &"k".repeat(256),
    ] {
        row.refuses_token(kid, &row.with_header("kid", json!(kid)), Denial::UnknownKid).await;
    }
    for kid in [
        json!("k".repeat(257)),
        json!("injected\n".repeat(1_000)),
        json!(null),
        json!(1),
        json!(true),
        json!(["first"]),
        json!({ "first": 1 }),
    ] {
        let what = kid.to_string();
        row.refuses_token(&what, &row.with_header("kid", kid), Denial::JwtMalformed).await;
    }
    let output = row.ground.stage.envoy.output();
    let logged = &output[log..];
    for part in ["OR 1=1", "injected", "/dev/null", "jndi", "kkkk"] {
        assert!(!logged.contains(part), "{part} stands in the log");
    }
    assert!(logged.len() < 8_192, "{} bytes were logged", logged.len());
}

async fn a8_repeated_member(row: &mut Row<'_>) {
    let (header, claims) = (row.header().to_string(), row.claims().to_string());
    let more = |text: &str, member: &str| format!("{},{member}}}", &text[..text.len() - 1]);
    let key = row.key();
    row.passes_token(
        "another member",
        &key.sign_bytes(more(&header, "\"x\":1").as_bytes(), claims.as_bytes()),
    )
    .await;
    let alg = [
        "\"alg\":\"none\"",
        "\"alg\":\"ES256\"",
        "\"\\u0061lg\":\"none\"",
        "\"kid\":\"other\"",
        "\"typ\":\"JWT\"",
    ];
    for member in alg.into_iter().chain([
        "\"x\":1,\"x\":2",
        "\"x\":{\"a\":1,\"\\u0061\":1}",
        "\"x\":[{\"a\":1,\"a\":1}]",
    ]) {
        let token = key.sign_bytes(more(&header, member).as_bytes(), claims.as_bytes());
        row.refuses_token(member, &token, Denial::JwtMalformed).await;
    }
    let sub = [
        "\"sub\":\"admin\"",
        "\"sub\":\"job\"",
        "\"\\u0073ub\":\"admin\"",
        "\"iss\":\"x\"",
        "\"exp\":99999999999",
    ];
    for member in
        sub.into_iter().chain(["\"aud\":[]", "\"x\":1,\"\\u0078\":2", "\"x\":{\"y\":{\"a\":1,\"a\":1}}"])
    {
        let token = key.sign_bytes(header.as_bytes(), more(&claims, member).as_bytes());
        row.refuses_token(member, &token, Denial::JwtMalformed).await;
    }
}
