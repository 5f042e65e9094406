//! The id of a workload identity, computable by anyone who knows its tuple.

use alloc::string::String;

use sha2::{Digest as _, Sha256};

use crate::encoding;

/// `idn_` and the lower-case base32 (RFC 4648, unpadded) of the SHA-256 over the length-prefixed tuple.
///
/// Each field is preceded by its length in bytes as a big-endian `u32`, so no two tuples share an id.
pub fn identity_id(tenant: &str, client_id: &str, issuer: &str, audience: &str, subject: &str) -> String {
    let mut hash = Sha256::new();
    for field in [tenant, client_id, issuer, audience, subject] {
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        hash.update(length.to_be_bytes());
        hash.update(field.as_bytes());
    }
    ["idn_", &encoding::base32(&hash.finalize())].concat()
}

/// The audience that names an identity: the first in byte order of the token's audiences that are accepted.
pub fn identity_audience(token: &[String], accepted: impl Fn(&str) -> bool) -> Option<&str> {
    token.iter().map(String::as_str).filter(|audience| accepted(audience)).min()
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::vec;

    use super::*;

    #[test]
    fn stays_the_same_for_ever() {
        // Computed with Python's hashlib and base64 from the same definition.
        assert_eq!(
            identity_id("default", "cl_a", "eks", "api", "system:serviceaccount:shop:cart"),
            "idn_advhzqm27hkqn7t2dt55kwiqtvqkiglaals2w3fshmv7bisb7gsq"
        );
    }

    #[test]
    fn shifting_a_boundary_changes_the_id() {
        assert_ne!(identity_id("t", "ab", "c", "d", "e"), identity_id("t", "a", "bc", "d", "e"));
    }

    #[test]
    fn chooses_the_first_accepted_audience_in_byte_order() {
        let token = vec!["b".into(), "a".into(), "A".into()];
        assert_eq!(identity_audience(&token, |a| a != "A"), Some("a"));
        assert_eq!(identity_audience(&token, |_| false), None);
    }
}
