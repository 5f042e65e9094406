#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{vec, vec::Vec};

use data_encoding::HEXLOWER;

use super::{p256_der_from_raw, p256_raw_from_der, p384_der_from_raw};
use crate::{
    crypto::{Crypto as _, RustCrypto},
    fixture::Numbers,
    jose::sample::{key_set, signing_key},
};

/// The order of P-256, less one.
const LAST: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn small(value: u8) -> Vec<u8> {
    let mut bytes = vec![0; 31];
    bytes.push(value);
    bytes
}

fn raw(r: &[u8], s: &[u8]) -> Vec<u8> {
    [r, s].concat()
}

#[test]
fn encodes_a_p256_key() {
    let set = key_set();
    let spki = set.keys()[0].spki();
    let prefix = hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004");
    assert_eq!((spki.len(), &spki[..prefix.len()]), (91, &prefix[..]));
}

#[test]
fn strips_and_adds_zeros() {
    let cases = [
        (small(1), small(0x7f), "300602010102017f"),
        (small(0x80), small(1), "300702020080020101"),
        (
            hex(LAST),
            small(1),
            "3026022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550020101",
        ),
    ];
    for (r, s, der) in cases {
        assert_eq!(p256_der_from_raw(&raw(&r, &s)), Some(hex(der)));
        assert_eq!(p256_raw_from_der(&hex(der)).map(Vec::from), Some(raw(&r, &s)));
    }
}

#[test]
fn both_directions_agree_on_a_signature() {
    for input in [&b"a"[..], b"b", b"c", b"d", b"e", b"f", b"g", b"h"] {
        let raw = RustCrypto.sign(&signing_key(), input).unwrap();
        let der = p256_der_from_raw(&raw).unwrap();
        assert_eq!(p256_raw_from_der(&der).map(Vec::from), Some(raw));
    }
}

#[test]
fn refuses_raw_signatures_out_of_range() {
    let one = small(1);
    for (r, s) in
        [(small(0), one.clone()), (one.clone(), small(0)), (hex(ORDER), one.clone()), (one, hex(ORDER))]
    {
        assert_eq!(p256_der_from_raw(&raw(&r, &s)), None);
    }
    for length in [0, 1, 32, 63, 65, 96, 132] {
        assert_eq!(p256_der_from_raw(&vec![1; length]), None);
    }
}

#[test]
fn refuses_der_that_is_not_strict() {
    for der in [
        "",
        "30",
        "3006020101",
        "300602010102017f00",
        "308106020101020101",
        "30070202000102017f",
        "3006020101020180",
        "3006020100020101",
        "30060201010201ff",
        "3180020101020101",
        "3007020101020101",
        "3003020101",
        "3009020101020101020101",
        "3027022200ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63255000020101",
        "3026022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101",
    ] {
        assert_eq!(p256_raw_from_der(&hex(der)), None, "{der}");
    }
}

/// The order of P-384, less one.
const LAST_384: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52972";
const ORDER_384: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

fn small_384(value: u8) -> Vec<u8> {
    [vec![0; 47], vec![value]].concat()
}

#[test]
fn strips_and_adds_zeros_of_p384() {
    let long = "3066023100ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52972023100ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52972";
    for (r, s, der) in [
        (small_384(1), small_384(0x7f), "300602010102017f"),
        (small_384(0x80), small_384(1), "300702020080020101"),
        (hex(LAST_384), hex(LAST_384), long),
    ] {
        assert_eq!(p384_der_from_raw(&raw(&r, &s)), Some(hex(der)));
    }
}

#[test]
fn refuses_raw_signatures_of_p384_out_of_range() {
    let one = small_384(1);
    for (r, s) in [
        (small_384(0), one.clone()),
        (one.clone(), small_384(0)),
        (hex(ORDER_384), one.clone()),
        (one, hex(ORDER_384)),
    ] {
        assert_eq!(p384_der_from_raw(&raw(&r, &s)), None);
    }
    for length in [0, 1, 48, 64, 95, 97, 102, 104, 132] {
        assert_eq!(p384_der_from_raw(&vec![1; length]), None);
    }
    assert_eq!(p256_der_from_raw(&[1; 96]), None);
}

#[test]
fn refuses_der_where_raw_is_wanted() {
    let raw = RustCrypto.sign(&signing_key(), b"a").unwrap();
    let der = p256_der_from_raw(&raw).unwrap();
    assert_eq!((p256_der_from_raw(&der), p384_der_from_raw(&der)), (None, None));
}

/// Signatures near every edge, each with every byte of its DER form replaced by some others, as the library judges them.
#[test]
fn agrees_with_the_library() {
    let mut numbers = Numbers::seeded(7);
    let mut draw =
        |length: usize| -> Vec<u8> { (0..length).map(|_| numbers.next().to_le_bytes()[7]).collect() };
    let (mut good, mut bad) = (0, 0);
    for round in 0_u8..40 {
        let mut raw = draw(64);
        // Short numbers, numbers with the first bit set, and numbers near the order.
        raw[..usize::from(round % 34)].fill(if round % 3 == 0 { 0xff } else { 0 });
        let library = p256::ecdsa::Signature::from_slice(&raw).ok();
        let der = p256_der_from_raw(&raw);
        assert_eq!(der, library.map(|signature| signature.to_der().as_bytes().to_vec()), "{raw:02x?}");
        let wide = [&[0; 32][..], &raw].concat();
        let library = p384::ecdsa::Signature::from_slice(&wide).ok();
        assert_eq!(p384_der_from_raw(&wide), library.map(|signature| signature.to_der().as_bytes().to_vec()));
        let Some(der) = der else { continue };
        for at in 0..der.len() {
            for with in [0, 1, 2, 0x20, 0x21, 0x30, 0x7f, 0x80, 0x81, 0xff, der[at] ^ 1] {
                let mut other = der.clone();
                other[at] = with;
                let library = p256::ecdsa::Signature::from_der(&other).ok();
                let ours = p256_raw_from_der(&other);
                assert_eq!(ours, library.map(|signature| signature.to_bytes().into()), "{other:02x?}");
                if ours.is_some() { good += 1 } else { bad += 1 }
            }
            let cut = &der[..at];
            assert_eq!(
                (p256_raw_from_der(cut), p256::ecdsa::Signature::from_der(cut).is_ok()),
                (None, false)
            );
        }
    }
    assert!(good > 1_000 && bad > 1_000, "{good} {bad}");
}
