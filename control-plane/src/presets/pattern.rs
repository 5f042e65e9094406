//! The form of an `iss` text: literal text with `{…}` for what varies.

/// Whether `text` has the form `pattern`.
///
/// A `{…}` stands for one or more letters, digits, `-`, `_`, `.` and `:`, up to the first of the character that follows
/// it in the pattern.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('{') else { return pattern == text };
    let Some((_, rest)) = rest.split_once('}') else { return false };
    let Some(text) = text.strip_prefix(literal) else { return false };
    let end = match rest.chars().next() {
        Some(next) => text.find(next).unwrap_or(text.len()),
        None => text.len(),
    };
    let Some((varying, text)) = text.split_at_checked(end) else { return false };
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !varying.is_empty() && varying.bytes().all(good) && fits(rest, text)
}

/// Whether `pattern` is one text and no other.
pub(super) fn is_fixed(pattern: &str) -> bool {
    !pattern.contains('{')
}
