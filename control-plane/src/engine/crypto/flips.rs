//! Every accepted signature of the published vectors with each of its bits flipped: none is accepted.
//!
//! `core` flips every bit of the tokens and of Ed25519, and one in so many of the rest, because its RSA and P-384 are
//! slow; here all of them are flipped. The gateway leaves RSA and ECDSA to its host, which is of the same family.

use cambist_core::{
    crypto::Crypto as _,
    jose::{alg::Alg, jwk::VerificationKey},
};
use serde_json::Value;

use super::{
    NativeCrypto,
    tests::{hex, key},
};

/// A valid signature, and what it is of.
struct Proof {
    alg: Alg,
    key: VerificationKey,
    input: Vec<u8>,
    signature: Vec<u8>,
}

/// What was tried.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tried {
    signatures: usize,
    flips: usize,
    cuts: usize,
    /// Flips that made the other signature of an ECDSA pair, (r, n - s), which is as good (RFC 7518 §3.4 has no
    /// rule against it).
    twins: usize,
}

macro_rules! vectors {
    ($alg:ident, $($file:literal),+) => {
        [$((Alg::$alg, include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/wycheproof/", $file, "_test.json"
        )))),+]
    };
}

fn valid(alg: Alg, text: &str) -> Vec<Proof> {
    let document: Value = serde_json::from_str(text).unwrap();
    let mut proofs = Vec::new();
    for group in document["testGroups"].as_array().unwrap() {
        let valid = group["tests"].as_array().unwrap().iter().filter(|test| test["result"] == "valid");
        for test in valid {
            proofs.push(Proof {
                alg,
                key: key(group, alg),
                input: hex(&test["msg"]),
                signature: hex(&test["sig"]),
            });
        }
    }
    proofs
}

impl Proof {
    fn holds(&self, signature: &[u8]) -> bool {
        NativeCrypto::default().verify(self.alg, &self.key, &self.input, signature)
    }

    /// Whether `flipped` is (r, n - s).
    fn is_twin(&self, flipped: &[u8]) -> bool {
        let of = |bytes: &[u8]| p256::ecdsa::Signature::from_slice(bytes).map(|pair| pair.split_scalars());
        match (self.alg, of(&self.signature), of(flipped)) {
            (Alg::Es256, Ok((r, s)), Ok((other_r, other_s))) => *r == *other_r && *s == -*other_s,
            _ => false,
        }
    }
}

#[track_caller]
fn check(vectors: &[(Alg, &str)], expected: &Tried) {
    let mut tried = Tried::default();
    for proof in vectors.iter().flat_map(|(alg, text)| valid(*alg, text)) {
        assert!(proof.holds(&proof.signature), "a valid signature is refused");
        tried.signatures += 1;
        for bit in 0..proof.signature.len() * 8 {
            let mut flipped = proof.signature.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            tried.flips += 1;
            if proof.holds(&flipped) {
                assert!(
                    proof.is_twin(&flipped),
                    "WRONGLY ACCEPTED: bit {bit} of signature {}",
                    tried.signatures
                );
                tried.twins += 1;
            }
        }
        for end in 0..proof.signature.len() {
            assert!(!proof.holds(&proof.signature[..end]), "WRONGLY ACCEPTED: {end} bytes");
            tried.cuts += 1;
        }
    }
    println!("every flip: {tried:?}");
    assert_eq!(&tried, expected);
}

#[test]
fn no_flip_of_a_pkcs1_signature_is_accepted() {
    let vectors = [
        vectors!(
            Rs256,
            "rsa_signature_2048_sha256",
            "rsa_signature_3072_sha256",
            "rsa_signature_4096_sha256"
        ),
        vectors!(
            Rs384,
            "rsa_signature_2048_sha384",
            "rsa_signature_3072_sha384",
            "rsa_signature_4096_sha384"
        ),
        vectors!(
            Rs512,
            "rsa_signature_2048_sha512",
            "rsa_signature_3072_sha512",
            "rsa_signature_4096_sha512"
        ),
    ];
    check(vectors.as_flattened(), &Tried { signatures: 68, flips: 205_824, cuts: 25_728, twins: 0 });
}

#[test]
fn no_flip_of_a_pkcs1_signature_of_8192_bits_is_accepted() {
    check(
        &vectors!(Rs256, "rsa_signature_8192_sha256"),
        &Tried { signatures: 7, flips: 57_344, cuts: 7_168, twins: 0 },
    );
}

#[test]
fn no_flip_of_a_pss_signature_of_2048_or_3072_bits_is_accepted() {
    let vectors = [
        vectors!(Ps256, "rsa_pss_2048_sha256_mgf1_32", "rsa_pss_3072_sha256_mgf1_32").as_slice(),
        &vectors!(Ps384, "rsa_pss_2048_sha384_mgf1_48"),
    ];
    check(&vectors.concat(), &Tried { signatures: 221, flips: 517_120, cuts: 64_640, twins: 0 });
}

/// By hash, so that every core has some of the longest work of all.
#[test]
fn no_flip_of_a_pss_signature_of_4096_bits_and_sha256_is_accepted() {
    check(
        &vectors!(Ps256, "rsa_pss_4096_sha256_mgf1_32"),
        &Tried { signatures: 63, flips: 258_048, cuts: 32_256, twins: 0 },
    );
}

#[test]
fn no_flip_of_a_pss_signature_of_4096_bits_and_sha384_is_accepted() {
    check(
        &vectors!(Ps384, "rsa_pss_4096_sha384_mgf1_48"),
        &Tried { signatures: 95, flips: 389_120, cuts: 48_640, twins: 0 },
    );
}

#[test]
fn no_flip_of_a_pss_signature_of_4096_bits_and_sha512_is_accepted() {
    check(
        &vectors!(Ps512, "rsa_pss_4096_sha512_mgf1_64"),
        &Tried { signatures: 132, flips: 540_672, cuts: 67_584, twins: 0 },
    );
}

#[test]
fn no_flip_of_a_p256_signature_is_accepted() {
    let vectors = vectors!(Es256, "ecdsa_secp256r1_sha256_p1363");
    check(&vectors, &Tried { signatures: 173, flips: 88_576, cuts: 11_072, twins: 2 });
}

#[test]
fn no_flip_of_a_p384_signature_is_accepted() {
    let vectors = vectors!(Es384, "ecdsa_secp384r1_sha384_p1363");
    check(&vectors, &Tried { signatures: 193, flips: 148_224, cuts: 18_528, twins: 0 });
}
