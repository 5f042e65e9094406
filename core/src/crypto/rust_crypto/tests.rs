//! Known answers of every algorithm, as published and with one thing changed. Their sources stand beside the file.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{borrow::ToOwned as _, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::RustCrypto;
use crate::{
    crypto::Crypto as _,
    jose::{
        alg::{Alg, Family},
        jwk::VerificationKey,
    },
};

const ANSWERS: &str = include_str!("../../../tests/fixtures/algorithms/answers.json");

struct Answer {
    about: String,
    alg: Alg,
    key: VerificationKey,
    input: Vec<u8>,
    signature: Vec<u8>,
}

impl Answer {
    fn verifies_as(&self, alg: Alg) -> bool {
        RustCrypto.verify(alg, &self.key, &self.input, &self.signature)
    }

    fn verifies(&self, signature: &[u8]) -> bool {
        RustCrypto.verify(self.alg, &self.key, &self.input, signature)
    }
}

fn answers(list: &str) -> Vec<Answer> {
    let document: Value = serde_json::from_str(ANSWERS).unwrap();
    let rows = document[list].as_array().unwrap().iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap();
        let octets = |name: &str| BASE64URL_NOPAD.decode(text(name).as_bytes()).unwrap();
        Answer {
            about: row.get("about").unwrap_or(&row["source"]).as_str().unwrap().to_owned(),
            alg: Alg::from_name(text("alg")).unwrap(),
            key: VerificationKey::from_jwk(row["jwk"].as_object().unwrap()).unwrap(),
            input: octets("input"),
            signature: octets("signature"),
        }
    });
    rows.collect()
}

#[test]
fn verifies_known_answers_of_every_algorithm_and_as_no_other() {
    let answers = answers("accepted");
    for alg in Alg::ALL {
        assert!(answers.iter().any(|answer| answer.alg == alg), "no answer of {alg:?}");
    }
    for answer in answers {
        for alg in Alg::ALL {
            assert_eq!(answer.verifies_as(alg), alg == answer.alg, "{} as {alg:?}", answer.about);
        }
    }
}

#[test]
fn refuses_signatures_with_a_bit_flipped() {
    for answer in answers("accepted") {
        // A prime step reaches every place in a byte; all bits of RSA would take a minute in wasm.
        let step = if answer.key.family() == Family::Rsa { 41 } else { 7 };
        for bit in (0..answer.signature.len() * 8).step_by(step) {
            let mut signature = answer.signature.clone();
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!answer.verifies(&signature), "{}: bit {bit}", answer.about);
        }
    }
}

#[test]
fn refuses_signatures_of_another_length() {
    for answer in answers("accepted") {
        for length in 0..answer.signature.len() {
            assert!(!answer.verifies(&answer.signature[..length]), "{}: {length} bytes", answer.about);
        }
        let longer = [[0].as_slice(), &answer.signature];
        assert!(!answer.verifies(&longer.concat()), "{}: a zero before", answer.about);
        let longer = [&answer.signature, [0].as_slice()];
        assert!(!answer.verifies(&longer.concat()), "{}: a zero behind", answer.about);
        assert!(!answer.verifies(&answer.signature.repeat(2)), "{}: twice", answer.about);
        for byte in [0, 1, 0xff] {
            assert!(!answer.verifies(&[byte].repeat(answer.signature.len())), "{}: all {byte}", answer.about);
        }
    }
}

#[test]
fn refuses_another_input() {
    for mut answer in answers("accepted") {
        let signature = answer.signature.clone();
        answer.input[0] ^= 1;
        assert!(!answer.verifies(&signature), "{}", answer.about);
        answer.input[0] ^= 1;
        assert!(answer.verifies(&signature), "{}", answer.about);
        answer.input.push(0);
        assert!(!answer.verifies(&signature), "{}", answer.about);
        answer.input.clear();
        assert!(!answer.verifies(&signature), "{}", answer.about);
    }
}

#[test]
fn refuses_ecdsa_signatures_out_of_range() {
    for answer in answers("accepted") {
        let (half, order) = match answer.key.family() {
            Family::P256 => (32, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
            Family::P384 => (
                48,
                "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
            ),
            Family::Rsa | Family::Ed25519 => continue,
        };
        let order = data_encoding::HEXUPPER.decode(order.as_bytes()).unwrap();
        let (r, s) = answer.signature.split_at(half);
        let zero = [0].repeat(half);
        for (r, s) in [(&zero[..], &zero[..]), (&zero, s), (r, &zero), (&order, s), (r, &order), (s, r)] {
            assert!(!answer.verifies(&[r, s].concat()), "{}", answer.about);
        }
    }
}

#[test]
fn refuses_what_a_lax_reader_takes() {
    let answers = answers("refused");
    assert_eq!(answers.len(), 10);
    for answer in answers {
        assert!(!answer.verifies_as(answer.alg), "{}: {:?}", answer.about, answer.alg);
    }
}
