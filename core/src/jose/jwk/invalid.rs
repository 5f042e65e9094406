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
    /// `kty` is neither `RSA` nor `EC`.
    UnsupportedType,
    /// `crv` is not `P-256`.
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
    /// The RSA modulus is even.
    EvenModulus,
    /// The RSA exponent is even, less than 3 or not less than 2³³.
    BadExponent,
    /// The point is not on the curve.
    PointNotOnCurve,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "the key is not a JSON object",
            Self::Private => {
                "the key holds private members; publish only the public key and replace this one"
            }
            Self::Symmetric => "symmetric keys are not accepted",
            Self::UnsupportedType => "only the key types RSA and EC are supported",
            Self::UnsupportedCurve => "only the curve P-256 is supported",
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
            Self::EvenModulus => "the RSA modulus is even",
            Self::BadExponent => "the RSA exponent must be odd, at least 3 and less than 2^33",
            Self::PointNotOnCurve => "the point is not on the curve",
        })
    }
}

impl core::error::Error for InvalidKey {}
