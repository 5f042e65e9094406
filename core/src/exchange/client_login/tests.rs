#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec, vec::Vec};

use data_encoding::BASE64;

use super::ClaimedClient;
use crate::{denial::Denial, digest::Digest, fixture::Wire, wire::snapshot::Client};

fn basic(pair: &str) -> Vec<u8> {
    format!("Basic {}", BASE64.encode(pair.as_bytes())).into_bytes()
}

fn claimed(authorization: &[u8]) -> Result<(String, Option<String>), Denial> {
    let claimed = ClaimedClient::of(&[authorization], None, None)?.expect("a client");
    Ok((claimed.id.clone(), claimed.secret.as_ref().map(|secret| secret.expose().clone())))
}

#[test]
fn basic_holds_two_form_encoded_texts() {
    for (pair, id, secret) in [
        ("cl_a:s", "cl_a", "s"),
        ("cl%5Fa:a%3Ab+c", "cl_a", "a:b c"),
        ("cl_a:a:b", "cl_a", "a:b"),
        ("cl_a:", "cl_a", ""),
        (":s", "", "s"),
    ] {
        assert_eq!(claimed(&basic(pair)), Ok((id.into(), Some(secret.into()))), "{pair}");
    }
    let lower = format!("bAsIc  {}", BASE64.encode(b"cl_a:s"));
    assert_eq!(claimed(lower.as_bytes()), Ok(("cl_a".into(), Some("s".into()))));
}

#[test]
fn another_scheme_or_form_does_not_count_as_none() {
    for value in [
        &b"Bearer x"[..],
        b"Basic",
        b"Basic ",
        b"Basic !",
        b"Basic Y2xfYTpz,Basic Y2xfYTpz",
        b"",
        b"Basic Y2xfYQ==",
    ] {
        assert_eq!(claimed(value), Err(Denial::ClientAuthFailed), "{value:?}");
    }
    assert_eq!(claimed(&basic("cl_a:%zz")), Err(Denial::ClientAuthFailed));
}

#[test]
fn a_request_uses_one_method() {
    let header = basic("cl_a:s");
    let both = |id: Option<&str>, secret: Option<&str>| {
        ClaimedClient::of(&[&header], id.map(String::from), secret.map(String::from)).map(drop)
    };
    assert_eq!(both(None, None), Ok(()));
    assert_eq!(both(Some("cl_a"), None), Ok(()));
    assert_eq!(both(Some("cl_b"), None), Err(Denial::RequestMalformed));
    assert_eq!(both(Some("cl_a"), Some("s")), Err(Denial::RequestMalformed));
    assert_eq!(both(None, Some("s")), Err(Denial::RequestMalformed));
    let of = |authorization: &[&[u8]], secret: Option<&str>| {
        ClaimedClient::of(authorization, None, secret.map(String::from)).map(|claimed| claimed.is_some())
    };
    assert_eq!(of(&[], None), Ok(false));
    assert_eq!(of(&[], Some("s")), Err(Denial::RequestMalformed));
    assert_eq!(of(&[&header, &header], None), Err(Denial::MultipleTokens));
}

#[test]
fn a_secret_that_is_presented_is_one_of_the_clients() {
    let secrets = vec![Digest::of(b"old").hex(), Digest::of(b"new").hex()];
    let client = Client { secrets, ..Wire::valid().clients.remove(0) };
    let without = Client { secrets: Vec::new(), ..client.clone() };
    let outcome = |secret: Option<&str>, client: Option<&Client>| {
        let claimed = ClaimedClient::of(&[], Some("cl_shop".into()), secret.map(String::from));
        claimed.expect("well-formed").expect("a client").authenticate(client)
    };
    for right in ["old", "new"] {
        assert_eq!(outcome(Some(right), Some(&client)), Ok(()));
        assert_eq!(outcome(Some(right), Some(&without)), Err(Denial::ClientAuthFailed));
        assert_eq!(outcome(Some(right), None), Err(Denial::ClientUnknown));
    }
    for wrong in ["ol", "oldx", "Old", &*Digest::of(b"old").hex()] {
        assert_eq!(outcome(Some(wrong), Some(&client)), Err(Denial::ClientAuthFailed));
    }
    assert_eq!(outcome(None, Some(&client)), Ok(()));
    assert_eq!(outcome(None, None), Err(Denial::ClientUnknown));
}
