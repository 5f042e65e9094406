//! What is nearly an accepted vector is refused: one bit of the signature changed, the signature cut short, one bit of
//! what it covers changed.
//!
//! Every signature is cut at every length. Flipping every bit of every signature takes minutes, so by default a
//! signature of a file has one in so many bits flipped ([`Steps`]), other ones than its neighbour; those of tokens and
//! Ed25519 have all. The control plane's tests flip every bit of all the others with its cryptography, and
//! `just every-flip` does so here.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};
use core::iter;

use data_encoding::BASE64URL_NOPAD;

use super::{
    json_web, judge, published,
    raw::{self, Proof, Suite},
    say,
};
use crate::{
    crypto::{Crypto as _, RustCrypto},
    denial::Denial,
    jose::key_set::KeySet,
};

/// An accepted token and the keys that it was accepted with.
pub(super) struct Accepted {
    pub(super) token: String,
    pub(super) keys: KeySet,
}

/// Of how many bits one is flipped.
#[derive(Clone, Copy)]
struct Steps {
    native: usize,
    wasm: usize,
}

/// What was tried, and refused.
#[derive(Default)]
struct Refused {
    vectors: usize,
    flips: usize,
    cuts: usize,
    input_flips: usize,
    /// Flips that made the other signature of an ECDSA pair, which is as good.
    twins: usize,
}

/// Bits of the input that are flipped per vector.
const INPUT_FLIPS: usize = if cfg!(target_arch = "wasm32") { 1 } else { 2 };

impl Steps {
    const fn step(self) -> usize {
        if option_env!("CAMBIST_EVERY_FLIP").is_some() {
            1
        } else if cfg!(target_arch = "wasm32") {
            self.wasm
        } else {
            self.native
        }
    }

    /// `bytes` with one bit flipped, for each bit that the vector of this index has its turn with.
    fn flipped(self, bytes: &[u8], index: usize) -> impl Iterator<Item = Vec<u8>> {
        let step = self.step();
        (index % step..bytes.len() * 8).step_by(step).map(|bit| with_flipped(bytes, bit))
    }
}

fn with_flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 0x80 >> (bit % 8);
    flipped
}

fn cuts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..bytes.len()).map(|end| &bytes[..end])
}

impl Refused {
    fn add_proof(&mut self, index: usize, proof: &Proof, steps: Steps) {
        let Proof { alg, key, input, signature } = proof;
        let refuse = |input: &[u8], signature: &[u8]| {
            assert!(!RustCrypto.verify(*alg, key, input, signature), "vector {index}: WRONGLY ACCEPTED");
        };
        let twin = proof.twin();
        for flipped in steps.flipped(signature, index) {
            if twin.as_ref() == Some(&flipped) {
                self.twins += 1;
                continue;
            }
            refuse(input, &flipped);
            self.flips += 1;
        }
        for cut in cuts(signature) {
            refuse(input, cut);
            self.cuts += 1;
        }
        for nth in 0..INPUT_FLIPS.min(input.len()) {
            refuse(&with_flipped(input, nth * input.len() * 8 / INPUT_FLIPS.min(input.len())), signature);
            self.input_flips += 1;
        }
        self.vectors += 1;
    }

    fn add_token(&mut self, index: usize, accepted: &Accepted, steps: Steps) {
        let Accepted { token, keys } = accepted;
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        let judged =
            |signature: &[u8]| judge(&format!("{input}.{}", BASE64URL_NOPAD.encode(signature)), keys);
        for flipped in steps.flipped(&signature, index) {
            assert_eq!(judged(&flipped), Err(Denial::BadSignature), "{token}");
            self.flips += 1;
        }
        for cut in cuts(&signature) {
            assert_eq!(judged(cut), Err(Denial::BadSignature), "{token}");
            self.cuts += 1;
        }
        // One bit of each character of the text that is signed; most of these are no token any more.
        let (count, step) = (input.len() * 8, if cfg!(target_arch = "wasm32") { 64 } else { 8 });
        for bit in (index % 8..count).step_by(step) {
            let Ok(flipped) = String::from_utf8(with_flipped(input.as_bytes(), bit)) else { continue };
            let token = format!("{flipped}.{}", BASE64URL_NOPAD.encode(&signature));
            assert!(judge(&token, keys).is_err(), "WRONGLY ACCEPTED: {token}");
            self.input_flips += 1;
        }
        self.vectors += 1;
    }

    fn print(&self, suite: &str, steps: Steps) {
        let Self { vectors, flips, cuts, input_flips, twins } = self;
        let step = steps.step();
        say(&format!(
            "vectors: {suite}: {vectors} accepted ones; refused: {flips} flips of a signature bit (1 of {step}), {cuts} cuts, {input_flips} flips of the input; {twins} flips made an ECDSA twin"
        ));
    }
}

fn check(name: &str, suites: &[Suite], steps: Steps, vectors: usize) {
    let mut refused = Refused::default();
    for suite in suites {
        for (index, proof) in suite.accepted().iter().enumerate() {
            refused.add_proof(index, proof, steps);
        }
    }
    refused.print(name, steps);
    assert_eq!(refused.vectors, vectors);
    assert!(refused.flips >= vectors && refused.cuts >= 64 * vectors);
}

#[test]
fn no_near_miss_of_a_token_is_accepted() {
    let steps = Steps { native: 1, wasm: 64 };
    let mut refused = Refused::default();
    for (index, accepted) in iter::chain(json_web::accepted(), published::accepted()).enumerate() {
        refused.add_token(index, &accepted, steps);
    }
    refused.print("tokens", steps);
    assert_eq!(refused.vectors, 45);
}

#[test]
fn no_near_miss_of_a_pkcs1_signature_is_accepted() {
    let suites = [raw::PKCS1_2048, raw::PKCS1_3072, raw::PKCS1_4096].concat();
    check("pkcs1", &suites, Steps { native: 32, wasm: 512 }, 68);
}

#[test]
fn no_near_miss_of_a_pss_signature_of_2048_or_3072_bits_is_accepted() {
    let suites = [raw::PSS_2048.as_slice(), &raw::PSS_3072].concat();
    check("pss of 2048 and 3072 bits", &suites, Steps { native: 64, wasm: 512 }, 221);
}

#[test]
fn no_near_miss_of_a_pss_signature_of_4096_bits_is_accepted() {
    check("pss of 4096 bits", &raw::PSS_4096, Steps { native: 512, wasm: 4_096 }, 290);
}

#[test]
fn no_near_miss_of_a_p256_signature_is_accepted() {
    check("p256", &[raw::P256], Steps { native: 32, wasm: 128 }, 173);
}

#[test]
fn no_near_miss_of_a_p384_signature_is_accepted() {
    check("p384", &[raw::P384], Steps { native: 384, wasm: 768 }, 193);
}

#[test]
fn no_near_miss_of_an_ed25519_signature_is_accepted() {
    check("ed25519", &[raw::ED25519], Steps { native: 1, wasm: 16 }, 88);
}
