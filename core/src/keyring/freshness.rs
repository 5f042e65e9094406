//! How long an answer says it is fresh (RFC 9111 §5.2.2).

/// The seconds of `max-age` in a `cache-control` value; 0 for `no-store` and `no-cache`; `None` if it says nothing.
pub fn max_age(cache_control: &str) -> Option<u32> {
    let mut seconds = None;
    for directive in cache_control.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(0);
        }
        if name.eq_ignore_ascii_case("max-age") {
            seconds = value.trim().trim_matches('"').parse().ok().or(seconds);
        }
    }
    seconds
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::max_age;

    #[test]
    fn reads_what_servers_send() {
        assert_eq!(max_age("public, max-age=3600, must-revalidate"), Some(3_600));
        assert_eq!(max_age("MAX-AGE=\"5\""), Some(5));
        assert_eq!(max_age("max-age=10, no-store"), Some(0));
        assert_eq!(max_age("max-age=x"), None);
        assert_eq!(max_age("max-age=99999999999999"), None);
        assert_eq!(max_age(""), None);
    }
}
