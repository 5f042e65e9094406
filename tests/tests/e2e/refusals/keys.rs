//! Attacks on signatures and on the keys that an issuer publishes (§2.1).

use cambist_core::denial::Denial;
use cambist_tests::issuer::AUDIENCE;
use cambist_tests::jwt::Parts;
use serde_json::{Value, json};

use super::forgery::{OddKeys, claims_of, der, order, other_s, resigned, signature};
use super::ground::ODD;
use super::row::Row;

super::rows! {
    a9_two_keys_of_one_name,
    a11_signatures_outside_the_curve,
    a12_second_text_of_one_token,
    a13_keys_that_nobody_should_use,
    a17_rsa_keys_of_a_broken_library,
}

fn odd() -> Value {
    claims_of(ODD, AUDIENCE)
}

async fn a9_two_keys_of_one_name(row: &mut Row<'_>) {
    let odd_keys = &row.ground.odd;
    for key in odd_keys.twins.iter().chain(&odd_keys.pair).chain(&odd_keys.crowd[..4]) {
        row.passes_token(key.kid(), &key.token(&odd())).await;
    }
    // A key of the name that is not in the set, and one that comes after those that are tried.
    let stranger = cambist_tests::jwt::Key::p256("pair");
    row.refuses_token("a stranger", &stranger.token(&odd()), Denial::BadSignature).await;
    for key in &odd_keys.crowd[4..] {
        row.refuses_token("one too many", &key.token(&odd()), Denial::BadSignature).await;
    }
}

async fn a11_signatures_outside_the_curve(row: &mut Row<'_>) {
    let good = row.token();
    row.passes_token("the control", &good).await;
    let right = signature(&good);
    let (r, s) = right.split_at(32);
    let zero = [0_u8; 32];
    let n = order();
    let mut n_plus_1 = n;
    n_plus_1[31] += 1;
    let mut n_minus_1 = n;
    n_minus_1[31] -= 1;
    let halves: [(&[u8], &[u8]); 14] = [
        (&zero, &zero),
        (&zero, s),
        (r, &zero),
        (&n, s),
        (r, &n),
        (&n, &n),
        (&n_plus_1, s),
        (r, &n_plus_1),
        (&n_minus_1, &n_minus_1),
        (&[0xff; 32], s),
        (r, &[0xff; 32]),
        (&[0xff; 32], &[0xff; 32]),
        (s, r),
        (r, r),
    ];
    let mut wrong: Vec<Vec<u8>> = halves.iter().map(|(r, s)| [*r, *s].concat()).collect();
    wrong.extend([
        der(&right),
        right[..63].to_vec(),
        [&right[..], &[0]].concat(),
        [&[0], &right[..]].concat(),
        [&right[..], &right[..]].concat(),
        [&[0], r, &[0], s].concat(),
        right[..32].to_vec(),
        right[..1].to_vec(),
        vec![0; 132],
    ]);
    for signature in wrong {
        let what = format!("{} bytes {signature:02x?}", signature.len());
        row.refuses_token(&what, &resigned(&good, &signature), Denial::BadSignature).await;
    }
    for bit in [0, 7, 255, 256, 511] {
        let mut flipped = right.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        row.refuses_token("a flipped bit", &resigned(&good, &flipped), Denial::BadSignature).await;
    }
}

/// The other signature is as good (RFC 7518 §3.4), so nothing may hang on the text of a token: both are one identity.
async fn a12_second_text_of_one_token(row: &mut Row<'_>) {
    let first = row.token();
    let second = resigned(&first, &other_s(&signature(&first)));
    assert_ne!(first, second);
    let mut identities = Vec::new();
    for token in [&first, &second] {
        let seen = row.passes_token("either text", token).await;
        identities.push(Parts::of(seen.bearer()).claims["sub"].clone());
    }
    assert_eq!(identities[0], identities[1]);
    for token in [format!("{first}="), format!("{second}=")] {
        row.refuses_token("another encoding", &token, Denial::JwtMalformed).await;
    }
}

async fn a13_keys_that_nobody_should_use(row: &mut Row<'_>) {
    let good = row.ground.odd.p256("good");
    row.passes_token("the good neighbour", &good.token(&odd())).await;
    let unusable: Vec<_> =
        row.ground.odd.unusable().into_iter().map(|(kid, jwk)| (kid, jwk["kty"] == "RSA")).collect();
    for (kid, is_rsa) in unusable.into_iter().filter(|(kid, _)| *kid != "roca") {
        let token =
            if is_rsa { OddKeys::rsa_token(kid, &odd()) } else { row.ground.odd.p256(kid).token(&odd()) };
        row.refuses_token(kid, &token, Denial::UnknownKid).await;
    }
    // With no name to tell them apart, a key whose exponent is 1 verifies nothing either.
    let mut header = json!({ "alg": "RS256" });
    let token = OddKeys::rsa_token("e-1", &odd());
    let (_, rest) = token.split_once('.').unwrap();
    header["typ"] = json!("JWT");
    let nameless = format!("{}.{rest}", cambist_tests::jwt::encode(header.to_string().as_bytes()));
    row.refuses_token("no kid", &nameless, Denial::BadSignature).await;
}

async fn a17_rsa_keys_of_a_broken_library(row: &mut Row<'_>) {
    let good = row.ground.odd.p256("good");
    row.passes_token("the good neighbour", &good.token(&odd())).await;
    row.refuses_token("roca", &OddKeys::rsa_token("roca", &odd()), Denial::UnknownKid).await;
}
