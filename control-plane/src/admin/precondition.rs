//! `ETag` and `If-Match`: a version in quotes.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::problem::Problem;

/// What a change expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// This version.
    Version(u64),
    /// Any (`*`).
    Any,
    /// A version that cannot exist.
    Never,
}

/// The validator of a version.
pub(super) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// What `If-Match` says, if it is there. Comparison is strong (RFC 9110 §8.8.3.2): a weak validator never fits.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<Expected>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if values.next().is_some() || text.contains(',') {
        return Err(Problem::invalid_request("`if-match` must hold one validator."));
    }
    if text == "*" {
        return Ok(Some(Expected::Any));
    }
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let version = quoted.and_then(|digits| digits.parse().ok());
    Ok(Some(version.map_or(Expected::Never, Expected::Version)))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{Expected, etag, if_match};

    #[test]
    fn reads_what_it_writes() {
        let mut headers = HeaderMap::new();
        assert_eq!(if_match(&headers).unwrap(), None);
        for (value, expected) in [
            (etag(3), Expected::Version(3)),
            (HeaderValue::from_static("*"), Expected::Any),
            (HeaderValue::from_static("W/\"3\""), Expected::Never),
            (HeaderValue::from_static("3"), Expected::Never),
        ] {
            headers.insert(header::IF_MATCH, value);
            assert_eq!(if_match(&headers).unwrap(), Some(expected));
        }
    }

    #[test]
    fn refuses_several_validators() {
        let headers = [(header::IF_MATCH, HeaderValue::from_static("\"1\", \"2\""))].into_iter().collect();
        assert!(if_match(&headers).is_err());
    }
}
