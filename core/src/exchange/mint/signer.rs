//! Compact JWS (RFC 7515 §3.1) made. Deliberately absent: what is signed, and by whom.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use crate::{
    crypto::{Crypto, SignError, SigningKey},
    encoding::{base64url_length, push_base64url},
};

/// Room for the longest signature, RSA's of 4096 bits.
const SIGNATURE_ROOM: usize = 1 + base64url_length(512);

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// A JWT of this `typ` and these claims, signed by `key`, which its header names; nothing else is in the header.
pub(super) fn sign<T: Serialize>(
    crypto: &dyn Crypto,
    key: &SigningKey,
    typ: &str,
    claims: &T,
) -> Result<String, SignError> {
    let header = json(&Header { alg: key.alg().name(), kid: key.kid(), typ })?;
    let claims = json(claims)?;
    let room = base64url_length(header.len()).saturating_add(base64url_length(claims.len()));
    let mut token = String::with_capacity(room.saturating_add(SIGNATURE_ROOM));
    push_base64url(&mut token, &header);
    token.push('.');
    push_base64url(&mut token, &claims);
    let signature = crypto.sign(key, token.as_bytes())?;
    token.push('.');
    push_base64url(&mut token, &signature);
    Ok(token)
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, SignError> {
    // Texts, numbers and maps of them: nothing in a token can fail to be written.
    serde_json::to_vec(value).map_err(|_| SignError)
}
