//! Waiting times after failures: doubling from one second, ±10 %.

/// The wait in milliseconds after `failures` failures in a row, between 1 s and `most_ms`, ±10 % by `random`.
pub fn delay_ms(failures: u32, most_ms: i64, random: u32) -> i64 {
    let doubled = 1_000_i64.checked_shl(failures.saturating_sub(1).min(20)).unwrap_or(most_ms);
    jitter(doubled.min(most_ms), random)
}

/// `millis` changed by up to ±10 %, chosen by `random`.
pub fn jitter(millis: i64, random: u32) -> i64 {
    let percent = i64::from(random.checked_rem(21).unwrap_or(0)).saturating_sub(10);
    let change = millis.saturating_mul(percent).checked_div(100).unwrap_or(0);
    millis.saturating_add(change)
}

/// `millis` less up to 10 %, chosen by `random`: for what must not happen later than that.
pub fn jitter_down(millis: i64, random: u32) -> i64 {
    let jittered = jitter(millis, random);
    if jittered > millis { millis.saturating_sub(jittered.saturating_sub(millis)) } else { jittered }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn doubles_up_to_the_bound_within_ten_percent() {
        for (failures, middle) in [(1, 1_000), (2, 2_000), (5, 16_000), (6, 30_000), (u32::MAX, 30_000)] {
            for random in [0, 1, 10, 20, u32::MAX] {
                let delay = delay_ms(failures, 30_000, random);
                assert!(
                    (middle * 9 / 10..=middle * 11 / 10).contains(&delay),
                    "{failures} {random}: {delay}"
                );
            }
        }
    }

    #[test]
    fn is_never_later_than_it_must() {
        for (random, expected) in [(0, 900), (5, 950), (10, 1_000), (15, 950), (20, 900)] {
            assert_eq!(jitter_down(1_000, random), expected);
        }
    }
}
