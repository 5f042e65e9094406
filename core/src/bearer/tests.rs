#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{vec, vec::Vec};

use super::{Credential, MAX_TOKEN_BYTES, bare, extract};
use crate::denial::Denial;

fn one(value: &[u8]) -> Result<Credential<'_>, Denial> {
    extract(&[value])
}

#[test]
fn finds_no_credential_without_the_header() {
    assert_eq!(extract(&[]), Ok(Credential::None));
}

#[test]
fn takes_the_token_after_the_scheme() {
    for value in [&b"Bearer abc.def.ghi"[..], b"bearer abc.def.ghi", b"BEARER   abc.def.ghi"] {
        assert_eq!(one(value), Ok(Credential::Bearer(b"abc.def.ghi")));
    }
    assert_eq!(one(b"Bearer a-._~+/b=="), Ok(Credential::Bearer(b"a-._~+/b==")));
}

#[test]
fn tells_other_schemes_apart() {
    for value in [&b"Basic YTpi"[..], b"Basic", b"Bearerx abc", b"DPoP abc", b"Digest a=\"b\", c=\"d\""] {
        assert_eq!(one(value), Ok(Credential::OtherScheme), "{value:?}");
    }
}

#[test]
fn refuses_two_credentials() {
    assert_eq!(extract(&[b"Bearer a", b"Bearer a"]), Err(Denial::MultipleTokens));
    assert_eq!(extract(&[b"Basic a", b"Bearer b"]), Err(Denial::MultipleTokens));
    assert_eq!(one(b"Basic a,Bearer b"), Err(Denial::MultipleTokens));
    assert_eq!(one(b"Basic a, \tbEARER b"), Err(Denial::MultipleTokens));
}

#[test]
fn refuses_anything_but_one_token() {
    for value in [
        &b""[..],
        b" ",
        b"Bearer",
        b"Bearer ",
        b"Bearer   ",
        b" Bearer abc",
        b"Bearer\tabc",
        b"Bearer \tabc",
        b"Bearer abc ",
        b"Bearer abc def",
        b"Bearer abc\tdef",
        b"Bearer abc\r\nx: y",
        b"Bearer abc,def",
        b"Bearer abc, Bearer def",
        b"Bearer =",
        b"Bearer a=b",
        b"Bearer \"abc\"",
        b"Bearer abc\0",
        b"Bearer ab\xc3\xa9",
        b"Bearer: abc",
        b"\xff abc",
    ] {
        assert_eq!(one(value), Err(Denial::TokenMalformed), "{value:?}");
    }
}

#[test]
fn takes_a_bare_token_and_nothing_else() {
    assert_eq!(bare(b"a-._~+/b=="), Ok(&b"a-._~+/b=="[..]));
    for value in
        [&b""[..], b" abc", b"abc ", b"Bearer abc", b"\"abc\"", b"a=b", b"abc%3D", b"ab\xc3\xa9", b"a\0"]
    {
        assert_eq!(bare(value), Err(Denial::TokenMalformed), "{value:?}");
    }
    for value in [&b"a,b"[..], b"a, a", b",", b"Bearer a,Bearer b"] {
        assert_eq!(bare(value), Err(Denial::MultipleTokens), "{value:?}");
    }
    assert_eq!(bare(&vec![b'a'; MAX_TOKEN_BYTES]).map(<[u8]>::len), Ok(MAX_TOKEN_BYTES));
    for byte in *b"a," {
        assert_eq!(bare(&vec![byte; MAX_TOKEN_BYTES + 1]), Err(Denial::TokenTooLarge));
    }
}

#[test]
fn caps_the_size_before_looking_at_the_bytes() {
    let sized = |length: usize, byte: u8| -> Vec<u8> {
        let mut value = b"Bearer ".to_vec();
        value.extend(vec![byte; length]);
        value
    };
    assert!(matches!(one(&sized(MAX_TOKEN_BYTES, b'a')), Ok(Credential::Bearer(_))));
    assert_eq!(one(&sized(MAX_TOKEN_BYTES + 1, b'a')), Err(Denial::TokenTooLarge));
    assert_eq!(one(&sized(MAX_TOKEN_BYTES + 1, b',')), Err(Denial::TokenTooLarge));
}
