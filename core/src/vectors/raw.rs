//! Wycheproof's vectors of signature schemes, each with a key from a JWK built of the vector's numbers.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec::Vec};

use serde_json::Value;

use super::{
    alg,
    tally::{Explained, Tally, Verdict},
    wycheproof::{self, Case},
};
use crate::{
    crypto::{Crypto as _, RustCrypto},
    jose::{
        alg::{Alg, Family},
        jwk::{InvalidKey, VerificationKey},
    },
};

/// One file: its name, its text, the algorithm, and how a group's key is written as a JWK.
#[derive(Clone, Copy)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    text: &'static str,
    alg: &'static str,
    jwk: fn(&Value, &str) -> Value,
}

/// A signature that was accepted, and what it was accepted for.
pub(super) struct Proof {
    pub(super) alg: Alg,
    pub(super) key: VerificationKey,
    pub(super) input: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

macro_rules! suite {
    ($file:literal, $alg:literal, $jwk:ident) => {
        Suite { name: $file, text: fixture!($file), alg: $alg, jwk: wycheproof::$jwk }
    };
}

pub(super) const PKCS1_2048: [Suite; 3] = [
    suite!("wycheproof/rsa_signature_2048_sha256_test.json", "RS256", rsa_jwk),
    suite!("wycheproof/rsa_signature_2048_sha384_test.json", "RS384", rsa_jwk),
    suite!("wycheproof/rsa_signature_2048_sha512_test.json", "RS512", rsa_jwk),
];
pub(super) const PKCS1_3072: [Suite; 3] = [
    suite!("wycheproof/rsa_signature_3072_sha256_test.json", "RS256", rsa_jwk),
    suite!("wycheproof/rsa_signature_3072_sha384_test.json", "RS384", rsa_jwk),
    suite!("wycheproof/rsa_signature_3072_sha512_test.json", "RS512", rsa_jwk),
];
pub(super) const PKCS1_4096: [Suite; 3] = [
    suite!("wycheproof/rsa_signature_4096_sha256_test.json", "RS256", rsa_jwk),
    suite!("wycheproof/rsa_signature_4096_sha384_test.json", "RS384", rsa_jwk),
    suite!("wycheproof/rsa_signature_4096_sha512_test.json", "RS512", rsa_jwk),
];
const PKCS1_8192: Suite = suite!("wycheproof/rsa_signature_8192_sha256_test.json", "RS256", rsa_jwk);

pub(super) const PSS_2048: [Suite; 2] = [
    suite!("wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json", "PS256", rsa_jwk),
    suite!("wycheproof/rsa_pss_2048_sha384_mgf1_48_test.json", "PS384", rsa_jwk),
];
pub(super) const PSS_3072: [Suite; 1] =
    [suite!("wycheproof/rsa_pss_3072_sha256_mgf1_32_test.json", "PS256", rsa_jwk)];
pub(super) const PSS_4096: [Suite; 3] = [
    suite!("wycheproof/rsa_pss_4096_sha256_mgf1_32_test.json", "PS256", rsa_jwk),
    suite!("wycheproof/rsa_pss_4096_sha384_mgf1_48_test.json", "PS384", rsa_jwk),
    suite!("wycheproof/rsa_pss_4096_sha512_mgf1_64_test.json", "PS512", rsa_jwk),
];
const PSS_SHORT_SALT: Suite = suite!("wycheproof/rsa_pss_4096_sha512_mgf1_32_test.json", "PS512", rsa_jwk);
const PSS_NO_SALT: Suite = suite!("wycheproof/rsa_pss_2048_sha256_mgf1_0_test.json", "PS256", rsa_jwk);

pub(super) const P256: Suite = suite!("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", "ES256", ec_jwk);
pub(super) const P384: Suite = suite!("wycheproof/ecdsa_secp384r1_sha384_p1363_test.json", "ES384", ec_jwk);
const P521: Suite = suite!("wycheproof/ecdsa_secp521r1_sha512_p1363_test.json", "ES512", ec_jwk);
pub(super) const ED25519: Suite = suite!("wycheproof/ed25519_test.json", "EdDSA", okp_jwk);

impl Suite {
    fn document(&self) -> Value {
        wycheproof::document(self.text)
    }

    fn key(&self, group: &Value) -> Result<VerificationKey, InvalidKey> {
        VerificationKey::from_jwk((self.jwk)(group, self.alg).as_object().unwrap())
    }

    fn proof(&self, case: &Case<'_>) -> Proof {
        let key = self.key(case.group).unwrap_or_else(|error| panic!("{} {}: {error}", self.name, case.id));
        Proof { alg: alg(self.alg), key, input: case.bytes("msg"), signature: case.bytes("sig") }
    }

    fn tally(&self, explained: &Explained) -> Tally {
        let document = self.document();
        let verdicts = wycheproof::cases(&document).into_iter().map(|case| {
            let accepted = self.proof(&case).holds();
            Verdict { id: case.id, valid: case.valid, accepted }
        });
        Tally::of(self.name, verdicts, explained)
    }

    /// `why` for every case whose label is `valid`.
    fn all_valid(&self, why: &str) -> Explained {
        let document = self.document();
        let valid = wycheproof::cases(&document).into_iter().filter(|case| case.valid);
        valid.map(|case| (case.id, String::from(why))).collect()
    }

    /// The signatures that are valid and accepted.
    pub(super) fn accepted(&self) -> Vec<Proof> {
        let document = self.document();
        let valid = wycheproof::cases(&document).into_iter().filter(|case| case.valid);
        valid.map(|case| self.proof(&case)).filter(Proof::holds).collect()
    }
}

impl Proof {
    fn holds(&self) -> bool {
        RustCrypto.verify(self.alg, &self.key, &self.input, &self.signature)
    }

    /// The other signature that comes with an ECDSA one: with (r, s) also (r, n - s) verifies, and RFC 7518 §3.4 asks
    /// for neither form. Where s is half of n, the two differ in a single bit.
    pub(super) fn twin(&self) -> Option<Vec<u8>> {
        match self.alg.family() {
            Family::P256 => {
                let (r, s) = p256::ecdsa::Signature::from_slice(&self.signature).unwrap().split_scalars();
                Some(p256::ecdsa::Signature::from_scalars(r, -s).unwrap().to_vec())
            }
            Family::P384 => {
                let (r, s) = p384::ecdsa::Signature::from_slice(&self.signature).unwrap().split_scalars();
                Some(p384::ecdsa::Signature::from_scalars(r, -s).unwrap().to_vec())
            }
            Family::Rsa | Family::Ed25519 => None,
        }
    }
}

/// Every suite is judged as labelled, and has these numbers of cases and of accepted ones.
fn check<const N: usize>(suites: &[Suite; N], counts: [(u32, u32); N]) {
    for (suite, (cases, accepted)) in suites.iter().zip(counts) {
        let expected = Tally { cases, accepted, refused: cases - accepted, explained: 0 };
        assert_eq!(suite.tally(&Explained::new()), expected, "{}", suite.name);
    }
}

#[test]
fn pkcs1_signatures_of_2048_bits_are_judged_as_wycheproof_says() {
    check(&PKCS1_2048, [(259, 9), (258, 7), (259, 8)]);
}

#[test]
fn pkcs1_signatures_of_3072_bits_are_judged_as_wycheproof_says() {
    check(&PKCS1_3072, [(259, 8), (259, 7), (260, 8)]);
}

#[test]
fn pkcs1_signatures_of_4096_bits_are_judged_as_wycheproof_says() {
    check(&PKCS1_4096, [(258, 7), (259, 7), (259, 7)]);
}

#[test]
fn pkcs1_signatures_of_8192_bits_are_left_to_the_host() {
    let explained =
        PKCS1_8192.all_valid("RustCrypto verifies up to 4096 bits, the host's crypto verifies more");
    let expected = Tally { cases: 258, accepted: 0, refused: 258, explained: 7 };
    assert_eq!(PKCS1_8192.tally(&explained), expected);
}

#[test]
fn pss_signatures_of_2048_bits_are_judged_as_wycheproof_says() {
    check(&PSS_2048, [(108, 63), (141, 95)]);
}

#[test]
fn pss_signatures_of_3072_bits_are_judged_as_wycheproof_says() {
    check(&PSS_3072, [(108, 63)]);
}

#[test]
fn pss_signatures_of_4096_bits_are_judged_as_wycheproof_says() {
    check(&PSS_4096, [(108, 63), (141, 95), (179, 132)]);
}

#[test]
fn pss_signatures_whose_salt_is_not_as_long_as_the_hash_are_refused() {
    let why = "RFC 7518 §3.5: the salt is as long as the hash";
    let expected = Tally { cases: 177, accepted: 0, refused: 177, explained: 132 };
    assert_eq!(PSS_SHORT_SALT.tally(&PSS_SHORT_SALT.all_valid(why)), expected);

    let mut explained = PSS_NO_SALT.all_valid(why);
    // Invalid there because its salt has 32 bytes where the file wants none: for PS256 that is as it must be.
    explained.insert(69, "a genuine PS256 signature in a file that wants no salt".into());
    let expected = Tally { cases: 103, accepted: 1, refused: 102, explained: 62 };
    assert_eq!(PSS_NO_SALT.tally(&explained), expected);
}

#[test]
fn p256_signatures_are_judged_as_wycheproof_says() {
    check(&[P256], [(262, 173)]);
}

#[test]
fn p384_signatures_are_judged_as_wycheproof_says() {
    check(&[P384], [(280, 193)]);
}

#[test]
fn p521_keys_are_refused() {
    let document = P521.document();
    let verdicts = wycheproof::cases(&document).into_iter().map(|case| {
        let key = (P521.jwk)(case.group, P521.alg);
        let refusal = VerificationKey::from_jwk(key.as_object().unwrap()).err();
        assert_eq!(refusal, Some(InvalidKey::UnsupportedCurve), "{}", case.id);
        Verdict { id: case.id, valid: case.valid, accepted: false }
    });
    let tally = Tally::of(P521.name, verdicts, &P521.all_valid("ES512 is not supported"));
    assert_eq!(tally, Tally { cases: 318, accepted: 0, refused: 318, explained: 231 });
}

#[test]
fn ed25519_signatures_are_judged_as_wycheproof_says() {
    check(&[ED25519], [(151, 88)]);
}
