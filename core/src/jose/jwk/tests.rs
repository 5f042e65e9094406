#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec, vec::Vec};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use super::{InvalidKey, VerificationKey};
use crate::jose::{
    alg::{Alg, Family},
    sample::signing_key,
};

fn read(jwk: &Value) -> Result<VerificationKey, InvalidKey> {
    VerificationKey::from_jwk(jwk.as_object().unwrap())
}

/// An RSA key with this modulus and exponent.
fn rsa(n: &[u8], e: &[u8]) -> Value {
    json!({"kty": "RSA", "n": BASE64URL_NOPAD.encode(n), "e": BASE64URL_NOPAD.encode(e)})
}

/// An odd modulus of this many bits, a multiple of eight.
fn modulus(bits: usize) -> Vec<u8> {
    vec![0xff; bits / 8]
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

fn p256() -> Value {
    signing_key().public_jwk()
}

/// The key of RFC 6979 appendix A.2.6.
fn p384() -> Value {
    json!({
        "kty": "EC",
        "crv": "P-384",
        "x": "7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-PDqkFWGYGSiVFFUgLwT",
        "y": "gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SUzJkcg",
    })
}

/// The key of RFC 8037 appendix A.2.
fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn good_rsa() -> Value {
    rsa(&modulus(2048), &[1, 0, 1])
}

#[test]
fn computes_the_thumbprint_of_rfc_7638() {
    // RFC 7638 §3.1.
    let jwk = json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29"
    });
    let key = read(&jwk).unwrap();
    assert_eq!(BASE64URL_NOPAD.encode(key.thumbprint()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!((key.kid(), key.alg(), key.rsa_bits()), (Some("2011-04-29"), Some(Alg::Rs256), Some(2048)));
    // RFC 3279 §2.3.1: rsaEncryption with NULL, then the modulus with a leading zero, then the exponent.
    let prefix = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100d2fc7b";
    let (head, rest) = key.spki().split_at(prefix.len() / 2);
    assert_eq!(HEXLOWER.encode(head), prefix);
    assert!(rest.ends_with(&[0x02, 0x03, 0x01, 0x00, 0x01]));
}

#[test]
fn reads_a_p256_key() {
    let key = read(&p256()).unwrap();
    assert_eq!((key.family(), key.rsa_bits()), (Family::P256, None));
    assert_eq!(key.thumbprint(), signing_key().thumbprint());
    assert!(key.fits(Alg::Es256) && !key.fits(Alg::Rs256));
}

#[test]
fn reads_a_p384_key() {
    let key = read(&p384()).unwrap();
    assert_eq!((key.family(), key.rsa_bits()), (Family::P384, None));
    // RFC 5480 §2.1.1: ecPublicKey, secp384r1, then the point uncompressed.
    let prefix = "3076301006072a8648ce3d020106052b8104002203620004ec3a4e41";
    assert_eq!((key.spki().len(), HEXLOWER.encode(&key.spki()[..28])), (120, prefix.into()));
    // SHA-256 of the members in order, computed apart.
    assert_eq!(BASE64URL_NOPAD.encode(key.thumbprint()), "l2tfkSzhekdOr24I18E1O_-49AlK14MTo7OxJMS7-HI");
}

#[test]
fn reads_an_ed25519_key_with_the_thumbprint_of_rfc_8037() {
    let key = read(&ed25519()).unwrap();
    assert_eq!((key.family(), key.rsa_bits()), (Family::Ed25519, None));
    // RFC 8037 appendix A.3.
    assert_eq!(BASE64URL_NOPAD.encode(key.thumbprint()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    // RFC 8410 §4.
    let spki = "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(HEXLOWER.encode(key.spki()), spki);
}

#[test]
fn fits_the_algorithms_of_its_kind_and_no_others() {
    let rsa = [Alg::Rs256, Alg::Rs384, Alg::Rs512, Alg::Ps256, Alg::Ps384, Alg::Ps512];
    for (jwk, fitting) in
        [(good_rsa(), &rsa[..]), (p256(), &[Alg::Es256]), (p384(), &[Alg::Es384]), (ed25519(), &[Alg::EdDsa])]
    {
        let key = read(&jwk).unwrap();
        for alg in Alg::ALL {
            assert_eq!(key.fits(alg), fitting.contains(&alg), "{alg:?} and {jwk}");
            // And no more than one, once `alg` says which.
            match read(&with(jwk.clone(), "alg", json!(alg.name()))) {
                Ok(key) => {
                    assert!(fitting.contains(&alg));
                    assert_eq!(
                        Alg::ALL.into_iter().filter(|other| key.fits(*other)).collect::<Vec<_>>(),
                        [alg]
                    );
                }
                Err(reason) => {
                    assert_eq!((reason, fitting.contains(&alg)), (InvalidKey::AlgMismatch, false));
                }
            }
        }
    }
    assert_eq!(read(&with(ed25519(), "alg", json!("Ed25519"))).unwrap().alg(), Some(Alg::EdDsa));
}

#[test]
fn keeps_pss_to_keys_that_rust_verifies() {
    for (bits, fits) in [(2048, true), (4096, true), (4104, false), (8192, false)] {
        let jwk = rsa(&modulus(bits), &[1, 0, 1]);
        let key = read(&jwk).unwrap();
        for alg in [Alg::Ps256, Alg::Ps384, Alg::Ps512] {
            assert_eq!(key.fits(alg), fits, "{bits}");
            let named = read(&with(jwk.clone(), "alg", json!(alg.name()))).map(drop);
            assert_eq!(named, if fits { Ok(()) } else { Err(InvalidKey::ModulusTooLargeForPss) });
        }
        assert!(key.fits(Alg::Rs256) && key.fits(Alg::Rs512));
    }
}

#[test]
fn wants_ed25519_points_that_are_canonical_and_of_large_order() {
    // The eight points of small order and every encoding of a y that is not below the prime; some of the latter are
    // of small order as well.
    let small = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];
    let small = small.map(|point| HEXLOWER.decode(point.as_bytes()).unwrap());
    let beyond = (0xed..=0xff_u8)
        .flat_map(|first| [0x7f, 0xff].map(|last| [vec![first], vec![0xff; 30], vec![last]].concat()));
    let (mut off_the_curve, mut weak) = (0, 0);
    for point in small.into_iter().chain(beyond) {
        let jwk = with(ed25519(), "x", json!(BASE64URL_NOPAD.encode(&point)));
        match read(&jwk).map(drop) {
            Err(InvalidKey::WeakPoint) => weak += 1,
            Err(InvalidKey::PointNotOnCurve) => off_the_curve += 1,
            other => panic!("{other:?} for {point:02x?}"),
        }
    }
    assert!(weak >= 10 + 4 && off_the_curve > 0, "{weak} {off_the_curve}");
    // y = p - 2 is canonical.
    let below = [vec![0xeb], vec![0xff; 30], vec![0x7f]].concat();
    assert_ne!(
        read(&with(ed25519(), "x", json!(BASE64URL_NOPAD.encode(&below)))).map(drop),
        Err(InvalidKey::WeakPoint)
    );
}

#[test]
fn refuses_other_curves_of_octet_key_pairs() {
    for curve in ["X25519", "Ed448", "X448", "ed25519", "P-256", ""] {
        assert_eq!(read(&with(ed25519(), "crv", json!(curve))).map(drop), Err(InvalidKey::UnsupportedCurve));
    }
    for length in [0, 31, 33, 57, 64] {
        let x = json!(BASE64URL_NOPAD.encode(&vec![7; length]));
        assert_eq!(read(&with(ed25519(), "x", x)).map(drop), Err(InvalidKey::BadEncoding("x")));
    }
    assert_eq!(read(&with(ed25519(), "d", json!("AQ"))).map(drop), Err(InvalidKey::Private));
    assert_eq!(read(&with(ed25519(), "kty", json!("EC"))).map(drop), Err(InvalidKey::UnsupportedCurve));
    assert_eq!(read(&with(p256(), "kty", json!("OKP"))).map(drop), Err(InvalidKey::UnsupportedCurve));
}

#[test]
fn bounds_rsa_keys() {
    for bits in [2048, 3072, 4096, 8192] {
        assert_eq!(read(&rsa(&modulus(bits), &[3])).map(|key| key.rsa_bits()), Ok(Some(bits)));
    }
    for (n, e, reason) in [
        (modulus(512), vec![1, 0, 1], InvalidKey::ModulusTooSmall),
        (modulus(2040), vec![1, 0, 1], InvalidKey::ModulusTooSmall),
        (modulus(8200), vec![1, 0, 1], InvalidKey::ModulusTooLarge),
        (vec![0; 256], vec![1, 0, 1], InvalidKey::ModulusTooSmall),
        (vec![0xfe; 256], vec![1, 0, 1], InvalidKey::EvenModulus),
        (modulus(2048), vec![], InvalidKey::BadExponent),
        (modulus(2048), vec![0], InvalidKey::BadExponent),
        (modulus(2048), vec![1], InvalidKey::BadExponent),
        (modulus(2048), vec![2], InvalidKey::BadExponent),
        (modulus(2048), vec![1, 0, 0], InvalidKey::BadExponent),
        (modulus(2048), vec![2, 0, 0, 0, 1], InvalidKey::BadExponent),
        (modulus(2048), vec![0xff; 64], InvalidKey::BadExponent),
    ] {
        assert_eq!(read(&rsa(&n, &e)).map(drop), Err(reason));
    }
    assert!(read(&rsa(&modulus(2048), &[1, 0xff, 0xff, 0xff, 0xff])).is_ok());
}

#[test]
fn ignores_leading_zeros_of_rsa_numbers() {
    let mut padded = vec![0];
    padded.extend(modulus(2048));
    let key = read(&rsa(&padded, &[0, 1, 0, 1])).unwrap();
    assert_eq!(key.thumbprint(), read(&good_rsa()).unwrap().thumbprint());
}

#[test]
fn wants_points_on_the_curve() {
    let zeros = json!(BASE64URL_NOPAD.encode(&[0; 32]));
    assert_eq!(read(&with(p256(), "x", zeros.clone())).map(drop), Err(InvalidKey::PointNotOnCurve));
    assert_eq!(read(&with(p256(), "y", zeros)).map(drop), Err(InvalidKey::PointNotOnCurve));
    let beyond = json!(BASE64URL_NOPAD.encode(&[0xff; 32]));
    assert_eq!(read(&with(p256(), "x", beyond)).map(drop), Err(InvalidKey::PointNotOnCurve));
    let short = json!(BASE64URL_NOPAD.encode(&[1; 31]));
    assert_eq!(read(&with(p256(), "x", short)).map(drop), Err(InvalidKey::BadEncoding("x")));
    // A point of another curve is no point of this one, nor as long.
    assert_eq!(read(&with(p256(), "crv", json!("P-384"))).map(drop), Err(InvalidKey::BadEncoding("x")));
    assert_eq!(read(&with(p384(), "crv", json!("P-256"))).map(drop), Err(InvalidKey::BadEncoding("x")));
    let zeros = json!(BASE64URL_NOPAD.encode(&[0; 48]));
    for name in ["x", "y"] {
        assert_eq!(read(&with(p384(), name, zeros.clone())).map(drop), Err(InvalidKey::PointNotOnCurve));
    }
    for curve in ["P-521", "secp256k1", "p-256", "Ed25519", ""] {
        assert_eq!(read(&with(p256(), "crv", json!(curve))).map(drop), Err(InvalidKey::UnsupportedCurve));
    }
}

#[test]
fn refuses_private_and_symmetric_keys() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        assert_eq!(read(&with(good_rsa(), name, json!("AQ"))).map(drop), Err(InvalidKey::Private));
    }
    assert_eq!(read(&with(p256(), "d", json!("AQ"))).map(drop), Err(InvalidKey::Private));
    assert_eq!(read(&json!({"kty": "oct", "k": "AQ"})).map(drop), Err(InvalidKey::Symmetric));
}

#[test]
fn honours_the_purpose() {
    for purpose in ["sig", "jwt-svid"] {
        assert!(read(&with(p256(), "use", json!(purpose))).is_ok());
    }
    for purpose in ["enc", "SIG", "x509-svid", ""] {
        assert_eq!(read(&with(p256(), "use", json!(purpose))).map(drop), Err(InvalidKey::WrongUse));
    }
    assert!(read(&with(p256(), "key_ops", json!(["sign", "verify"]))).is_ok());
    for operations in [json!([]), json!(["sign"]), json!(["encrypt"]), json!([1])] {
        assert_eq!(read(&with(p256(), "key_ops", operations)).map(drop), Err(InvalidKey::WrongOperations));
    }
    for operations in [json!("verify"), json!(null)] {
        assert_eq!(
            read(&with(p256(), "key_ops", operations)).map(drop),
            Err(InvalidKey::WrongType("key_ops"))
        );
    }
}

#[test]
fn wants_alg_and_type_to_agree() {
    assert_eq!(read(&with(p256(), "alg", json!("RS256"))).map(drop), Err(InvalidKey::AlgMismatch));
    assert_eq!(read(&with(good_rsa(), "alg", json!("ES256"))).map(drop), Err(InvalidKey::AlgMismatch));
    for alg in ["none", "HS256", "ES512", "ES256K", "RS1", "RSA-OAEP", ""] {
        assert_eq!(read(&with(good_rsa(), "alg", json!(alg))).map(drop), Err(InvalidKey::UnsupportedAlg));
    }
}

#[test]
fn refuses_malformed_members() {
    assert_eq!(read(&json!({})).map(drop), Err(InvalidKey::Missing("kty")));
    assert_eq!(read(&json!({"kty": "AKP"})).map(drop), Err(InvalidKey::UnsupportedType));
    assert_eq!(read(&json!({"kty": "OKP"})).map(drop), Err(InvalidKey::Missing("crv")));
    assert_eq!(read(&json!({"kty": 1})).map(drop), Err(InvalidKey::WrongType("kty")));
    assert_eq!(read(&json!({"kty": "RSA", "e": "AQAB"})).map(drop), Err(InvalidKey::Missing("n")));
    for text in ["AQA=", "AQ+B", "AQAB\n", "AQB", "é"] {
        assert_eq!(read(&with(good_rsa(), "e", json!(text))).map(drop), Err(InvalidKey::BadEncoding("e")));
    }
    assert_eq!(read(&with(p256(), "kid", json!(7))).map(drop), Err(InvalidKey::WrongType("kid")));
    let kid: String = "k".repeat(257);
    assert_eq!(read(&with(p256(), "kid", json!(kid))).map(drop), Err(InvalidKey::KidTooLong));
}
