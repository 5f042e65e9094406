//! The signature algorithms. Deliberately absent: `none` and every symmetric one; they cannot be written down.

/// A JWS algorithm (RFC 7518 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alg {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// The kind of key that an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// RSA.
    Rsa,
    /// The curve P-256.
    P256,
}

impl Alg {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es256];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of this exact name, if it is known.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// The kind of key it needs.
    pub const fn family(self) -> Family {
        match self {
            Self::Rs256 => Family::Rsa,
            Self::Es256 => Family::P256,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Alg;

    #[test]
    fn names_are_exact() {
        for alg in Alg::ALL {
            assert_eq!(Alg::from_name(alg.name()), Some(alg));
        }
        for name in ["", "none", "None", "HS256", "rs256", "RS256 ", "RS384", "PS256", "EdDSA"] {
            assert_eq!(Alg::from_name(name), None);
        }
    }
}
