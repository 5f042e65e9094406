//! The signature algorithms. Deliberately absent: `none` and every symmetric one; they cannot be written down.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alg {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
    Ps256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes.
    Ps384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a salt of 64 bytes.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519. Deliberately absent: Ed448.
    EdDsa,
}

/// The kind of key that an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// RSA.
    Rsa,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The curve Ed25519.
    Ed25519,
}

/// A name that is not an algorithm that an issuer may use. `Display` says which are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAlg(String);

/// The name of [`Alg::EdDsa`] that tells its curve (RFC 9864 §2.2). It means the same here as `EdDSA`.
const ED25519: &str = "Ed25519";

impl Alg {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this exact name, if it is known. `Ed25519` reads as `EdDSA`.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == ED25519 {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// The algorithm of this exact name, for a configuration.
    pub fn configured(name: &str) -> Result<Self, InvalidAlg> {
        Self::from_name(name).ok_or_else(|| InvalidAlg(name.into()))
    }

    /// The kind of key it needs.
    pub const fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa => Family::Ed25519,
        }
    }

    /// Whether it is RSASSA-PSS, which no host does for us.
    pub const fn is_pss(self) -> bool {
        match self {
            Self::Ps256 | Self::Ps384 | Self::Ps512 => true,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Es256 | Self::Es384 | Self::EdDsa => false,
        }
    }
}

// === impl InvalidAlg ===

impl fmt::Display for InvalidAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Alg::ALL.into_iter().map(Alg::name).collect();
        let possible = format!("{}, {ED25519}", names.join(", "));
        write!(f, "{:?} is not one of {possible}; none and HS* are never possible", self.0)
    }
}

impl core::error::Error for InvalidAlg {}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::string::ToString as _;

    use super::{Alg, Family};

    #[test]
    fn names_are_exact() {
        for alg in Alg::ALL {
            assert_eq!(Alg::from_name(alg.name()), Some(alg));
        }
        for name in [
            "", "none", "None", "NONE", "HS256", "HS384", "HS512", "rs256", "RS256 ", "RS1", "PS1", "ES512",
            "ES256K", "ES521", "EDDSA", "eddsa", "ed25519", "Ed448", "ED25519", "RSA-OAEP",
        ] {
            assert_eq!(Alg::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn both_names_of_ed25519_are_one_algorithm() {
        assert_eq!(Alg::from_name("Ed25519"), Some(Alg::EdDsa));
        assert_eq!(Alg::from_name("EdDSA"), Some(Alg::EdDsa));
        assert_eq!((Alg::EdDsa.name(), Alg::EdDsa.family()), ("EdDSA", Family::Ed25519));
    }

    #[test]
    fn a_fault_names_what_is_possible() {
        for name in ["none", "HS256", "ES512", "ES256K"] {
            let fault = Alg::configured(name).unwrap_err().to_string();
            assert!(fault.starts_with(&alloc::format!("{name:?} is not one of RS256, ")), "{fault}");
            assert!(fault.ends_with("EdDSA, Ed25519; none and HS* are never possible"), "{fault}");
        }
        assert_eq!(Alg::configured("PS512"), Ok(Alg::Ps512));
    }
}
