//! The fingerprint of RSA keys whose private half can be computed from the public one (ROCA, CVE-2017-15361).
//!
//! Deliberately absent: other weak generators; nothing in a modulus tells of them.

const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// The affected library takes primes that are powers of this, modulo a product of small primes.
const GENERATOR: u32 = 65_537;

/// Whether the big-endian modulus `n` has the fingerprint: modulo each small prime it is a power of the generator. Of
/// sound keys about one in 2³⁰ does by chance.
pub(super) fn has_fingerprint(n: &[u8]) -> bool {
    PRIMES.into_iter().all(|prime| is_power(residue(n, prime), prime))
}

fn residue(n: &[u8], prime: u32) -> u32 {
    n.iter().fold(0, |rest, byte| remainder(rest.wrapping_shl(8) | u32::from(*byte), prime))
}

fn is_power(residue: u32, prime: u32) -> bool {
    let mut power = 1_u32;
    // The powers repeat after at most `prime - 1` of them.
    (1..prime).any(|_| {
        let found = power == residue;
        power = remainder(power.wrapping_mul(remainder(GENERATOR, prime)), prime);
        found
    })
}

const fn remainder(value: u32, prime: u32) -> u32 {
    match value.checked_rem(prime) {
        Some(rest) => rest,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use data_encoding::BASE64URL_NOPAD;
    use rsa::BigUint;

    use super::{GENERATOR, PRIMES, has_fingerprint};

    /// A modulus of about 2048 bits in the form of the affected ones: a power of the generator modulo all small primes.
    #[expect(clippy::arithmetic_side_effects, reason = "whole numbers of any size do not overflow")]
    fn affected(power: u32) -> BigUint {
        let product: BigUint = PRIMES.into_iter().map(BigUint::from).product();
        let power = BigUint::from(GENERATOR).modpow(&BigUint::from(power), &product);
        power + product * (BigUint::from(1_u8) << 1830)
    }

    #[test]
    fn knows_the_keys_of_the_affected_library() {
        for power in [1, 7, 5_000, 1_000_003] {
            assert!(has_fingerprint(&affected(power).to_bytes_be()), "{power}");
        }
    }

    #[test]
    fn knows_the_key_of_project_wycheproof() {
        // json_web_key_test.json, test 7 (Apache-2.0).
        let n = BASE64URL_NOPAD.decode(
            b"AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09yBFuW\
            79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEa\
            xuTEtPd7BjSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ub\
            g6Bxg9IQVZ-QYyE",
        );
        assert!(has_fingerprint(&n.unwrap()));
    }

    #[test]
    fn leaves_other_keys_alone() {
        assert!(!has_fingerprint(&(affected(7) + 2_u8).to_bytes_be()));
        assert!(!has_fingerprint(&[0xff; 256]));
        assert!(!has_fingerprint(&[]));
    }
}
