//! Envoy's crypto functions as the host plays them, and who decides when they lie.

use cambist_core::{crypto::RustCrypto, jose::der};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::Signer as _;
use p256::{
    SecretKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier as _},
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _},
};
use serde_json::{Value, json};

use super::{sample, vm::Vm};

/// How the host's functions behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Functions {
    /// As Envoy's do, for the two curves.
    Honest,
    /// The same, but for every signature with SHA-384, which is good.
    LaxWithSha384,
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
            Self::LaxWithSha384 if fields(arguments)[1] == b"sha384" => Some(vec![0x08, 1]),
            Self::Honest | Self::LaxWithSha384 => honest(name, &fields(arguments)),
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
    match name {
        "verify_signature" => {
            let (signature, text) = (third, fourth);
            // RSA is left to the tests with a real Envoy: only core may use that crate.
            let is_good = match hash.as_slice() {
                b"sha256" => VerifyingKey::from_public_key_der(key).is_ok_and(|key| {
                    Signature::from_der(signature).is_ok_and(|signature| key.verify(text, &signature).is_ok())
                }),
                b"sha384" => key.split_at_checked(P384_PREFIX).is_some_and(|(_, point)| {
                    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
                    let signature = p384::ecdsa::Signature::from_der(signature);
                    key.is_ok_and(|key| signature.is_ok_and(|signature| key.verify(text, &signature).is_ok()))
                }),
                b"sha512" => false,
                other => panic!("Envoy has no hash {other:?}"),
            };
            Some(if is_good { vec![0x08, 1] } else { refusal() })
        }
        "sign" => {
            assert_eq!(hash, b"sha256");
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

/// How many bytes of a `SubjectPublicKeyInfo` on P-384 stand before the point.
const P384_PREFIX: usize = 23;

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
    assert!(der::p256_der_from_raw(&signature).is_some());
    format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))
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

/// A VM that trusts three keys of one issuer, of three kinds, and a token that each signed.
fn three_kinds(functions: Functions) -> (Vm, [String; 3]) {
    let p384 = p384::ecdsa::SigningKey::from_slice(&[1; 48]).unwrap();
    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let point = p384.verifying_key().to_encoded_point(false);
    let mut document = sample::document();
    let keys = document.pointer_mut("/issuers/0/keys/jwks/keys").unwrap().as_array_mut().unwrap();
    keys.push(json!({
        "kty": "EC", "crv": "P-384", "kid": "p384",
        "x": BASE64URL_NOPAD.encode(point.x().unwrap()), "y": BASE64URL_NOPAD.encode(point.y().unwrap()),
    }));
    let x = BASE64URL_NOPAD.encode(ed25519.verifying_key().as_bytes());
    keys.push(json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed25519", "x": x }));
    document["issuers"][0]["algorithms"] = json!(["ES256", "ES384", "EdDSA"]);

    let signed = |header: &Value, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let input = format!("{}.{}", part(header), part(&sample::claims()));
        format!("{input}.{}", BASE64URL_NOPAD.encode(&sign(input.as_bytes())))
    };
    let es384 = signed(&json!({ "alg": "ES384", "kid": "p384" }), &|input| {
        let signature: p384::ecdsa::Signature = p384.sign(input);
        signature.to_bytes().to_vec()
    });
    let eddsa = signed(&json!({ "alg": "EdDSA", "kid": "ed25519" }), &|input| {
        ed25519.sign(input).to_bytes().to_vec()
    });

    let mut vm = Vm::new();
    vm.stage(|stage| stage.functions = functions);
    let config = sample::inline_config(&vm.gateway, &document);
    vm.configure(&config);
    (vm, [sample::good_token(), es384, eddsa])
}

/// Presents each token and one with its last signature byte changed; returns how many verifications each way took.
fn ways(functions: Functions) -> [(u64, u64); 3] {
    let (mut vm, tokens) = three_kinds(functions);
    let counts = |vm: &mut Vm| (vm.counter("cambist.host_verify"), vm.counter("cambist.rust_verify"));
    let mut before = (0, 0);
    tokens.map(|token| {
        let good = vm.get(&token);
        assert_eq!(vm.upstream(good, "authorization").len(), 1, "{functions:?}: {token}");
        let (input, signature) = token.rsplit_once('.').unwrap();
        let mut signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        *signature.last_mut().unwrap() ^= 1;
        let forged = vm.get(&format!("{input}.{}", BASE64URL_NOPAD.encode(&signature)));
        assert_eq!(vm.status(forged), 401, "{functions:?}: {token}");
        let after = counts(&mut vm);
        let taken = (after.0 - before.0, after.1 - before.1);
        before = after;
        taken
    })
}

#[test]
fn each_algorithm_is_served_by_whoever_does_it_right() {
    let (host, rust) = ((2, 0), (0, 2));
    assert_eq!(ways(Functions::Honest), [host, host, rust]);
    assert_eq!(ways(Functions::LaxWithSha384), [host, rust, rust]);
    assert_eq!(ways(Functions::Missing), [rust, rust, rust]);
}
