//! Why a JWK is not used. Deliberately absent: the key's own text; it is untrusted.

use core::fmt;

/// Why a JWK is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKey {
    /// It is not a JSON object.
    NotAnObject,
    /// It holds a private key.
    Private,
    /// It is a symmetric key.
    Symmetric,
    /// `kty` is none of `RSA`, `EC` and `OKP`.
    UnsupportedType,
    /// `crv` is none of `P-256`, `P-384` and `Ed25519`.
    UnsupportedCurve,
    /// `alg` is not one that is verified here.
    UnsupportedAlg,
    /// `alg` does not go with `kty` and `crv`.
    AlgMismatch,
    /// `use` is not for signatures.
    WrongUse,
    /// `key_ops` lacks `verify`.
    WrongOperations,
    /// `kid` is too long.
    KidTooLong,
    /// A member is missing.
    Missing(&'static str),
    /// A member has the wrong JSON type.
    WrongType(&'static str),
    /// A member is not canonical base64url of the right length.
    BadEncoding(&'static str),
    /// The RSA modulus has less than 2048 bits.
    ModulusTooSmall,
    /// The RSA modulus has more than 8192 bits.
    ModulusTooLarge,
    /// The key is for PS* and its modulus has more than 4096 bits.
    ModulusTooLargeForPss,
    /// The RSA modulus is even.
    EvenModulus,
    /// The RSA modulus comes from a library whose keys can be broken (ROCA, CVE-2017-15361).
    WeakModulus,
    /// The RSA exponent is even, less than 3 or not less than 2³³.
    BadExponent,
    /// The point is not on the curve.
    PointNotOnCurve,
    /// The Ed25519 point is of small order, or not in its one canonical form.
    WeakPoint,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "the key is not a JSON object",
            Self::Private => {
                "the key holds private members; publish only the public key and replace this one"
            }
            Self::Symmetric => "symmetric keys are not accepted",
            Self::UnsupportedType => "only the key types RSA, EC and OKP are supported",
            Self::UnsupportedCurve => "only the curves P-256, P-384 and Ed25519 are supported",
            Self::UnsupportedAlg => "the key is for an algorithm that is not supported",
            Self::AlgMismatch => "alg does not go with the key type",
            Self::WrongUse => "use is not sig",
            Self::WrongOperations => "key_ops does not contain verify",
            Self::KidTooLong => "kid is longer than 256 bytes",
            Self::Missing(name) => return write!(f, "{name} is missing"),
            Self::WrongType(name) => return write!(f, "{name} has the wrong type"),
            Self::BadEncoding(name) => return write!(f, "{name} is not base64url of the right length"),
            Self::ModulusTooSmall => "the RSA modulus has less than 2048 bits",
            Self::ModulusTooLarge => "the RSA modulus has more than 8192 bits",
            Self::ModulusTooLargeForPss => "the RSA modulus has more than 4096 bits, too many for PS*",
            Self::EvenModulus => "the RSA modulus is even",
            Self::WeakModulus => {
                "the RSA key comes from a library whose keys can be broken (ROCA, CVE-2017-15361); replace it"
            }
            Self::BadExponent => "the RSA exponent must be odd, at least 3 and less than 2^33",
            Self::PointNotOnCurve => "the point is not on the curve",
            Self::WeakPoint => "the Ed25519 point is of small order or not canonical",
        })
    }
}

impl core::error::Error for InvalidKey {}
