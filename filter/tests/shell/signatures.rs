//! Envoy's crypto functions as the host plays them, and who decides when they lie.

use cambist_core::{crypto::RustCrypto, jose::der};
use p256::{
    SecretKey,
    ecdsa::{
        Signature, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _},
};

use super::{sample, vm::Vm};

/// How the host's functions behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Functions {
    /// As Envoy's do, for P-256.
    Honest,
    /// Every signature is good; signatures are made up.
    AcceptEverything,
    /// None is.
    RefuseEverything,
    /// Answers that are no protobuf message.
    Garbage,
    /// There are none.
    Missing,
}

impl Functions {
    pub(super) fn call(self, name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Honest => honest(name, &fields(arguments)),
            Self::AcceptEverything => Some(vec![0x08, 1, 0x12, 2, 7, 7]),
            Self::RefuseEverything => Some(refusal()),
            Self::Garbage => Some(vec![0xff; 9]),
            Self::Missing => None,
        }
    }
}

/// Field number `n` at place `n`; an absent field is empty.
fn fields(mut rest: &[u8]) -> [Vec<u8>; 6] {
    let mut fields: [Vec<u8>; 6] = Default::default();
    while let [tag, after @ ..] = rest {
        assert_eq!(tag & 7, 2, "only strings and bytes");
        let (mut length, mut shift, mut after) = (0_usize, 0, after);
        loop {
            let (byte, more) = after.split_first().unwrap();
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            after = more;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (value, more) = after.split_at(length);
        fields[usize::from(tag >> 3)] = value.to_vec();
        rest = more;
    }
    fields
}

fn honest(name: &str, [_, hash, key, third, fourth, _]: &[Vec<u8>; 6]) -> Option<Vec<u8>> {
    assert_eq!(hash, b"sha256");
    match name {
        "verify_signature" => {
            let (signature, text) = (third, fourth);
            // RSA is left to the tests with a real Envoy: only core may use that crate.
            let is_good = VerifyingKey::from_public_key_der(key).is_ok_and(|key| {
                Signature::from_der(signature).is_ok_and(|signature| key.verify(text, &signature).is_ok())
            });
            Some(if is_good { vec![0x08, 1] } else { refusal() })
        }
        "sign" => {
            let key = p256::ecdsa::SigningKey::from(SecretKey::from_pkcs8_der(key).unwrap());
            let signature: Signature = key.sign(third);
            let der = signature.to_der();
            let mut answer = vec![0x08, 1, 0x12, u8::try_from(der.as_bytes().len()).unwrap()];
            answer.extend_from_slice(der.as_bytes());
            Some(answer)
        }
        _ => None,
    }
}

fn refusal() -> Vec<u8> {
    let mut answer = vec![0x12, 3];
    answer.extend_from_slice(b"no.");
    answer
}

/// A VM whose host's functions behave like this from the start.
fn vm_with(functions: Functions) -> Vm {
    let mut vm = Vm::new();
    vm.stage(|stage| stage.functions = functions);
    let config = sample::inline_config(&vm.gateway, &sample::document());
    vm.configure(&config);
    vm
}

/// A good token is exchanged and a forged one refused, whoever looks at signatures.
fn assert_decides_rightly(vm: &mut Vm) {
    let good = vm.get(&sample::good_token());
    let authorization = vm.upstream(good, "authorization");
    assert_eq!(sample::access_claims(&authorization[0])["aud"], sample::TARGET);
    let refused = vm.get(&forged_by_another());
    assert_eq!(vm.status(refused), 401);
}

/// A token of key 2 under the `kid` of key 1.
fn forged_by_another() -> String {
    let good = sample::good_token();
    let (input, _) = good.rsplit_once('.').unwrap();
    let signature =
        cambist_core::crypto::Crypto::sign(&RustCrypto, &sample::key(2), input.as_bytes()).unwrap();
    assert!(der::ecdsa_der_from_raw(&signature).is_some());
    format!("{input}.{}", data_encoding::BASE64URL_NOPAD.encode(&signature))
}

#[test]
fn the_host_serves_where_it_is_honest() {
    let mut vm = vm_with(Functions::Honest);
    assert_decides_rightly(&mut vm);
    assert_eq!(vm.counter("cambist.host_verify"), 2);
    assert_eq!(vm.counter("cambist.host_sign"), 1);
    assert_eq!(vm.counter("cambist.rust_verify"), 0);
    assert_eq!(vm.counter("cambist.rust_sign"), 0);
}

#[test]
fn a_host_that_lies_is_found_out_and_not_asked() {
    for functions in
        [Functions::AcceptEverything, Functions::RefuseEverything, Functions::Garbage, Functions::Missing]
    {
        let mut vm = vm_with(functions);
        assert_decides_rightly(&mut vm);
        assert_eq!(vm.counter("cambist.host_verify"), 0, "{functions:?}");
        assert_eq!(vm.counter("cambist.rust_verify"), 2, "{functions:?}");
        assert_eq!(vm.counter("cambist.rust_sign"), 1, "{functions:?}");
    }
}

#[test]
fn rust_decides_where_a_good_host_stops_answering() {
    for functions in [Functions::Garbage, Functions::Missing] {
        let mut vm = vm_with(Functions::Honest);
        vm.stage(|stage| stage.functions = functions);
        assert_decides_rightly(&mut vm);
        assert_eq!(vm.counter("cambist.rust_verify"), 2, "{functions:?}");
        assert_eq!(vm.counter("cambist.rust_sign"), 1, "{functions:?}");
    }
}
