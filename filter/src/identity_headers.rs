//! Identity headers from the client: removed before anything else, in every spelling, on every path (law 8).

use crate::host::{HeaderMap, Host};

const PREFIX: &[u8] = b"x-cambist-";

/// Removes every header that an upstream could take for one of ours. False if one cannot be named and so not removed.
#[must_use]
pub fn strip(host: &dyn Host, headers: &HeaderMap) -> bool {
    strip_from(headers, |name| host.remove_request_header(name))
}

/// Removes them from the trailers, as [`strip`] does.
#[must_use]
pub fn strip_trailers(host: &dyn Host, trailers: &HeaderMap) -> bool {
    strip_from(trailers, |name| host.remove_request_trailer(name))
}

fn strip_from(map: &HeaderMap, remove: impl Fn(&str)) -> bool {
    let mut all = true;
    for (name, _) in map.headers().filter(|(name, _)| is_identity_header(name)) {
        match core::str::from_utf8(name) {
            Ok(name) => remove(name),
            Err(_) => all = false,
        }
    }
    all
}

/// Whether `name` is one of ours in any spelling: any case, `_` for `-` (many servers take the two for one).
fn is_identity_header(name: &[u8]) -> bool {
    name.len() >= PREFIX.len()
        && name
            .iter()
            .zip(PREFIX)
            .all(|(byte, wanted)| byte.to_ascii_lowercase() == *wanted || (*wanted == b'-' && *byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::is_identity_header;

    #[test]
    fn knows_every_spelling() {
        for name in
            ["x-cambist-subject", "X-Cambist-Subject", "x_cambist_subject", "x-cambist_subject", "x-cambist-"]
        {
            assert!(is_identity_header(name.as_bytes()), "{name}");
        }
        for name in ["x-cambistsubject", "x-cambis", "authorization", "y-x-cambist-subject"] {
            assert!(!is_identity_header(name.as_bytes()), "{name}");
        }
    }
}
