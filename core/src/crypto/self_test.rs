//! A known answer for every operation of a [`Crypto`], so that a host's is used only where it works.

use data_encoding::BASE64URL_NOPAD;
use p256::SecretKey;
use serde_json::{Map, Value};

use crate::{
    crypto::{Crypto, RustCrypto, SigningKey},
    jose::{alg::Alg, compact::UntrustedToken, jwk::VerificationKey},
};

/// RFC 7515 appendix A.2: a token and the public key that verifies it.
const RS256: (&str, &[(&str, &str)]) = (
    concat!(
        "eyJhbGciOiJSUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb",
        "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383",
        "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy",
        "wlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    ),
    &[
        ("kty", "RSA"),
        (
            "n",
            concat!(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR",
                "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB",
                "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia",
                "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
            ),
        ),
        ("e", "AQAB"),
    ],
);

/// RFC 7515 appendix A.3: the same for ES256.
const ES256: (&str, &[(&str, &str)]) = (
    concat!(
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    ),
    &[
        ("kty", "EC"),
        ("crv", "P-256"),
        ("x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        ("y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    ],
);

/// The private half of the ES256 key, printed in the same appendix.
const ES256_PRIVATE: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// What a [`Crypto`] does right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// It verifies RS256, and refuses a changed signature and a changed input.
    pub rs256_verify: bool,
    /// The same for ES256.
    pub es256_verify: bool,
    /// Its ES256 signatures verify.
    pub es256_sign: bool,
}

/// Tries every operation of `crypto` on known answers. About 1 ms in Rust, less with a host's.
pub fn self_test(crypto: &dyn Crypto) -> Support {
    let (rs256_token, rs256_key) = RS256;
    let (es256_token, es256_key) = ES256;
    Support {
        rs256_verify: verifies(crypto, rs256_token, rs256_key) == Some(true),
        es256_verify: verifies(crypto, es256_token, es256_key) == Some(true),
        es256_sign: signs(crypto) == Some(true),
    }
}

fn verifies(crypto: &dyn Crypto, token: &str, jwk: &[(&str, &str)]) -> Option<bool> {
    let key = verification_key(jwk)?;
    let token = UntrustedToken::parse(token.as_bytes()).ok()?;
    let (alg, input, signature) = (token.alg(), token.signing_input(), token.signature());
    let mut flipped = signature.to_vec();
    *flipped.last_mut()? ^= 1;
    let shorter = input.split_last()?.1;
    Some(
        crypto.verify(alg, &key, input, signature)
            && !crypto.verify(alg, &key, input, &flipped)
            && !crypto.verify(alg, &key, shorter, signature)
            && !crypto.verify(alg, &key, input, &[]),
    )
}

fn signs(crypto: &dyn Crypto) -> Option<bool> {
    let secret = SecretKey::from_slice(&BASE64URL_NOPAD.decode(ES256_PRIVATE.as_bytes()).ok()?).ok()?;
    let key = SigningKey::from_secret(&secret, None).ok()?;
    let public = verification_key(ES256.1)?;
    let input = b"known answer";
    let signature = crypto.sign(&key, input).ok()?;
    Some(RustCrypto.verify(Alg::Es256, &public, input, &signature))
}

fn verification_key(jwk: &[(&str, &str)]) -> Option<VerificationKey> {
    let jwk: Map<_, _> = jwk.iter().map(|(name, value)| ((*name).into(), Value::from(*value))).collect();
    VerificationKey::from_jwk(&jwk).ok()
}

#[cfg(test)]
mod tests;
