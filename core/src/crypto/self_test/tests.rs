#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{vec, vec::Vec};

use super::{Support, self_test};
use crate::{
    crypto::{Crypto, RustCrypto, SignError, SigningKey},
    jose::{alg::Alg, jwk::VerificationKey},
};

/// Answers everything with the same.
struct Constant(bool);

impl Crypto for Constant {
    fn verify(&self, _: Alg, _: &VerificationKey, _: &[u8], _: &[u8]) -> bool {
        self.0
    }

    fn sign(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, SignError> {
        if self.0 { Ok(vec![1; 64]) } else { Err(SignError) }
    }
}

#[test]
fn passes_the_rust_implementation() {
    let verify = vec![Alg::Rs256, Alg::Rs384, Alg::Rs512, Alg::Es256, Alg::Es384];
    let all = Support { verify, es256_sign: true };
    assert_eq!(self_test(&RustCrypto), all);
}

#[test]
fn fails_one_that_accepts_or_refuses_everything() {
    assert_eq!(self_test(&Constant(true)), Support::default());
    assert_eq!(self_test(&Constant(false)), Support::default());
}

/// Does one algorithm wrong: it takes another key's signatures for good.
struct Lax(Alg);

impl Crypto for Lax {
    fn verify(&self, alg: Alg, key: &VerificationKey, input: &[u8], signature: &[u8]) -> bool {
        alg == self.0 || RustCrypto.verify(alg, key, input, signature)
    }

    fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        RustCrypto.sign(key, input)
    }
}

#[test]
fn fails_only_the_algorithm_that_is_wrong() {
    for wrong in [Alg::Rs256, Alg::Rs384, Alg::Rs512, Alg::Es256, Alg::Es384] {
        let Support { verify, es256_sign } = self_test(&Lax(wrong));
        assert!(es256_sign && verify.len() == 4 && !verify.contains(&wrong), "{wrong:?}: {verify:?}");
    }
}
