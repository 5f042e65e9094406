//! Where in a JSON document something stands, found only when it is wrong.
//!
//! A reader that keeps track of its place all the time would be compiled once more for every type of the configuration,
//! a tenth of the module. Deliberately absent: any check of the document.

use core::fmt::Write as _;

/// A container that is open at the place that is looked for.
enum Frame {
    Object { name: Option<String>, is_before_colon: bool },
    Array { index: usize },
}

/// The path of what was read last before `line` and `column`, as `serde_json` counts them; `.` for the whole document.
///
/// Members stand behind dots and items in brackets: `snapshot.routes[0].path`.
pub(super) fn path_at(document: &[u8], line: usize, column: usize) -> String {
    let mut frames: Vec<Frame> = Vec::new();
    let mut rest = document.get(..offset(document, line, column)).unwrap_or(document).iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => {
                let text = string(&mut rest);
                if let Some(Frame::Object { name, is_before_colon: true }) = frames.last_mut() {
                    *name = Some(text);
                }
            }
            b'{' => frames.push(Frame::Object { name: None, is_before_colon: true }),
            b'[' => frames.push(Frame::Array { index: 0 }),
            b'}' | b']' => drop(frames.pop()),
            b':' => {
                if let Some(Frame::Object { is_before_colon, .. }) = frames.last_mut() {
                    *is_before_colon = false;
                }
            }
            b',' => match frames.last_mut() {
                Some(Frame::Object { name, is_before_colon }) => (*name, *is_before_colon) = (None, true),
                Some(Frame::Array { index }) => *index = index.saturating_add(1),
                None => {}
            },
            _ => {}
        }
    }
    let mut path = String::new();
    for frame in &frames {
        match frame {
            Frame::Object { name: Some(name), .. } if path.is_empty() => path.push_str(name),
            Frame::Object { name: Some(name), .. } => drop(write!(path, ".{name}")),
            Frame::Object { name: None, .. } => {}
            Frame::Array { index } => drop(write!(path, "[{index}]")),
        }
    }
    if path.is_empty() { ".".into() } else { path }
}

/// The byte behind `column` of `line`; both count from 1, the column in bytes.
fn offset(document: &[u8], line: usize, column: usize) -> usize {
    let lines = document.split(|byte| *byte == b'\n').take(line.saturating_sub(1));
    lines.fold(column, |so_far, line| so_far.saturating_add(line.len()).saturating_add(1))
}

/// The rest of a string, its escapes as they stand there.
fn string<'a>(rest: &mut impl Iterator<Item = &'a u8>) -> String {
    let mut text = Vec::new();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => break,
            b'\\' => text.extend(core::iter::once(b'\\').chain(rest.next().copied())),
            other => text.push(*other),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test whose arithmetic overflows fails, as it should")]
mod tests {
    use super::path_at;

    fn path_after(text: &str) -> String {
        let line = text.matches('\n').count() + 1;
        let column = text.len() - text.rfind('\n').map_or(0, |at| at + 1);
        // What follows must not matter.
        path_at(format!("{text}\n}}]}},\"x\":[").as_bytes(), line, column)
    }

    #[test]
    fn names_what_was_read_last() {
        for (text, path) in [
            ("", "."),
            ("[", "[0]"),
            ("{", "."),
            ("{\"a\"", "a"),
            ("{\"a\": 1", "a"),
            ("{\"a\": 1, ", "."),
            ("{\"a\": {\"b\": [1, 2, {\"c\"", "a.b[2].c"),
            ("{\"a\": {\"b\": [1, 2, {\"c\": {}", "a.b[2].c"),
            ("{\"a\": {\"b\": [1, 2, {\"c\": {}}", "a.b[2]"),
            ("{\"a\":\n {\"b\": [1,\n\n 2]", "a.b"),
            ("{\"a\": [[], [0, \"]},{\"", "a[1][1]"),
            ("{\"a\\\"{\": \"\\\\\", \"\u{e9}\"", "\u{e9}"),
            ("{\"a\\\"{\": \"\\\\\"", "a\\\"{"),
        ] {
            assert_eq!(path_after(text), path, "{text}");
        }
    }

    #[test]
    fn a_place_outside_is_the_whole_document() {
        assert_eq!(path_at(b"{}", 7, 7), ".");
        assert_eq!(path_at(b"", usize::MAX, usize::MAX), ".");
    }
}
