//! Compact JWS and JWT, and the header value that carries them.

use std::sync::OnceLock;

use cambist_core::{
    bearer::{self, Credential, MAX_TOKEN_BYTES},
    crypto::RustCrypto,
    jose::{
        alg::Alg,
        compact::{MAX_KID_BYTES, UntrustedToken},
        jwt::UntrustedJwt,
        key_set::KeySet,
    },
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// Keys that signed [`SIGNED`] and nothing else.
const KEYS: &[u8] = include_bytes!("../corpus/jwk/kubernetes.json");

/// All that [`KEYS`] ever signed.
const SIGNED: [&str; 3] = [
    include_str!("../corpus/token/kubernetes-es256"),
    include_str!("../corpus/token/kubernetes-pod"),
    include_str!("../corpus/token/kubernetes-rs256"),
];

/// A signature for the parts of an input; nobody made it.
const SIGNATURE: &str =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The input is a token, the value of an `authorization` header, and, where it has two lines, a header and a payload.
///
/// What parses has three canonical segments and no header parameter that is to be refused; what verifies was signed.
pub fn token(data: &[u8]) {
    compact(data);
    carrier(data);
    if let Some(at) = data.iter().position(|byte| *byte == b'\n') {
        let [header, payload] = [&data[..at], &data[at + 1..]].map(|part| BASE64URL_NOPAD.encode(part));
        compact(format!("{header}.{payload}.{SIGNATURE}").as_bytes());
    }
}

fn compact(data: &[u8]) {
    if let Ok(token) = UntrustedToken::parse(data) {
        assert!(data.len() <= MAX_TOKEN_BYTES, "too long a token was read");
        let segments: Vec<_> = data.split(|byte| *byte == b'.').collect();
        let [header, payload, signature] = segments[..] else { panic!("not three segments") };
        let encoded = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes).into_bytes();
        assert_eq!(encoded(token.payload()), payload, "the payload is not canonical");
        assert_eq!(encoded(token.signature()), signature, "the signature is not canonical");
        assert_eq!(
            token.signing_input().len(),
            header.len() + 1 + payload.len(),
            "the signed part is another"
        );
        let header = BASE64URL_NOPAD.decode(header).expect("a header that was read is base64url");
        let header: Value = serde_json::from_slice(&header).expect("a header that was read is JSON");
        for name in ["crit", "b64", "zip"] {
            assert!(header.get(name).is_none(), "{name} was overlooked");
        }
        assert_eq!(header["alg"], token.alg().name(), "another algorithm was read");
        assert_eq!(header.get("kid").and_then(Value::as_str), token.kid(), "another kid was read");
        assert!(token.kid().is_none_or(|kid| kid.len() <= MAX_KID_BYTES), "too long a kid was read");
        assert!(format!("{token:?}").len() < 64, "Debug shows more than the algorithm");
    }
    if let Ok(jwt) = UntrustedJwt::parse(data) {
        static PARSED: OnceLock<KeySet> = OnceLock::new();
        let keys = PARSED.get_or_init(|| KeySet::parse(KEYS).expect("the keys are good"));
        if jwt.verify(&Alg::ALL, None, keys, &RustCrypto).is_ok() {
            let input = |token: &[u8]| -> Vec<u8> {
                let end = token.iter().rposition(|byte| *byte == b'.').expect("a token has dots");
                token[..end].to_vec()
            };
            let signed = SIGNED.iter().any(|known| input(known.as_bytes()) == input(data));
            assert!(signed, "a token that nobody signed was verified");
        }
    }
}

fn carrier(data: &[u8]) {
    match bearer::extract(&[data]) {
        Ok(Credential::Bearer(token)) => {
            assert!(data.ends_with(token), "the token is not the end of the value");
            assert!(!token.is_empty() && token.len() <= MAX_TOKEN_BYTES);
            assert!(token.iter().all(u8::is_ascii_graphic), "the token is no text");
            assert!(data[..6].eq_ignore_ascii_case(b"bearer"), "the scheme is another");
        }
        Ok(Credential::None) => panic!("a value was overlooked"),
        Ok(Credential::OtherScheme) | Err(_) => {}
    }
    assert!(bearer::extract(&[data, data]).is_err(), "two values were taken for one");
}

#[cfg(test)]
mod tests {
    use cambist_core::{
        crypto::RustCrypto,
        jose::{alg::Alg, jwt::UntrustedJwt, key_set::KeySet},
    };

    use super::{KEYS, SIGNED};

    #[test]
    fn the_target_reaches_verification() {
        let keys = KeySet::parse(KEYS).unwrap();
        for known in SIGNED {
            UntrustedJwt::parse(known.as_bytes())
                .unwrap()
                .verify(&Alg::ALL, None, &keys, &RustCrypto)
                .unwrap();
        }
    }
}
